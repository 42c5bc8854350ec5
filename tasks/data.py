"""What is in the database: reset, seeded, queried, opened with psql."""

import sys
from typing import TYPE_CHECKING

from invoke.exceptions import Exit

from .command import command

if TYPE_CHECKING:
    from slipway.environments.environment import Environment

YES = "The environment's name, where no prompt is possible."
ENV = "Environment to act on; without it, the hacking loop."


@command(
    runbook="reset-database",
    help={
        "env": ENV,
        "yes": YES,
        "no_seed": "Leave out the sample rows of compose/seed/.",
        "plan": "Check what it needs and show its steps; change nothing.",
    },
)
def reset(
    *, env: "Environment | None" = None, yes: str = "", no_seed: bool = False, plan: bool = False
) -> None:
    """Replace the database by a new one: back up, create, migrate, seed, swap; never production.

    Examples:
      inv db.reset --env=dev
      inv db.reset --env=staging --plan
      inv db.reset --env=staging --yes=staging
    """
    from slipway.client import reset as client_reset
    from slipway.client.session import connected
    from slipway.show import confirm, plans, progress

    where = env.name if env else "the hacking loop"
    if not plan:
        confirm.by_name(env, "reset", f"throw away all that is in the database of {where}", yes)
    with connected(env) as session, progress.TerminalReporter(lasting=True) as reporter:
        reply = client_reset.reset(session, reporter, with_seeds=not no_seed, plan=plan)
    plans.show_reset(reply)


@command(
    name="import",
    runbook="import-database",
    help={
        "env": ENV,
        "from_": "A dump (SQL, also in gzip, -Fc, -Ft, a folder), or postgres://USER@HOST/DATABASE.",
        "into": "Name of a new database to import into; the live one stays.",
        "plan": "Look at the server and show what would be done; change nothing.",
        "yes": YES,
        "json": "Print the result as JSON.",
    },
)
def take_over(
    *,
    from_: str,
    env: "Environment | None" = None,
    into: str = "",
    plan: bool = False,
    yes: str = "",
    json: bool = False,
) -> None:
    """Put somebody else's database in the place of the environment's; the one before is kept.

    It is read where it can do no harm, restored beside the live one, compared and swapped in.

    Examples:
      inv db.import --env=dev --from=old.sql
      inv db.import --env=staging --from=postgres://shop@db.example.com/shop --plan
    """
    from slipway.client import importing
    from slipway.client.session import connected
    from slipway.show import confirm, progress, restores, secret_prompt

    options = importing.ImportOptions(from_, into, plan)
    if env is not None and options.replaces:
        what = f"replace what the database of {env.name} holds"
        confirm.by_name(env, "restore", what, yes)
    with connected(env) as session, progress.TerminalReporter(lasting=True) as reporter:
        reply = importing.take_over(session, options, reporter, secret_prompt.ask)
    restores.show_imported(reply, env.name if env else "", as_json=json)


@command(runbook="reset-database", help={"env": ENV, "yes": YES})
def seed(*, env: "Environment | None" = None, yes: str = "") -> None:
    """Put the sample rows of compose/seed/ into the database that is there; never in prod.

    Example: inv db.seed --env=dev
    """
    from slipway.client import reset as client_reset
    from slipway.client.session import connected
    from slipway.show import confirm, progress, writer

    confirm.by_name(env, "seed", f"put sample rows into {env.name if env else 'it'}", yes)
    with connected(env) as session, progress.TerminalReporter() as reporter:
        writer.say(client_reset.seed(session, reporter).summary)


@command(
    runbook="reset-database",
    help={
        "env": ENV,
        "command": "SQL, or a command of psql's own, to run instead of a terminal.",
        "write": "Let it write in prod.",
    },
)
def shell(*, env: "Environment | None" = None, command: str = "", write: bool = False) -> None:
    """Open psql beside the database; in prod it only reads unless --write is given.

    Examples:
      inv db.shell --env=staging
      inv db.shell --env=prod --command="\\dt"
    """
    from slipway.client import psql
    from slipway.client.session import connected
    from slipway.show import writer

    with connected(env) as session:
        if command:
            raise Exit(code=psql.run(session.ops, command, writer.pass_on, write=write))
        tty = sys.stdin.isatty() and sys.stdout.isatty()
        raise Exit(code=psql.open_shell(session.ops, write=write, tty=tty))


@command(
    runbook="database-roles",
    help={
        "plan": "Show what would be done, and what stays with a superuser; change nothing.",
        "sql": "Print what the administrator of a database that is elsewhere has to run.",
    },
)
def roles(env: "Environment", *, plan: bool = False, sql: bool = False) -> None:
    """Give each part of the work on the database a role of its own; the application only gets rows.

    Examples:
      inv db.roles --env=staging --plan
      inv db.roles --env=staging
    """
    from slipway.bootstrap import prepare
    from slipway.releases.database_roles import RolesMove
    from slipway.show import plans, progress, writer

    reporter = progress.TerminalReporter()
    move = RolesMove(env, reporter)
    if sql:
        for text in move.sql():
            writer.say(text)
    elif plan:
        plans.preview(move.plan(), changes=move.notes())
    else:
        if env.is_local:
            prepare.prepare(reporter)
        writer.say(move.run())


@command(
    runbook="reset-database",
    help={
        "env": ENV,
        "sql": "The query, one statement that only reads.",
        "limit": "How many rows at most.",
        "timeout": "How many seconds it may take.",
        "json": "Print the rows as a JSON array; that there are more is said on stderr only.",
    },
)
def query(
    *,
    sql: str,
    env: "Environment | None" = None,
    limit: int = 1000,
    timeout: int = 30,
    json: bool = False,
) -> None:
    """Run one query that only reads; the server itself refuses to write.

    Example: inv db.query --env=prod --sql="select count(*) from entries" --json
    """
    from slipway.agent.messages.data import QueryRequest
    from slipway.client.session import call_once
    from slipway.show import progress, query_result

    with progress.TerminalReporter() as reporter:
        reply = call_once(env, QueryRequest(sql, limit, timeout), reporter)
    query_result.show(reply, limit=limit, as_json=json)
