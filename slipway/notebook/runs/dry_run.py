"""What is shown and not run: a dry run with its parameters, and a section of prose alone."""

from collections.abc import Mapping

from slipway.notebook.cells.mask import Mask
from slipway.notebook.document import Runbook
from slipway.notebook.runs import gates, params
from slipway.notebook.runs.plan import RunPlan
from slipway.notebook.runs.preconditions import Interfaces, variables_of

NOT_GIVEN = "(not given)"
BY_HAND = "there is nothing to run here: read it and do it by hand"


def rehearse(
    runbook: Runbook, course: RunPlan, given: Mapping[str, str], mask: Mask, ports: Interfaces
) -> int:
    """Show what a run would do; a parameter that was not given is said to be so."""
    wanted = params.needed(runbook, ports.commands, params.used(runbook))
    there = {each.name: each.default or NOT_GIVEN for each in wanted if not each.optional}
    there |= {each.name: each.default for each in wanted if each.optional}
    given_here = {name: value for name, value in given.items() if name in there}
    if all(there[name] != NOT_GIVEN or name in given_here for name in there):
        there |= params.settle(wanted, given)
    used = variables_of(runbook)
    ports.teller.begin(runbook.title, {"dry run": "nothing is asked, nothing is run"}, [])
    for leg in course.legs:
        ports.teller.read(leg.reading)
        if leg.action is not None:
            names = [name for name in used.get(leg.action.id, ()) if name in there]
            values = {name: mask.text((there | given_here)[name]) for name in names}
            ports.teller.action(leg.action, values)
    if not course.actions:
        ports.teller.note(BY_HAND)
    return 0


def read_out(course: RunPlan, ports: Interfaces) -> int:
    """Show a part in which nothing runs. Raises Unanswered when nobody is there to do it."""
    for leg in course.legs:
        ports.teller.read(leg.reading)
    if not ports.mode.person:
        raise gates.UnattendedPrompt(f"nobody is at a terminal, and {BY_HAND}")
    ports.teller.note(BY_HAND, loud=True)
    return 0
