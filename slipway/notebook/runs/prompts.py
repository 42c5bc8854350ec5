"""What a person is asked during a run, and what follows from each answer."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from string import Template
from typing import Literal

from slipway.notebook.cells.output import clean
from slipway.notebook.cells.result import CellResult
from slipway.notebook.document import Cell, ManualStep
from slipway.notebook.reading.shell_openers import opening_line
from slipway.notebook.runs.blanks import Blanks
from slipway.notebook.runs.context import RunContext
from slipway.notebook.runs.gates import awaited_task, word_to_confirm
from slipway.notebook.runs.interfaces import Answer, PrompterGone

# What to do with an action: run it, continue after it, or leave the plan.
Move = Literal["run", "continue", "failed", "stopped", "roll back"]


@dataclass(frozen=True)
class Decision:
    """A move and who chose it; "" where nobody was asked."""

    move: Move
    by: str = ""


class Prompts:
    """Asks for a run; whatever was decided besides running is recorded here."""

    def __init__(self, context: RunContext) -> None:
        self._context = context
        self.blanks = Blanks(context)
        self.going_back = any(action.section == "roll back" for action in context.plan.actions)

    def permission(self, cell: Cell, *, doubtful: bool = False) -> Decision:
        """Ask whether a cell may run, where it needs asking."""
        context = self._context
        if task := awaited_task(cell, context.runbook.matter.awaits):
            return self._ask(cell, f"inv {task} does not exist yet, so this cannot run.", ())
        if cell.fault:
            context.display.note(f"this cannot run as it stands: {cell.fault}", loud=True)
            return self._ask(cell, "", ("continue",))
        if line := opening_line(cell):
            text = f"its line {cell.line + line} opens a shell: what is dim below is typed there"
            context.display.note(text, loud=True)
        if not self.blanks.fill(cell):
            return self._ask(cell, "It is not filled in.", ("again",), again=self.permission)
        if doubtful and not cell.is_check and context.mode.attended:
            return self._ask_again(cell, f'"{cell.id}" may have run: look first.')
        if cell.attributes.destructive:
            return self._ask_name(cell)
        if cell.is_check and not cell.is_gate:
            return Decision("run")
        if context.options.yes:
            return Decision("run", f"{context.user}, --yes")
        if cell.attributes.confirm is not None:
            question = self._substitute(cell.attributes.confirm) or f"Run {cell.id}?"
            return self._ask(cell, question, ("yes", "no"))
        if not context.mode.attended:
            return Decision("run")
        first: tuple[Answer, ...] = ("run", "change") if self.blanks.values(cell) else ("run",)
        return self._ask(cell, "", first)

    def after_failure(self, cell: Cell, result: CellResult) -> Decision:
        """Ask what to do about a cell that did not pass; without a person the run stops."""
        stop: Move = "stopped" if result.outcome == "interrupted" else "failed"
        if not self._context.mode.attended:
            return Decision(stop)
        decision = self._ask_again(cell, f'"{cell.id}" did not pass.')
        return Decision(stop) if decision.move == "stopped" else decision

    def manual(self, step: ManualStep) -> Move:
        """Ask whether a step has been done by hand."""
        context = self._context
        if context.options.manual_done:
            context.display.note("done, says --manual-done")
            self._record(step, "done", by=f"{context.user}, --manual-done")
            return "continue"
        while True:
            match self.choose("Is it done?", ("done", "skip", "quit")):
                case "done":
                    self._record(step, "done", by=context.user)
                    return "continue"
                case "skip":
                    if reason := self._ask_reason():
                        self._record(step, "skipped", reason, by=context.user)
                        return "continue"
                case _:
                    return "stopped"

    def choose(self, question: str, offers: Sequence[Answer]) -> Answer:
        """Ask; Ctrl-C and the end of input mean quit, and so does that nobody is there."""
        if not self._context.mode.attended:
            return "quit"
        try:
            return self._context.prompter.choose(question, offers, self._context.location)
        except (PrompterGone, KeyboardInterrupt):
            return "quit"

    def skip(self, cell: Cell, reason: str, *, by: str = "") -> None:
        """Leave a cell out, and record it."""
        context = self._context
        reason = context.mask.text(reason)
        context.record.append("skip", cell=cell.id, reason=reason, by=by)
        context.display.note(f"{cell.id} skipped: {reason}")

    def _ask_again(self, cell: Cell, question: str) -> Decision:
        """Offer to run a cell once more; what destroys wants the name once more too."""
        name_first = self._ask_name_again if cell.attributes.destructive else None
        return self._ask(cell, question, ("again",), again=name_first)

    def _ask_name_again(self, cell: Cell) -> Decision:
        if decision := self._confirm_name(cell):
            return decision
        return self._ask_again(cell, "It was not run again.")

    def _ask_name(self, cell: Cell) -> Decision:
        if decision := self._confirm_name(cell):
            return decision
        return self._ask(cell, "It was not run.", ("again", "no"), again=self._ask_name)

    def _confirm_name(self, cell: Cell) -> Decision | None:
        """Have the environment's name typed before something is destroyed."""
        context = self._context
        name = word_to_confirm(context.runbook, context.location.env)
        if context.options.yes_destroy == name:
            return Decision("run", f"{context.user}, --yes-destroy")
        question = self._substitute(cell.attributes.confirm or "") or "This destroys."
        if self._type(f"{question} Type {name} to continue, Enter for other options.") == name:
            return Decision("run", context.user)
        return None

    def _ask(
        self,
        cell: Cell,
        question: str,
        first: Sequence[Answer],
        again: Callable[[Cell], Decision] | None = None,
    ) -> Decision:
        """Offer the moves at a cell until one of them leads somewhere."""
        context = self._context
        offers: list[Answer] = [*first, "skip", "shell"]
        if context.runbook.has_way_back and not self.going_back:
            offers.append("roll back")
        while True:
            match self.choose(question, (*offers, "quit")):
                case "again" if again is not None:
                    return again(cell)
                case "continue":
                    self.skip(cell, "it cannot run as it stands", by=context.user)
                    return Decision("continue")
                case "change":
                    self.blanks.fill(cell, again=True)
                    for label, value in self.blanks.values(cell).items():
                        context.display.note(f"{label} = {value}")
                case "run" | "yes" | "again":
                    return Decision("run", context.user)
                case "skip":
                    if reason := self._ask_reason():
                        self.skip(cell, reason, by=context.user)
                        return Decision("continue")
                case "shell":
                    self._open_shell()
                case "roll back":
                    return Decision("roll back")
                case "no":
                    context.record.append("decline", cell=cell.id, by=context.user)
                    context.display.note(f"declined by {context.user} at {cell.id}; it was not run")
                    return Decision("stopped")
                case _:
                    return Decision("stopped")

    def _open_shell(self) -> None:
        context = self._context
        text = f"{context.user} opened a shell; what it changed is not kept"
        context.record.append("note", text=text)
        context.display.note("a shell with the variables of this run; exit leads back here")
        context.shell.shell(context.display.note)

    def _record(self, step: ManualStep, outcome: str, reason: str = "", *, by: str) -> None:
        text = self._context.mask.text(step.text)
        self._context.record.append(
            "manual", cell=step.id, text=text, outcome=outcome, reason=reason, by=by
        )

    def _ask_reason(self) -> str:
        return self._context.mask.text(self._type("Why is it skipped?"))

    def _type(self, question: str) -> str:
        if not self._context.mode.attended:
            return ""
        try:
            return self._context.prompter.type(question, self._context.location)
        except (PrompterGone, KeyboardInterrupt):
            return ""

    def _substitute(self, question: str) -> str:
        """Put parameters and what cells have set into a question; an unknown name stays."""
        context, template = self._context, Template(question)
        values = {**context.values, **context.shell.values(template.get_identifiers())}
        shown = {name: clean(" ".join(context.mask.text(v).split())) for name, v in values.items()}
        return context.mask.text(template.safe_substitute(shown))
