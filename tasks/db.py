"""The schema of the database: migrations written, judged, applied and taken back."""

from typing import TYPE_CHECKING

from tasks.command import command

if TYPE_CHECKING:
    from slipway.environments.environment import Environment

ENV = "Environment to act on; without it, the hacking loop."
YES = "The environment's name, where nobody can be asked."
JSON = "Print it as JSON."
LOCK_WAIT = "Seconds to wait for another run to end."
LOCK_TIMEOUT = "Seconds a statement waits for a lock before it gives way to others."
RESUME = "Statement of a half-done file to go on with."


@command(runbook="migrate", help={"name": "What it does, in a few words."})
def new(*, name: str) -> None:
    """Start a migration: an empty file with both marks, younger than all others.

    Example: inv db.new --name="add users"
    """
    import datetime

    from slipway.client import migrations as client_migrations
    from slipway.migrations import creation
    from slipway.project import ROOT
    from slipway.show import output

    path = creation.new(client_migrations.FOLDER, name, datetime.datetime.now(datetime.UTC))
    output.say(str(path.relative_to(ROOT)))


@command(
    runbook="migrate",
    help={
        "env": ENV,
        "yes": YES,
        "to": "Version to stop behind.",
        "dry_run": "Show the SQL that would run, and run nothing.",
        "lock_wait": LOCK_WAIT,
        "lock_timeout": LOCK_TIMEOUT,
        "allow_out_of_order": "Apply also what is older than the newest that is applied.",
        "accept": "Versions, with commas, whose edited or deleted files are meant so.",
        "resume_from": RESUME,
        "mark": "What a half-done file is to be taken for: applied or pending.",
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
    """Apply the checkout's pending migrations, each whole or not at all; a deploy does it itself.

    Examples:
      inv db.migrate
      inv db.migrate --env=staging --yes=staging
    """
    from slipway.client import migrations as client_migrations
    from slipway.client import session
    from slipway.environments import protection
    from slipway.show import confirm, migrations, output, progress

    wish = client_migrations.given(
        to=to,
        lock_wait=lock_wait,
        lock_timeout=lock_timeout,
        allow_out_of_order=allow_out_of_order,
        accept=accept,
        resume_from=resume_from,
        mark=mark,
    )
    with progress.TerminalReporter() as report, session.connected(env) as there:
        if dry_run or protection.asks(env, "migrate"):
            plan = there.do("plan", wish, report)
            migrations.show_plan(plan)
            client_migrations.demand_runnable(plan)
            if dry_run:
                return
            wish["expected"] = client_migrations.versions(plan)
            if plan["pending"] or mark or resume_from:
                confirm.destruction(env, "migrate", f"migrate {there.env.name}", yes)
        output.say(there.do("migrate", wish, report)["summary"])


@command(
    runbook="migrate",
    help={
        "env": ENV,
        "yes": YES,
        "steps": "How many to take back.",
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
    """Take back the newest migrations by their ways down, and with them the data that they hold.

    Example: inv db.rollback --steps=1
    """
    from slipway.client import migrations as client_migrations
    from slipway.client import session
    from slipway.environments import protection
    from slipway.show import confirm, output, progress

    wish = client_migrations.given(
        steps=steps, lock_wait=lock_wait, lock_timeout=lock_timeout, resume_from=resume_from
    )
    with progress.TerminalReporter() as report, session.connected(env) as there:
        if protection.asks(env, "rollback"):
            going = client_migrations.newest(there.do("status", wish, report), steps)
            wish["expected"] = [each["version"] for each in going]
            names = ", ".join(each["file"] for each in going) or "no migration"
            names = "the rest of the half-done migration" if resume_from else names
            what = f"take back {names} of {there.env.name}, with the data they hold"
            confirm.destruction(env, "rollback", what, yes)
        output.say(there.do("rollback", wish, report)["summary"])


@command(
    runbook="migrate",
    help={"env": ENV, "check": "End with 5 unless all is applied and as it was.", "json": JSON},
)
def status(env: "Environment | None" = None, *, check: bool = False, json: bool = False) -> None:
    """Show which migrations are applied, pending, edited, missing or half done.

    Examples:
      inv db.status --env=prod
      inv db.status --env=prod --check
    """
    from slipway.client import migrations as client_migrations
    from slipway.client import session
    from slipway.show import migrations, progress

    with progress.TerminalReporter() as report:
        found = session.do(env, "status", client_migrations.given(), report)
    migrations.show_status(found, as_json=json)
    if check:
        client_migrations.check(found)


@command(runbook="migrate", help={"env": ENV, "to": "Version to stop behind.", "json": JSON})
def plan(env: "Environment | None" = None, *, to: str = "", json: bool = False) -> None:
    """Show the SQL that db.migrate would run, with the locks it takes and the risk it is.

    Example: inv db.plan --env=prod
    """
    from slipway.client import migrations as client_migrations
    from slipway.client import session
    from slipway.show import migrations, progress

    with progress.TerminalReporter() as report:
        found = session.do(env, "plan", client_migrations.given(to=to), report)
    migrations.show_plan(found, as_json=json)
    client_migrations.demand_runnable(found)


@command(
    runbook="migrate",
    help={"since": "Judge only what is newer than this version.", "json": JSON},
)
def lint(*, since: str = "", json: bool = False) -> None:
    """Judge the migrations of this checkout without a database; ends with 5 where one is unsafe.

    Examples:
      inv db.lint
      inv db.lint --since=20260101120200
    """
    from slipway.releases import migrations as release_migrations
    from slipway.show import migrations, progress

    with progress.TerminalReporter() as report:
        findings = release_migrations.review_checkout(since, report)
    migrations.show_findings(findings, as_json=json)
    release_migrations.demand_safe(findings)


@command(runbook="migrate", help={"env": ENV, "version": "The newest version that is there."})
def baseline(env: "Environment | None" = None, *, version: str) -> None:
    """Record migrations as applied without running them, for a database that has their schema.

    Example: inv db.baseline --env=prod --version=20260101120000
    """
    from slipway.client import migrations as client_migrations
    from slipway.client import session
    from slipway.show import output, progress

    with progress.TerminalReporter() as report:
        done = session.do(env, "baseline", client_migrations.given(version=version), report)
    output.say(done["summary"])


@command(runbook="migrate", help={"env": ENV})
def schema(env: "Environment | None" = None) -> None:
    """Write the schema as it is now to compose/schema.sql, to be read and compared in reviews.

    Example: inv db.schema
    """
    from slipway.client import migrations as schemas
    from slipway.client import session
    from slipway.show import output, progress

    with progress.TerminalReporter() as report:
        done = session.do(env, "schema", {}, report)
    changed = schemas.write(done["schema"])
    output.say(f"compose/{schemas.WRITTEN.name} " + ("was written" if changed else "is the same"))


@command(runbook="migrate", help={"env": ENV, "timeout": "Seconds to wait at most."})
def wait(env: "Environment | None" = None, *, timeout: int = 60) -> None:
    """Wait until the database answers; a wrong password or name ends it at once.

    Example: inv db.wait --timeout=60
    """
    from slipway.client import session
    from slipway.show import output, progress

    with progress.TerminalReporter() as report:
        output.say(session.do(env, "wait", {"timeout": timeout}, report)["summary"])
