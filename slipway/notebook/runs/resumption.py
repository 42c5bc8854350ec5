"""Going on with a run that was not finished, after a look at what has changed since."""

import difflib
from collections.abc import Sequence
from dataclasses import replace

from slipway.environments import environment
from slipway.environments.environment import Environment
from slipway.errors import Busy, Refused, UsageError
from slipway.notebook.cells import family
from slipway.notebook.cells.mask import Mask
from slipway.notebook.document import Cell, Runbook
from slipway.notebook.records import history
from slipway.notebook.records.event import Progress
from slipway.notebook.records.record import Record
from slipway.notebook.runs import course as courses
from slipway.notebook.runs import params, surroundings
from slipway.notebook.runs.course import Course
from slipway.notebook.runs.known import Looking
from slipway.notebook.runs.launch import Departure, go
from slipway.notebook.runs.outset import Ports, is_real, load, refuse_gates, settle
from slipway.notebook.runs.ports import Gone, Place
from slipway.notebook.runs.surroundings import Surroundings
from slipway.notebook.runs.wish import Wish

HIDDEN = "***"  # in place of a secret, in a parameter as the record keeps it


def resume(
    run: str, name: str, env: Environment | None, given: Sequence[str], wish: Wish, ports: Ports
) -> int:
    """Go on with a run at the action that did not pass; return the exit code."""
    if wish.only or wish.section or wish.checks_only:
        raise UsageError("--resume goes on with all that is left; of the parts it takes --from")
    here = surroundings.look()
    record = ports.records.open(pick(run, name, env, here, ports).folder)
    begin = record.begin
    env = environment.load(str(begin["env"])) if begin.get("env") else None
    looking = Looking(env)
    runbook = load(str(begin["path"]), ports.commands)
    changed = runbook.digest != begin.get("digest")
    if changed:
        review(runbook, record, env, here, ports, asked_for=bool(wish.from_))
    course, before = way_on(runbook, record, wish)
    at = next((a for a in course.actions if not is_done(before, a.id)), None)
    if at is None:
        raise UsageError(f"{record.id} has nothing left to do; see inv runbook.show --run=...")
    refuse_company(record, at.id)
    refuse_doubt(runbook, record, before, at.id, ports)
    refuse_gates(runbook, rest_of(course, before), wish, ports.mode, env.name if env else "")
    values = settle(runbook, course, values_of(record, runbook, given, env), ports)
    surroundings.demand(here, runbook, env.name if env else "")
    mask = Mask(looking.result())
    record.append("resume", user=here.user, host=here.host, changed=changed, **{"from": at.id})
    departure = Departure(runbook, course, wish, env, values, record, here, mask, before)
    return go(departure, ports)


def way_on(runbook: Runbook, record: Record, wish: Wish) -> tuple[Course, Progress]:
    """Return what is to be done, checks of the start included, and how far the run is with it."""
    before = record.progress()
    if not wish.from_:
        if before.part == "roll back":
            return courses.way_back(runbook), before
        return courses.plan(runbook, wish.within(str(record.begin.get("scope") or ""))), before
    course = courses.plan(runbook, wish)
    named = {each.id for each in course.actions}
    # What was named is to be done, whatever became of it before.
    rest = {id: standing for id, standing in before.actions.items() if id not in named}
    checks = [
        leg
        for leg in courses.plan(runbook, Wish()).legs
        if leg.action and leg.action.section == "before" and rest.get(leg.action.id) == "passed"
    ]
    return replace(course, legs=(*checks, *course.legs)), replace(before, actions=rest, part="")


