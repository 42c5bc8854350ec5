"""How far an unfinished run is, in the ids of the runbook as it is now, and what is left to do."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from slipway.notebook.document import Cell, Runbook
from slipway.notebook.reading import parse
from slipway.notebook.records.event import Event, EventProgress, follow
from slipway.notebook.records.record import Record
from slipway.notebook.runs.options import RunOptions
from slipway.notebook.runs.plan import RunPlan, plan_rollback, plan_run


@dataclass(frozen=True)
class RemainingSteps:
    """The plan, how far the run is with it, and what the record has to keep of that."""

    plan: RunPlan
    progress: EventProgress
    facts: Mapping[str, object]
    edited: tuple[str, ...] = ()  # what was done with another text than it has now
    turns_back: bool = False  # whether it goes to *Roll back* from elsewhere


def remaining_steps(runbook: Runbook, record: Record, options: RunOptions) -> RemainingSteps:
    """Return what is to be done, checks of the start included."""
    old, new = recorded_digests(record, runbook), action_digests(runbook)
    same = match_actions(old, new)
    before = with_ids(recorded_progress(record), same)
    edited = [id for id in same if is_done(before, id) and old[same[id]] != new[id]]
    if options.from_:
        plan, progress = _plan_from(runbook, before, options)
    elif before.part == "roll back":
        plan, progress = plan_rollback(runbook), before
    else:
        scope = str(record.begin.get("scope") or "")
        plan, progress = plan_run(runbook, options.within(scope)), before
    facts: dict[str, object] = {}
    if progress != before or old != new:
        facts = {"standing": dict(progress.actions), "digests": new, "part": progress.part}
    left_out = any(not is_done(before, id) for id in plan.left_out)
    # A run that went over what was not done, or came back from *Roll back*, proves nothing.
    if options.from_ and not progress.part and (left_out or before.part):
        facts["scope"] = options.scope
    turns_back = bool(progress.part) and not before.part
    return RemainingSteps(plan, progress, facts, tuple(edited), turns_back)


def _plan_from(
    runbook: Runbook, before: EventProgress, options: RunOptions
) -> tuple[RunPlan, EventProgress]:
    """Return the plan from a cell that was named, checks of the start included, and progress."""
    plan = plan_run(runbook, options)
    back = {action.id for action in plan_rollback(runbook).actions}
    named = {action.id for action in plan.actions}
    goes_back = bool(named & back)
    # What was named is to be done, whatever became of it before; so is a way back, another time.
    again = named if goes_back else named | back
    actions = {id: standing for id, standing in before.actions.items() if id not in again}
    progress = replace(before, actions=actions, part="roll back" if goes_back else "")
    if goes_back:
        return plan, progress
    checks = [
        step
        for step in plan_run(runbook, RunOptions()).steps
        if step.action
        and step.action.section == "before"
        and actions.get(step.action.id) == "passed"
    ]
    return replace(plan, steps=(*checks, *plan.steps)), progress


def undone(plan: RunPlan, progress: EventProgress) -> RunPlan:
    """Return what of a plan is still to be done."""
    steps = [step for step in plan.steps if step.action and not is_done(progress, step.action.id)]
    return replace(plan, steps=tuple(steps))


def upcoming(plan: RunPlan, progress: EventProgress) -> RunPlan:
    """Return what of a plan a person will see: what is to be done, and the checks once more."""
    steps = [
        step
        for step in plan.steps
        if step.action is None
        or not is_done(progress, step.action.id)
        or step.action.section == "before"
    ]
    return replace(plan, steps=tuple(steps))


def is_done(progress: EventProgress, id: str) -> bool:
    return progress.actions.get(id) in ("passed", "skipped")


# --- from the runbook as it was to the runbook as it is now --------------------------------


def action_digests(runbook: Runbook) -> dict[str, str]:
    """Return what tells each action from others whatever its id: its section and its text."""
    digests = {}
    for action in runbook.actions():
        text = action.source if isinstance(action, Cell) else f"- [ ] {action.text}"
        digests[action.id] = hashlib.sha256(f"{action.section}\n{text}".encode()).hexdigest()
    return digests


def recorded_digests(record: Record, runbook: Runbook) -> Mapping[str, str]:
    """Return the digests of the runbook as it was when the run was last resumed or began."""
    for event in reversed(record.events):
        digests = event.data.get("digests")
        if event.kind == "resume" and isinstance(digests, dict):
            return digests
    path = record.folder / "runbook.md"
    text = path.read_text(encoding="utf-8", errors="surrogateescape")
    return action_digests(parse.parse(text, runbook.path, native=runbook.native)[0])


def recorded_progress(record: Record) -> EventProgress:
    """Return how far a run is, in the ids that it had when it was last resumed."""
    progress = record.progress()
    changes = [n for n, event in enumerate(record.events) if _changes_ids(event)]
    if not changes:
        return progress
    change = record.events[changes[-1]].data
    since = follow(record.events[changes[-1] + 1 :])
    actions = {**change["standing"], **since.actions}
    return replace(progress, actions=actions, part=since.part or str(change.get("part") or ""))


def with_ids(progress: EventProgress, former: Mapping[str, str]) -> EventProgress:
    """Return progress in the ids of now; `former` is what `match_actions` returned."""
    standings = progress.actions
    actions = {id: standings[old] for id, old in former.items() if old in standings}
    return replace(progress, actions=actions)


def match_actions(old: Mapping[str, str], new: Mapping[str, str]) -> dict[str, str]:
    """Return for each id of now the former id of the same action, from the digests of both.

    The same is what has the text and the id, then what has the text: a cell that another was put
    above has a new id. What has only the id and whose text is gone was edited where it stood.
    """
    former = {id: id for id in new if old.get(id) == new[id]}

    def match_rest(fits: Callable[[str, str], bool]) -> None:
        taken = set(former.values())
        for id in [id for id in new if id not in former]:
            match = next((o for o in old if o not in taken and fits(o, id)), None)
            if match is not None:
                former[id] = match
                taken.add(match)

    match_rest(lambda o, id: old[o] == new[id])
    match_rest(lambda o, id: o == id)
    return {id: former[id] for id in new if id in former}


def _changes_ids(event: Event) -> bool:
    return event.kind == "resume" and isinstance(event.data.get("standing"), dict)
