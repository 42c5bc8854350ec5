"""The loop of a run: read, prompt, record, act, record; until the end or a failure."""

import contextlib
import hashlib
import time
from collections.abc import Mapping
from pathlib import Path

from slipway.errors import SlipwayError
from slipway.notebook.cells.output import excerpt
from slipway.notebook.cells.result import CellResult
from slipway.notebook.document import Action, Cell, ManualStep
from slipway.notebook.reading.shell_openers import part_that_runs
from slipway.notebook.records.event import Ending, Standing
from slipway.notebook.runs.context import RunContext
from slipway.notebook.runs.plan import RunPlan, blocks_of, plan_rollback
from slipway.notebook.runs.prompts import Move, Prompts
from slipway.notebook.runs.unset_variables import explain

CODES: Mapping[Ending, int] = {"done": 0, "failed": 1, "stopped": 3, "rolled back": 4}
LINES = 200  # of a check's last attempt


class Run:
    """One pass over a plan; `execute` returns the exit code."""

    def __init__(self, context: RunContext) -> None:
        previous = context.previous
        self._context = context
        self._prompts = Prompts(context)
        self._n = previous.number if previous else 0
        self._standing: dict[str, Standing] = dict(previous.actions) if previous else {}
        self._went_back = previous is not None and previous.part == "roll back"
        self._again = {a.id for a in context.plan.actions if self._is_to_repeat(a)}
        self._at = ""  # the action that is being done
        self._unkept: set[str] = set()  # reported already
        self._began = time.monotonic()

    def execute(self) -> int:
        """Do all of it; every event is recorded before the act that it announces."""
        try:
            self._record_left_out()
            move, cell = self._follow(self._context.plan)
            if move == "roll back":
                move, cell = self._roll_back(cell)
        except (KeyboardInterrupt, SystemExit):  # a cell that we are ended in raises the latter
            code = self._finish("stopped", self._at)
            if self._context.mode.attended:
                return code
            raise KeyboardInterrupt from None
        except OSError as error:  # nobody reads any more: a closed pipe, a terminal that is gone
            self._close("stopped", self._at)
            raise SlipwayError(
                f"the run was aborted: the output cannot be written: {error.strerror}"
            ) from None
        except SlipwayError:
            with contextlib.suppress(SlipwayError):  # a full disk does not hide the first cause
                self._finish("stopped", self._at)
            raise
        if move == "continue":
            return self._finish("rolled back" if self._went_back else "done", "")
        return self._finish("failed" if move in ("failed", "roll back") else "stopped", cell)

    def _record_left_out(self) -> None:
        """Record and show what the options leave out."""
        context, left_out = self._context, self._context.plan.left_out
        ids = [id for id in left_out if not self._is_done(id)]
        if self._went_back:  # nobody expects the other sections there
            way_back = {action.id for action in plan_rollback(context.runbook).actions}
            ids = [id for id in ids if id in way_back]
        for id in ids:
            context.record.append("skip", cell=id, reason=left_out[id], by=context.user)
        if ids:
            context.display.note(f"left out, {left_out[ids[0]]}: {', '.join(ids)}")

    def _follow(self, plan: RunPlan) -> tuple[Move, str]:
        for step in plan.steps:
            action = step.action
            if action is not None and self._is_done(action.id) and action.id not in self._again:
                continue
            self._context.display.read(step.reading)
            if action is None:
                continue
            self._at = action.id
            move = self._step(action) if isinstance(action, ManualStep) else self._cell(action)
            if move != "continue":
                return move, action.id
            self._note_repeated(action)
        return "continue", ""

    def _is_done(self, id: str) -> bool:
        return self._standing.get(id) in ("passed", "skipped")

    def _is_to_repeat(self, action: Action) -> bool:
        """Whether a resumed run repeats it: the checks of *Before you start*."""
        looks = isinstance(action, Cell) and action.is_check and action.section == "before"
        return looks and self._standing.get(action.id) == "passed"

    def _note_repeated(self, action: Action) -> None:
        """Reload the state once the last check was repeated: it is not to change anything."""
        previous = self._context.previous
        if previous is not None and action.id in self._again:
            self._again.discard(action.id)
            if not self._again and previous.state:
                self._context.shell.load(previous.state)

    def _roll_back(self, cell: str) -> tuple[Move, str]:
        context = self._context
        self._went_back = self._prompts.going_back = True
        context.record.append("part", section="roll back", reason=f"at {cell}", by=context.user)
        plan = plan_rollback(context.runbook)
        move, at = self._follow(plan)
        if move == "continue" and not plan.actions:  # a way back in words alone
            answer = self._prompts.choose("Is it rolled back?", ("done", "quit"))
            return ("continue" if answer == "done" else "stopped"), cell
        return move, at

    def _step(self, step: ManualStep) -> Move:
        self._context.lock.advance_to(step)
        self._context.display.action(step, {})
        return self._prompts.manual(step)

    def _cell(self, cell: Cell) -> Move:
        self._context.display.action(cell, self._values(cell))
        for sentence in explain(cell, self._context):
            self._context.display.note(sentence)
        if reason := self._reason_to_skip(cell):
            self._prompts.skip(cell, reason)
            return "continue"
        doubtful = self._standing.get(cell.id) == "may have run"
        decision = self._prompts.permission(cell, doubtful=doubtful)
        while decision.move == "run":
            result = self._attempts(cell, decision.by)
            if result.passed:
                return "continue"
            decision = self._prompts.after_failure(cell, result)
        return decision.move

    def _reason_to_skip(self, cell: Cell) -> str:
        """Return why a cell is not to run here, "" when it is."""
        if cell.attributes.skip:
            return "shown only, {skip}"
        condition = cell.attributes.when
        if condition and not self._context.shell.test(condition):
            return f"{condition} is false"
        return ""

    def _values(self, cell: Cell) -> dict[str, str]:
        context = self._context
        names = [name for name in context.variables.get(cell.id, ()) if name in context.values]
        declared = {name: context.mask.text(context.values[name]) for name in names}
        return declared if cell.native else self._prompts.blanks.values(cell)

    def _attempts(self, cell: Cell, by: str) -> CellResult:
        """Run a cell, a check as often as its `retry` allows, until it passes."""
        context = self._context
        of = 1 + (cell.attributes.retry if cell.is_check else 0)
        attempt = 1
        while True:
            if attempt > 1:  # the first is seen live, of the others only the result
                context.display.attempt(attempt, of)
            result = self._run(cell, attempt, by, quiet=attempt > 1)
            if result.passed or result.outcome == "interrupted" or attempt == of:
                break
            try:
                time.sleep(cell.attributes.every)
            except KeyboardInterrupt:
                if not context.mode.attended:
                    raise
                break
            attempt += 1
        context.display.ended(cell, result, excerpt(result.log, LINES) if attempt > 1 else "")
        for name in [name for name in result.unkept if name not in self._unkept]:
            self._unkept.add(name)
            context.display.note(f"{name} holds a secret: a resumed run will not have it")
        return result

    def _run(self, cell: Cell, attempt: int, by: str, *, quiet: bool) -> CellResult:
        context = self._context
        context.lock.advance_to(cell)
        self._n += 1
        about = {"cell": cell.id, "n": self._n}
        digest = hashlib.sha256(cell.source.encode()).hexdigest()
        start = {"section": cell.section, "digest": digest, "attempt": attempt, "by": by}
        context.record.append("start", **about, **start)
        self._standing[cell.id] = "may have run"
        try:
            result = context.shell.run(
                part_that_runs(cell), self._n, NoDisplay() if quiet else context.display.screen
            )
        except SystemExit:
            context.record.append("end", **about, outcome="interrupted", seconds=0.0)
            raise
        self._standing[cell.id] = result.outcome
        end = {
            "outcome": result.outcome,
            "code": result.code,
            "seconds": round(result.seconds, 3),
            "lines": result.lines,
            "bytes": result.size,
            "left": [context.mask.text(process) for process in result.left],
            "captured": cell.attributes.capture if result.captured is not None else "",
            "missing": list(result.unkept),
            "message": context.mask.text(result.message),
        }
        if cell.id in self._again:
            end["again"] = True
        context.record.append("end", **about, **end)
        return result

    def _finish(self, ending: Ending, cell: str) -> int:
        """Record how it ended, and show it."""
        context = self._context
        seconds = time.monotonic() - self._began
        transcript = self._close(ending, cell)
        if ending == "failed":
            context.display.read(blocks_of(context.runbook, "escalate"))
        context.display.closing(ending, seconds, transcript, context.record.id)
        return CODES[ending]

    def _close(self, ending: Ending, cell: str) -> Path | None:
        """Close the record and make its transcript."""
        from slipway.notebook.transcripts import transcript

        context = self._context
        context.record.finish(ending, time.monotonic() - self._began, cell)
        try:
            return transcript.write(context.record.folder)
        except Exception as error:  # the events are the truth; it can be made again from them
            context.display.note(f"the transcript could not be written: {error}", loud=True)
            return None


class NoDisplay:
    """A screen that shows nothing."""

    def write(self, data: bytes) -> None: ...
