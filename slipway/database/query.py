"""One question to a database, read-only by the server's own word; rows that JSON can hold."""

import contextlib
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, cast

from slipway.database.connection import Connection, Server
from slipway.errors import Refused, SlipwayError, UsageError

if TYPE_CHECKING:
    from psycopg import Column, Error

PATIENCE = 10.0
LIMIT = 1000
TIMEOUT = 30.0
LOCK_TIMEOUT = "5s"
# What may begin a question. The server would refuse to write anyway; this says it in plain words,
# and keeps out what it lets a superuser do in a read-only transaction: COPY … TO PROGRAM, DO.
READS = ("select", "with", "values", "table", "explain", "show")
LEAD = re.compile(r"(?:\s+|--[^\n]*(?:\n|$)|/\*.*?\*/|\()*(\w*)", re.DOTALL)
# Their text is what the server shows; Python has no infinity for a date, and no text for a range.
AS_TEXT = {"date", "time", "timetz", "timestamp", "timestamptz", "interval", "bytea", "uuid"}
AS_TEXT |= {"inet", "cidr", "daterange", "tsrange", "tstzrange", "int4range", "int8range"}
AS_TEXT |= {"numrange", "datemultirange", "tsmultirange", "tstzmultirange", "int4multirange"}
AS_TEXT |= {"int8multirange", "nummultirange"}


class QueryFailed(SlipwayError):
    """The server did not answer the question; the text holds its SQLSTATE and the place."""


@dataclass(frozen=True)
class QueryResult:
    """Rows under their columns; `more` when there were more than asked for."""

    columns: Sequence[str]
    rows: Sequence[Sequence[object]]
    more: bool


def ask(
    server: Server,
    sql: str,
    *,
    limit: int = LIMIT,
    timeout: float = TIMEOUT,
    patience: float = PATIENCE,
) -> QueryResult:
    """Ask one question. Raises Refused for what writes, QueryFailed for what the server says."""
    import psycopg

    check(sql, limit, timeout)
    with server.connect(patience=patience, application="slipway query") as connection:
        try:
            with _reading(connection, timeout):
                return _answer(connection, sql, limit)
        except psycopg.Error as error:
            raise _translated(error, sql, timeout) from None


def check(sql: str, limit: int, timeout: float) -> None:
    """Raise Refused for what does not begin like a question, UsageError for what is none."""
    lead = LEAD.match(sql)
    word = lead[1].lower() if lead else ""
    if not word:
        raise UsageError('there is no statement in it; try --sql="select now()"')
    if "\0" in sql:
        raise UsageError("SQL holds no NUL byte")
    if word not in READS:
        raise Refused(
            f"db.query only reads ({', '.join(READS)}), and this begins with {word[:20]!a}; "
            "nothing was changed; to write, use inv db.shell --write"
        )
    if limit < 1 or not 0 < timeout <= 86_400:
        raise UsageError("--limit is at least 1, and --timeout a number of seconds, a day at most")


@contextlib.contextmanager
def _reading(connection: Connection, timeout: float) -> Iterator[None]:
    """A transaction that the server itself keeps from writing; it is never committed."""
    connection.execute("BEGIN READ ONLY")
    try:
        # The snapshot that this takes is what makes the server refuse SET TRANSACTION READ WRITE.
        connection.execute(
            "SELECT set_config('statement_timeout', %s, true),"
            " set_config('lock_timeout', %s, true)",
            [f"{math.ceil(timeout * 1000)}ms", LOCK_TIMEOUT],
        )
        yield
    finally:
        if not connection.closed:
            connection.execute("ROLLBACK")


def _answer(connection: Connection, sql: str, limit: int) -> QueryResult:
    from psycopg.types.string import TextLoader

    cursor = connection.cursor()
    for name in AS_TEXT:
        if (type_info := cursor.adapters.types.get(name)) is not None:
            cursor.adapters.register_loader(type_info.oid, TextLoader)
    rows: list[list[object]] = []
    # A stream goes through the extended protocol, in which a second statement is an error; and it
    # leaves at the server what is beyond the limit.
    with contextlib.closing(cast(Any, cursor.stream(sql.encode()))) as stream:
        for row in stream:
            if len(rows) == limit:
                return QueryResult(_columns(cursor.description), rows, more=True)
            rows.append([plain(value) for value in row])
    return QueryResult(_columns(cursor.description), rows, more=False)


def _columns(description: "Sequence[Column] | None") -> list[str]:
    """Name the columns, each once, so that rows can be dictionaries."""
    names: list[str] = []
    for column in description or ():
        name, number = str(column.name), 1
        while name in names:
            number += 1
            name = f"{column.name}_{number}"
        names.append(name)
    return names


def plain(value: object) -> object:
    """Return a value as JSON can hold it; a number stays one as long as that loses nothing."""
    if isinstance(value, Decimal):
        if not value.is_finite():
            return str(value)
        if value == value.to_integral_value() and abs(value.adjusted()) < 300:
            return int(value)
        return float(value) if Decimal(repr(float(value))) == value else str(value)
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, bytes | memoryview):
        return "\\x" + bytes(value).hex()
    return str(value)


def _translated(error: "Error", sql: str, timeout: float) -> SlipwayError:
    state, diag = error.sqlstate or "", error.diag
    reason = diag.message_primary or str(error).strip().partition("\n")[0]
    if state == "25006":
        return Refused(f"db.query only reads: {reason}; nothing was changed (SQLSTATE {state})")
    if state == "57014":
        return QueryFailed(
            f"no answer within {timeout:g} s; allow it more with --timeout, in seconds"
        )
    if "multiple commands" in reason:
        return Refused("db.query takes one statement; nothing was changed")
    text = f"{reason} (SQLSTATE {state or 'unknown'}{_place(diag.statement_position, sql)})"
    return QueryFailed(f"{text}; {diag.message_hint}" if diag.message_hint else text)


def _place(position: str | None, sql: str) -> str:
    if not position or not position.isdigit():
        return ""
    before = sql[: int(position) - 1]
    near = sql[int(position) - 1 :].split(None, 1)[:1] or ["the end"]
    column = len(before) - before.rfind("\n")
    return f", line {before.count(chr(10)) + 1}, column {column}: {near[0][:40]}"
