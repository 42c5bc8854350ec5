"""Which environment a database is: one row in it says so, and what destroys asks it first."""

import contextlib

from slipway.database.connection import Connection
from slipway.environments import protection
from slipway.environments.protection import Deed, Here
from slipway.errors import Refused

LOCK = 0x51_1D_3A_18  # any number; keeps two first writers apart
MAKE = """
CREATE SCHEMA IF NOT EXISTS slipway;
CREATE TABLE IF NOT EXISTS slipway.identity (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    environment text NOT NULL,
    created timestamptz NOT NULL DEFAULT now()
);
"""
EXISTS = "SELECT to_regclass('slipway.identity') IS NOT NULL"
WRITE = (
    "INSERT INTO slipway.identity (environment) VALUES (%s)"
    " ON CONFLICT (one) DO UPDATE SET environment = excluded.environment, created = now()"
    " WHERE slipway.identity.environment <> excluded.environment"
)


def read(connection: Connection) -> str | None:
    """Return the environment that the database says it is; None where nobody wrote it yet."""
    row = connection.execute(EXISTS).fetchone()
    if not row or not row[0]:
        return None
    row = connection.execute("SELECT environment FROM slipway.identity").fetchone()
    return str(row[0]) if row else None


def write(connection: Connection, environment: str) -> None:
    """Say which environment the database is from now on."""
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
        connection.execute(MAKE)
        connection.execute(WRITE, [environment])


def ensure(connection: Connection, environment: str) -> str:
    """Say it where nobody did yet and where we may; return what the database says."""
    import psycopg

    recorded = read(connection)
    if recorded is None:
        # A replica cannot be marked, and need not be: its primary is, or will be.
        with contextlib.suppress(
            psycopg.errors.ReadOnlySqlTransaction, psycopg.errors.InsufficientPrivilege
        ):
            write(connection, environment)
    return recorded or environment


def refuse_another(connection: Connection, environment: str) -> None:
    """Raise Refused where the database says that it is another environment's."""
    _refuse_row(read(connection), environment)


def refuse_unless(environment: str, setting: str, row: str | None, deed: Deed) -> None:
    """Raise Refused unless the person, the container's setting and the row name one environment.

    And unless the table allows the deed for each of the three.
    """
    witnesses = {"its own row says": row, "you asked for": environment, "its settings say": setting}
    for witness, name in witnesses.items():
        if name is not None and protection.refuses(Here(name), deed):
            raise Refused(f"{witness} {name}; Slipway does not {deed} that; nothing was changed")
    if environment != setting:
        raise Refused(
            f"you asked for {environment!a}, and its settings say {setting!a}; nothing was changed"
        )
    _refuse_row(row, setting)


def _refuse_row(row: str | None, setting: str) -> None:
    if row is not None and row != setting:
        raise Refused(
            f"this database says that it is {row!a}, and its settings say {setting!a}: is "
            "DATABASE_HOST or DATABASE_NAME that of another environment? Nothing was changed; if "
            "it is a copy, empty the table slipway.identity in it"
        )
