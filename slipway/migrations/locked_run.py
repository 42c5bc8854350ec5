"""One run on a database: the lock held, all that could be wrong looked at, then file after file."""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from slipway.database.connection import Connection, Server
from slipway.errors import Refused, SlipwayError, first_line
from slipway.migrations import access, indexes, journal, lock, other_tools, session_state, state
from slipway.migrations import options as run_options
from slipway.migrations.blockers import BlockerWatch
from slipway.migrations.failure import MigrationFailed
from slipway.migrations.file_runner import FileRunner
from slipway.migrations.files import Migration
from slipway.migrations.journal import Direction
from slipway.migrations.options import MigrationOptions
from slipway.migrations.session import MigrationSession
from slipway.migrations.state import MigrationState
from slipway.progress import Reporter


@dataclass(frozen=True)
class RunResult:
    """One file that ran."""

    filename: str
    version: str
    seconds: float


@dataclass
class LockedRun:
    """One run that has the lock."""

    keeper: Connection
    execution: FileRunner
    report: Reporter
    options: MigrationOptions

    def look(self, files: Sequence[Migration]) -> MigrationState:
        """Read what is applied, now that nobody else can change it."""
        return run_options.compare(files, journal.read(self.keeper), self.options)

    def refuse_if_wrong(self, current: MigrationState, pending: Sequence[Migration]) -> None:
        """Name all that is in the way of these files, before any of them runs."""
        problems = run_options.in_the_way(current, pending, self.options)
        texts = [each.text for each in problems]
        if any(each.kind == "half done" for each in problems):
            texts += [f"the index {full} is not valid" for full in indexes.invalid(self.keeper)]
        refuse(texts)

    def settle(self, current: MigrationState) -> None:
        """Record what a person says of the half-done file, what others did, what is accepted."""
        options, stale = self.options, sorted(current.journal.stale)
        if options.mark:
            self._mark(current)
        if stale:
            journal.drop(self.keeper, stale)
            self.report.note(f"{', '.join(stale)}: rolled back by another tool, so pending again")
        here = {each.version: each for each in current.files}
        journal.forget_files(self.keeper, options.accept - here.keys(), options.by)
        accepted = [here[version] for version in sorted(options.accept & here.keys())]
        for migration in accepted:
            self.report.note(
                f"migrations/{migration.filename} is accepted as it is, by {options.by}"
            )
        if unseen := current.unseen:
            self.report.note(
                f"{_count(unseen)} applied by another tool or an older release: recorded as the "
                f"files are now, and compared with them from now on"
            )
        journal.adopt(self.keeper, accepted, options.by)
        journal.adopt(self.keeper, unseen, "another tool")
        for problem in current.problems:
            if problem.kind == "ahead":
                self.report.note(problem.text)

    def _mark(self, current: MigrationState) -> None:
        half = state.compare(current.files, journal.read(self.keeper)).half_done
        if half is not None:
            migration = next((each for each in current.files if each.version == half.version), half)
            journal.mark(self.keeper, migration, self.options.mark == "applied")
            text = f"{half.version} is marked as {self.options.mark}, by {self.options.by}"
            self.report.note(text)

    def resume(self, current: MigrationState, direction: Direction) -> list[RunResult]:
        """Go on with the file that is half done."""
        half = current.half_done
        if half is None:
            raise Refused("no migration is half done, so there is nothing to resume")
        migration = next((each for each in current.files if each.version == half.version), None)
        if migration is None or half.direction != direction or _is_whole(migration, direction):
            why = "its file is missing" if migration is None else state.way_on(half)
            raise Refused(f"{half.version} cannot be resumed; nothing was changed: {why}")
        first = self.options.resume_from
        if not 1 <= first <= half.statements + 1:
            raise Refused(f"--resume-from={first}: {state.way_on(half)}; nothing was changed")
        statements = journal.statements(journal.script(migration, direction))
        if lost := session_state.find_lost(statements, first):
            raise Refused(
                f"--resume-from={first}: {lost}; nothing was changed: resume from the one that "
                "made it, where all behind it may run again, or finish the file by hand and type "
                "`inv db.migrate --mark=applied` or `--mark=pending`"
            )
        return [self._one(migration, direction, first=first)]

    def each(
        self, files: Sequence[Migration], direction: Direction, current: MigrationState
    ) -> list[RunResult]:
        """Run files in their order; what ran before one that fails stays."""
        results: list[RunResult] = []
        for migration in files:
            try:
                results.append(self._one(migration, direction, late=current.is_late(migration)))
            except MigrationFailed as failed:
                with contextlib.suppress(Exception):  # what failed is to be told, not this
                    self._wait_for_the_disk(results)
                raise _add_counts(failed, len(results), len(files)) from None
        self._wait_for_the_disk(results)
        return results

    def _wait_for_the_disk(self, results: Sequence[RunResult]) -> None:
        if results:
            journal.settle(self.keeper, results[-1].version)

    def _one(
        self, migration: Migration, direction: Direction, *, late: bool = False, first: int = 1
    ) -> RunResult:
        seconds = self.execution.run(
            migration, direction, late=late and direction == "up", first=first
        )
        did = "applied" if direction == "up" else "rolled back"
        self.report.note(f"{did} {migration.filename} in {seconds:.2f} s")
        return RunResult(migration.filename, migration.version, round(seconds, 3))


