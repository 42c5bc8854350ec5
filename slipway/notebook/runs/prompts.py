"""What a person is asked during a run, and what follows from each answer."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from string import Template
from typing import Literal

from slipway.notebook.cells.output import clean
from slipway.notebook.cells.result import CellResult
from slipway.notebook.document import Cell, ManualStep
from slipway.notebook.runs.context import RunContext
from slipway.notebook.runs.gates import awaited, to_type
from slipway.notebook.runs.interfaces import Answer, PrompterGone

# What to do with an action: run it, go on after it, or leave the course.
Way = Literal["run", "on", "failed", "stopped", "roll back"]


@dataclass(frozen=True)
class Decision:
    """A way and who chose it; "" where nobody was asked."""

    way: Way
    by: str = ""


class Prompts:
    """Asks for a job; whatever was decided besides running is written down here."""

    def __init__(self, job: RunContext) -> None:
        self._job = job
        self.going_back = any(each.section == "roll back" for each in job.course.actions)

    def permission(self, cell: Cell, *, doubtful: bool) -> Decision:
        """Ask whether a cell may run, where it needs asking."""
        job = self._job
        if task := awaited(cell, job.runbook.matter.awaits):
            return self._ask(cell, f"inv {task} does not exist yet, so this cannot run.", ())
        if doubtful and not cell.is_check and job.mode.person:
            return self._ask_again(cell, f'"{cell.id}" may have run: look first.')
        if cell.attributes.destructive:
            return self._ask_name(cell)
        if cell.is_check and not cell.is_gate:
            return Decision("run")
        if job.wish.yes:
            return Decision("run", f"{job.who}, --yes")
        if cell.attributes.confirm is not None:
            question = self._filled(cell.attributes.confirm) or f"Run {cell.id}?"
            return self._ask(cell, question, ("yes", "no"))
        return self._ask(cell, "", ("run",)) if job.mode.person else Decision("run")

    def what_now(self, cell: Cell, result: CellResult) -> Decision:
        """Ask what to do about a cell that did not pass; without a person the run stops."""
        stop: Way = "stopped" if result.outcome == "interrupted" else "failed"
        if not self._job.mode.person:
            return Decision(stop)
        said = self._ask_again(cell, f'"{cell.id}" did not pass.')
        return Decision(stop) if said.way == "stopped" else said

    def manual(self, step: ManualStep) -> Way:
        """Ask whether a step has been done by hand."""
        job = self._job
        if job.wish.manual_done:
            job.teller.note("done, says --manual-done")
            self._write(step, "done", by=f"{job.who}, --manual-done")
            return "on"
        while True:
            match self.choose("Is it done?", ("done", "skip", "quit")):
                case "done":
                    self._write(step, "done", by=job.who)
                    return "on"
                case "skip":
                    if reason := self._reason():
                        self._write(step, "skipped", reason, by=job.who)
                        return "on"
                case _:
                    return "stopped"

    def choose(self, question: str, offers: Sequence[Answer]) -> Answer:
        """Ask; Ctrl-C and the end of input mean quit, and so does that nobody is there."""
        if not self._job.mode.person:
            return "quit"
        try:
            return self._job.asker.choose(question, offers, self._job.place)
        except (PrompterGone, KeyboardInterrupt):
            return "quit"

    def skip(self, cell: Cell, reason: str, *, by: str = "") -> None:
        """Leave a cell out, and say so."""
        job = self._job
        job.record.append("skip", cell=cell.id, reason=job.mask.text(reason), by=by)
        job.teller.note(f"{cell.id} skipped: {job.mask.text(reason)}")

    def _ask_again(self, cell: Cell, question: str) -> Decision:
        """Offer to run a cell once more; what destroys wants the name once more too."""
        name_first = self._ask_name_again if cell.attributes.destructive else None
        return self._ask(cell, question, ("again",), again=name_first)

    def _ask_name_again(self, cell: Cell) -> Decision:
        if said := self._named(cell):
            return said
        return self._ask_again(cell, "It was not run again.")

    def _ask_name(self, cell: Cell) -> Decision:
        if said := self._named(cell):
            return said
        return self._ask(cell, "It was not run.", ("again", "no"), again=self._ask_name)

    def _named(self, cell: Cell) -> Decision | None:
        """Have the environment's name typed before something is destroyed."""
        job = self._job
        name = to_type(job.runbook, job.place.env)
        if job.wish.yes_destroy == name:
            return Decision("run", f"{job.who}, --yes-destroy")
        question = self._filled(cell.attributes.confirm or "") or "This destroys."
        if self._type(f"{question} Type {name} to go on, Enter for other ways.") == name:
            return Decision("run", job.who)
        return None

    def _ask(
        self,
        cell: Cell,
        question: str,
        first: Sequence[Answer],
        again: Callable[[Cell], Decision] | None = None,
    ) -> Decision:
        """Offer the ways on at a cell until one of them leads somewhere."""
        job = self._job
        back = job.runbook.has_way_back and not self.going_back
        ways: tuple[Answer, ...] = ("skip", "shell", "roll back") if back else ("skip", "shell")
        while True:
            match self.choose(question, (*first, *ways, "quit")):
                case "again" if again is not None:
                    return again(cell)
                case "run" | "yes" | "again":
                    return Decision("run", job.who)
                case "skip":
                    if reason := self._reason():
                        self.skip(cell, reason, by=job.who)
                        return Decision("on")
                case "shell":
                    self._open_shell()
                case "roll back":
                    return Decision("roll back")
                case "no":
                    job.record.append("decline", cell=cell.id, by=job.who)
                    job.teller.note(f"declined by {job.who} at {cell.id}; it was not run")
                    return Decision("stopped")
                case _:
                    return Decision("stopped")

    def _open_shell(self) -> None:
        job = self._job
        job.record.append("note", text=f"{job.who} opened a shell; what it changed is not kept")
        job.teller.note("a shell with the variables of this run; exit leads back here")
        job.shell.shell(job.teller.note)

    def _write(self, step: ManualStep, outcome: str, reason: str = "", *, by: str) -> None:
        said = {"outcome": outcome, "reason": reason, "by": by}
        self._job.record.append("manual", cell=step.id, text=self._job.mask.text(step.text), **said)

    def _reason(self) -> str:
        return self._job.mask.text(self._type("Why is it skipped?"))

    def _type(self, question: str) -> str:
        if not self._job.mode.person:
            return ""
        try:
            return self._job.asker.type(question, self._job.place)
        except (PrompterGone, KeyboardInterrupt):
            return ""

    def _filled(self, question: str) -> str:
        """Put parameters and what cells have set into a question; an unknown name stays."""
        job, template = self._job, Template(question)
        values = {**job.values, **job.shell.values(template.get_identifiers())}
        shown = {name: clean(" ".join(job.mask.text(v).split())) for name, v in values.items()}
        return job.mask.text(template.safe_substitute(shown))
