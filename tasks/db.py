"""The schema of the database: migrations written, reviewed, applied and rolled back."""

from typing import TYPE_CHECKING

from .command import command

if TYPE_CHECKING:
    from slipway.environments.environment import Environment

ENV = "Environment to act on; without it, the hacking loop."
YES = "The environment's name, where no prompt is possible."
JSON = "Print it as JSON."
LOCK_WAIT = "Seconds to wait for another run to end."
LOCK_TIMEOUT = "Seconds a statement waits for a lock before it gives way to others."
RESUME = "Statement of a half-done file to resume from."


@command(runbook="migrate", help={"name": "What it does, in a few words."})
def new(*, name: str) -> None:
    """Start a migration: an empty file with both marks, younger than all others.

    Example: inv db.new --name="add users"
    """
    import datetime

    from slipway.client import migrations as client_migrations
    from slipway.migrations import creation
    from slipway.project import ROOT
    from slipway.show import writer

    path = creation.new(client_migrations.FOLDER, name, datetime.datetime.now(datetime.UTC))
    writer.say(str(path.relative_to(ROOT)))


@command(
    runbook="migrate",
    help={
        "env": ENV,
        "yes": YES,
        "to": "The last version to apply.",
        "dry_run": "Show the SQL that would run, and run nothing.",
        "lock_wait": LOCK_WAIT,
        "lock_timeout": LOCK_TIMEOUT,
        "allow_out_of_order": "Apply also what is older than the newest that is applied.",
        "accept": "Versions, with commas, whose edited or deleted files are accepted.",
        "resume_from": RESUME,
        "mark": "Mark a half-done file as applied or pending.",
    },
    choices={"mark": ("applied", "pending")},
)
def migrate(
    env: "Environment | None" = None,
    *,
    yes: str = "",
    to: str = "",
    dry_run: bool = False,
    lock_wait: int = 60,
    lock_timeout: int = 5,
    allow_out_of_order: bool = False,
    accept: str = "",
    resume_from: int = 0,
    mark: str = "",
) -> None:
    """Apply the checkout's pending migrations, each completely or not at all; a deploy does it "
    "itself.

    Examples:
      inv db.migrate
      inv db.migrate --env=staging --yes=staging
    """
    from slipway.client import migrations as client_migrations
    from slipway.client.session import connected
    from slipway.environments import protection
    from slipway.migrations.options import MigrationOptions
    from slipway.show import confirm, migrations, progress, writer

    options = MigrationOptions(
        by=client_migrations.owner(),
        to=to,
        lock_wait=lock_wait,
        lock_timeout=lock_timeout,
        allow_out_of_order=allow_out_of_order,
        accept=client_migrations.accepted(accept),
        resume_from=resume_from,
        mark=client_migrations.as_mark(mark),
    )
    run = client_migrations.MigrationRun(options)
    with progress.TerminalReporter() as reporter, connected(env) as session:
        if dry_run or protection.asks(env, "migrate"):
            plan = run.plan(session, reporter)
            migrations.show_plan(plan)
            client_migrations.demand_runnable(plan)
            if dry_run:
                return
            run = run.expecting(client_migrations.versions(plan))
            if plan.pending or mark or resume_from:
                confirm.by_name(env, "migrate", f"migrate {session.env.name}", yes)
        writer.say(run.migrate(session, reporter).summary)


@command(
    runbook="migrate",
    help={
        "env": ENV,
        "yes": YES,
        "steps": "How many to roll back.",
        "lock_wait": LOCK_WAIT,
        "lock_timeout": LOCK_TIMEOUT,
        "resume_from": RESUME,
    },
)
def rollback(
    env: "Environment | None" = None,
    *,
    yes: str = "",
    steps: int = 1,
    lock_wait: int = 60,
    lock_timeout: int = 5,
    resume_from: int = 0,
) -> None:
    """Roll back the newest migrations, and with them the data that they hold.

    Example: inv db.rollback --steps=1
    """
    from slipway.client import migrations as client_migrations
    from slipway.client.session import connected
    from slipway.environments import protection
    from slipway.migrations.options import MigrationOptions
    from slipway.show import confirm, progress, writer

    options = MigrationOptions(
        by=client_migrations.owner(),
        lock_wait=lock_wait,
        lock_timeout=lock_timeout,
        resume_from=resume_from,
    )
    run = client_migrations.MigrationRun(options)
    with progress.TerminalReporter() as reporter, connected(env) as session:
        if protection.asks(env, "rollback"):
            newest = client_migrations.newest(run.status(session, reporter), steps)
            run = run.expecting(tuple(row.version for row in newest))
            names = ", ".join(row.file for row in newest) or "no migration"
            names = "the rest of the half-done migration" if resume_from else names
            what = f"roll back {names} of {session.env.name}, with the data they hold"
            confirm.by_name(env, "rollback", what, yes)
        writer.say(run.roll_back(session, reporter, steps).summary)


