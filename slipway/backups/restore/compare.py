"""What was restored, held against what was backed up."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from slipway.backups.take import row_counts, snapshot
from slipway.backups.take.snapshot import Snapshot
from slipway.database.connection import Connection, Server
from slipway.errors import SlipwayError
from slipway.progress import Reporter

SHOWN = 5  # differences that one sentence names
INVALID = """
    select indexrelid::regclass::text from pg_catalog.pg_index where not indisvalid order by 1
"""
# A sequence and the column that it numbers.
OWNED = """
    select s.oid::regclass::text, t.oid::regclass::text, quote_ident(a.attname)
    from pg_catalog.pg_class s
    join pg_catalog.pg_depend d on d.classid = 'pg_catalog.pg_class'::regclass and d.objid = s.oid
      and d.refclassid = 'pg_catalog.pg_class'::regclass and d.deptype in ('a', 'i')
    join pg_catalog.pg_class t on t.oid = d.refobjid
    join pg_catalog.pg_attribute a on a.attrelid = t.oid and a.attnum = d.refobjsubid
    join pg_catalog.pg_index i on i.indrelid = t.oid and i.indkey[0] = a.attnum
    where s.relkind = 'S' and t.relkind in ('r', 'p')
      and a.atttypid in ('int2'::regtype, 'int4'::regtype, 'int8'::regtype)
    group by 1, 2, 3 order by 1
"""


class Expected(Protocol):
    """What a database should hold: as a manifest says, or as was counted in another one."""

    @property
    def tables(self) -> Mapping[str, int | None]: ...
    @property
    def migrations(self) -> tuple[str, ...]: ...
    @property
    def large_objects(self) -> int: ...
    @property
    def sequences(self) -> int: ...
    @property
    def extensions(self) -> Mapping[str, str]: ...


@dataclass(frozen=True)
class DatabaseState:
    """What is in a database now, which another one may be expected to hold."""

    facts: Snapshot
    counts: Mapping[str, int]
    invalid_indexes: tuple[str, ...]
    behind: tuple[str, ...]  # sequences that would give a number which is taken

    @property
    def rows(self) -> int:
        """All rows of all tables."""
        return sum(self.counts.values())

    @property
    def head(self) -> str:
        """The newest migration, or nothing."""
        return _head(self.migrations)

    @property
    def tables(self) -> Mapping[str, int | None]:
        return self.counts

    @property
    def migrations(self) -> tuple[str, ...]:
        return self.facts.migrations

    @property
    def large_objects(self) -> int:
        return self.facts.large_objects

    @property
    def sequences(self) -> int:
        return self.facts.sequences

    @property
    def extensions(self) -> Mapping[str, str]:
        return self.facts.extensions


def look(server: Server, reporter: Reporter) -> DatabaseState:
    """Read and count everything in a database that nobody else uses."""
    with server.connect(application="slipway restore") as session:
        session.execute("select pg_catalog.set_config('search_path', '', false)")
        session.execute("set row_security = off")
        facts = snapshot.read(session)
        counts: dict[str, int] = {}
        for tables in row_counts.batches(facts.tables):
            counts |= _count(session, tables)
            reporter.progress("counting tables", len(counts), len(facts.tables))
        invalid = tuple(str(row[0]) for row in session.execute(INVALID).fetchall())
        behind = tuple(_behind(session))
    return DatabaseState(facts, counts, invalid, behind)


def differences_of_tables(
    expected: Expected, state: DatabaseState, empty: Collection[str]
) -> list[str]:
    """Say which of the tables that are there have other rows than were backed up.

    Those that are `empty` on purpose are named as the dump does, `schema name`.
    """
    names = (name for name in state.counts if _unquoted(name) not in empty)
    rows = {name: expected.tables.get(name) for name in names}
    return [
        f"{name} has {state.counts[name]} rows instead of {count}"
        for name, count in rows.items()
        if count is not None and state.counts[name] != count
    ]


def differences(expected: Expected, state: DatabaseState, *, left_out: bool = False) -> list[str]:
    """Say in what the restored database differs from the backup.

    `left_out` is for a role that may not restore everything.
    """
    problems = []
    for table, rows in expected.tables.items():
        if table not in state.counts:
            problems.append(f"the table {table} is missing")
        elif rows is not None and state.counts[table] != rows:
            problems.append(f"{table} has {state.counts[table]} rows instead of {rows}")
    extra = state.counts.keys() - expected.tables
    problems += [f"the table {table} is not in the backup" for table in extra]
    if state.migrations != expected.migrations:
        head, other = state.head or "none", _head(expected.migrations) or "none"
        problems.append(f"its newest migration is {head} instead of {other}")
    pairs = [
        ("large objects", state.large_objects, expected.large_objects),
        ("sequences", state.sequences, expected.sequences),
    ]
    problems += [f"{now} {what} instead of {then}" for what, now, then in pairs if now != then]
    missing = sorted(expected.extensions.keys() - state.extensions.keys())
    if missing and not left_out:
        problems.append(f"the extension {', '.join(missing)} is missing")
    return [*problems, *(f"the index {name} is not valid" for name in state.invalid_indexes)]


def _head(migrations: Sequence[str]) -> str:
    return migrations[-1] if migrations else ""


def _unquoted(table: str) -> str:
    """Write `public."Order"` as `public Order`."""
    schema, name = re.findall(r'"(?:[^"]|"")*"|[^".]+', table)
    return " ".join(
        each[1:-1].replace('""', '"') if each[0] == '"' else each for each in (schema, name)
    )


def shrunk(before: Mapping[str, int], now: Mapping[str, int], percent: int) -> str:
    """Say when so much is gone since an earlier backup that somebody should look; else nothing."""
    lost = [name for name, rows in before.items() if rows >= 1000 and not now.get(name)]
    if lost:
        return f"{lost[0]} had {before[lost[0]]} rows in the backup before, and has none"
    then, left = sum(before.values()), sum(now.values())
    if left < then * (100 - percent) / 100:
        return f"all tables have {left} rows, more than {percent} % fewer than the {then} before"
    return ""


def demand(problems: list[str]) -> None:
    """Raise where a restored database is not what it should be."""
    if problems:
        raise SlipwayError(
            f"what was restored differs from the backup: {summarize(problems)}; "
            "nothing was swapped and the old one serves"
        )


def summarize(problems: list[str]) -> str:
    """Put differences into one sentence."""
    more = f" and {len(problems) - SHOWN} more" if len(problems) > SHOWN else ""
    return "; ".join(problems[:SHOWN]) + more


def _count(session: Connection, tables: list[str]) -> dict[str, int]:
    counts = (
        f"select {number}, count(*) from only {table}"  # noqa: S608 - quoted by the server
        for number, table in enumerate(tables)
    )
    rows = session.execute(" union all ".join(counts).encode()).fetchall()
    return {tables[number]: int(count) for number, count in rows}


def _behind(session: Connection) -> list[str]:
    """Where the number is the first column of an index the largest is found at once."""
    sequences = []
    for sequence, table, column in session.execute(OWNED).fetchall():
        text = f"select max({column}), (select last_value from {sequence}) from {table}"  # noqa: S608  quoted by the server
        row = session.execute(text.encode()).fetchone()
        if row and row[0] is not None and row[0] > row[1]:
            sequences.append(re.sub(r"^public\.", "", sequence))
    return sequences
