"""A dry run: each cell and step as it would come, with its parameters; nothing is run."""

from collections.abc import Mapping

from slipway.notebook.cells.mask import Mask
from slipway.notebook.document import Runbook
from slipway.notebook.runs import params
from slipway.notebook.runs.course import Course
from slipway.notebook.runs.outset import Ports, variables_of

NOT_GIVEN = "(not given)"


def rehearse(
    runbook: Runbook, course: Course, given: Mapping[str, str], mask: Mask, ports: Ports
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
    return 0
