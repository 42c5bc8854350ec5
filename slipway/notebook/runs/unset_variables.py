"""Why a cell finds a variable unset: the cell that would have set it was skipped."""

from collections.abc import Iterator

from slipway.notebook.checking.variables import sets, uses
from slipway.notebook.document import Cell
from slipway.notebook.runs.context import RunContext


def explain(cell: Cell, context: RunContext) -> Iterator[str]:
    """Yield a sentence for each variable that a cell needs and that skipped cells alone set."""
    reasons = _skipped(context)
    if not reasons:
        return
    setters: dict[str, list[Cell]] = {}
    for other in context.runbook.cells():
        if other.line < cell.line:
            for name in sets(other):
                setters.setdefault(name, []).append(other)
    needs = dict.fromkeys(use.name for use in uses(cell) if not use.has_default)
    lacking = [
        name
        for name in needs
        if name not in context.values
        and setters.get(name)
        and all(setter.id in reasons for setter in setters[name])
    ]
    present = context.shell.values(lacking)
    for name in lacking:
        if name not in present:
            setter = setters[name][-1].id
            yield f"{name} is not set: {setter}, which sets it, was skipped: {reasons[setter]}"


def _skipped(context: RunContext) -> dict[str, str]:
    """Map each cell that was skipped, and has not passed since, to its reason."""
    reasons: dict[str, str] = {}
    for event in context.record.events:
        if event.kind == "skip":
            reasons[event.cell] = str(event.data.get("reason", ""))
        elif event.kind == "end" and event.data.get("outcome") == "passed":
            reasons.pop(event.cell, None)
    return reasons
