"""Applying migrations, taking them back, and recording those that a database has already."""

from collections.abc import Sequence

from slipway.database.connection import Server
from slipway.errors import Refused, UsageError
from slipway.migrations import journal, state
from slipway.migrations.files import Migration
from slipway.migrations.locked_run import RunResult, begun, refuse
from slipway.migrations.options import LOCK_TIMEOUT, LOCK_WAIT, MigrationOptions, choose_pending
from slipway.progress import Reporter

__all__ = [
    "LOCK_TIMEOUT",
    "LOCK_WAIT",
    "MigrationOptions",
    "RunResult",
    "baseline",
    "migrate",
    "roll_back",
]


def migrate(
    server: Server, files: Sequence[Migration], report: Reporter, options: MigrationOptions
) -> list[RunResult]:
    """Apply what is pending. Raises Refused with all that is wrong before anything is run."""
    with begun(server, files, report, options) as run:
        current = run.look(files)
        if not files and not current.journal.entries:
            return []
        pending = choose_pending(current, options)
        run.refuse_if_wrong(current, pending)
        _refuse_other_than_shown(options, [each.version for each in pending], "pending")
        run.settle(current)
        resumed = run.resume(current, "up") if options.resume_from else []
        return resumed + run.each(pending, "up", current)


def roll_back(
    server: Server,
    files: Sequence[Migration],
    report: Reporter,
    options: MigrationOptions,
    steps: int,
) -> list[RunResult]:
    """Roll back the newest `steps` migrations. Raises Refused where one has no way down."""
    if steps < 1:
        raise UsageError("--steps is at least 1")
    with begun(server, files, report, options) as run:
        current = run.look(files)
        if options.resume_from:
            return run.resume(current, "down")
        by_version = {each.version: each for each in files}
        newest = [each.version for each in current.applied[::-1][:steps]]
        problems = [each.text for each in current.problems if each.kind == "half done"]
        problems += [_no_way_down(version, by_version.get(version)) for version in newest]
        chosen = [by_version[version] for version in newest if version in by_version]
        problems += [each.text for each in state.unrunnable(chosen, "down")]
        refuse([each for each in problems if each])
        _refuse_other_than_shown(options, newest, "newest")
        return run.each(chosen, "down", current)


def baseline(
    server: Server,
    files: Sequence[Migration],
    report: Reporter,
    options: MigrationOptions,
    version: str,
) -> list[str]:
    """Record everything up to a version as applied and run nothing; for a database that has it."""
    if version not in {each.version for each in files}:
        raise UsageError(f"no file has the version {version}")
    with begun(server, files, report, options) as run:
        records = journal.read(run.keeper)
        if records.entries:
            raise Refused(
                "this database has a record of migrations already; nothing was changed; "
                "`inv db.status` shows it"
            )
        chosen = [each for each in files if state.order(each.version) <= state.order(version)]
        with run.keeper.transaction():
            journal.drop(run.keeper, records.stale)
            journal.adopt(run.keeper, chosen, f"{options.by} (baseline)")
            for migration in chosen:
                run.keeper.execute(journal.enter(migration))
        return [each.filename for each in chosen]


def _refuse_other_than_shown(
    options: MigrationOptions, versions: Sequence[str], which: str
) -> None:
    if options.expected is not None and tuple(versions) != options.expected:
        raise Refused(f"what is {which} changed since it was shown; nothing was run; look again")


def _no_way_down(version: str, migration: Migration | None) -> str:
    if migration is None:
        return f"the file of {version} is missing, and with it the SQL to roll it back"
    return "" if migration.down else f"migrations/{migration.filename} has no down migration"
