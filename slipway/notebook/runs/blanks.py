"""What a cell of a runbook of others needs and nothing has set: asked when the run comes to it.

Whoever wrote `oc debug node/<node>` has the reader look first, so there is nothing to ask before.
"""

from collections.abc import Mapping

from slipway.errors import UsageError
from slipway.notebook.checking import variables
from slipway.notebook.checking.variable_sources import GIVEN
from slipway.notebook.document import Cell, Runbook
from slipway.notebook.runs import params
from slipway.notebook.runs.context import RunContext
from slipway.notebook.runs.interfaces import PrompterGone
from slipway.notebook.runs.params import Param
from slipway.notebook.runs.secrets import of_parameters, refuse_unmaskable


def undeclared(runbook: Runbook, environ: Mapping[str, str]) -> list[Param]:
    """Return what a run has to be given where nobody can be asked: blanks, unset variables."""
    if runbook.native:
        return []
    needed: dict[str, Param] = {}
    already_set: set[str] = set()
    for cell in runbook.cells():
        blanks = dict(cell.blanks)
        for use in variables.uses(cell):
            is_set = use.name in already_set or use.has_default or use.may_be_set
            if use.name in blanks or not (is_set or GIVEN.fullmatch(use.name)):
                optional = use.name not in blanks and use.name in environ
                needed.setdefault(use.name, _param(use.name, blanks.get(use.name, ""), optional))
        already_set |= variables.sets(cell)
    return list(needed.values())


class Blanks:
    """Remembers what was typed, so that the next cell with the same blank has it."""

    def __init__(self, context: RunContext) -> None:
        self._context = context
        self._filled: dict[str, str] = {
            name: value for name, value in context.values.items() if not context.runbook.native
        }

    def values(self, cell: Cell) -> dict[str, str]:
        """Return what is filled in for a cell, by how it stands there, masked."""
        mask, blanks = self._context.mask, dict(cell.blanks)
        names = [name for name in self._names(cell) if name in self._filled]
        return {blanks.get(name, name): mask.text(self._filled[name]) for name in names}

    def fill(self, cell: Cell, *, again: bool = False) -> bool:
        """Ask for what a cell lacks, or again for all of it; whether it has everything then."""
        context, blanks = self._context, dict(cell.blanks)
        if cell.native or not context.mode.attended:
            return True
        names = self._names(cell)
        unset = [name for name in names if name not in blanks and name not in self._filled]
        present = context.shell.values(unset)
        answers: dict[str, str] = {}
        is_complete = False
        for name in names:
            if name in present or (name in self._filled and not again):
                continue
            answer = self._ask(_param(name, blanks.get(name, "")), blanks.get(name, f"${name}"))
            if not answer:
                break
            answers[name] = answer
        else:
            is_complete = True
        if answers:
            self._keep(answers, blanks)
        return is_complete

    def _ask(self, param: Param, shown: str) -> str:
        context, before = self._context, self._filled.get(param.name, "")
        choices = f" ({', '.join(param.choices)})" if param.choices else ""
        keeps = f"keeps {context.mask.text(before)}" if before else "for other options"
        while True:
            try:
                typed = context.prompter.type(f"{shown}{choices}? Enter {keeps}.", context.location)
            except (PrompterGone, KeyboardInterrupt):
                return ""
            value = typed or before
            complaint = value and params.complaint(param, value)
            try:
                refuse_unmaskable({param.name: value})
            except UsageError as error:
                complaint = str(error)
            if not complaint:
                return value
            context.display.note(complaint, loud=True)

    def _keep(self, answers: Mapping[str, str], blanks: Mapping[str, str]) -> None:
        context = self._context
        for secret in of_parameters(answers):
            context.mask.add(secret)
        self._filled |= answers
        context.shell.assign(answers)
        texts = [f"{blanks.get(n, f'${n}')} is {context.mask.text(v)}" for n, v in answers.items()]
        context.record.append("note", text=f"{', '.join(texts)}: typed by {context.user}")

    def _names(self, cell: Cell) -> list[str]:
        """Return the blanks of a cell in their order, then its variables."""
        if cell.native:
            return []
        names = [name for name, _ in cell.blanks]
        for use in variables.uses(cell):
            if not (use.has_default or use.may_be_set or GIVEN.fullmatch(use.name)):
                names.append(use.name)
        return list(dict.fromkeys(names))


def _param(name: str, text: str, optional: bool = False) -> Param:
    choices = tuple(text[1:-1].split("|")) if "|" in text else ()
    return Param(name, help=text, choices=choices, optional=optional)
