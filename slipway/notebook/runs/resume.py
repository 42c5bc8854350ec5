"""Resuming an unfinished run: which one is meant, what has changed since, what is in doubt."""

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
from slipway.notebook.reading.collection import typed_name
from slipway.notebook.records import history
from slipway.notebook.records.event import EventProgress
from slipway.notebook.records.record import Record
from slipway.notebook.runs import host_facts, params, progress
from slipway.notebook.runs.context import PreparedRun
from slipway.notebook.runs.dry_run import show_dry_run
from slipway.notebook.runs.host_facts import HostFacts
from slipway.notebook.runs.interfaces import Interfaces, Location, PrompterGone
from slipway.notebook.runs.options import RunOptions
from slipway.notebook.runs.preconditions import is_real, load, refuse_closed_gates, settle
from slipway.notebook.runs.secrets import SecretLookup, of_parameters
from slipway.notebook.runs.start import execute

HIDDEN = "***"  # in place of a secret, in a parameter as the record keeps it


def resume(
    run: str,
    name: str,
    env: Environment | None,
    assignments: Sequence[str],
    options: RunOptions,
    interfaces: Interfaces,
) -> int:
    """Resume a run at the action that did not pass; return the exit code."""
    if options.only or options.section or options.checks_only:
        raise UsageError("--resume runs all that is left: of the parts it takes only --from")
    host = host_facts.look()
    record = interfaces.records.open(find_run(run, name, env, host, interfaces).folder)
    begin = record.begin
    env = environment.load(str(begin["env"])) if begin.get("env") else None
    location = Location(env.name if env else "", host.host, is_real=is_real(env))
    secrets = SecretLookup(env)
    runbook = load(str(begin["path"]), interfaces.commands, interfaces.mode)
    changed = runbook.digest != begin.get("digest")
    remaining = progress.remaining_steps(runbook, record, options)
    plan, previous = remaining.plan, remaining.progress
    at = next((a for a in plan.actions if not progress.is_done(previous, a.id)), None)
    if at is None:
        raise UsageError(f"{record.id} has nothing left to do; see inv runbook.show --run=...")
    if changed:
        interfaces.display.text(runbook_diff(runbook, record))
    if options.dry_run:
        values = recorded_values(record, runbook, assignments, env)
        mask = Mask([*secrets.result(), *of_parameters(values)])
        return show_dry_run(runbook, progress.upcoming(plan, previous), values, mask, interfaces)
    if changed and not options.from_:
        confirm_changes(runbook, at, remaining.edited, location, interfaces)
    refuse_live_cells(record)
    if not interfaces.mode.attended:
        refuse_doubt(at, record, previous)
    rest = progress.undone(plan, previous)
    refuse_closed_gates(runbook, rest, options, interfaces.mode, location.env)
    values = recorded_values(record, runbook, assignments, env)
    values = settle(runbook, plan, values, interfaces)
    host_facts.refuse_unagreed(host, runbook, location.env)
    for text in secrets.warnings():
        interfaces.display.note(text, loud=True)
    mask = Mask(secrets.result())
    facts = {"user": host.user, "host": host.host, "changed": changed, "from": at.id}
    record.append("resume", **facts, **remaining.facts)
    if remaining.turns_back:
        reason = f"--from={options.from_}"
        record.append("part", section="roll back", reason=reason, by=host.user)
    prepared = PreparedRun(runbook, plan, options, env, values, record, host, mask, previous)
    return execute(prepared, interfaces)


# --- which run is meant --------------------------------------------------------------------


def find_run(
    run: str, name: str, env: Environment | None, host: HostFacts, interfaces: Interfaces
) -> history.RunSummary:
    """Return the run that is meant. Raises UsageError where there are several, or none."""
    if run:
        summary = history.find(run, interfaces.runs)
        refuse_mismatch(summary, run, name, env, host)
        if summary.result == "running":
            raise Refused(f"{summary.id} is running in another process")
        if not summary.may_be_resumed:
            raise UsageError(f"{summary.id} is {summary.result}: there is nothing to resume")
        return summary
    env_name, runbook = env.name if env else None, typed_name(name)
    runs = history.unfinished(runbook, env_name, host.user, host.host, interfaces.runs)
    if len(runs) == 1:
        return runs[0]
    where = f" of {runbook}" if runbook else ""
    where += f" on {env_name}" if env_name else ""
    if not runs:
        raise UsageError(f"you have no unfinished run{where}; see inv runbook.history")
    lines = [f"  --resume={row.id}  {row.result} at {row.cell or 'its beginning'}" for row in runs]
    heading = f"you have {len(runs)} unfinished runs{where}; name the one to resume:"
    raise UsageError("\n".join([heading, *lines]))


