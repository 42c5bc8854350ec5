"""Migrations from the operator's side: the checkout's files, and what a plan or a status means."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from slipway import whole_file
from slipway.agent.messages.migrations import (
    MigrateRequest,
    MigrationPlanRequest,
    MigrationsReply,
    MigrationStatusRequest,
    RollbackRequest,
)
from slipway.client.session import Session
from slipway.cluster import lease
from slipway.errors import ConfigError, DifferenceFound, Refused, SlipwayError, UsageError
from slipway.migrations import files, state
from slipway.migrations.options import MARKS, Mark, MigrationOptions
from slipway.migrations.status import MigrationPlan, MigrationRow, MigrationStatus
from slipway.progress import Reporter
from slipway.project import COMPOSE
from slipway.text_file import read_utf8

FOLDER = COMPOSE / "migrations"
WRITTEN = COMPOSE / "schema.sql"


def texts(folder: Path = FOLDER) -> dict[str, str]:
    """Read the checkout's migrations, by file name. Raises ConfigError with all that is wrong."""
    paths = files.paths(folder)
    by_name = {path.name: read_utf8(path, f"migrations/{path.name}") for path in paths}
    for migration in files.from_texts(by_name):
        # What can never run is found before anybody connects; the rest as soon as it is pending.
        if "concurrently" in migration.up.text.lower() and (
            problems := state.unrunnable([migration])
        ):
            raise ConfigError("\n".join(problem.text for problem in problems))
    return by_name


@dataclass(frozen=True)
class MigrationRun:
    """One run of the checkout's migrations: what it would do, and then the doing of that."""

    options: MigrationOptions
    texts: Mapping[str, str] = field(default_factory=texts)

    def expecting(self, versions: tuple[str, ...]) -> "MigrationRun":
        """Refuse to run anything but what was shown."""
        return replace(self, options=replace(self.options, expected=versions))

    def plan(self, session: Session, reporter: Reporter) -> MigrationPlan:
        """Say what would run."""
        request = MigrationPlanRequest(**vars(self.options), migrations=self.texts)
        return session.call(request, reporter)

    def status(self, session: Session, reporter: Reporter) -> MigrationStatus:
        """Say what is applied."""
        return session.call(MigrationStatusRequest(self.texts), reporter)

    def migrate(self, session: Session, reporter: Reporter) -> MigrationsReply:
        """Apply what is pending."""
        request = MigrateRequest(**vars(self.options), migrations=self.texts)
        return session.call(request, reporter)

    def roll_back(self, session: Session, reporter: Reporter, steps: int) -> MigrationsReply:
        """Roll back the newest."""
        request = RollbackRequest(**vars(self.options), steps=steps, migrations=self.texts)
        return session.call(request, reporter)


def owner() -> str:
    """Name who runs migrations, as the journal keeps it."""
    return lease.owner()


def as_mark(text: str) -> Mark:
    """Read `--mark`. Raises UsageError."""
    for mark in MARKS:
        if mark == text:
            return mark
    raise UsageError("--mark is applied or pending")


def accepted(text: str) -> frozenset[str]:
    """Read `--accept`: versions with commas, as they are typed."""
    return frozenset(text.replace(",", " ").split())


def versions(plan: MigrationPlan) -> tuple[str, ...]:
    """Name what a plan would run, so that nothing else is run when it is agreed to."""
    return tuple(file.version for file in plan.pending)


def newest(status: MigrationStatus, steps: int) -> Sequence[MigrationRow]:
    """Choose what a rollback of so many steps rolls back, newest first."""
    applied = [row for row in status.migrations if row.applied]
    return applied[::-1][: max(0, steps)]


def demand_runnable(plan: MigrationPlan) -> None:
    """Raise Refused where something that was shown is in the way."""
    if count := len(plan.problems):
        many = "these problems" if count > 1 else "this problem"
        raise Refused(f"nothing would run because of {many}, shown above")


def check(status: MigrationStatus) -> None:
    """Raise DifferenceFound unless all is applied and nothing is wrong."""
    if status.pending or status.problems:
        raise DifferenceFound(status.summary)


def write(text: str, path: Path = WRITTEN) -> bool:
    """Write the schema's file; say whether that changed it."""
    try:
        if path.is_file() and path.read_text(encoding="utf-8") == text:
            return False
        whole_file.write(path, text)
    except OSError as error:
        raise SlipwayError(f"{path.name} was not written: {error.strerror}") from None
    return True
