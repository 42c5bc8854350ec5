"""One backup of a database at a time, whoever asks from wherever: a lock in the database itself."""

import contextlib
from collections.abc import Iterator

from slipway.database.connection import PATIENCE, Connection, Server
from slipway.database.pooler import refuse_shared_connection
from slipway.errors import Busy

LOCK = (0x51_1D_3A_18, 1)  # any numbers, the same for every backup
APPLICATION = "slipway backup"
LONGEST_NAME = 63  # bytes that PostgreSQL keeps of a session's name
# A session that waits for a long dump must not be ended for being idle.
ENDLESS = """
    select pg_catalog.set_config(name, '0', false) from pg_catalog.pg_settings
    where name in ('statement_timeout', 'lock_timeout', 'idle_session_timeout',
                   'idle_in_transaction_session_timeout', 'transaction_timeout')
"""
HOLDER = """
    select a.application_name, coalesce(host(a.client_addr), 'the same machine'),
           to_char(a.backend_start at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS "UTC"')
    from pg_catalog.pg_locks l join pg_catalog.pg_stat_activity a using (pid)
    where l.locktype = 'advisory' and l.granted and l.objsubid = 2
      and (l.classid, l.objid) = (%s, %s)
      and l.database = (select oid from pg_catalog.pg_database where datname = current_database())
"""


@contextlib.contextmanager
def held(server: Server, by: str = "", patience: float = PATIENCE) -> Iterator[Connection]:
    """Hold the right to back up for a block; yield the session that holds it.

    The right ends with the session, also after a kill. Raises Busy, saying who holds it.
    """
    name = f"{APPLICATION} {by}".strip().encode()[:LONGEST_NAME].decode(errors="ignore")
    session = server.connect(patience=patience, application=name)
    with contextlib.closing(session) as connection:
        refuse_shared_connection(server, connection)  # the lock would outlive us in the pooler
        connection.execute("select pg_catalog.set_config('search_path', '', false)")
        connection.execute(ENDLESS)
        row = connection.execute("select pg_try_advisory_lock(%s, %s)", LOCK).fetchone()
        if row is None or not row[0]:
            raise Busy(_holder(connection))
        yield connection


def _holder(connection: Connection) -> str:
    """Say who backs up; they may have ended a moment ago."""
    row = connection.execute(HOLDER, LOCK).fetchone()
    if row is None:
        return "another backup has just ended; run this again"
    by = str(row[0]).removeprefix(APPLICATION).strip()
    whose = f"by {by} " if by else ""
    return f"a backup is already running, {whose}from {row[1]} since {row[2]}; wait until it ends"
