"""Where data may go: production's never arrives elsewhere unscrubbed, and nobody else's in it."""

import re
from collections.abc import Set as AbstractSet

from slipway.backups.format import toc
from slipway.backups.restore.local_dump import LocalDump
from slipway.database.connection import Server
from slipway.environments import protection
from slipway.environments.protection import Here
from slipway.errors import ConfigError, Refused
from slipway.migrations import splitter

FILE = "backups/scrub.sql"
IDENTITY = "slipway identity"  # the table in which a database says whose it is
# Its row, as pg_dump writes it for COPY, and with --inserts.
SAYS = re.compile(r"^(?:t\t|.*\(true, ')([^\t']+)[\t']", re.MULTILINE)


def is_due(origins: AbstractSet[str], environment: str) -> bool:
    """Whether data of these origins must be scrubbed before it serves in an environment."""
    from_production = any(protection.is_production(Here(origin)) for origin in origins)
    return from_production and protection.refuses(Here(environment), "unscrubbed")


def demand(origins: AbstractSet[str], environment: str, text: str) -> None:
    """Refuse what must not be: another's data in production, production's elsewhere as it is."""
    others = sorted(origins - {environment})
    if others and protection.refuses(Here(environment), "import"):
        raise Refused(
            f"this is a backup of {others[0]}, and {environment} takes only its own; nothing was "
            "changed; with --into=NAME it can be looked at in another environment"
        )
    if is_due(origins, environment) and not splitter.split(text):
        raise Refused(
            f"this holds the data of production's users; write SQL that scrubs it into {FILE} (or "
            f"scrub.{environment}.sql), SQL that runs before anybody sees it; "
            "nothing was changed"
        )


def origins_in(dump: LocalDump) -> frozenset[str]:
    """Read whose data it is that a dump holds; nothing where it does not say so."""
    contents = toc.parse(dump.entries, dump.needs)
    lines = [e.line for e in contents if (e.kind, e.name) == ("TABLE DATA", IDENTITY)]
    return origins_said(dump.sql(entries=lines)) if lines else frozenset()


def origins_said(sql: str) -> frozenset[str]:
    """Find in the SQL of that table which environment the database said it was."""
    return frozenset(SAYS.findall(sql))


def check(text: str) -> None:
    """Refuse a scrub file that could end its own transaction, or is for psql alone."""
    try:
        splitter.refuse(splitter.split(text), in_transaction=True)
    except ConfigError as error:
        raise ConfigError(f"{FILE}: {error}; nothing was changed") from None


def scrub(server: Server, text: str) -> int:
    """Run it in one transaction; return how many statements there were. Raises Refused."""
    import psycopg

    statements = splitter.split(text)
    with server.connect(application="slipway restore") as session:
        line = 0
        try:
            with session.transaction():
                for statement in statements:
                    line = statement.line
                    session.execute(statement.text.encode())
        except psycopg.Error as error:
            raise Refused(
                f"{FILE}: line {line}: {error.diag.message_primary or error}; "
                "nothing was swapped and the old one serves"
            ) from None
    return len(statements)
