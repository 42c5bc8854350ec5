"""The door to PostgreSQL: a pool that opens when it can, and one transaction per piece of work."""

import logging
from collections.abc import Awaitable, Callable

from psycopg import AsyncConnection, DatabaseError, OperationalError
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from logbook.problems import Problem
from logbook.settings import Database as Address

Connection = AsyncConnection[DictRow]

CHECKOUT_SECONDS = 5.0
CONNECT_SECONDS = 3
# A server that hangs or a network that swallows packets must not hold a request for minutes.
LIMITS = "-c statement_timeout=10s -c lock_timeout=5s -c idle_in_transaction_session_timeout=30s"

log = logging.getLogger(__name__)


class Database:
    """A pool of connections to one database; constructing and opening it needs no server."""

    def __init__(self, address: Address) -> None:
        self._pool = AsyncConnectionPool[Connection](
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
            timeout=CHECKOUT_SECONDS,
            # Give an attempt up early: the next request starts a fresh one, so a database that
            # comes back is used at once instead of after the pool's growing pauses.
            reconnect_timeout=CONNECT_SECONDS,
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
        except (PoolTimeout, OperationalError, _DeadConnection) as error:
            log.error("database: %s", error)
            raise Problem(
                503,
                "The database does not answer just now; try again in a moment.",
                headers={"Retry-After": "2"},
            ) from error

    async def _once[T](self, work: Callable[[Connection], Awaitable[T]]) -> T:
        async with self._pool.connection() as connection:
            try:
                return await work(connection)
            except DatabaseError as error:
                if connection.closed:
                    raise _DeadConnection(str(error)) from error
                raise


class _DeadConnection(Exception):
    """The connection broke before anything was committed."""
