"""Rows counted while the dump runs, in its own snapshot: what a restore is compared with."""

import contextlib
import threading
import time
from collections.abc import Iterator, Mapping

from slipway.backups.take.lock import APPLICATION, ENDLESS
from slipway.database.connection import Connection, NoDatabase, Server
from slipway.errors import first_line

AT_ONCE = 50  # tables in one transaction: few locks at a time
PAGES = 4096  # of all tables of one such transaction, unless one alone has more
LEAST_PATIENCE = 30.0
PATIENCE = 0.25  # of the time the dump took
SHOWN = 5  # failures that are told one by one


class RowCounter:
    """Counts tables in a thread, the smallest first; those not reached in time have no number."""

    def __init__(self, server: Server, snapshot: str, tables: Mapping[str, int]) -> None:
        self._server = server
        self._snapshot = snapshot
        self._tables = tables
        self._rows: dict[str, int | None] = dict.fromkeys(tables)
        self._failed: dict[str, str] = {}
        self._stop = threading.Event()
        self._began = time.monotonic()
        self._connection: Connection | None = None
        self._thread = threading.Thread(target=self._count, daemon=True)

    def begin(self) -> None:
        """Start; pg_dump has its locks by now, and none of ours stands in their way."""
        if not self._thread.is_alive():
            self._thread.start()

    def rows(self, *, is_held: bool) -> dict[str, int | None]:
        """Return what was counted, once the dump has ended.

        Tables nobody holds may be rewritten from now on, and then an old snapshot sees nothing.
        """
        if self._thread.is_alive() and is_held:
            took = time.monotonic() - self._began
            self._thread.join(max(LEAST_PATIENCE, PATIENCE * took))
        self.end()
        return dict(sorted(self._rows.items()))

    def failures(self) -> list[str]:
        """Say which tables could not be counted, and why."""
        sentences = [f"{name} was not counted: {why}" for name, why in self._failed.items()]
        more = len(sentences) - SHOWN
        return [*sentences[:SHOWN], *([f"and {more} more were not counted"] if more > 0 else [])]

    def end(self) -> None:
        """Stop counting; a count under way is cancelled."""
        self._stop.set()
        while self._thread.is_alive():
            connection = self._connection
            if connection is not None:
                with contextlib.suppress(Exception):  # it may have ended by itself
                    connection.cancel()
            self._thread.join(0.2)

    def _count(self) -> None:
        import psycopg

        try:
            self._connection = self._server.connect(
                patience=0, application=f"{APPLICATION}: counting"
            )
            with contextlib.closing(self._connection) as connection:
                connection.execute("select pg_catalog.set_config('search_path', '', false)")
                connection.execute(ENDLESS)
                connection.execute("set row_security = off")
                connection.execute("set max_parallel_workers_per_gather = 0")
                for tables in batches(self._tables):
                    self._count_each(connection, tables)
        except (psycopg.Error, NoDatabase, OSError) as error:
            if not self._stop.is_set():
                self._failed["what is left"] = first_line(error)

    def _count_each(self, connection: Connection, tables: list[str]) -> None:
        """Count some together; where one of them cannot be, each by itself."""
        import psycopg

        if self._stop.is_set():
            return
        try:
            self._count_some(connection, tables)
        except psycopg.Error as error:
            if self._stop.is_set() or connection.closed:
                raise
            if len(tables) == 1:
                self._failed[tables[0]] = first_line(error)
                return
            for table in tables:
                self._count_each(connection, [table])

    def _count_some(self, connection: Connection, tables: list[str]) -> None:
        counts = (
            f"select {number}, count(*) from only {table}"  # noqa: S608 - quoted by the server
            for number, table in enumerate(tables)
        )
        sql = " union all ".join(counts)
        with connection.transaction():
            connection.execute("set transaction isolation level repeatable read, read only")
            connection.execute(f"set transaction snapshot '{self._snapshot}'".encode())
            for number, rows in connection.execute(sql.encode()).fetchall():
                self._rows[tables[number]] = int(rows)


def batches(tables: Mapping[str, int]) -> Iterator[list[str]]:
    """Cut tables, given with their pages, into those that are counted together."""
    some: list[str] = []
    pages = 0
    for name, size in sorted(tables.items(), key=lambda item: (item[1], item[0])):
        if some and (len(some) == AT_ONCE or pages + size > PAGES):
            yield some
            some, pages = [], 0
        some.append(name)
        pages += size
    if some:
        yield some
