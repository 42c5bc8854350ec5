"""The loop of a run: read, ask, write down, act, write down; until the end or a failure."""

import contextlib
import hashlib
import time
from collections.abc import Mapping
from pathlib import Path

from slipway.errors import SlipwayError
from slipway.notebook.cells.output import excerpt
from slipway.notebook.cells.result import CellResult
from slipway.notebook.document import Action, Cell, ManualStep
from slipway.notebook.records.event import Ending, Standing
from slipway.notebook.runs import plan as courses
from slipway.notebook.runs.context import RunContext
from slipway.notebook.runs.plan import RunPlan
from slipway.notebook.runs.prompts import Prompts, Way

CODES: Mapping[Ending, int] = {"done": 0, "failed": 1, "stopped": 3, "rolled back": 4}
LINES = 200  # of a check's last attempt


class Run:
    """One pass over a course; `go` returns the exit code."""

    def __init__(self, job: RunContext) -> None:
        self._job = job
        self._questions = Prompts(job)
        self._n = job.before.number if job.before else 0
        self._standing: dict[str, Standing] = dict(job.before.actions) if job.before else {}
        self._went_back = job.before is not None and job.before.part == "roll back"
        self._again = {each.id for each in job.course.actions if self._is_to_look_again(each)}
        self._at = ""  # the action that is being done
        self._unkept: set[str] = set()  # that were told of
        self._began = time.monotonic()

    def go(self) -> int:
        """Do all of it; every event is written down before the act that it announces."""
        job = self._job
        try:
            self._leave_out()
            way, cell = self._follow(job.course)
            if way == "roll back":
                way, cell = self._go_back(cell)
        except (KeyboardInterrupt, SystemExit):  # a cell that we are ended in raises the latter
            code = self._finish("stopped", self._at)
            if job.mode.person:
                return code
            raise KeyboardInterrupt from None
        except OSError as error:  # nobody reads any more: a closed pipe, a terminal that is gone
            self._settle("stopped", self._at)
            why = f"what it prints cannot be written: {error.strerror}"
            raise SlipwayError(f"the run was stopped, for {why}") from None
        except SlipwayError:
            with contextlib.suppress(SlipwayError):  # a full disk does not hide the first cause
                self._finish("stopped", self._at)
            raise
        if way == "on":
            return self._finish("rolled back" if self._went_back else "done", "")
        return self._finish("failed" if way in ("failed", "roll back") else "stopped", cell)

    def _leave_out(self) -> None:
        """Write down and say what the wish leaves out."""
        job = self._job
        fresh = [id for id in job.course.left_out if not self._is_done(id)]
        if self._went_back:  # nobody expects the other sections there
            way_back = {each.id for each in courses.way_back(job.runbook).actions}
            fresh = [id for id in fresh if id in way_back]
        for id in fresh:
            job.record.append("skip", cell=id, reason=job.course.left_out[id], by=job.who)
        if fresh:
            job.teller.note(f"left out, {job.course.left_out[fresh[0]]}: {', '.join(fresh)}")

    def _follow(self, course: RunPlan) -> tuple[Way, str]:
        for leg in course.legs:
            action = leg.action
            if action is not None and self._is_behind(action):
                continue
            self._job.teller.read(leg.reading)
            if action is None:
                continue
            self._at = action.id
            way = self._step(action) if isinstance(action, ManualStep) else self._cell(action)
            if way != "on":
                return way, action.id
            self._looked_again(action)
        return "on", ""

    def _is_behind(self, action: Action) -> bool:
        """Whether an earlier go at this run is done with it."""
        return self._is_done(action.id) and action.id not in self._again

    def _is_done(self, id: str) -> bool:
        return self._standing.get(id) in ("passed", "skipped")

    def _is_to_look_again(self, action: Action) -> bool:
        """Whether a resumed run repeats it: the checks of *Before you start*."""
        looks = isinstance(action, Cell) and action.is_check and action.section == "before"
        return looks and self._standing.get(action.id) == "passed"

    def _looked_again(self, action: Action) -> None:
        """Take the state back once the last check was repeated: it is not to change anything."""
        before = self._job.before
        if before is not None and action.id in self._again:
            self._again.discard(action.id)
            if not self._again and before.state:
                self._job.shell.load(before.state)

    def _go_back(self, cell: str) -> tuple[Way, str]:
        job = self._job
        self._went_back = self._questions.going_back = True
        job.record.append("part", section="roll back", reason=f"at {cell}", by=job.who)
        course = courses.way_back(job.runbook)
        way, at = self._follow(course)
        if way == "on" and not course.actions:  # a way back in words alone
            done = self._questions.choose("Is it rolled back?", ("done", "quit")) == "done"
            return ("on" if done else "stopped"), cell
        return way, at

    def _step(self, step: ManualStep) -> Way:
        self._job.claim.at(step)
        self._job.teller.action(step, {})
        return self._questions.manual(step)

    def _cell(self, cell: Cell) -> Way:
        self._job.teller.action(cell, self._values(cell))
        if reason := self._needless(cell):
            self._questions.skip(cell, reason)
            return "on"
        doubtful = self._standing.get(cell.id) == "may have run"
        said = self._questions.permission(cell, doubtful=doubtful)
        while said.way == "run":
            result = self._attempts(cell, said.by)
            if result.passed:
                return "on"
            said = self._questions.what_now(cell, result)
        return said.way

    def _needless(self, cell: Cell) -> str:
        """Say why a cell is not to run here, if so."""
        if cell.attributes.skip:
            return "shown only, {skip}"
        condition = cell.attributes.when
        if condition and not self._job.shell.test(condition):
            return f"{condition} is false"
        return ""

    def _values(self, cell: Cell) -> dict[str, str]:
        job = self._job
        names = [name for name in job.uses.get(cell.id, ()) if name in job.values]
        return {name: job.mask.text(job.values[name]) for name in names}

    def _attempts(self, cell: Cell, by: str) -> CellResult:
        """Run a cell, a check as often as its `retry` allows, until it passes."""
        job = self._job
        of = 1 + (cell.attributes.retry if cell.is_check else 0)
        for attempt in range(1, of + 1):
            if attempt > 1:  # the first is seen live, of the others only how it ended
                job.teller.attempt(attempt, of)
            result = self._run(cell, attempt, by, quiet=attempt > 1)
            if result.passed or result.outcome == "interrupted" or attempt == of:
                break
            try:
                time.sleep(cell.attributes.every)
            except KeyboardInterrupt:
                if not job.mode.person:
                    raise
                break
        job.teller.ended(cell, result, excerpt(result.log, LINES) if attempt > 1 else "")
        for name in [each for each in result.unkept if each not in self._unkept]:
            self._unkept.add(name)
            job.teller.note(f"{name} holds a secret: a resumed run will not have it")
        return result

    def _run(self, cell: Cell, attempt: int, by: str, *, quiet: bool) -> CellResult:
        job = self._job
        job.claim.at(cell)
        self._n += 1
        place = {"cell": cell.id, "n": self._n}
        digest = hashlib.sha256(cell.source.encode()).hexdigest()
        start = {"section": cell.section, "digest": digest, "attempt": attempt, "by": by}
        job.record.append("start", **place, **start)
        self._standing[cell.id] = "may have run"
        try:
            result = job.shell.run(cell, self._n, NoDisplay() if quiet else job.teller.screen)
        except SystemExit:
            job.record.append("end", **place, outcome="interrupted", seconds=0.0)
            raise
        self._standing[cell.id] = result.outcome
        end = {
            "outcome": result.outcome,
            "code": result.code,
            "seconds": round(result.seconds, 3),
            "lines": result.lines,
            "bytes": result.size,
            "left": [job.mask.text(each) for each in result.left],
            "captured": cell.attributes.capture if result.captured is not None else "",
            "missing": list(result.unkept),
            "message": job.mask.text(result.message),
            **({"again": True} if cell.id in self._again else {}),
        }
        job.record.append("end", **place, **end)
        return result

    def _finish(self, ending: Ending, cell: str) -> int:
        """Write down how it ended, and tell it."""
        job = self._job
        seconds = time.monotonic() - self._began
        transcript = self._settle(ending, cell)
        if ending == "failed":
            job.teller.read(courses.of_section(job.runbook, "escalate"))
        job.teller.closing(ending, seconds, transcript, job.record.id)
        return CODES[ending]

    def _settle(self, ending: Ending, cell: str) -> Path | None:
        """Close the record and make its transcript."""
        from slipway.notebook.transcripts import transcript

        job = self._job
        job.record.finish(ending, time.monotonic() - self._began, cell)
        try:
            return transcript.write(job.record.folder)
        except Exception as error:  # the events are the truth; it can be made again from them
            job.teller.note(f"the transcript could not be written: {error}", loud=True)
            return None


class NoDisplay:
    """A screen that shows nothing."""

    def write(self, data: bytes) -> None: ...