def pick(
    run: str, name: str, env: Environment | None, here: Surroundings, ports: Ports
) -> history.Summary:
    """Return the run that is meant. Raises UsageError where there are several, or none."""
    if run:
        found = history.find(run, ports.runs)
        if found.result == "running":
            raise Refused(f"{found.id} is going on in another process")
        if not found.may_be_resumed:
            raise UsageError(f"{found.id} is {found.result}: there is nothing to go on with")
        return found
    place = env.name if env else None
    rows = history.unfinished(stem(name), place, here.user, here.host, ports.runs)
    if len(rows) == 1:
        return rows[0]
    where = f" of {stem(name)}" if name else ""
    where += f" on {place}" if place else ""
    if not rows:
        raise UsageError(f"you have no unfinished run{where}; see inv runbook.history")
    lines = [f"  --resume={row.id}  {row.result} at {row.cell or 'its beginning'}" for row in rows]
    raise UsageError(
        "\n".join([f"you have {len(rows)} unfinished runs{where}; say which:", *lines])
    )


def review(
    runbook: Runbook,
    record: Record,
    env: Environment | None,
    here: Surroundings,
    ports: Ports,
    *,
    asked_for: bool,
) -> None:
    """Show what changed in the runbook since the run began, and have it agreed to."""
    old = (record.folder / "runbook.md").read_text(encoding="utf-8", errors="replace")
    lines = difflib.unified_diff(
        old.splitlines(), runbook.text.splitlines(), "when the run began", "now", lineterm="", n=2
    )
    ports.teller.text("\n".join(lines))
    question = f"{runbook.name} has changed since this run began."
    if asked_for:
        return
    if not ports.mode.person:
        raise Refused(f"{question} Read it, then name the cell to go on at: --from=...")
    place = Place(env.name if env else "", here.host, is_real=is_real(env))
    try:
        answer = ports.asker.choose(question, ("go on", "quit"), place)
    except (Gone, KeyboardInterrupt):
        answer = "quit"
    if answer != "go on":
        raise Refused("the run was left as it is")


def refuse_company(record: Record, at: str) -> None:
    """Raise Busy while a cell lives on whose runner was killed."""
    left = {each for event in record.events for each in event.data.get("left") or ()}
    alive = [each for each in family.of_run(record.id) if str(each) not in left]
    if alive:
        pids = " ".join(str(each.pid) for each in alive)
        raise Busy(
            f"{at} is still running from before ({', '.join(map(str, alive))}): "
            f"wait for its end, or end it: kill {pids}"
        )


def refuse_doubt(runbook: Runbook, record: Record, before: Progress, at: str, ports: Ports) -> None:
    """Raise Refused when nobody is there to look whether a cell ran that was cut off."""
    cell = next((each for each in runbook.cells() if each.id == at), None)
    if ports.mode.person or before.actions.get(at) != "may have run":
        return
    if isinstance(cell, Cell) and not cell.is_check:
        raise Refused(
            f"{at} may have run: look first, then add --from={at} to run it again, "
            f"or --from= the cell after it (--resume={record.id})"
        )


def values_of(
    record: Record, runbook: Runbook, given: Sequence[str], env: Environment | None
) -> dict[str, str]:
    """Return the parameters that the run began with, as far as a cell still uses them.

    Those that were masked are to be given anew.

    Raises UsageError for one that --set would change: that would be another run.
    """
    kept = {str(name): str(value) for name, value in (record.begin.get("params") or {}).items()}
    used = params.used(runbook)
    kept = {name: value for name, value in kept.items() if name in used and HIDDEN not in value}
    asked = params.parse_set(given)
    for name, value in asked.items():
        if kept.get(name, value) != value:
            typed = name.lower().replace("_", "-")
            raise UsageError(
                f"this run began with {typed}={kept[name]}; begin another to change it"
            )
    return kept | asked | ({"ENV": env.name} if env else {})


def rest_of(course: Course, before: Progress) -> Course:
    """Return what of a course is still to be done."""
    legs = [leg for leg in course.legs if leg.action and not is_done(before, leg.action.id)]
    return replace(course, legs=tuple(legs))


def is_done(before: Progress, id: str) -> bool:
    return before.actions.get(id) in ("passed", "skipped")


def stem(name: str) -> str:
    """Return a runbook's name as records keep it, from a name or a path."""
    return name.rpartition("/")[2].removesuffix(".md")
