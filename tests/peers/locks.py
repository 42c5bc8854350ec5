"""What operations of migrations lock, read and rewrite, measured on real servers.

`python -m tests.peers.locks DSN [DSN ...]`, one server of each major version, as a superuser:
writes `docs/locks.md`, with the review's word beside each. Every statement runs in a database of
its own. Without a server, only the review's words are written again.
"""

import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import psycopg

from tests import lock_table
from tests.lock_cases import BEFORE, CASES, ROWS, Case

Connection = psycopg.Connection[tuple[object, ...]]
BASE, TRIAL, SPACE = "slipway_locks_base", "slipway_locks_trial", "elsewhere"
STRENGTH = ("ShareUpdateExclusive", "Share", "ShareRowExclusive", "Exclusive", "AccessExclusive")
NAMES = dict(
    zip(
        STRENGTH,
        ("SHARE UPDATE EXCLUSIVE", "SHARE", "SHARE ROW EXCLUSIVE", "EXCLUSIVE", "ACCESS EXCLUSIVE"),
        strict=True,
    )
)
LOCKS = """SELECT relation, mode FROM pg_locks
WHERE pid = %s AND locktype = 'relation' AND relation >= 16384"""
TABLES = """SELECT c.oid, c.relname, pg_relation_filenode(c.oid),
    coalesce((SELECT array_agg(pg_relation_filenode(indexrelid)) FROM pg_index
        WHERE indrelid = c.oid), '{}'),
    coalesce((SELECT indrelid FROM pg_index WHERE indexrelid = c.oid), 0)
FROM pg_class c WHERE c.relkind IN ('r', 'p', 'm', 'v', 'S', 'f', 'i', 'I')
    AND c.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = 'public')"""
READ = "SELECT relid, seq_tup_read, n_tup_upd + n_tup_del FROM pg_stat_user_tables"
# What runs outside a transaction is kept long enough to be seen.
SLOW = "SET vacuum_cost_delay = 20; SET vacuum_cost_limit = 1"
ELSEWHERE = "SET TimeZone = 'Europe/Berlin'"  # in UTC a timestamp becomes a timestamptz for nothing
HOLD = (
    "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1 FROM users LIMIT 1; SELECT 1 FROM part LIMIT 1"
)


@dataclass
class Table:
    """One table or index before a statement, or after it."""

    name: str
    file: int | None
    indexes: frozenset[int]
    of_table: int  # where it is an index


@dataclass
class Measured:
    """What a statement did: the strongest lock on each table, and what it read or rewrote."""

    locks: dict[str, str] = field(default_factory=dict)
    rewritten: list[str] = field(default_factory=list)
    read: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    indexed: list[str] = field(default_factory=list)
    refused: str = ""

    def __str__(self) -> str:
        if self.refused:
            return self.refused
        by_lock: dict[str, list[str]] = {}
        for table, mode in sorted(self.locks.items()):
            by_lock.setdefault(mode, []).append(table)
        parts = [
            f"{NAMES[mode]} on {', '.join(by_lock[mode])}"
            for mode in reversed(STRENGTH)
            if mode in by_lock
        ]
        parts += [f"rewrites {each}" for each in self.rewritten]
        parts += [f"changes all rows of {each}" for each in self.changed]
        parts += [f"reads all of {each}" for each in self.read if each not in self.rewritten]
        parts += [f"builds an index on {each}" for each in self.indexed]
        return "; ".join(parts) or "no lock that others wait for"


def measure(dsn: str, case: Case) -> Measured:
    """Run one statement in a new database, and look at what it did."""
    with psycopg.connect(dsn, autocommit=True) as maintenance:
        maintenance.execute(f"DROP DATABASE IF EXISTS {TRIAL} WITH (FORCE)".encode())
        maintenance.execute(f"CREATE DATABASE {TRIAL} TEMPLATE {BASE}".encode())
    try:
        with _connect(dsn) as session:
            _prepare(dsn, session, case)
        before = _tables(dsn)
        activity = _activity(dsn)
        modes = _alone(dsn, case) if case.stands_alone else _inside(dsn, case)
    except psycopg.errors.SyntaxError:
        return Measured(refused="not in this version")
    except psycopg.Error as error:
        return Measured(refused=f"fails: {error.diag.message_primary}")
    measured = _compare(before, _tables(dsn), modes)
    for oid, (read, changed) in sorted(_activity(dsn).items()):
        read_before, changed_before = activity.get(oid, (0, 0))
        if oid in before and read - read_before >= ROWS:
            measured.read.append(before[oid].name)
        if oid in before and changed - changed_before >= ROWS:
            measured.changed.append(before[oid].name)
    return measured


