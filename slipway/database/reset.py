"""Begins a database anew: an empty one is filled beside it, takes its place, and the old one goes.

The old database serves until the new one is whole, so a reset that fails or is killed changed
nothing, or everything; what it left beside is dropped by the next one.
"""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from slipway.database import identity, properties, siblings
from slipway.database import swap as swapping
from slipway.database.connection import Connection, Server
from slipway.errors import Refused, SlipwayError
from slipway.progress import Reporter

PATTERN = "template1"  # how a database that is missing altogether is to write and sort


@dataclass(frozen=True)
class ResetOptions:
    """What is asked for, and what is done at which moment; each gets the way to the database."""

    asked: str  # the environment that the person named
    setting: str  # the one that the container's settings name
    before: Callable[[Server], None]  # while nothing is changed yet: keep a dump
    fill: Callable[[Server], None]  # the empty one: migrations, sample rows


@dataclass(frozen=True)
class ResetResult:
    """A reset that is over; `seconds` is how long new connections had to wait."""

    ended: int  # sessions
    seconds: float


def reset(server: Server, wish: ResetOptions, report: Reporter) -> ResetResult:
    """Replace the database by a new one. Raises Refused or Busy before anything is changed."""
    import psycopg

    try:
        with siblings.alone(server, "reset") as session:
            return _replace(session, server, wish, report)
    except psycopg.OperationalError as error:
        raise SlipwayError(
            f"the connection to {server.host}:{server.port} broke off ({_first_line(error)}); "
            "the old database serves, or the new one if it was swapped in; run this again"
        ) from None


def _replace(
    session: Connection, server: Server, wish: ResetOptions, report: Reporter
) -> ResetResult:
    is_there = siblings.is_there(session, server.database)
    _check_rights(session, server.database, is_there=is_there)
    row = _row(server) if is_there else None
    identity.refuse_unless(wish.asked, wish.setting, row, "reset")
    if is_there:
        swapping.check(session, server.database)
        wish.before(server)
    else:
        report.note(f"there is no database {server.database}; it is made anew")
    siblings.drop_stale(session, server.database, report)
    now = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    new = siblings.name_of(server.database, siblings.RESTORE, f"{now}-0001")
    writing = siblings.writing(session, server.database if is_there else PATTERN)
    siblings.create(session, new, writing)
    _fill(session, server, new, wish, report)
    if not is_there:
        _name(session, new, server.database)
        return ResetResult(0, 0.0)
    properties.copy(session, server.database, new, report)
    ended = _tell_sessions(session, server.database, report)
    # Named as something left over, so that the next run drops it when this one is killed here.
    kept, seconds = swapping.swap(server, new, f"{now}-0000", kind=siblings.RESTORE)
    siblings.drop(session, kept)
    return ResetResult(ended, seconds)


def _fill(
    session: Connection, server: Server, new: str, wish: ResetOptions, report: Reporter
) -> None:
    """Fill the new database; one that cannot be filled is dropped again."""
    import psycopg

    try:
        wish.fill(server.named(new))
        with server.named(new).connect(application="slipway reset") as inside:
            identity.write(inside, wish.setting)
    except BaseException:
        with contextlib.suppress(psycopg.OperationalError):  # the next reset drops it
            siblings.drop(session, new)
        report.note(f"{server.database} is as it was")
        raise


def _row(server: Server) -> str | None:
    with server.connect(application="slipway reset") as connection:
        return identity.read(connection)


def _check_rights(session: Connection, database: str, *, is_there: bool) -> None:
    row = session.execute(
        "SELECT pg_is_in_recovery() OR current_setting('transaction_read_only')::bool,"
        " rolsuper OR rolcreatedb, coalesce((SELECT pg_has_role(datdba, 'MEMBER')"
        " FROM pg_database WHERE datname = %s), true) FROM pg_roles WHERE rolname = current_user",
        [database],
    ).fetchone()
    reads_only, may_create, owns = row or (False, False, False)
    user = session.info.user
    if reads_only:
        raise Refused(
            f"the server at {session.info.host} only reads (a replica?), so nothing can be reset "
            "there; nothing was changed"
        )
    if not may_create:
        raise Refused(
            f"the role {user} may not create databases; nothing was changed; as an administrator "
            f'of the server: alter role "{user}" createdb'
        )
    if is_there and not owns:
        raise Refused(f"{database} belongs to another role than {user}; nothing was changed")


def _tell_sessions(session: Connection, database: str, report: Reporter) -> int:
    """Say whose connections will end; return how many."""
    rows = session.execute(
        "SELECT coalesce(nullif(application_name, ''), 'without a name'), usename, count(*)"
        " FROM pg_stat_activity WHERE datname = %s AND backend_type = 'client backend'"
        " AND pid <> pg_backend_pid() GROUP BY 1, 2 ORDER BY 3 DESC, 1",
        [database],
    ).fetchall()
    if rows:
        told = ", ".join(f"{count} of {name} ({user})" for name, user, count in rows)
        report.note(f"ending connections: {told}")
    return sum(count for _, _, count in rows)


def _name(session: Connection, new: str, database: str) -> None:
    """Give a new database its name, where there is none to take the place of."""
    from psycopg import sql

    names = {"new": sql.Identifier(new), "live": sql.Identifier(database)}
    with session.transaction():
        for text in (
            "ALTER DATABASE {new} RENAME TO {live}",
            "GRANT CONNECT, TEMPORARY ON DATABASE {live} TO PUBLIC",
            "COMMENT ON DATABASE {live} IS NULL",
        ):
            session.execute(sql.SQL(text).format(**names))


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or ["no reason given"])[0]
