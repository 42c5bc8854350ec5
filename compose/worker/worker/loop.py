"""The loop: connect, do what is due, sleep until a notice or the next due time, survive outages."""

import logging
import selectors
import signal
import socket
import time
from types import FrameType
from typing import Any

from psycopg import Connection, OperationalError, connect
from psycopg.errors import UndefinedTable

from worker import queue
from worker.chores import CHORES
from worker.queue import Job
from worker.settings import Database
from worker.status import Status

LONGEST_SLEEP = 5.0
RECONNECT_PAUSES = (0.5, 1.0, 2.0, 3.0)
# A server that hangs or a network that swallows packets must not hold the worker for minutes.
LIMITS = "-c statement_timeout=30s -c lock_timeout=10s -c idle_in_transaction_session_timeout=60s"

log = logging.getLogger(__name__)


class Loop:
    """Runs until it is told to stop; the job in hand is finished first."""

    def __init__(self, database: Database, status: Status) -> None:
        self._database = database
        self._status = status
        self._kinds = list(CHORES)
        self._stopping = False
        # A signal writes one byte here, so a sleep ends at once.
        self._wake, self._waker = socket.socketpair()

    def stop_on_signals(self) -> None:
        """Stop after SIGTERM or SIGINT."""
        self._waker.setblocking(False)
        self._wake.setblocking(False)
        signal.set_wakeup_fd(self._waker.fileno())
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)

    def run(self) -> None:
        """Work until stopped; a lost database is asked again after a short pause."""
        failures = 0
        while not self._stopping:
            self._status.beat()
            try:
                with self._connect() as connection:
                    self._prepare(connection)
                    failures = 0
                    self._work(connection)
            except (OperationalError, UndefinedTable) as error:
                failures += 1
                reason = str(error).strip().partition("\n")[0]
                self._status.disconnected(reason)
                log.warning("database: %s", reason)
                self._sleep(RECONNECT_PAUSES[min(failures, len(RECONNECT_PAUSES)) - 1])

    def _connect(self) -> Connection[Any]:
        return connect(
            host=self._database.host,
            port=self._database.port,
            dbname=self._database.name,
            user=self._database.user,
            password=self._database.password,
            application_name="logbook-worker",
            connect_timeout=3,
            options=LIMITS,
            keepalives_idle=10,
            tcp_user_timeout=10_000,
            # A migration may change a column's type under a running release.
            prepare_threshold=None,
            autocommit=True,
        )

    def _prepare(self, connection: Connection[Any]) -> None:
        connection.execute("LISTEN jobs")
        queue.ensure_sweep(connection, days=0)

    def _work(self, connection: Connection[Any]) -> None:
        while not self._stopping:
            self._status.beat()
            self._status.connected(_migration_head(connection))
            job = queue.claim(connection, self._kinds)
            if job:
                _run(connection, job)
                if job.kind == "sweep":
                    queue.ensure_sweep(connection, days=1)
                continue
            self._sleep(queue.seconds_to_next(connection, self._kinds, LONGEST_SLEEP), connection)
            for _ in connection.notifies(timeout=0):  # what woke us is asked for above
                pass

    def _sleep(self, seconds: float, connection: Connection[Any] | None = None) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._wake, selectors.EVENT_READ)
            if connection is not None:
                selector.register(connection.fileno(), selectors.EVENT_READ)
            if not self._stopping:
                selector.select(seconds)

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self._stopping = True
        log.info("%s: finishing the job in hand", signal.Signals(number).name)


def _migration_head(connection: Connection[Any]) -> str:
    row = connection.execute("SELECT max(version) FROM schema_migrations").fetchone()
    return str(row[0] or "") if row else ""


def _run(connection: Connection[Any], job: Job) -> None:
    fields = {"job": job.id, "kind": job.kind, "attempt": job.attempts}
    started = time.monotonic()
    try:
        if job.attempts > queue.MOST_ATTEMPTS:
            raise RuntimeError("every worker that took this job died")
        with connection.transaction():
            CHORES[job.kind](connection, job.payload)
            if not queue.finish(connection, job):
                raise _LeaseLost
    except _LeaseLost:
        log.warning("another worker took the job over", extra={"fields": fields})
    except Exception as error:  # one bad job must not stop the others; its row says why
        if connection.closed:
            raise  # nothing of it was committed; it is free again when the lease is over
        log.exception("job failed", extra={"fields": fields})
        queue.postpone(connection, job, f"{type(error).__name__}: {error}")
    else:
        ms = round((time.monotonic() - started) * 1000, 1)
        log.info("job done", extra={"fields": {**fields, "ms": ms}})


class _LeaseLost(Exception):
    """Another worker holds the job; what this one did is rolled back."""
