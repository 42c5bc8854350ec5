"""One run at a time: a lock in the database, which ends with the connection that holds it.

It is polled. A session that waits inside the server for a lock holds a snapshot there, and CREATE
INDEX CONCURRENTLY of the run that has the lock would wait for that snapshot: a deadlock.
"""

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass

from slipway.database.connection import Connection
from slipway.errors import Busy
from slipway.progress import Reporter

KEY = 0x51_1D_3A_17  # the same in every release, so that an older one keeps out too
POLL = 0.25
WORKING = "slipway migration"  # what the connection that runs the files is called

TRY = "SELECT pg_try_advisory_lock(%s)"
GIVE_BACK = "SELECT pg_advisory_unlock(%s)"
HOLDER = """
SELECT a.pid, a.application_name, coalesce(host(a.client_addr), 'a local socket'), a.backend_start
FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
WHERE l.locktype = 'advisory' AND l.granted AND l.classid = 0 AND l.objid = %s AND l.objsubid = 1
  AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""
STILL_WORKING = """
SELECT pid FROM pg_stat_activity
WHERE datname = current_database() AND application_name = %s AND state <> 'idle'
"""


@dataclass(frozen=True)
class LockHolder:
    """Who has the lock."""

    pid: int
    application: str
    host: str
    since: str

    def __str__(self) -> str:
        return f"{self.application} (pid {self.pid}, from {self.host}, since {self.since})"


@contextlib.contextmanager
def held(connection: Connection, wait: float, report: Reporter) -> Iterator[None]:
    """Hold the lock of the connection's database for a block; the connection is in autocommit.

    Raises Busy, naming who has it, when it is not free in time.
    """
    deadline = time.monotonic() + wait
    _take(connection, deadline, wait, report)
    try:
        _wait_for_killed_run(connection, deadline, report)
        yield
    finally:
        # With a broken connection the lock is gone already.
        with contextlib.suppress(Exception):
            connection.execute(GIVE_BACK, [KEY])


def _take(connection: Connection, deadline: float, wait: float, report: Reporter) -> None:
    reported: LockHolder | None = None
    while not (connection.execute(TRY, [KEY]).fetchone() or (False,))[0]:
        holder = _holder(connection)
        if holder is not None and holder != reported:
            reported = holder
            report.note(f"waiting for {holder}")
        if time.monotonic() > deadline:
            who = reported or "another run"
            end = f" (or end it: SELECT pg_terminate_backend({reported.pid}))" if reported else ""
            raise Busy(
                f"{who} is still migrating this database after {wait:.0f} s; nothing was changed; "
                f"try again later{end}"
            )
        time.sleep(POLL)


def _wait_for_killed_run(connection: Connection, deadline: float, report: Reporter) -> None:
    """Wait for the server to notice that a run was killed while a statement was running."""
    reported = False
    while row := connection.execute(STILL_WORKING, [WORKING]).fetchone():
        if not reported:
            reported = True
            report.note(
                f"a run that was killed is still active in the server (pid {row[0]}); waiting"
            )
        if time.monotonic() > deadline:
            raise Busy(
                f"a statement of a run that was killed still runs in the server (pid {row[0]}); "
                "nothing was changed; try again when it has ended, or end it: SELECT "
                f"pg_terminate_backend({row[0]})"
            )
        time.sleep(POLL)


def _holder(connection: Connection) -> LockHolder | None:
    row = connection.execute(HOLDER, [KEY]).fetchone()
    if row is None:
        return None
    pid, application, host, since = row
    return LockHolder(pid, application or "a program without a name", host, f"{since:%H:%M:%S %Z}")
