"""Puts a database in the place of another: two renames in one transaction, under live connections.

A rename takes the lock that every new connection to the database waits for, so that nothing gets
in between; the sessions that were there are ended meanwhile. Until the commit nothing is changed
for good, and a process killed at any moment leaves either the old names or the new ones.
"""

import contextlib
import threading
import time
from collections.abc import Iterator, Sequence

from slipway.database import obstacles
from slipway.database.connection import MAINTENANCE, Connection, NoDatabase, Server
from slipway.database.siblings import BEFORE, MARK, UNDONE, is_there, name_of, old_databases
from slipway.errors import Busy, Refused, SlipwayError
from slipway.progress import Reporter

AGAIN = 0.02  # between two rounds of ending sessions
STUCK = "5s"  # the longest that new connections may have to wait for us
NAME = "slipway swap"
WORKING = ["slipway backup%", "slipway migrat%"]  # application_names; ending these would cost work


class SwapBlocked(SlipwayError):
    """Sessions of the live database did not end; nothing was changed."""


def swap(server: Server, new: str, moment: str, *, kind: str = BEFORE) -> tuple[str, float]:
    """Put `new` in the place of the database; return what the old is called now, and the seconds.

    Raises Refused or Busy when it cannot be done; then, and after any other failure, the old one
    has its name and serves.
    """
    live, replaced = server.database, name_of(server.database, kind, moment)
    maintenance = server.named(MAINTENANCE)
    with maintenance.connect(application=NAME) as session:
        check(session, live)
        _refuse(obstacles.prepared_transactions(session, new))
        begun = time.monotonic()
        try:
            with _ending_sessions(maintenance, live, new):
                _rename(session, live, new, replaced)
        except _connection_error() as error:
            # The line broke: perhaps before the commit was done, perhaps after it.
            with maintenance.connect() as other:
                if not is_there(other, replaced):
                    raise SlipwayError(
                        f"the swap was interrupted: {error}; the old one serves"
                    ) from None
    return replaced, time.monotonic() - begun


def undo(server: Server, moment: str, reporter: Reporter) -> tuple[str, str, float]:
    """Swap the newest replaced database back; return its name, the other's, and the seconds."""
    older = old_databases(server)
    if older and older[0].kind == UNDONE:
        raise Refused(
            f"the last restore of {server.database} is undone already; what it had restored is "
            f"kept as {older[0].name}; nothing was changed"
        )
    replaced = [sibling for sibling in older if sibling.kind == BEFORE]
    if not replaced:
        raise Refused(f"no restore of {server.database} has kept an older one; nothing to undo")
    reporter.note(f"going back to {replaced[0].name}")
    undone, seconds = swap(server, replaced[0].name, moment, kind=UNDONE)
    return replaced[0].name, undone, seconds


def check(session: Connection, live: str) -> None:
    """Refuse what would fail at the swap or after it: replication, others' sessions, own work."""
    _refuse(obstacles.to_replacing(session, live))
    working = session.execute(
        "select application_name from pg_stat_activity where datname = %s"
        " and application_name like any(%s)",
        (live, WORKING),
    ).fetchone()
    if working:
        raise Busy(
            f"a {working[0].removeprefix('slipway ')} is running in {live}; wait until it ends"
        )
    _check_rights(session, live)


def _refuse(reasons: Sequence[str]) -> None:
    if reasons:
        raise Refused(f"{'; '.join(reasons)}; nothing was changed")


def _check_rights(session: Connection, live: str) -> None:
    """A role that is no superuser may end sessions of its own roles, or with a role for it."""
    row = session.execute(
        "select rolsuper, pg_has_role(current_user, datdba, 'member'), rolcreatedb"
        " from pg_roles, pg_database where rolname = current_user and datname = %s",
        (live,),
    ).fetchone()
    if row is None:
        raise SlipwayError(f"there is no database {live} to replace")
    is_super, owns, may_create = row
    if is_super:
        return
    if not (owns and may_create):
        raise Refused(
            f"the role {session.info.user} may not rename {live}; it must own it and have the "
            "right createdb; nothing was changed"
        )
    other = session.execute(
        "select distinct s.usename from pg_stat_activity s join pg_roles r on r.oid = s.usesysid"
        " where s.datname = %s and not pg_has_role(current_user, r.oid, 'member')"
        " and (r.rolsuper or not pg_has_role(current_user, 'pg_signal_backend', 'member'))",
        (live,),
    ).fetchone()
    if other:
        raise Refused(
            f"{other[0]} is connected to {live}, and the role {session.info.user} may not end its "
            f"sessions; grant pg_signal_backend to {session.info.user}, or end them; "
            "nothing was changed"
        )


def _rename(session: Connection, live: str, new: str, replaced: str) -> None:
    import psycopg
    from psycopg import sql

    rename = sql.SQL("alter database {} rename to {}")
    names = {key: sql.Identifier(name) for key, name in (("l", live), ("n", new), ("k", replaced))}
    try:
        with session.transaction():
            session.execute(f"set local lock_timeout = '{STUCK}'".encode())
            session.execute(f"set local idle_in_transaction_session_timeout = '{STUCK}'".encode())
            old_comment, comment = (_comment(session, name) for name in (live, new))
            session.execute(rename.format(names["l"], names["k"]))
            session.execute(rename.format(names["n"], names["l"]))
            if comment == MARK:
                text = sql.SQL("comment on database {} is {}")
                session.execute(text.format(names["l"], sql.Literal(old_comment)))
    except (psycopg.errors.ObjectInUse, psycopg.errors.LockNotAvailable) as error:
        raise SwapBlocked(
            f"the sessions in {live} did not end within {STUCK} ({error.diag.message_detail}); "
            "nothing was changed and the old one serves; run this again"
        ) from None
    except psycopg.errors.InsufficientPrivilege as error:
        raise Refused(f"{error.diag.message_primary}; nothing was changed") from None


@contextlib.contextmanager
def _ending_sessions(maintenance: Server, *databases: str) -> Iterator[None]:
    """End every session in these databases, again and again, until the block is done."""
    with maintenance.connect(application=NAME) as session:
        rows = session.execute(
            "select oid from pg_database where datname = any(%s)", (list(databases),)
        ).fetchall()
        oids = [row[0] for row in rows]
        is_over = threading.Event()
        thread = threading.Thread(target=_end_sessions, args=(session, oids, is_over), daemon=True)
        thread.start()
        try:
            yield
        finally:
            is_over.set()
            thread.join()


def _end_sessions(session: Connection, oids: list[int], is_over: threading.Event) -> None:
    import psycopg

    # Names change meanwhile, numbers do not. One that may not be ended fails the rename.
    with contextlib.suppress(psycopg.Error):
        while not is_over.is_set():
            session.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity"
                " where datid = any(%s) and pid <> pg_backend_pid()"
                " and backend_type <> 'autovacuum worker'",
                (oids,),
            )
            is_over.wait(AGAIN)


def _comment(session: Connection, name: str) -> str | None:
    row = session.execute(
        "select shobj_description(oid, 'pg_database') from pg_database where datname = %s", (name,)
    ).fetchone()
    if row is None:
        raise NoDatabase(f"there is no database {name}; nothing was changed")
    return str(row[0]) if row[0] is not None else None


def _connection_error() -> type[Exception]:
    import psycopg

    return psycopg.OperationalError
