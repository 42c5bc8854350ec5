"""What a database remembers of its migrations: dbmate's table, and what Slipway knows beside it.

`public.schema_migrations` says what is applied; dbmate reads and writes it too, so it is right
where the two differ. Of another tool's table of that name nothing is read. `slipway.migrations`
has the sums, who applied what and when, and how far a file got that runs without a transaction.
"""

import datetime
import functools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from slipway.database.connection import Connection
from slipway.migrations import other_tools
from slipway.migrations.files import Migration, Script
from slipway.migrations.splitter import split
from slipway.migrations.statement import Statement

if TYPE_CHECKING:
    from psycopg.sql import Composed


Direction = Literal["up", "down"]

THERE = "SELECT to_regclass('public.schema_migrations'), to_regclass('slipway.migrations')"
MAKE = """
CREATE TABLE IF NOT EXISTS public.schema_migrations (version varchar PRIMARY KEY);
CREATE TABLE IF NOT EXISTS slipway.migrations (
    version text PRIMARY KEY,
    name text NOT NULL,
    sha256 text NOT NULL,       -- of the way up; empty where nobody has seen the file
    state text NOT NULL DEFAULT 'done' CHECK (state IN ('started', 'done')),
    direction text NOT NULL DEFAULT 'up' CHECK (direction IN ('up', 'down')),
    begun integer NOT NULL DEFAULT 0,  -- the last statement that was sent, without a transaction
    ended integer NOT NULL DEFAULT 0,  -- the last statement that is known to be done
    statements integer NOT NULL DEFAULT 0,
    applied_at timestamptz DEFAULT now(),  -- nothing where nobody of ours saw it
    seconds double precision,
    applied_by text NOT NULL DEFAULT '',
    out_of_order boolean NOT NULL DEFAULT false,
    gone boolean NOT NULL DEFAULT false  -- its file was deleted, and somebody said so
);
"""
HAS_SCHEMA = "SELECT FROM pg_namespace WHERE nspname = %s"
READ = """
SELECT coalesce(k.version, m.version), k.version IS NOT NULL, m.version IS NOT NULL,
    m.name, m.sha256, m.state, m.direction, m.begun, m.ended, m.statements,
    m.applied_at, m.seconds, m.applied_by, m.out_of_order, m.gone
FROM public.schema_migrations k FULL JOIN slipway.migrations m ON m.version = k.version
"""
READ_KEPT = "SELECT version FROM public.schema_migrations"
ADOPT = """
INSERT INTO slipway.migrations (version, name, sha256, applied_by, applied_at)
SELECT *, NULL FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[])
ON CONFLICT (version) DO UPDATE
SET name = excluded.name, sha256 = excluded.sha256, gone = false
"""


@dataclass(frozen=True)
class JournalEntry:
    """One version a database knows. Without a `sha256`, nobody of ours has seen its file."""

    version: str
    name: str = ""
    sha256: str = ""
    state: Literal["started", "done"] = "done"
    direction: Direction = "up"
    begun: int = 0
    ended: int = 0
    statements: int = 0
    applied_at: datetime.datetime | None = None
    seconds: float | None = None
    applied_by: str = ""
    out_of_order: bool = False
    gone: bool = False


@dataclass(frozen=True)
class Journal:
    """All that a database remembers; `stale` was rolled back by somebody else, dbmate perhaps."""

    entries: Mapping[str, JournalEntry]
    stale: frozenset[str] = frozenset()


def read(connection: Connection) -> Journal:
    """Read what is applied; changes nothing, also where there is no table yet."""
    schema_migrations, ours = connection.execute(THERE).fetchone() or (None, None)
    if schema_migrations is None or other_tools.owner(connection):
        return Journal({})
    if ours is None:
        rows = connection.execute(READ_KEPT).fetchall()
        return Journal({version: JournalEntry(version) for (version,) in rows})
    entries, stale = {}, set()
    for version, is_kept, is_ours, *rest in connection.execute(READ).fetchall():
        entry = JournalEntry(version, *rest) if is_ours else JournalEntry(version)
        if is_kept or entry.state == "started":
            entries[version] = entry
        else:
            stale.add(version)
    return Journal(entries, frozenset(stale))


def make(connection: Connection) -> None:
    """Make the tables where they are missing; call it with the lock held."""
    if None in (connection.execute(THERE).fetchone() or (None,)):
        with connection.transaction():
            connection.execute("SET LOCAL client_min_messages = warning")
            for name in ("public", "slipway"):
                # IF NOT EXISTS asks for a right that is not needed where it exists.
                if not connection.execute(HAS_SCHEMA, [name]).fetchall():
                    connection.execute(f"CREATE SCHEMA {name}".encode())
            connection.execute(MAKE)


def adopt(connection: Connection, migrations: Iterable[Migration], by: str) -> None:
    """Record the sums of files whose versions are applied; those recorded before are replaced."""
    files = list(migrations)
    columns = (
        [each.version for each in files],
        [each.name for each in files],
        [each.sha256 for each in files],
        [by for _ in files],
    )
    connection.execute(ADOPT, columns)


def forget_files(connection: Connection, versions: Iterable[str], by: str) -> None:
    """Record that the files of these applied versions were deleted on purpose."""
    connection.execute(
        "INSERT INTO slipway.migrations (version, name, sha256, applied_by, gone)"
        " SELECT unnest(%s::text[]), '', '', %s, true"
        " ON CONFLICT (version) DO UPDATE SET gone = true",
        [list(versions), by],
    )