@contextlib.contextmanager
def begun(
    server: Server, files: Sequence[Migration], report: Reporter, options: MigrationOptions
) -> Iterator[LockedRun]:
    """Connect, see that migrations can run here, and hold the lock for a block.

    Without files and without a record no table is made: another tool may bring its own.
    """
    import psycopg

    name = f"slipway migrate, {options.by}".encode("ascii", "replace").decode()[:63]
    session = MigrationSession(server, options.lock_timeout)
    try:
        with server.connect(application=name) as keeper:
            access.check(server, keeper)
            _disable_timeouts(keeper)
            with lock.held(keeper, options.lock_wait, report):
                if files:
                    other_tools.refuse(keeper)
                if files or journal.read(keeper).entries:
                    journal.make(keeper)
                watch = BlockerWatch(keeper, session, report)
                with watch.on():
                    execution = FileRunner(server, keeper, session, watch, report, options.by)
                    yield LockedRun(keeper, execution, report, options)
    except psycopg.OperationalError as error:
        raise SlipwayError(
            f"the connection that holds the migration lock was lost: {first_line(error)}; what was "
            "applied so far stays, a file that was running is rolled back or shown by inv db.status"
        ) from None
    finally:
        session.close()


def _disable_timeouts(keeper: Connection) -> None:
    """Keep the server from ending a connection that only waits, and let it see when we are gone."""
    keeper.execute("SET statement_timeout = 0; SET tcp_keepalives_idle = 15")
    keeper.execute("SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3")
    if keeper.info.server_version >= 140000:
        keeper.execute("SET idle_session_timeout = 0")


def refuse(problems: Sequence[str]) -> None:
    """Raise Refused that names every problem; say nothing where there is none."""
    if problems:
        lines = "".join(f"\n  {each}" for each in problems)
        raise Refused(f"nothing was run, because of:{lines}")


def _is_whole(migration: Migration, direction: Direction) -> bool:
    return journal.script(migration, direction).in_transaction


def _count(files: Sequence[Migration]) -> str:
    return f"{len(files)} migration{'s' * (len(files) != 1)}"


def _add_counts(failed: MigrationFailed, before: int, count: int) -> MigrationFailed:
    """Say in the first line of a failure what became of the other files."""
    if count == 1:
        return failed
    head, *statement = str(failed).split("\n")
    head += f" ({before} before it stay, {count - before - 1} after it were not tried)"
    return MigrationFailed("\n".join([head, *statement]))
