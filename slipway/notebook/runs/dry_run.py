"""What is shown and not run: a dry run with its parameters, and a section of prose alone."""

import os
from collections.abc import Mapping
from dataclasses import replace

from slipway.notebook.cells.mask import Mask
from slipway.notebook.document import Runbook
from slipway.notebook.runs import blanks, gates, params
from slipway.notebook.runs.interfaces import Interfaces
from slipway.notebook.runs.plan import RunPlan
from slipway.notebook.runs.preconditions import variables_of

NOT_GIVEN = "(not given)"
LATER = "(asked for when the run comes to it)"
BY_HAND = "there is nothing to run here: read it and do it by hand"


def show_dry_run(
    runbook: Runbook, plan: RunPlan, values: Mapping[str, str], mask: Mask, interfaces: Interfaces
) -> int:
    """Show what a run would do; a parameter without a value is marked so."""
    display = interfaces.display
    shown = _values_shown(runbook, values, interfaces)
    variables = variables_of(runbook)
    labels = {param.name: param.help for param in blanks.undeclared(runbook, os.environ)}
    display.begin(runbook.title, {"dry run": "nothing is asked, nothing is run"}, [])
    for step in plan.steps:
        display.read(step.reading)
        if step.action is not None:
            names = [name for name in variables.get(step.action.id, ()) if name in shown]
            parameters = {labels.get(name) or name: mask.text(shown[name]) for name in names}
            display.action(step.action, parameters)
    if not plan.actions:
        display.note(BY_HAND)
    return 0


def show_prose(plan: RunPlan, interfaces: Interfaces) -> int:
    """Show a part in which nothing runs. Raises UnattendedPrompt when nobody can do it."""
    for step in plan.steps:
        interfaces.display.read(step.reading)
    if not interfaces.mode.attended:
        raise gates.UnattendedPrompt(f"{gates.CANNOT_PROMPT}: {BY_HAND}")
    interfaces.display.note(BY_HAND, loud=True)
    return 0


def _values_shown(
    runbook: Runbook, values: Mapping[str, str], interfaces: Interfaces
) -> dict[str, str]:
    """Return each parameter's value, checked once none is missing."""
    needed = params.needed(runbook, interfaces.commands, params.used(runbook))
    later = [replace(each, optional=True) for each in blanks.undeclared(runbook, os.environ)]
    shown = {param.name: param.default or ("" if param.optional else NOT_GIVEN) for param in needed}
    if all(value != NOT_GIVEN or name in values for name, value in shown.items()):
        shown |= params.settle([*needed, *later], values)
    shown |= {param.name: LATER for param in later}
    return shown | {name: value for name, value in values.items() if name in shown}
