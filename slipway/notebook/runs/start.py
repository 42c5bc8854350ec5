"""From what was typed to a run under way: checked, recorded, put together with all it needs."""

import contextlib
from collections.abc import Iterator, Sequence

from slipway.environments import environment
from slipway.environments.environment import Environment
from slipway.notebook.cells.mask import Mask
from slipway.notebook.cells.session import CellSession
from slipway.notebook.problem import where
from slipway.notebook.records import pruning
from slipway.notebook.records.record import Record
from slipway.notebook.runs import host_facts, params
from slipway.notebook.runs.context import PreparedRun, RunContext
from slipway.notebook.runs.dry_run import show_dry_run, show_prose
from slipway.notebook.runs.interfaces import Interfaces, Location
from slipway.notebook.runs.lock import RunLock
from slipway.notebook.runs.options import RunOptions
from slipway.notebook.runs.plan import plan_run
from slipway.notebook.runs.preconditions import (
    is_real,
    load,
    refuse_closed_gates,
    settle,
    variables_of,
)
from slipway.notebook.runs.run import Run
from slipway.notebook.runs.secrets import SecretLookup, of_parameters


def start(
    name: str,
    env: Environment | None,
    assignments: Sequence[str],
    options: RunOptions,
    interfaces: Interfaces,
) -> int:
    """Run a runbook from its beginning, or the part that is asked for; return the exit code."""
    secrets = SecretLookup(env)
    runbook = load(name, interfaces.commands, interfaces.mode)
    plan = plan_run(runbook, options)
    if not plan.actions and options.checks_only:
        interfaces.display.note(f"{runbook.name} has no checks there; nothing was run")
        return 0
    values = params.parse_set(assignments) | ({"ENV": env.name} if env else {})
    if options.dry_run:
        mask = Mask([*secrets.result(), *of_parameters(values)])
        return show_dry_run(runbook, plan, values, mask, interfaces)
    if not plan.actions and options.section:
        return show_prose(plan, interfaces)
    values = settle(runbook, plan, values, interfaces)
    if env is None and values.get("ENV"):
        env = environment.load(values["ENV"])
        secrets = SecretLookup(env)
    # Only now is it certain which name a cell wants that destroys.
    env_name = env.name if env else ""
    refuse_closed_gates(runbook, plan, options, interfaces.mode, env_name)
    host = host_facts.look()
    host_facts.refuse_unagreed(host, runbook, env_name)
    for text in secrets.warnings():
        interfaces.display.note(text, loud=True)
    mask = Mask([*secrets.result(), *of_parameters(values)])
    begin = {
        "runbook": runbook.name,
        "path": where(runbook.path),
        "digest": runbook.digest,
        "env": env_name,
        "params": {key: mask.text(value) for key, value in values.items()},
        "user": host.user,
        "email": host.email,
        "host": host.host,
        "commit": host.commit,
        "branch": host.branch,
        "dirty": host.dirty,
        "mode": "person" if interfaces.mode.attended else "unattended",
        "scope": options.scope,
        "native": runbook.native,
    }
    record = interfaces.records.create(runbook.name, runbook.text, begin, interfaces.runs)
    prepared = PreparedRun(runbook, plan, options, env, values, record, host, mask)
    return execute(prepared, interfaces)


def execute(run: PreparedRun, interfaces: Interfaces) -> int:
    """Run it, and release everything whatever happens."""
    record, display, env = run.record, interfaces.display, run.env
    env_name = env.name if env else ""
    for value in of_parameters(run.values):
        run.mask.add(value)
    variables = {
        **run.values,
        "RUNBOOK": run.runbook.name,
        "RUNBOOK_RUN_ID": record.id,
        "RUNBOOK_RUN_FOLDER": str(record.folder.resolve()),
    }
    session = CellSession(
        record.folder,
        variables,
        run.mask,
        terminal=interfaces.mode.attended,
        debug=interfaces.debug,
    )
    with contextlib.ExitStack() as stack:
        stack.callback(pruning.prune, record.folder.parent)
        stack.callback(record.close)
        stack.callback(session.close)
        facts = {
            "environment": env_name,
            "by": f"{run.host.user} on {run.host.host}",
            "commit": run.host.commit[:12],
            "run": record.id,
        }
        header = {name: value for name, value in facts.items() if value}
        display.begin(run.runbook.title, header, host_facts.warnings(run.host, run.runbook))
        lost = session.load(run.previous.state) if run.previous and run.previous.state else ()
        for text in describe_lost(record, lost):
            display.note(text, loud=True)
        context = RunContext(
            runbook=run.runbook,
            plan=run.plan,
            options=run.options,
            mode=interfaces.mode,
            location=Location(env_name, run.host.host, is_real=is_real(env)),
            user=run.host.user,
            values=run.values,
            record=record,
            shell=session,
            lock=RunLock(stack, env, record, run.host.user, display),
            mask=run.mask,
            prompter=interfaces.prompter,
            display=display,
            previous=run.previous,
            variables=variables_of(run.runbook),
        )
        return Run(context).execute()


def describe_lost(record: Record, names: Sequence[str]) -> Iterator[str]:
    """Describe the variables that a resumed run lacks, and which cell set each."""
    for name in names:
        setter = next((e.cell for e in record.events if name in e.data.get("missing", ())), "")
        origin = f", which {setter} set," if setter else ""
        yield f"{name}{origin} held a secret and was not kept: cells that need it will fail"
