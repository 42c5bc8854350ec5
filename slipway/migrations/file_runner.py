"""One file, up or down: whole in a transaction with its record, or statement by statement."""

import contextlib
import select
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from slipway.database.connection import Connection, Server
from slipway.errors import SlipwayError
from slipway.migrations import bookkeeping, failure, indexes, journal, session_state
from slipway.migrations.blockers import BlockerWatch
from slipway.migrations.failure import Failure, MigrationFailed
from slipway.migrations.files import Migration
from slipway.migrations.journal import Direction
from slipway.migrations.session import MigrationSession
from slipway.migrations.statement import Statement
from slipway.progress import Reporter

TRIES = 5
FIRST_PAUSE = 1.0  # doubled with every try
AGAIN = 20.0  # how long a server that broke off is asked what became of a file
HANDS_OFF = "take out what changes it: no file may, or all would run again"
IN_ITS_PLACE = "put `SELECT 1` in its place: no file may change it, or all would run again"
WAIT_FOR_DISK = "SET LOCAL synchronous_commit = on"
OURSELVES = "SET LOCAL SESSION AUTHORIZATION DEFAULT; "  # a file may have changed the role


@dataclass
class FileRunner:
    """Runs files on a session; `keeper` is the connection with the lock, and writes the record."""

    server: Server
    keeper: Connection
    session: MigrationSession
    watch: BlockerWatch
    report: Reporter
    by: str

    def __post_init__(self) -> None:
        self.record = bookkeeping.identify(self.keeper)

    def run(
        self, migration: Migration, direction: Direction, *, late: bool = False, first: int = 1
    ) -> float:
        """Run one file and record it; return the seconds it took. Raises MigrationFailed."""
        self._check_lock_connection()
        self.watch.forget()
        statements = journal.statements(journal.script(migration, direction))
        began = time.monotonic()
        try:
            if journal.script(migration, direction).in_transaction:
                self._run_whole(migration, direction, statements, late)
            else:
                self._run_apart(migration, direction, statements, late, first)
        finally:
            self.session.end(statements)
        return time.monotonic() - began

    def _check_lock_connection(self) -> None:
        """Begin nothing without the lock: a server that ends its connection says so on the line."""
        if select.select([self.keeper.fileno()], [], [], 0)[0]:
            self.keeper.execute("SELECT 1")

    def _run_whole(
        self,
        migration: Migration,
        direction: Direction,
        statements: Sequence[Statement],
        late: bool,
    ) -> None:
        for attempt in range(1, TRIES + 1):
            failed = self._try_whole(migration, direction, statements, late)
            if failed is None:
                return
            if self.session.is_broken:
                became = self._describe_outcome(migration, direction)
                raise self._failed(failed, migration, direction, statements, became)
            self.session.roll_back()
            if not failed.is_worth_a_retry or attempt == TRIES:
                became = "the file was rolled back completely"
                if attempt > 1:
                    became += f", {attempt} times"
                raise self._failed(failed, migration, direction, statements, became)
            self._pause(migration, f"{failed.message}; it was rolled back", attempt)

    def _pause(self, migration: Migration, what: str, attempt: int) -> None:
        pause = FIRST_PAUSE * 2 ** (attempt - 1)
        again = f"try {attempt + 1} of {TRIES} in {pause:.0f} s"
        self.report.note(f"migrations/{migration.filename}: {what}; {again}")
        time.sleep(pause)

    def _try_whole(
        self,
        migration: Migration,
        direction: Direction,
        statements: Sequence[Statement],
        late: bool,
    ) -> Failure | None:
        import psycopg

        number, before = 0, 0
        is_up = direction == "up"
        # The record comes first: what the file sets cannot hinder it.
        enter = journal.enter(migration) if is_up else journal.leave(migration)
        begin = f"BEGIN; {enter.as_string()};\n"
        record = journal.describe(migration, self.by, late).as_string() if is_up else WAIT_FOR_DISK
        commit = f"{OURSELVES}{record}; COMMIT"
        if bookkeeping.may_change(statements):
            begin += f"{bookkeeping.REMEMBER};\n"
            commit = f"{OURSELVES}{bookkeeping.demand(self.record)}; {record}; COMMIT"
        try:
            self.session.begin()
            if len(statements) == 1:  # most files: one message, and one answer
                number, before = 1, len(begin)
                self.session.execute(f"{begin}{statements[0].text}\n;{commit}")
                return None
            self.session.execute(begin)
            for number, each in enumerate(statements, 1):  # noqa: B007
                self.session.run(each)
            number = len(statements) + 1
            self.session.execute(commit)
        except psycopg.Error as error:
            if change := bookkeeping.read_error(error, self.record):
                return Failure(len(statements) + 1, "", change, hint=HANDS_OFF)
            return failure.from_error(error, number, before)
        return None

    def _run_apart(
        self,
        migration: Migration,
        direction: Direction,
        statements: Sequence[Statement],
        late: bool,
        first: int,
    ) -> None:
        began = time.monotonic()
        if first == 1:
            journal.start(self.keeper, migration, direction, len(statements), self.by, late)
        self.session.begin()
        own_timeout = False
        for number, each in enumerate(statements, 1):
            own_timeout = own_timeout or _sets_lock_timeout(each)
            if number < first:
                if session_state.is_set_again(each):
                    self.session.run(each)
                continue
            journal.begin(self.keeper, migration, number)
            with self._patient(each, own_timeout):
                self._run_one(migration, direction, statements, number)
        journal.finish(self.keeper, migration, direction, time.monotonic() - began)
        self.record = bookkeeping.identify(self.keeper)

    def _run_one(
        self,
        migration: Migration,
        direction: Direction,
        statements: Sequence[Statement],
        number: int,
    ) -> None:
        statement = statements[number - 1]
        is_index = "CONCURRENTLY" in statement.words
        before = indexes.invalid(self.keeper) if is_index else {}
        record = bookkeeping.read(self.keeper)
        attempt = 1
        while True:
            failed = self._try_one(statement, number)
            retry = failed and failed.is_worth_a_retry and not (is_index or _is_in_parts(statement))
            if failed is None or not retry or attempt == TRIES:
                break
            self._pause(migration, f"{failed.message}; statement {number} did nothing", attempt)
            attempt += 1
        after = indexes.invalid(self.keeper) if is_index else {}
        ruins = indexes.left_by(statement, before, after)
        change = bookkeeping.restore_if_changed(self.keeper, record)
        if failed is None and change:
            failed = Failure(number, "", change)
            became = self._step_after(migration, direction, number, len(statements))
            raise self._failed(failed, migration, direction, statements, became)
        if failed is None and not ruins:
            return
        failed = failed or Failure(number, "", "it left an index that is not valid")
        became = self._step_back(migration, direction, statement, number, len(statements))
        became += ruins + (f"; {change}" if change else "")
        raise self._failed(failed, migration, direction, statements, became)

    def _try_one(self, statement: Statement, number: int) -> Failure | None:
        import psycopg

        try:
            self.session.run(statement)
        except psycopg.Error as error:
            return failure.from_error(error, number)
        return None

    def _step_back(
        self,
        migration: Migration,
        direction: Direction,
        statement: Statement,
        number: int,
        count: int,
    ) -> str:
        """Record what is known after a statement failed; say what is left of the file."""
        verb = "migrate" if direction == "up" else "rollback"
        if self.session.is_broken or _is_in_parts(statement):
            why = "the connection was lost" if self.session.is_broken else "it may be partly done"
            return f"{why}; type `inv db.{verb}` to see how to continue"
        if number == 1:
            journal.undo_start(self.keeper, migration, direction)
            return "nothing of the file was applied"
        journal.withdraw(self.keeper, migration, number)
        return (
            f"it has no transaction: the {number - 1} of {count} statements before it stay "
            f"applied; fix it and type `inv db.{verb} --resume-from={number}`"
        )

    def _step_after(
        self, migration: Migration, direction: Direction, number: int, count: int
    ) -> str:
        """Record that a statement is done that should not have been; say how to continue."""
        journal.withdraw(self.keeper, migration, number + 1)
        verb = "migrate" if direction == "up" else "rollback"
        return (
            f"{number} of {count} statements stay applied; {IN_ITS_PLACE}; then type "
            f"`inv db.{verb} --resume-from={number + 1}`"
        )

    @contextlib.contextmanager
    def _patient(self, statement: Statement, own_timeout: bool) -> Iterator[None]:
        """Let what works concurrently wait: it holds up nobody, and given up it leaves ruins."""
        patient = "CONCURRENTLY" in statement.words and "INDEX" in statement.kind
        if not patient or own_timeout:
            yield
            return
        self.session.wait_for_locks(as_usual=False)
        yield
        self.session.wait_for_locks(as_usual=True)

    def _describe_outcome(self, migration: Migration, direction: Direction) -> str:
        """Ask again: the connection may have broken before or after the commit."""
        try:
            with self.server.connect(patience=AGAIN) as connection:
                is_applied = migration.version in journal.read(connection).entries
        except SlipwayError:
            return "whether it was applied is not known; `inv db.status` shows it"
        if is_applied == (direction == "up"):
            return (
                "the connection was lost after the commit: the file is applied; "
                "run the same command again to continue"
            )
        return "the connection was lost and the file was rolled back; run the same command again"

    def _failed(
        self,
        failed: Failure,
        migration: Migration,
        direction: Direction,
        statements: Sequence[Statement],
        became: str,
    ) -> MigrationFailed:
        text = journal.script(migration, direction)
        return failure.explain(
            failed, migration, text, statements, became, blockers=self.watch.seen
        )


def _sets_lock_timeout(statement: Statement) -> bool:
    return statement.kind == "SET" and "LOCK_TIMEOUT" in statement.words


def _is_in_parts(statement: Statement) -> bool:
    """Whether a statement may commit on its way, so that a failure leaves a part of it."""
    return statement.kind in ("DO", "CALL")
