"""The two tables that hold the record of migrations, before and after a file: none may change them.

Within a file's transaction the server's own counters tell whether rows changed, at little cost; a
server that counts nothing (track_counts = off) tells only whether the tables are the same. A file
without a transaction is compared row by row, and what it did to the record is undone.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from slipway.database.connection import Connection
from slipway.errors import first_line
from slipway.migrations import journal
from slipway.migrations.statement import Statement

if TYPE_CHECKING:
    import psycopg

TABLES = ("public.schema_migrations", "slipway.migrations")

# What a table is, without reading it: where it is gone, everything is empty.
_IDENTITY = "format('%s|%s', to_regclass('{0}')::oid, pg_relation_filenode(to_regclass('{0}')))"
_COLUMNS = """(SELECT string_agg(attname, ',' ORDER BY attnum) FROM pg_catalog.pg_attribute
    WHERE attrelid = to_regclass('{0}') AND attnum > 0 AND NOT attisdropped)"""
# Rows inserted, updated and deleted here since the server summed them up, between transactions.
_COUNTERS = """format('%s %s %s', pg_stat_get_xact_tuples_inserted(to_regclass('{0}')),
    pg_stat_get_xact_tuples_updated(to_regclass('{0}')),
    pg_stat_get_xact_tuples_deleted(to_regclass('{0}')))"""
_COUNTED = " || '/' || ".join(_COUNTERS.format(each) for each in TABLES)
# Remembered until the transaction ends; after a RESET ALL in the file only identities are compared.
REMEMBER = f"SELECT set_config('slipway.rows', {_COUNTED}, true)"
# Compared in the message that commits; the error says what was met instead. To look at all columns
# would cost as much as all else together: those that matter are named here and in the record.
_DEMAND = """SELECT CASE WHEN identity = {expected} AND counted = before THEN 0
    ELSE ('record:' || identity || '/' || (counted = before))::integer END,
    has_column_privilege(to_regclass('public.schema_migrations'), 'version', 'SELECT')
FROM (SELECT {identity}, {counted}, coalesce(nullif(current_setting('slipway.rows', true), ''),
    {counted})) AS s(identity, counted, before)"""
_ERROR = re.compile(r'"record:([^"]*)/(true|false)"')
_ONLY_NEW = {"CREATE TABLE", "CREATE TYPE", "CREATE SCHEMA", "COMMENT"}
_ROWS = "SELECT coalesce(jsonb_agg(t ORDER BY version), '[]')::text FROM {} t"
_EMPTY = "DELETE FROM {}"
_REFILL = "INSERT INTO {0} SELECT * FROM jsonb_populate_recordset(NULL::{0}, %s::jsonb)"


@dataclass(frozen=True)
class TableState:
    """One of the tables at one moment; a table that was truncated has another file."""

    oid: str
    file: str
    columns: str = ""
    rows: str = ""


Bookkeeping = tuple[TableState, ...]


def may_change(statements: Sequence[Statement]) -> bool:
    """Whether a file does anything but make new things, so that it has to be watched."""
    return not all(each.kind in _ONLY_NEW and "AS" not in each.words for each in statements)


def identify(connection: Connection) -> Bookkeeping:
    """Read what both tables are, without what is in them."""
    query = f"SELECT {', '.join(_IDENTITY.format(each) for each in TABLES)}"
    row = connection.execute(query.encode()).fetchone() or ()
    return tuple(_state(each) for each in row)


def read(connection: Connection) -> Bookkeeping:
    """Read both tables with all their rows, from a connection that runs no file."""
    query = f"SELECT {', '.join(_COLUMNS.format(each) for each in TABLES)}"
    columns = connection.execute(query.encode()).fetchone() or ()
    states = []
    for name, state, names in zip(TABLES, identify(connection), columns, strict=True):
        rows = None
        if "version" in (names or "").split(","):
            rows = connection.execute(_ROWS.format(name).encode()).fetchone()
        states.append(replace(state, columns=names or "", rows=rows[0] if rows else ""))
    return tuple(states)


def demand(expected: Bookkeeping) -> str:
    """Write the SQL that fails where a transaction changed the tables since REMEMBER."""
    from psycopg import sql

    text = "/".join(f"{each.oid}|{each.file}" for each in expected)
    return _DEMAND.format(
        expected=sql.Literal(text).as_string(),
        identity=" || '/' || ".join(_IDENTITY.format(each) for each in TABLES),
        counted=_COUNTED,
    )


def read_error(error: "psycopg.Error", expected: Bookkeeping) -> str:
    """Say what the SQL of `demand` met; nothing for another error."""
    met = _ERROR.search(error.diag.message_primary or "")
    if met is None:
        return ""
    after = tuple(_state(each) for each in met[1].split("/"))
    return describe_change(expected, after) or "the record of migrations has other rows than before"


def describe_change(before: Bookkeeping, after: Bookkeeping) -> str:
    """Say what became of the tables; nothing where they are as before."""
    changes = " and ".join(_changes(before, after))
    return f"{changes}, and with it the record of migrations" if changes else ""


def restore_if_changed(connection: Connection, before: Bookkeeping) -> str:
    """Make both tables what `read` saw before; say what had become of them."""
    import psycopg

    after = read(connection)
    change = describe_change(before, after)
    if not change:
        return ""
    try:
        _restore(connection, before, after)
    except psycopg.Error as error:
        return f"{change}, which could not be restored ({first_line(error)})"
    return f"{change}, which was restored"


def _restore(connection: Connection, before: Bookkeeping, after: Bookkeeping) -> None:
    with connection.transaction():
        connection.execute("SET LOCAL client_min_messages = warning")
        for name, old, new in zip(TABLES, before, after, strict=True):
            if new.oid and new.columns != old.columns:
                connection.execute(f"DROP TABLE {name}".encode())
        journal.make(connection)
        for name, old in zip(TABLES, before, strict=True):
            connection.execute(_EMPTY.format(name).encode())
            connection.execute(_REFILL.format(name).encode(), [old.rows])


def _state(text: str) -> TableState:
    return TableState(*text.split("|"))


def _changes(before: Bookkeeping, after: Bookkeeping) -> Iterator[str]:
    for name, old, new in zip(TABLES, before, after, strict=True):
        if not new.oid:
            yield f"{name} is gone"
        elif new.columns != old.columns:
            yield f"{name} has other columns than before"
        elif new.oid != old.oid:
            yield f"{name} is another table than before"
        elif new != old:
            yield f"{name} has other rows than before"