def refuse_mismatch(
    summary: history.RunSummary, run: str, name: str, env: Environment | None, host: HostFacts
) -> None:
    """Raise UsageError for a run that contradicts the rest, or another's by half its name."""
    if env and summary.env != env.name:
        raise UsageError(
            f"{summary.id} is a run on {summary.env or 'no environment'}, not on {env.name}; "
            "nothing was run: leave out --env, or name another run"
        )
    if name and summary.runbook != typed_name(name):
        raise UsageError(
            f"{summary.id} is a run of {summary.runbook}, not of {typed_name(name)}; "
            "nothing was run: leave out --name, or name another run"
        )
    if run != summary.id and summary.user != host.user:
        raise UsageError(
            f"{summary.id} is a run of {summary.user}; nothing was run: "
            f"to resume it, type its full name, --resume={summary.id}"
        )


# --- what has changed, what is in doubt ----------------------------------------------------


def runbook_diff(runbook: Runbook, record: Record) -> str:
    """Return what changed in the runbook since the run began."""
    old = (record.folder / "runbook.md").read_text(encoding="utf-8", errors="replace")
    lines = difflib.unified_diff(
        old.splitlines(), runbook.text.splitlines(), "when the run began", "now", lineterm="", n=2
    )
    return "\n".join(lines)


def confirm_changes(
    runbook: Runbook,
    at: Action,
    edited: Sequence[str],
    location: Location,
    interfaces: Interfaces,
) -> None:
    """Have it confirmed that the run is resumed with a runbook that has changed."""
    question = f"{runbook.name} has changed since this run began; it would resume at {at.id}."
    if edited:
        question += f" Done before their text changed, and not run again: {', '.join(edited)}."
    if not interfaces.mode.attended:
        raise Refused(f"{question} Read it, then name the cell to resume at: --from={at.id}")
    try:
        answer = interfaces.prompter.choose(question, ("resume", "quit"), location)
    except (PrompterGone, KeyboardInterrupt):
        answer = "quit"
    if answer != "resume":
        raise Refused("the run was not resumed")


def refuse_live_cells(record: Record) -> None:
    """Raise Busy while a cell lives on whose runner was killed."""
    actions = record.progress().actions
    interrupted = [id for id, standing in actions.items() if standing == "may have run"]
    if not interrupted:
        return
    processes = process_tree.of_run(record.folder.resolve())
    left = {text for event in record.events for text in event.data.get("left") or ()}
    # Each cell has a session of its own: what it left behind may have started others in there.
    over = session_ids(process.pid for process in processes if str(process) in left)
    alive = [process for process in processes if session_ids([process.pid]) - over]
    if alive:
        pids = " ".join(str(process.pid) for process in alive)
        raise Busy(
            f"{interrupted[-1]} is still running from before ({', '.join(map(str, alive))}): "
            f"wait until it ends, or end it: kill {pids}"
        )


def session_ids(pids: Iterable[int]) -> set[int]:
    """Return the sessions of those processes that still live."""
    ids = set()
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            ids.add(os.getsid(pid))
    return ids


def refuse_doubt(at: Action, record: Record, previous: EventProgress) -> None:
    """Raise Refused for a cell that was interrupted: nobody is there to look whether it ran."""
    if not isinstance(at, Cell) or at.is_check:
        return
    if previous.actions.get(at.id) == "may have run":
        raise Refused(
            f"{at.id} may have run: look first, then add --from={at.id} to run it again, "
            f"or --from= the cell after it (--resume={record.id})"
        )


def recorded_values(
    record: Record, runbook: Runbook, assignments: Sequence[str], env: Environment | None
) -> dict[str, str]:
    """Return the parameters that the run began with, as far as a cell still uses them.

    Those that were masked have to be given again. Raises UsageError for one that --set would
    change: that would be another run.
    """
    used = params.used(runbook)
    recorded = {
        str(name): str(value)
        for name, value in (record.begin.get("params") or {}).items()
        if name in used and HIDDEN not in str(value)
    }
    values = params.parse_set(assignments)
    for name, value in values.items():
        if recorded.get(name, value) != value:
            typed = name.lower().replace("_", "-")
            raise UsageError(
                f"this run began with {typed}={recorded[name]}; start another run to change it"
            )
    return recorded | values | ({"ENV": env.name} if env else {})
