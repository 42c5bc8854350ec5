"""Going on with a run that was not finished, after a look at what has changed since."""

import contextlib
import difflib
import os
from collections.abc import Iterable, Sequence

from slipway.environments import environment
from slipway.environments.environment import Environment
from slipway.errors import Busy, Refused, UsageError
from slipway.notebook.cells import process_tree
from slipway.notebook.cells.mask import Mask
from slipway.notebook.document import Action, Cell, Runbook
from slipway.notebook.records.event import EventProgress
from slipway.notebook.records.record import Record
from slipway.notebook.runs import host_facts, params, progress
from slipway.notebook.runs.dry_run import rehearse
from slipway.notebook.runs.host_facts import HostFacts
from slipway.notebook.runs.interfaces import Location, PrompterGone
from slipway.notebook.runs.options import RunOptions
from slipway.notebook.runs.preconditions import Interfaces, is_real, load, refuse_gates, settle
from slipway.notebook.runs.secrets import SecretLookup, of_parameters
from slipway.notebook.runs.start import StartedRun, go
from slipway.notebook.runs.which import pick

HIDDEN = "***"  # in place of a secret, in a parameter as the record keeps it


def resume(
    run: str,
    name: str,
    env: Environment | None,
    given: Sequence[str],
    wish: RunOptions,
    ports: Interfaces,
) -> int:
    """Go on with a run at the action that did not pass; return the exit code."""
    if wish.only or wish.section or wish.checks_only:
        raise UsageError("--resume goes on with all that is left; of the parts it takes --from")
    here = host_facts.look()
    record = ports.records.open(pick(run, name, env, here, ports).folder)
    begin = record.begin
    env = environment.load(str(begin["env"])) if begin.get("env") else None
    place = env.name if env else ""
    looking = SecretLookup(env)
    runbook = load(str(begin["path"]), ports.commands)
    changed = runbook.digest != begin.get("digest")
    rest = progress.look(runbook, record, wish)
    course, before = rest.course, rest.before
    at = next((a for a in course.actions if not progress.is_done(before, a.id)), None)
    if at is None:
        raise UsageError(f"{record.id} has nothing left to do; see inv runbook.show --run=...")
    if changed:
        ports.teller.text(difference(runbook, record))
    if wish.dry_run:
        known = values_of(record, runbook, given, env)
        mask = Mask([*looking.result(), *of_parameters(known)])
        return rehearse(runbook, progress.coming(course, before), known, mask, ports)
    if changed and not wish.from_:
        agree(runbook, at, rest.edited, env, here, ports)
    refuse_company(record)
    refuse_doubt(runbook, record, before, at.id, ports)
    refuse_gates(runbook, progress.rest_of(course, before), wish, ports.mode, place)
    values = settle(runbook, course, values_of(record, runbook, given, env), ports)
    host_facts.demand(here, runbook, place)
    mask = Mask(looking.result())
    facts = {"user": here.user, "host": here.host, "changed": changed, "from": at.id}
    record.append("resume", **facts, **rest.facts)
    if rest.turns_back:
        record.append("part", section="roll back", reason=f"--from={wish.from_}", by=here.user)
    departure = StartedRun(runbook, course, wish, env, values, record, here, mask, before)
    return go(departure, ports)


def difference(runbook: Runbook, record: Record) -> str:
    """Return what changed in the runbook since the run began."""
    old = (record.folder / "runbook.md").read_text(encoding="utf-8", errors="replace")
    lines = difflib.unified_diff(
        old.splitlines(), runbook.text.splitlines(), "when the run began", "now", lineterm="", n=2
    )
    return "\n".join(lines)


def agree(
    runbook: Runbook,
    at: Action,
    changed: Sequence[str],
    env: Environment | None,
    here: HostFacts,
    ports: Interfaces,
) -> None:
    """Have it agreed to that the run goes on with a runbook that has changed."""
    question = f"{runbook.name} has changed since this run began; it would go on at {at.id}."
    if changed:
        question += f" Done before their text changed, and not run again: {', '.join(changed)}."
    if not ports.mode.person:
        raise Refused(f"{question} Read it, then name the cell to go on at: --from={at.id}")
    place = Location(env.name if env else "", here.host, is_real=is_real(env))
    try:
        answer = ports.asker.choose(question, ("go on", "quit"), place)
    except (PrompterGone, KeyboardInterrupt):
        answer = "quit"
    if answer != "go on":
        raise Refused("the run was left as it is")


def refuse_company(record: Record) -> None:
    """Raise Busy while a cell lives on whose runner was killed."""
    cut_off = [id for id, stands in record.progress().actions.items() if stands == "may have run"]
    if not cut_off:
        return
    found = process_tree.of_run(record.id)
    left = {each for event in record.events for each in event.data.get("left") or ()}
    # Each cell has a session of its own: what it left behind goes on starting others in there.
    over = sessions(each.pid for each in found if str(each) in left)
    alive = [each for each in found if sessions([each.pid]) - over]
    if alive:
        pids = " ".join(str(each.pid) for each in alive)
        raise Busy(
            f"{cut_off[-1]} is still running from before ({', '.join(map(str, alive))}): "
            f"wait for its end, or end it: kill {pids}"
        )


def sessions(pids: Iterable[int]) -> set[int]:
    """Return the sessions of those processes that still live."""
    found = set()
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            found.add(os.getsid(pid))
    return found


def refuse_doubt(
    runbook: Runbook, record: Record, before: EventProgress, at: str, ports: Interfaces
) -> None:
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
