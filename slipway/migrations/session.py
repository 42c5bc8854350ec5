"""The connection that runs the files: the same for each of them, whatever the last one set."""

import contextlib
import time
from collections.abc import Iterable, Mapping, Sequence

from slipway.database.connection import Connection, Server
from slipway.migrations.lock import WORKING
from slipway.migrations.statement import Statement

# These change what a new connection starts with; the next file sees that however it is run.
NEEDS_A_NEW_ONE = {"ALTER DATABASE", "ALTER ROLE", "ALTER USER", "ALTER SYSTEM", "DO", "LOAD"}
# These leave a session as it was: they run no function, unless they make a table by asking.
LEAVES_NO_TRACE = {"CREATE TABLE", "DROP TABLE", "CREATE TYPE", "DROP TYPE", "COMMENT", "GRANT"}
LEAVES_A_TRACE = {"AS", "TEMP", "TEMPORARY", "PG_TEMP"}


class MigrationSession:
    """One connection in autocommit, made like new before each file that needs it.

    Its commits do not wait for the disk. They are whole and in order all the same, and whoever
    ends a run waits for the last of them (`journal.settle`), and so for all.
    """

    def __init__(self, server: Server, lock_timeout: float) -> None:
        self._server = server
        self._lock_timeout = lock_timeout
        self._connection: Connection | None = None
        self._pid = 0
        self._is_used = False
        self.since: float | None = None  # when the statement that runs now was sent

    @property
    def connection(self) -> Connection:
        """The connection as it is; opened where there is none."""
        if self._connection is None or self._connection.closed:
            self._connection = self._server.connect(application=WORKING)
            self._connection.prepare_threshold = None  # what is discarded must not be prepared
            row = self._connection.execute("SELECT pg_backend_pid()").fetchone()
            self._pid = int(row[0]) if row else 0
            self._set()
        return self._connection

    @property
    def is_broken(self) -> bool:
        return self._connection is not None and self._connection.closed

    @property
    def pid(self) -> int:
        """The server's process for it, also behind a pooler; 0 where there is none."""
        return 0 if self._connection is None or self._connection.closed else self._pid

    def begin(self) -> None:
        """Forget what the file before has set, and set what every file starts with."""
        connection = self.connection
        if self._is_used:
            connection.rollback()
            connection.execute("DISCARD ALL")
            self._set()

    def end(self, statements: Sequence[Statement]) -> None:
        """Remember what a file may have left behind."""
        if any(each.kind in NEEDS_A_NEW_ONE for each in statements):
            self.close()
        elif not all(_leaves_no_trace(each) for each in statements):
            self._is_used = True

    def roll_back(self) -> None:
        """End a transaction that failed, and give its locks back at once."""
        if self._connection is not None and not self._connection.closed:
            self._connection.rollback()

    def _set(self) -> None:
        if self._connection is not None:
            self._connection.execute(_as_sql(self._settings).encode())
        self._is_used = False

    @property
    def _settings(self) -> dict[str, str]:
        version = 0 if self._connection is None else self._connection.info.server_version
        return _settings(self._lock_timeout, version)

    def execute(self, query: str) -> None:
        """Send one query as it is: nothing in it is a parameter."""
        connection = self.connection
        self.since = time.monotonic()
        try:
            connection.execute(query.encode())
        finally:
            self.since = None

    def run(self, statement: Statement) -> None:
        """Run a statement; what it resets goes back to what every file starts with."""
        self.execute(statement.text)
        if was_reset := {name: self._settings[name] for name in resets(statement, self._settings)}:
            self.execute(_as_sql(was_reset))

    def wait_for_locks(self, *, as_usual: bool) -> None:
        """Wait for locks as long as every file does, or as long as it takes."""
        self.execute(f"SET lock_timeout = {_milliseconds(self._lock_timeout) * as_usual}")

    def close(self) -> None:
        """End the connection, and what runs on it."""
        from psycopg import pq

        connection, self._connection = self._connection, None
        if connection is None or connection.closed:
            return
        with contextlib.suppress(Exception):
            if connection.info.transaction_status == pq.TransactionStatus.ACTIVE:
                connection.cancel_safe(timeout=5)
        connection.close()


def resets(statement: Statement, names: Iterable[str]) -> list[str]:
    """Say which of these settings a statement puts back to what the server starts with."""
    if statement.kind in ("RESET", "DISCARD"):
        what = statement.words[1:2]
        return [name for name in names if what in (("ALL",), (name.upper(),))]
    is_default = statement.kind == "SET" and statement.words[-1:] == ("DEFAULT",)
    return [name for name in names if is_default and name.upper() in statement.words]


def _as_sql(settings: Mapping[str, str]) -> str:
    return " ".join(f"SET {name} = {value};" for name, value in settings.items())


def _settings(lock_timeout: float, version: int) -> dict[str, str]:
    settings = {
        "client_encoding": "'UTF8'",
        "standard_conforming_strings": "on",  # the splitter reads strings so
        "lock_timeout": str(_milliseconds(lock_timeout)),
        "statement_timeout": "0",
        "idle_in_transaction_session_timeout": "0",
        "synchronous_commit": "off",
    }
    if version >= 140000:
        # A run that was killed must not go on in the server.
        settings["client_connection_check_interval"] = "2000"
    if version >= 170000:
        settings["transaction_timeout"] = "0"
    return settings


def _leaves_no_trace(statement: Statement) -> bool:
    return statement.kind in LEAVES_NO_TRACE and not LEAVES_A_TRACE.intersection(statement.words)


def _milliseconds(seconds: float) -> int:
    return round(seconds * 1000)
