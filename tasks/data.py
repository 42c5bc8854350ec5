"""What is in the database: begun anew, seeded, asked, looked at with psql."""

import sys
from typing import TYPE_CHECKING

from invoke.exceptions import Exit

from tasks.command import command

if TYPE_CHECKING:
    from slipway.environments.environment import Environment

YES = "The environment's name, where nobody can be asked."
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
    from slipway.client import session
    from slipway.show import confirm, plans, progress

    where = env.name if env else "the hacking loop"
    if not plan:
        confirm.destruction(env, "reset", f"throw away all that is in the database of {where}", yes)
    with session.connected(env) as there, progress.TerminalReporter(lasting=True) as report:
        plans.show_change(client_reset.reset(there, report, seed=not no_seed, plan=plan))


@command(runbook="reset-database", help={"env": ENV, "yes": YES})
def seed(*, env: "Environment | None" = None, yes: str = "") -> None:
    """Put the sample rows of compose/seed/ into the database that is there; never in prod.

    Example: inv db.seed --env=dev
    """
    from slipway.client import reset as client_reset
    from slipway.client import session
    from slipway.show import confirm, output, progress

    confirm.destruction(env, "seed", f"put sample rows into {env.name if env else 'it'}", yes)
    with session.connected(env) as there, progress.TerminalReporter() as report:
        output.say(client_reset.sow(there, report)["summary"])


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
    from slipway.client import psql, session
    from slipway.show import output

    with session.connected(env) as found:
        if command:
            raise Exit(code=psql.run(found.place, command, output.pass_on, write=write))
        tty = sys.stdin.isatty() and sys.stdout.isatty()
        raise Exit(code=psql.open_shell(found.place, write=write, tty=tty))


@command(
    runbook="reset-database",
    help={
        "env": ENV,
        "sql": "The question, one statement that only reads.",
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
    """Ask the database one question; the server itself keeps it from writing.

    Example: inv db.query --env=prod --sql="select count(*) from entries" --json
    """
    from slipway.client import session
    from slipway.show import progress, query_result

    given = {"sql": sql, "limit": limit, "timeout": timeout}
    with progress.TerminalReporter() as report:
        found = session.do(env, "query", given, report)
    query_result.show(found, limit=limit, as_json=json)
