"""What is left to do of a run that goes on, be it from a cell that was named."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from slipway.notebook.document import Runbook
from slipway.notebook.records.event import EventProgress
from slipway.notebook.records.record import Record
from slipway.notebook.runs import carry
from slipway.notebook.runs import plan as courses
from slipway.notebook.runs.options import RunOptions
from slipway.notebook.runs.plan import RunPlan


@dataclass(frozen=True)
class RemainingSteps:
    """The course, how far the run is with it, and what the record has to keep of that."""

    course: RunPlan
    before: EventProgress
    facts: Mapping[str, Any]
    edited: tuple[str, ...] = ()  # what was done with another text than it has now
    turns_back: bool = False  # whether it goes to *Roll back* from elsewhere


def look(runbook: Runbook, record: Record, wish: RunOptions) -> RemainingSteps:
    """Return what is to be done, checks of the start included."""
    old, new = carry.digests_of(record, runbook), carry.digests(runbook)
    same = carry.match(old, new)
    before = carry.carried(carry.progress(record), same)
    edited = [id for id in same if is_done(before, id) and old[same[id]] != new[id]]
    if wish.from_:
        course, since = from_there(runbook, before, wish)
    elif before.part == "roll back":
        course, since = courses.way_back(runbook), before
    else:
        scope = str(record.begin.get("scope") or "")
        course, since = courses.plan(runbook, wish.within(scope)), before
    facts: dict[str, Any] = {}
    if since != before or old != new:
        facts = {"standing": dict(since.actions), "digests": new, "part": since.part}
    left_out = any(not is_done(before, id) for id in course.left_out)
    # A run that went over what was not done, or came back from *Roll back*, proves nothing.
    if wish.from_ and not since.part and (left_out or before.part):
        facts["scope"] = wish.scope
    return RemainingSteps(
        course, since, facts, tuple(edited), turns_back=bool(since.part) and not before.part
    )


def from_there(
    runbook: Runbook, before: EventProgress, wish: RunOptions
) -> tuple[RunPlan, EventProgress]:
    """Return the course from a cell that was named, checks of the start included, and progress."""
    course = courses.plan(runbook, wish)
    back = {each.id for each in courses.way_back(runbook).actions}
    named = {each.id for each in course.actions}
    goes_back = bool(named & back)
    # What was named is to be done, whatever became of it before; so is a way back, another time.
    again = named if goes_back else named | back
    rest = {id: standing for id, standing in before.actions.items() if id not in again}
    since = replace(before, actions=rest, part="roll back" if goes_back else "")
    if goes_back:
        return course, since
    checks = [
        leg
        for leg in courses.plan(runbook, RunOptions()).legs
        if leg.action and leg.action.section == "before" and rest.get(leg.action.id) == "passed"
    ]
    return replace(course, legs=(*checks, *course.legs)), since


def rest_of(course: RunPlan, before: EventProgress) -> RunPlan:
    """Return what of a course is still to be done."""
    legs = [leg for leg in course.legs if leg.action and not is_done(before, leg.action.id)]
    return replace(course, legs=tuple(legs))


def coming(course: RunPlan, before: EventProgress) -> RunPlan:
    """Return what of a course a person will see: what is to be done, and the checks once more."""
    legs = [
        leg
        for leg in course.legs
        if leg.action is None
        or not is_done(before, leg.action.id)
        or leg.action.section == "before"
    ]
    return replace(course, legs=tuple(legs))


def is_done(before: EventProgress, id: str) -> bool:
    return before.actions.get(id) in ("passed", "skipped")