@command(
    runbook="migrate",
    help={"env": ENV, "check": "Exit with 5 unless all is applied and unchanged.", "json": JSON},
)
def status(env: "Environment | None" = None, *, check: bool = False, json: bool = False) -> None:
    """Show which migrations are applied, pending, edited, missing or half done.

    Examples:
      inv db.status --env=prod
      inv db.status --env=prod --check
    """
    from slipway.agent.messages.migrations import MigrationStatusRequest
    from slipway.client import migrations as client_migrations
    from slipway.client.session import call_once
    from slipway.show import migrations, progress

    request = MigrationStatusRequest(client_migrations.texts())
    with progress.TerminalReporter() as reporter:
        reply = call_once(env, request, reporter)
    migrations.show_status(reply, as_json=json)
    if check:
        client_migrations.check(reply)


@command(runbook="migrate", help={"env": ENV, "to": "The last version to apply.", "json": JSON})
def plan(env: "Environment | None" = None, *, to: str = "", json: bool = False) -> None:
    """Show the SQL that db.migrate would run, with the locks it takes and the risk it is.

    Example: inv db.plan --env=prod
    """
    from slipway.agent.messages.migrations import MigrationPlanRequest
    from slipway.client import migrations as client_migrations
    from slipway.client.session import call_once
    from slipway.show import migrations, progress

    request = MigrationPlanRequest(to=to, migrations=client_migrations.texts())
    with progress.TerminalReporter() as reporter:
        reply = call_once(env, request, reporter)
    migrations.show_plan(reply, as_json=json)
    client_migrations.demand_runnable(reply)


@command(
    runbook="migrate",
    help={"since": "Review only what is newer than this version.", "json": JSON},
)
def lint(*, since: str = "", json: bool = False) -> None:
    """Review the migrations of this checkout without a database; exit code 5 where one is unsafe.

    Examples:
      inv db.lint
      inv db.lint --since=20260101120200
    """
    from slipway.releases import migrations as release_migrations
    from slipway.show import migrations, progress

    with progress.TerminalReporter() as reporter:
        findings = release_migrations.review_checkout(since, reporter)
    migrations.show_findings(findings, as_json=json)
    release_migrations.demand_safe(findings)


@command(
    runbook="migrate",
    help={"env": ENV, "version": "The newest version that the database has already."},
)
def baseline(env: "Environment | None" = None, *, version: str) -> None:
    """Record migrations as applied without running them, for a database that has their schema.

    Example: inv db.baseline --env=prod --version=20260101120000
    """
    from slipway.agent.messages.migrations import BaselineRequest
    from slipway.client import migrations as client_migrations
    from slipway.client.session import call_once
    from slipway.show import progress, writer

    request = BaselineRequest(
        by=client_migrations.owner(), version=version, migrations=client_migrations.texts()
    )
    with progress.TerminalReporter() as reporter:
        writer.say(call_once(env, request, reporter).summary)


@command(runbook="migrate", help={"env": ENV})
def schema(env: "Environment | None" = None) -> None:
    """Write the schema as it is now to compose/schema.sql, to be read and compared in reviews.

    Example: inv db.schema
    """
    from slipway.agent.messages.migrations import SchemaRequest
    from slipway.client import migrations as client_migrations
    from slipway.client.session import call_once
    from slipway.show import progress, writer

    with progress.TerminalReporter() as reporter:
        reply = call_once(env, SchemaRequest(), reporter)
    verdict = "was written" if client_migrations.write(reply.schema) else "is the same"
    writer.say(f"compose/{client_migrations.WRITTEN.name} {verdict}")


@command(runbook="migrate", help={"env": ENV, "timeout": "Seconds to wait at most."})
def wait(env: "Environment | None" = None, *, timeout: int = 60) -> None:
    """Wait until the database answers; a wrong password or name ends it at once.

    Example: inv db.wait --timeout=60
    """
    from slipway.agent.messages.migrations import WaitRequest
    from slipway.client.session import call_once
    from slipway.show import progress, writer

    with progress.TerminalReporter() as reporter:
        writer.say(call_once(env, WaitRequest(timeout), reporter).summary)
