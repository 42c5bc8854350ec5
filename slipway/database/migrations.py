"""Migrations: SQL files in dbmate's format, applied in order, each in a transaction of its own."""

import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from slipway.errors import Busy, ConfigError, SlipwayError

if TYPE_CHECKING:
    from psycopg import Connection

NAME = re.compile(r"(?P<version>\d{14})_(?P<name>[a-z0-9_]+)\.sql")
MARK = re.compile(r"^--\s*migrate:(up|down)\b(.*)$", re.MULTILINE)
LOCK = 0x51_1D_3A_17  # any number, the same for every run
LOCK_TIMEOUT = 60.0
TABLE = "create table if not exists schema_migrations (version varchar primary key)"


@dataclass(frozen=True)
class Migration:
    """One file: what brings the schema forward, and what takes that back."""

    version: str
    name: str
    up: str
    down: str
    up_in_transaction: bool = True
    down_in_transaction: bool = True


def read(folder: Path) -> list[Migration]:
    """Read all files, oldest first. Raises ConfigError with the file that is wrong."""
    found: dict[str, Migration] = {}
    for path in sorted(folder.glob("*.sql")):
        migration = parse(path.name, path.read_text(encoding="utf-8"))
        if migration.version in found:
            raise ConfigError(f"migrations/{path.name}: version {migration.version} is there twice")
        found[migration.version] = migration
    return list(found.values())


def head(folder: Path) -> str:
    """Return the version of the newest file, or nothing where there is none."""
    return max((path.name[:14] for path in folder.glob("*.sql")), default="")


def parse(filename: str, text: str) -> Migration:
    """Split one file at its marks."""
    match = NAME.fullmatch(filename)
    if match is None:
        raise ConfigError(f"migrations/{filename}: expected a name like 20260131120000_words.sql")
    marks = list(MARK.finditer(text))
    if [mark[1] for mark in marks] not in (["up"], ["up", "down"]):
        raise ConfigError(f"migrations/{filename}: expected -- migrate:up, then -- migrate:down")
    up, down = marks[0], marks[1] if len(marks) == 2 else None
    return Migration(
        version=match["version"],
        name=match["name"],
        up=text[up.end() : down.start() if down else None].strip(),
        down=text[down.end() :].strip() if down else "",
        up_in_transaction="transaction:false" not in up[2],
        down_in_transaction=down is None or "transaction:false" not in down[2],
    )


def apply(
    connection: "Connection[tuple[str, ...]]",
    migrations: Sequence[Migration],
    note: Callable[[str], None],
) -> int:
    """Apply what is pending; return how many. The connection must be in autocommit mode."""
    with _locked(connection):
        done = set(applied(connection))
        pending = [migration for migration in migrations if migration.version not in done]
        for migration in pending:
            began = time.monotonic()
            record = "insert into schema_migrations (version) values (%s)"
            _run(connection, migration, migration.up, migration.up_in_transaction, record)
            note(f"applied {migration.version}_{migration.name} in {_seconds(began)}")
        return len(pending)


def revert(
    connection: "Connection[tuple[str, ...]]",
    migrations: Sequence[Migration],
    steps: int,
    note: Callable[[str], None],
) -> int:
    """Take back the newest `steps` migrations; return how many."""
    known = {migration.version: migration for migration in migrations}
    with _locked(connection):
        newest = applied(connection)[::-1][:steps]
        for version in newest:
            migration = known.get(version)
            if migration is None or not migration.down:
                raise SlipwayError(
                    f"migration {version} has no way down; nothing more is taken back"
                )
            record = "delete from schema_migrations where version = %s"
            _run(connection, migration, migration.down, migration.down_in_transaction, record)
            note(f"took back {version}_{migration.name}")
        return len(newest)


def applied(connection: "Connection[tuple[str, ...]]") -> list[str]:
    """List the versions the database has, oldest first."""
    connection.execute(TABLE)
    rows = connection.execute("select version from schema_migrations order by version")
    return [version for (version,) in rows]


def _run(
    connection: "Connection[tuple[str, ...]]",
    migration: Migration,
    sql: str,
    in_transaction: bool,
    record: str,
) -> None:
    import psycopg

    try:
        if in_transaction:
            # The record first: a dump empties the search path, and then its table is not found.
            with connection.transaction():
                connection.execute(record.encode(), [migration.version])
                connection.execute(sql.encode())
        else:
            connection.execute(sql.encode())
            connection.execute("reset all")
            connection.execute(record.encode(), [migration.version])
    except psycopg.Error as error:
        where = f"{migration.version}_{migration.name}"
        kept = (
            "it was taken back" if in_transaction else "it had no transaction: look at the schema"
        )
        raise SlipwayError(
            f"migration {where} failed, {kept}: {error.diag.message_primary or error}"
        ) from None
    finally:
        if not connection.closed:
            # What one file sets must not reach the next.
            connection.execute("reset all")


@contextmanager
def _locked(connection: "Connection[tuple[str, ...]]") -> Iterator[None]:
    """Keep other runs out; polling, for a waiting lock would block CREATE INDEX CONCURRENTLY."""
    deadline = time.monotonic() + LOCK_TIMEOUT
    while True:
        row = connection.execute("select pg_try_advisory_lock(%s)", [LOCK]).fetchone()
        if row and row[0]:
            break
        if time.monotonic() > deadline:
            raise Busy("another migration has been running for a minute; nothing was applied")
        time.sleep(0.5)
    try:
        yield
    finally:
        if not connection.closed:
            connection.execute("select pg_advisory_unlock(%s)", [LOCK])


def _seconds(began: float) -> str:
    return f"{time.monotonic() - began:.2f} s"
