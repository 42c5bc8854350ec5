"""Who keeps a statement waiting: watched while it runs, told once, kept for the error."""

import contextlib
import threading
import time
from collections.abc import Iterator

from slipway.database.connection import Connection
from slipway.migrations.lexer import Kind, Token, tokens
from slipway.migrations.session import MigrationSession
from slipway.progress import Reporter

EVERY = 0.2
LONG = 100  # characters of a query that are shown
ASK = """
SELECT a.pid, coalesce(nullif(a.application_name, ''), 'a program without a name'),
    coalesce(a.state, ''), coalesce(a.query, ''), extract(epoch FROM now() - a.xact_start)::float
FROM unnest(pg_blocking_pids(%s)) AS b(pid) JOIN pg_stat_activity a USING (pid)
ORDER BY a.xact_start LIMIT 3
"""


class BlockerWatch:
    """Looks every moment whether the session's statement waits for somebody."""

    def __init__(self, connection: Connection, session: MigrationSession, report: Reporter) -> None:
        self._connection = connection
        self._session = session
        self._report = report
        self._stop = threading.Event()
        self._reported: set[int] = set()
        self.seen = ""  # who was in the way last, for a sentence

    def forget(self) -> None:
        """Begin anew with the next file."""
        self.seen = ""
        self._reported.clear()

    @contextlib.contextmanager
    def on(self) -> Iterator[None]:
        """Watch for a block."""
        thread = threading.Thread(target=self._run, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._stop.set()
            thread.join(5)

    def _run(self) -> None:
        while not self._stop.wait(EVERY):
            since = self._session.since
            if since is not None and time.monotonic() - since > EVERY / 2:
                # Watching is a service; what it trips over must not end the work.
                with contextlib.suppress(Exception):
                    self._look()

    def _look(self) -> None:
        rows = self._connection.execute(ASK, [self._session.pid]).fetchall()
        if not rows:
            return
        self.seen = "; ".join(describe(*row) for row in rows)
        fresh = {row[0] for row in rows} - self._reported
        if fresh:
            self._reported |= fresh
            self._report.note(f"waiting for a lock behind {self.seen}")


def describe(pid: int, application: str, state: str, query: str, seconds: float | None) -> str:
    """Name one session that is in the way, with what it does."""
    age = f", {seconds:.0f} s old" if seconds is not None else ""
    return f"pid {pid} ({application}, {state}{age}): {without_strings(query)[:LONG]}"


def without_strings(query: str) -> str:
    """Show a query in one line, without what its strings and comments say: it could be anything."""
    shown = [_plain(each) for each in tokens(query)]
    return " ".join("".join(shown).split())


def _plain(token: Token) -> str:
    if token.kind is Kind.STRING:
        return "'…'"
    return " " if token.kind in (Kind.COMMENT, Kind.OPEN) else token.text
