"""What a person wants of one run of migrations, and what that makes of what is there; all pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from slipway.errors import Refused, UsageError
from slipway.migrations import journal, state
from slipway.migrations.files import Migration
from slipway.migrations.journal import Journal
from slipway.migrations.state import MigrationState, StateProblem

Mark = Literal["", "applied", "pending"]
MARKS: tuple[Mark, ...] = ("", "applied", "pending")
LOCK_WAIT = 60.0
LOCK_TIMEOUT = 5.0


@dataclass(frozen=True)
class MigrationOptions:
    """How a person wants it run; the flags that take a risk are theirs to set."""

    by: str = "somebody"
    lock_wait: float = LOCK_WAIT
    lock_timeout: float = LOCK_TIMEOUT
    to: str = ""  # the last version to apply
    allow_out_of_order: bool = False
    accept: frozenset[str] = frozenset()  # versions whose edit or whose missing file is meant
    resume_from: int = 0  # the statement of the half-done file to go on with
    mark: Mark = ""  # what the half-done file is to be taken for
    expected: tuple[str, ...] | None = None  # the versions that were shown before


def compare(
    files: Sequence[Migration], journal_state: Journal, options: MigrationOptions
) -> MigrationState:
    """Put files and journal side by side, as they are once the half-done file is marked."""
    if options.mark not in MARKS:
        raise UsageError("--mark is applied or pending")
    current = state.compare(files, journal_state, accepted=options.accept)
    if not options.mark:
        return current
    half = current.half_done
    if half is None:
        raise Refused("no migration is half done, so there is nothing to mark")
    migration = next((each for each in files if each.version == half.version), half)
    marked = journal.marked(journal_state, migration, options.mark == "applied")
    return state.compare(files, marked, accepted=options.accept)


def choose_pending(current: MigrationState, options: MigrationOptions) -> list[Migration]:
    """Choose what is to be applied, in its order."""
    if not options.to:
        return list(current.pending)
    if options.to not in {each.version for each in current.files}:
        raise UsageError(f"--to={options.to}: no file has this version")
    last = state.order(options.to)
    return [each for each in current.pending if state.order(each.version) <= last]


def in_the_way(
    current: MigrationState, pending: Sequence[Migration], options: MigrationOptions
) -> list[StateProblem]:
    """Name what keeps these files from running. Raises UsageError for an `accept` of nothing."""
    unknown = options.accept - current.journal.entries.keys()
    if unknown:
        raise UsageError(f"--accept={min(unknown)}: this version is not applied here")
    passed = {"half done"} if options.resume_from else set()
    passed |= {"out of order"} if options.allow_out_of_order else set()
    problems = [each for each in current.in_the_way if each.kind not in passed]
    half = current.half_done if options.resume_from else None
    resumed = [each for each in current.files if half and each.version == half.version]
    return problems + state.unrunnable([*resumed, *pending])