def prepare(dsn: str) -> int:
    """Make the database that all are copied from; return the server's major version."""
    with psycopg.connect(dsn, autocommit=True) as maintenance:
        for name in (TRIAL, BASE):
            maintenance.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)".encode())
        maintenance.execute(f"CREATE DATABASE {BASE}".encode())
        maintenance.execute(f"DROP TABLESPACE IF EXISTS {SPACE}".encode())
        maintenance.execute("SET allow_in_place_tablespaces = on")
        maintenance.execute(f"CREATE TABLESPACE {SPACE} LOCATION ''".encode())
    with _connect(dsn, BASE) as session:
        session.execute(BEFORE.encode())
        session.execute("VACUUM ANALYZE")
        return session.info.server_version // 10000


def clean_up(dsn: str) -> None:
    """Drop what `prepare` and `measure` made."""
    with psycopg.connect(dsn, autocommit=True) as maintenance:
        for name in (TRIAL, BASE):
            maintenance.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)".encode())
        maintenance.execute(f"DROP TABLESPACE IF EXISTS {SPACE}".encode())


def _connect(dsn: str, database: str = TRIAL) -> Connection:
    return psycopg.connect(dsn, dbname=database, autocommit=True)


def _prepare(dsn: str, session: Connection, case: Case) -> None:
    if "concurrently" not in case.before:
        session.execute(case.before.encode() or b"SELECT 1")
        return
    with _held(dsn):  # given up halfway, it has to be finished
        session.execute("SET lock_timeout = '1s'")
        with suppress(psycopg.errors.LockNotAvailable):
            session.execute(case.before.encode())


def _inside(dsn: str, case: Case) -> dict[int, set[str]]:
    modes: dict[int, set[str]] = {}
    with _connect(dsn) as session:
        session.execute(ELSEWHERE)
        session.execute("BEGIN")
        session.execute(case.sql.encode())
        _note(modes, session.execute(LOCKS, [session.info.backend_pid]).fetchall())
        session.execute("COMMIT")
    return modes


def _alone(dsn: str, case: Case) -> dict[int, set[str]]:
    """Run what commits on its way, next to a session that holds it up for a moment."""
    modes: dict[int, set[str]] = {}
    with _connect(dsn) as session, _connect(dsn) as watcher:
        session.execute(SLOW)
        thread = threading.Thread(target=session.execute, args=[case.sql.encode()])
        with _held(dsn):
            thread.start()
            for _ in range(40):
                rows = watcher.execute(LOCKS, [session.info.backend_pid]).fetchall()
                _note(modes, rows)
                time.sleep(0.01)
        thread.join(60)
    return modes


@contextmanager
def _held(dsn: str) -> Iterator[None]:
    with _connect(dsn) as holder:
        holder.execute(HOLD)
        yield
        holder.execute("COMMIT")


def _note(modes: dict[int, set[str]], rows: Sequence[tuple[object, ...]]) -> None:
    for relation, mode in rows:
        modes.setdefault(int(str(relation)), set()).add(str(mode).removesuffix("Lock"))


def _tables(dsn: str) -> dict[int, Table]:
    with _connect(dsn) as session:
        rows = session.execute(TABLES).fetchall()
        return {
            int(str(oid)): Table(str(name), _int(file), frozenset(_ints(indexes)), _int(of) or 0)
            for oid, name, file, indexes, of in rows
        }


def _int(value: object) -> int | None:
    return int(str(value)) if value else None


def _ints(values: object) -> list[int]:
    return [int(str(each)) for each in values if each] if isinstance(values, list) else []


def _activity(dsn: str) -> dict[int, tuple[int, int]]:
    """Read how many rows of each table were read and changed; sessions report it as they end."""
    time.sleep(0.05)
    with _connect(dsn) as session:
        rows = session.execute(READ).fetchall()
        return {int(str(oid)): (_int(read) or 0, _int(changed) or 0) for oid, read, changed in rows}


def _compare(
    before: dict[int, Table], after: dict[int, Table], modes: dict[int, set[str]]
) -> Measured:
    measured = Measured()
    strongest = {oid: _strongest(held) for oid, held in modes.items()}
    for oid, old in before.items():
        held, of_table = strongest.get(oid, -1), strongest.get(old.of_table, -1)
        if held > of_table:  # a lock on the table says it for its indexes
            measured.locks[old.name] = STRENGTH[held]
        new = after.get(oid)
        if new is None or old.of_table:
            continue
        if new.file != old.file:
            measured.rewritten.append(old.name)
        elif new.indexes - old.indexes:
            measured.indexed.append(old.name)
    return measured


def _strongest(modes: set[str]) -> int:
    return max((STRENGTH.index(mode) for mode in modes if mode in STRENGTH), default=-1)


def main(servers: Sequence[str]) -> int:
    """Measure everything on all servers, and write the table."""
    if not servers:
        lock_table.rewrite_words()
        return 0
    results: dict[str, dict[int, str]] = {}
    versions = []
    for dsn in servers:
        major = prepare(dsn)
        with psycopg.connect(dsn) as session:
            version = session.info.parameter_status("server_version") or str(major)
            versions.append(version.partition(" ")[0])
        for cases in CASES.values():
            for case in cases:
                results.setdefault(lock_table.label(case), {})[major] = str(measure(dsn, case))
        clean_up(dsn)
    lock_table.write(results, versions)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
