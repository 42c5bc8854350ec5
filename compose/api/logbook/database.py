"""The door to PostgreSQL: a pool that opens when it can, and one transaction per piece of work."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any, Self

from psycopg import AsyncConnection, Error, OperationalError
from psycopg.errors import ReadOnlySqlTransaction, UndefinedTable
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from logbook.problems import Problem
from logbook.settings import Database as Address

Connection = AsyncConnection[DictRow]

PATIENCE_SECONDS = 10.0  # by then a database is back that starts again, as a deploy has it do
CONNECT_SECONDS = 3
ASK_AGAIN = 0.2
AWAY = "The database does not answer just now; try again in a moment."
LATER = {"Retry-After": "2"}
# A server that hangs or a network that swallows packets must not hold a request for minutes.
LIMITS = "-c statement_timeout=10s -c lock_timeout=5s -c idle_in_transaction_session_timeout=30s"

log = logging.getLogger(__name__)


class Unmade(Problem):
    """The database is there, and its tables are not: it is being made."""


class Patient(AsyncConnection[DictRow]):
    """Asks again and again, for a while, before a database counts as away.

    One that is swapped for another is back after a moment; the pool's own pauses begin at a second.
    """

    @classmethod
    async def connect(cls, *given: Any, **options: Any) -> Self:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                return await super().connect(*given, **options)
            except OperationalError:
                if time.monotonic() > deadline:
                    raise
                await asyncio.sleep(ASK_AGAIN)


class Database:
    """A pool of connections to one database; constructing and opening it needs no server."""

    def __init__(self, address: Address) -> None:
        self._pool = AsyncConnectionPool[Connection](
            connection_class=Patient,
            kwargs={
                "host": address.host,
                "port": address.port,
                "dbname": address.name,
                "user": address.user,
                "password": address.password,
                "connect_timeout": CONNECT_SECONDS,
                "application_name": "logbook-api",
                "options": LIMITS,
                "keepalives_idle": 10,
                "tcp_user_timeout": 10_000,
                "row_factory": dict_row,
                # A migration may change a column's type under a running release, and the plan of
                # a prepared statement would then fail.
                "prepare_threshold": None,
            },
            min_size=1,
            max_size=address.pool_size,
            timeout=PATIENCE_SECONDS,
            # Give an attempt up with the request that waits for it: the next one starts a fresh
            # attempt, so a database that comes back is used at once instead of after the pool's
            # growing pauses.
            reconnect_timeout=PATIENCE_SECONDS,
            open=False,
        )

    async def open(self) -> None:
        """Start connecting in the background."""
        await self._pool.open(wait=False)

    async def close(self) -> None:
        await self._pool.close()

    async def transaction[T](self, work: Callable[[Connection], Awaitable[T]]) -> T:
        """Run `work` in a transaction and commit it.

        A connection that dies while working has committed nothing, so the work is repeated once
        on another one; a failure of the commit itself is never repeated.
        """
        try:
            try:
                return await self._once(work)
            except _DeadConnection:
                # Checking each connection before its use would cost every request a round trip, and
                # one that finds a dead one a second's pause; so all are checked now, and only now.
                log.warning("a pooled connection was dead; asking again on another one")
                await self._pool.check()
                return await self._once(work)
        except (PoolTimeout, OperationalError, ReadOnlySqlTransaction, _DeadConnection) as error:
            log.error("database: %s", error)
            raise Problem(503, AWAY, headers=LATER) from error
        except UndefinedTable as error:
            log.error("database: %s", error)
            raise Unmade(503, AWAY, headers=LATER) from error

    async def _once[T](self, work: Callable[[Connection], Awaitable[T]]) -> T:
        async with self._pool.connection() as connection:
            try:
                return await work(connection)
            except Error as error:
                if connection.closed:
                    raise _DeadConnection(str(error)) from error
                if isinstance(error, ReadOnlySqlTransaction):
                    # A session keeps what was its default when it began; a new one asks anew.
                    await connection.close()
                raise


class _DeadConnection(Exception):
    """The connection broke before anything was committed."""