def drop(connection: Connection, versions: Iterable[str]) -> None:
    """Forget what we know of versions; dbmate's table stays as it is."""
    connection.execute("DELETE FROM slipway.migrations WHERE version = ANY(%s)", [list(versions)])


def mark(connection: Connection, migration: Migration | JournalEntry, applied: bool) -> None:
    """Take a person's word for a version: it is applied whole, or not at all."""
    with connection.transaction():
        connection.execute(
            "DELETE FROM public.schema_migrations WHERE version = %s", [migration.version]
        )
        if applied:
            connection.execute(
                "INSERT INTO public.schema_migrations (version) VALUES (%s)", [migration.version]
            )
            connection.execute(
                "UPDATE slipway.migrations SET state = 'done', direction = 'up', sha256 = %s"
                " WHERE version = %s",
                [migration.sha256, migration.version],
            )
        else:
            drop(connection, [migration.version])


def marked(journal: Journal, migration: Migration | JournalEntry, applied: bool) -> Journal:
    """Return what a journal says once a half-done version is marked so."""
    entries = dict(journal.entries)
    entry = entries.pop(migration.version)
    if applied:
        entries[migration.version] = replace(
            entry, state="done", direction="up", sha256=migration.sha256
        )
    return Journal(entries, journal.stale)


def enter(migration: Migration) -> "Composed":
    """Write the SQL that records a file as applied; it begins the file's own transaction."""
    from psycopg import sql

    text = "INSERT INTO public.schema_migrations (version) VALUES ({})"
    return sql.SQL(text).format(migration.version)


def describe(migration: Migration, by: str, out_of_order: bool) -> "Composed":
    """Write the SQL that records what we know of a file; it ends the file's own transaction."""
    from psycopg import sql

    return sql.SQL(
        "INSERT INTO slipway.migrations"
        " (version, name, sha256, applied_by, out_of_order, seconds) VALUES"
        " ({}, {}, {}, {}, {}, extract(epoch FROM clock_timestamp() - transaction_timestamp()))"
    ).format(migration.version, migration.name, migration.sha256, by, out_of_order)


def settle(connection: Connection, version: str) -> None:
    """Wait until everything that was committed before is on disk: one commit waits for all."""
    connection.execute("UPDATE slipway.migrations SET name = name WHERE version = %s", [version])


def leave(migration: Migration) -> "Composed":
    """Write the SQL that records a file as rolled back; it runs in the file's own transaction."""
    from psycopg import sql

    return sql.SQL(
        "DELETE FROM public.schema_migrations WHERE version = {version};"
        " DELETE FROM slipway.migrations WHERE version = {version}"
    ).format(version=migration.version)


def start(
    connection: Connection,
    migration: Migration,
    direction: Direction,
    count: int,
    by: str,
    late: bool,
) -> None:
    """Record that a file without a transaction begins; where it stays, the file is half done."""
    connection.execute(
        "INSERT INTO slipway.migrations (version, name, sha256, state, direction, statements,"
        " applied_by, out_of_order) VALUES (%s, %s, %s, 'started', %s, %s, %s, %s)"
        " ON CONFLICT (version) DO UPDATE SET state = 'started', direction = excluded.direction,"
        " begun = 0, ended = 0, statements = excluded.statements",
        [migration.version, migration.name, migration.sha256, direction, count, by, late],
    )


def begin(connection: Connection, migration: Migration, number: int) -> None:
    """Record that a statement is about to be sent, and that those before it are done."""
    connection.execute(
        "UPDATE slipway.migrations SET begun = %s, ended = %s WHERE version = %s",
        [number, number - 1, migration.version],
    )


def withdraw(connection: Connection, migration: Migration, number: int) -> None:
    """Record that a statement failed and did nothing."""
    connection.execute(
        "UPDATE slipway.migrations SET begun = %s, ended = %s WHERE version = %s",
        [number - 1, number - 1, migration.version],
    )


def undo_start(connection: Connection, migration: Migration, direction: Direction) -> None:
    """Record that a file without a transaction did nothing: its first statement failed."""
    if direction == "up":
        drop(connection, [migration.version])
    else:
        connection.execute(
            "UPDATE slipway.migrations SET state = 'done', direction = 'up' WHERE version = %s",
            [migration.version],
        )


def finish(
    connection: Connection, migration: Migration, direction: Direction, seconds: float
) -> None:
    """Record that a file without a transaction is done."""
    if direction == "down":
        with connection.transaction():
            connection.execute(leave(migration))
        return
    with connection.transaction():
        connection.execute(
            "INSERT INTO public.schema_migrations (version) VALUES (%s) ON CONFLICT DO NOTHING",
            [migration.version],
        )
        connection.execute(
            "UPDATE slipway.migrations SET state = 'done', ended = statements, begun = statements,"
            " sha256 = %s, seconds = %s, applied_at = now() WHERE version = %s",
            [migration.sha256, seconds, migration.version],
        )


@functools.lru_cache(maxsize=2048)
def statements(text: Script) -> Sequence[Statement]:
    """Split a script; who has looked for what cannot run and runs it then asks twice."""
    return split(text.text)


def script(migration: Migration, direction: Direction) -> Script:
    """Return the text of one direction; a file without a way down has an empty one."""
    return migration.up if direction == "up" else migration.down or Script("")
