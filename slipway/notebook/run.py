"""The loop of a run: read, ask, write down, act, write down; until the end or a failure."""

import hashlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from string import Template
from typing import Literal

from slipway.notebook import course as courses
from slipway.notebook.course import Course
from slipway.notebook.document import Action, Cell, Manual, Runbook
from slipway.notebook.event import Ending, Progress
from slipway.notebook.gates import awaited, to_type
from slipway.notebook.mask import Mask
from slipway.notebook.ports import Answer, Asker, Claim, Gone, Place, Shell, Teller
from slipway.notebook.record import Record
from slipway.notebook.result import Result
from slipway.notebook.wish import Mode, Wish

Verdict = Literal["on", "failed", "stopped", "roll back"]
CODES: Mapping[Ending, int] = {"done": 0, "failed": 1, "stopped": 3, "rolled back": 4}


@dataclass(frozen=True)
class Job:
    """All that a run works with."""

    runbook: Runbook
    course: Course
    wish: Wish
    mode: Mode
    place: Place
    who: str
    values: Mapping[str, str]  # the parameters
    record: Record
    shell: Shell
    claim: Claim
    mask: Mask
    asker: Asker
    teller: Teller
    before: Progress | None = None  # of a run that is resumed
    uses: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # parameters of each cell


class Run:
    """One pass over a course; `go` returns the exit code."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._n = job.before.number if job.before else 0
        self._standing = dict(job.before.actions) if job.before else {}
        self._began = time.monotonic()
        self._going_back = bool(job.before and job.before.part)
        self._outcome = ""  # of the cell that was run last

    def go(self) -> int:
        """Do all of it. Every event is written down before the act that it announces."""
        job = self._job
        try:
            ending, cell = self._follow(job.course)
            if ending == "roll back":
                ending, cell = self._go_back(cell)
        except KeyboardInterrupt:
            self._finish("stopped", "")
            if not job.mode.person:
                raise
            return CODES["stopped"]
        except (SystemExit, Exception):
            # Whatever broke, the record says where it stands; the cause is told by who catches it.
            raise
        return self._finish(ending, cell)

    def _follow(self, course: Course) -> tuple[Verdict | Ending, str]:
        for leg in course.legs:
            action = leg.action
            if action is not None and self._is_behind(action):
                continue
            self._job.teller.read(leg.reading)
            if action is None:
                continue
            verdict = self._manual(action) if isinstance(action, Manual) else self._cell(action)
            if verdict != "on":
                return verdict, action.id
        return ("rolled back" if self._going_back else "done"), ""

    def _is_behind(self, action: Action) -> bool:
        """Whether an earlier go at this run is done with it."""
        return self._standing.get(action.id) in ("passed", "skipped")

    def _go_back(self, cell: str) -> tuple[Ending, str]:
        job = self._job
        self._going_back = True
        job.record.append("part", section="roll back", reason=cell, by=job.who)
        job.teller.note("Roll back", loud=True)
        course = courses.way_back(job.runbook)
        ending, at = self._follow(course)
        if ending == "rolled back" and not course.actions and self._asked_whether_done() != "done":
            return "stopped", cell
        return ("failed" if ending == "roll back" else ending), at  # type: ignore[return-value]

    def _asked_whether_done(self) -> Answer:
        return self._choose("Is it rolled back?", ("done", "quit"))

    # Steps that are done by hand.

    def _manual(self, step: Manual) -> Verdict:
        job = self._job
        job.teller.action(step, {})
        if job.wish.manual_done:
            self._write_manual(step, "done", by=f"{job.who}, --manual-done")
            return "on"
        while True:
            match self._choose("Is it done?", ("done", "skip", "quit")):
                case "done":
                    self._write_manual(step, "done", by=job.who)
                    return "on"
                case "skip":
                    if reason := self._reason():
                        self._write_manual(step, "skipped", reason, by=job.who)
                        return "on"
                case _:
                    return "stopped"

    def _write_manual(self, step: Manual, outcome: str, reason: str = "", *, by: str) -> None:
        text = self._masked(step.text)
        self._job.record.append(
            "manual", cell=step.id, text=text, outcome=outcome, reason=reason, by=by
        )

    # Cells.

    def _cell(self, cell: Cell) -> Verdict:
        job = self._job
        names = job.uses.get(cell.id, ())
        values = {name: self._masked(job.values[name]) for name in names if name in job.values}
        job.teller.action(cell, values)
        if reason := self._needless(cell):
            self._skip(cell, reason, by="")
            return "on"
        said, by = self._permission(cell)
        while said == "run":
            result = self._attempts(cell, by)
            if result.passed:
                return "on"
            said, by = self._what_now(cell, result)
        return said

    def _needless(self, cell: Cell) -> str:
        if cell.attributes.skip:
            return "shown only, {skip}"
        condition = cell.attributes.when
        if condition and not self._job.shell.test(condition):
            return f"when “{self._masked(condition)}” is false"
        return ""

    def _permission(self, cell: Cell) -> tuple[Verdict | Literal["run"], str]:
        """Ask whether a cell may run; return who said so."""
        job = self._job
        attributes = cell.attributes
        missing = awaited(cell, job.runbook.matter.awaits)
        doubtful = self._standing.get(cell.id) == "may have run" and not cell.is_check
        if missing:
            question = f"inv {missing} does not exist yet, so this cannot run."
            return self._ask(cell, question, ())
        if doubtful:
            question = f"“{cell.id}” may have run: look first."
            return self._ask(cell, question, ("again",))
        if cell.is_check and not cell.is_gate:
            return "run", ""
        if attributes.destructive:
            return self._ask_name(cell)
        if job.wish.yes:
            return "run", f"{job.who}, --yes"
        if attributes.confirm is not None:
            question = self._filled(attributes.confirm) or f"Run {cell.id}?"
            return self._ask(cell, question, ("yes", "no"))
        return ("run", "") if not job.mode.person else self._ask(cell, "", ("run",))

    def _ask_name(self, cell: Cell) -> tuple[Verdict | Literal["run"], str]:
        """Have the environment's name typed before something is destroyed."""
        job = self._job
        name = to_type(job.runbook, job.place.env)
        if job.wish.yes_destroy == name:
            return "run", f"{job.who}, --yes-destroy"
        question = self._filled(cell.attributes.confirm or "") or "This destroys."
        said = self._type(f"{question} Type {name} to go on, anything else for other ways:")
        if said == name:
            return "run", job.who
        return self._ask(cell, "It was not run.", ("again", "no"), again=self._ask_name)

    def _ask(
        self, cell: Cell, question: str, first: Sequence[Answer], again: "object" = None
    ) -> tuple[Verdict | Literal["run"], str]:
        """Offer the ways on at a cell until one of them leads somewhere."""
        job = self._job
        offers = (*first, "skip", "shell", *self._ways_back(), "quit")
        while True:
            match self._choose(question, offers):
                case "again" if callable(again):
                    return again(cell)  # type: ignore[no-any-return]
                case "run" | "yes" | "again":
                    return "run", job.who
                case "skip":
                    if reason := self._reason():
                        self._skip(cell, reason, by=job.who)
                        return "on", ""
                case "shell":
                    self._open_shell()
                case "roll back":
                    return "roll back", ""
                case "no":
                    job.record.append("decline", cell=cell.id, by=job.who)
                    job.teller.note(f"declined by {job.who} at {cell.id}; it was not run")
                    return "stopped", ""
                case _:
                    return "stopped", ""

    def _attempts(self, cell: Cell, by: str) -> Result:
        """Run a cell, a check as often as its `retry` allows, until it passes."""
        job = self._job
        of = 1 + (cell.attributes.retry if cell.is_check else 0)
        for attempt in range(1, of + 1):
            if of > 1:
                job.teller.attempt(attempt, of)
            result = self._run(cell, attempt, by, quiet=of > 1)
            if result.passed or result.outcome == "interrupted" or attempt == of:
                break
            try:
                time.sleep(cell.attributes.every)
            except KeyboardInterrupt:
                break
        excerpt = _excerpt(result) if of > 1 else ""
        job.teller.ended(cell, result, excerpt)
        for name in result.unkept:
            job.teller.note(f"{name} holds a secret: a resumed run will not have it")
        return result

    def _run(self, cell: Cell, attempt: int, by: str, *, quiet: bool) -> Result:
        job = self._job
        job.claim.at(cell.id)
        self._n += 1
        job.record.append(
            "start",
            cell=cell.id,
            section=cell.section,
            n=self._n,
            digest=hashlib.sha256(cell.source.encode()).hexdigest(),
            attempt=attempt,
            by=by,
        )
        result = job.shell.run(cell, self._n, Silence() if quiet else job.teller.screen)
        self._outcome = result.outcome
        self._standing[cell.id] = result.outcome
        job.record.append(
            "end",
            cell=cell.id,
            n=self._n,
            outcome=result.outcome,
            code=result.code,
            seconds=round(result.seconds, 3),
            lines=result.lines,
            bytes=result.size,
            left=list(result.left),
            captured=cell.attributes.capture if result.captured is not None else "",
            missing=list(result.unkept),
            message=self._masked(result.message),
        )
        return result

    def _what_now(self, cell: Cell, result: Result) -> tuple[Verdict | Literal["run"], str]:
        """Ask what to do about a cell that did not pass; without a person the run stops."""
        stop: Verdict = "stopped" if result.outcome == "interrupted" else "failed"
        if not self._job.mode.person:
            return stop, ""
        said, by = self._ask(cell, f"“{cell.id}” did not pass.", ("again",))
        return (stop if said == "stopped" else said), by

    def _skip(self, cell: Cell, reason: str, *, by: str) -> None:
        self._job.record.append("skip", cell=cell.id, reason=self._masked(reason), by=by)
        self._job.teller.note(f"{cell.id} skipped: {self._masked(reason)}")

    def _open_shell(self) -> None:
        job = self._job
        job.record.append("note", text=f"{job.who} opened a shell; what it changed is not kept")
        job.teller.note("a shell with the run's state; exit comes back, its variables do not")
        job.shell.shell()

    def _finish(self, ending: Verdict | Ending, cell: str) -> int:
        job = self._job
        result: Ending = "stopped" if ending in ("on", "roll back") else ending  # type: ignore[assignment]
        seconds = time.monotonic() - self._began
        job.record.finish(result, round(seconds, 3), cell)
        if result == "failed":
            job.teller.read(courses.of_section(job.runbook, "escalate"))
        return CODES[result]

    # What is asked of the person.

    def _choose(self, question: str, offers: Sequence[Answer]) -> Answer:
        """Ask; Ctrl-C and the end of input mean quit."""
        if not self._job.mode.person:
            return "quit"
        try:
            return self._job.asker.choose(question, offers, self._job.place)
        except (Gone, KeyboardInterrupt):
            return "quit"

    def _type(self, question: str) -> str:
        try:
            return self._job.asker.type(question, self._job.place)
        except (Gone, KeyboardInterrupt):
            return ""

    def _reason(self) -> str:
        return self._masked(self._type("Why is it skipped?"))

    def _ways_back(self) -> tuple[Answer, ...]:
        return ("roll back",) if self._job.runbook.has_way_back and not self._going_back else ()

    def _filled(self, question: str) -> str:
        return self._masked(Template(question).safe_substitute(self._job.values))

    def _masked(self, text: str) -> str:
        return self._job.mask.text(text)


class Silence:
    """A screen that shows nothing."""

    def write(self, data: bytes) -> None: ...


def _excerpt(result: Result) -> str:
    from slipway.notebook.output import excerpt

    return excerpt(result.log, 64 * 1024)
