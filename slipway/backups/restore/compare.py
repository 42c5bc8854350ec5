"""What was restored, held against what was backed up."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from slipway.backups.format.manifest import Manifest
from slipway.backups.take import row_counts, snapshot
from slipway.backups.take.snapshot import Snapshot
from slipway.database.connection import Connection, Server
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


@dataclass(frozen=True)
class DatabaseState:
    """What is in a database now."""

    facts: Snapshot
    counts: Mapping[str, int]
    invalid_indexes: tuple[str, ...]
    behind: tuple[str, ...]  # sequences that would give a number which is taken


def look(server: Server, report: Reporter) -> DatabaseState:
    """Read and count everything in a database that nobody else uses."""
    with server.connect(application="slipway restore") as session:
        session.execute("select pg_catalog.set_config('search_path', '', false)")
        session.execute("set row_security = off")
        found = snapshot.read(session)
        counts: dict[str, int] = {}
        for tables in row_counts.batches(found.tables):
            counts |= _count(session, tables)
            report.progress("counting tables", len(counts), len(found.tables))
        invalid = tuple(str(row[0]) for row in session.execute(INVALID).fetchall())
        behind = tuple(_behind(session))
    return DatabaseState(found, counts, invalid, behind)


def differences_of_tables(wanted: Manifest, found: DatabaseState) -> list[str]:
    """Say which of the tables that are there have other rows than were backed up."""
    rows = {name: wanted.tables.get(name) for name in found.counts}
    return [
        f"{name} has {found.counts[name]} rows instead of {count}"
        for name, count in rows.items()
        if count is not None and found.counts[name] != count
    ]


def differences(wanted: Manifest, found: DatabaseState, *, left_out: bool = False) -> list[str]:
    """Say in what the restored is not what was backed up; nothing when it is.

    `left_out` is for a role that may not restore everything.
    """
    said = []
    for table, rows in wanted.tables.items():
        if table not in found.counts:
            said.append(f"the table {table} is missing")
        elif rows is not None and found.counts[table] != rows:
            said.append(f"{table} has {found.counts[table]} rows instead of {rows}")
    said += [f"the table {table} was not in it" for table in found.counts.keys() - wanted.tables]
    if found.facts.migrations != wanted.migrations:
        head = found.facts.migrations[-1] if found.facts.migrations else "none"
        said.append(f"its newest migration is {head} instead of {wanted.head or 'none'}")
    pairs = [
        ("large objects", found.facts.large_objects, wanted.large_objects),
        ("sequences", found.facts.sequences, wanted.sequences),
    ]
    said += [f"{now} {what} instead of {then}" for what, now, then in pairs if now != then]
    lost = sorted(wanted.extensions.keys() - found.facts.extensions.keys())
    if lost and not left_out:
        said.append(f"the extension {', '.join(lost)} is missing")
    return [*said, *(f"the index {name} is not valid" for name in found.invalid_indexes)]


def shrunk(before: Mapping[str, int], now: Mapping[str, int], percent: int) -> str:
    """Say when so much is gone since an earlier backup that somebody should look; else nothing."""
    lost = [name for name, rows in before.items() if rows >= 1000 and not now.get(name)]
    if lost:
        return f"{lost[0]} had {before[lost[0]]} rows in the backup before, and has none"
    then, left = sum(before.values()), sum(now.values())
    if left < then * (100 - percent) / 100:
        return f"all tables have {left} rows, more than {percent} % fewer than the {then} before"
    return ""


def told(problems: list[str]) -> str:
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
    found = []
    for sequence, table, column in session.execute(OWNED).fetchall():
        text = f"select max({column}), (select last_value from {sequence}) from {table}"  # noqa: S608
        row = session.execute(text.encode()).fetchone()
        if row and row[0] is not None and row[0] > row[1]:
            found.append(re.sub(r"^public\.", "", sequence))
    return found
