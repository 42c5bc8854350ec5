"""From what was typed to a run under way: begun here, and put together with all that it needs."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from slipway.environments import environment
from slipway.environments.environment import Environment
from slipway.notebook.cells.mask import Mask
from slipway.notebook.cells.session import CellSession
from slipway.notebook.document import Runbook
from slipway.notebook.problem import where
from slipway.notebook.records import pruning
from slipway.notebook.records.event import EventProgress
from slipway.notebook.records.record import Record
from slipway.notebook.runs import host_facts, params
from slipway.notebook.runs import plan as courses
from slipway.notebook.runs.context import RunContext
from slipway.notebook.runs.dry_run import read_out, rehearse
from slipway.notebook.runs.hold import Hold
from slipway.notebook.runs.host_facts import HostFacts
from slipway.notebook.runs.interfaces import Location
from slipway.notebook.runs.options import RunOptions
from slipway.notebook.runs.plan import RunPlan
from slipway.notebook.runs.preconditions import (
    Interfaces,
    is_real,
    load,
    refuse_gates,
    settle,
    variables_of,
)
from slipway.notebook.runs.run import Run
from slipway.notebook.runs.secrets import SecretLookup, of_parameters


@dataclass(frozen=True)
class StartedRun:
    """A run that only has to be begun."""

    runbook: Runbook
    course: RunPlan
    wish: RunOptions
    env: Environment | None
    values: Mapping[str, str]
    record: Record
    here: HostFacts
    mask: Mask
    before: EventProgress | None = None


def start(
    name: str, env: Environment | None, given: Sequence[str], wish: RunOptions, ports: Interfaces
) -> int:
    """Run a runbook from its beginning, or the part that is wished for; return the exit code."""
    looking = SecretLookup(env)
    runbook = load(name, ports.commands)
    course = courses.plan(runbook, wish)
    if not course.actions and wish.checks_only:
        ports.teller.note(f"{runbook.name} has no checks there; nothing was run")
        return 0
    asked = params.parse_set(given) | ({"ENV": env.name} if env else {})
    if wish.dry_run:
        mask = Mask([*looking.result(), *of_parameters(asked)])
        return rehearse(runbook, course, asked, mask, ports)
    if not course.actions and wish.section:
        return read_out(course, ports)
    values = settle(runbook, course, asked, ports)
    if env is None and values.get("ENV"):
        env = environment.load(values["ENV"])
        looking = SecretLookup(env)
    # Only now is it certain which name a cell wants that destroys.
    refuse_gates(runbook, course, wish, ports.mode, env.name if env else "")
    here = host_facts.look()
    host_facts.demand(here, runbook, env.name if env else "")
    mask = Mask([*looking.result(), *of_parameters(values)])
    begin = {
        "runbook": runbook.name,
        "path": where(runbook.path),
        "digest": runbook.digest,
        "env": env.name if env else "",
        "params": {key: mask.text(value) for key, value in values.items()},
        **facts_of(here),
        "mode": "person" if ports.mode.person else "unattended",
        "scope": wish.scope,
    }
    record = ports.records.create(runbook.name, runbook.text, begin, ports.runs)
    return go(StartedRun(runbook, course, wish, env, values, record, here, mask), ports)


def go(start: StartedRun, ports: Interfaces) -> int:
    """Run it, and give everything back whatever happens."""
    runbook, record, here, env = start.runbook, start.record, start.here, start.env
    for value in of_parameters(start.values):
        start.mask.add(value)
    variables = {**start.values, "RUNBOOK": runbook.name, "RUNBOOK_RUN_ID": record.id}
    session = CellSession(
        record.folder, variables, start.mask, terminal=ports.mode.person, debug=ports.debug
    )
    with contextlib.ExitStack() as stack:
        stack.callback(pruning.prune, record.folder.parent)
        stack.callback(record.close)
        stack.callback(session.close)
        facts = {
            "environment": env.name if env else "",
            "by": f"{here.user} on {here.host}",
            "commit": here.commit[:12],
            "run": record.id,
        }
        known = {name: value for name, value in facts.items() if value}
        ports.teller.begin(runbook.title, known, host_facts.complaints(here, runbook))
        lost = session.load(start.before.state) if start.before and start.before.state else ()
        for text in losses(record, lost):
            ports.teller.note(text, loud=True)
        job = RunContext(
            runbook=runbook,
            course=start.course,
            wish=start.wish,
            mode=ports.mode,
            place=Location(env.name if env else "", here.host, is_real=is_real(env)),
            who=here.user,
            values=start.values,
            record=record,
            shell=session,
            claim=Hold(stack, env, record, here.user, ports.teller),
            mask=start.mask,
            asker=ports.asker,
            teller=ports.teller,
            before=start.before,
            uses=variables_of(runbook),
        )
        return Run(job).go()


def facts_of(here: HostFacts) -> dict[str, Any]:
    """Return who and where, as a record keeps it."""
    keys = ("user", "email", "host", "commit", "branch", "dirty")
    return {key: getattr(here, key) for key in keys}


def losses(record: Record, names: Sequence[str]) -> Iterator[str]:
    """Say which variables a resumed run lacks, and which cell set each."""
    for name in names:
        setter = next((e.cell for e in record.events if name in e.data.get("missing", ())), "")
        where = f", which {setter} set," if setter else ""
        yield f"{name}{where} held a secret and was not kept: cells that need it will fail"
