"""The schema: migrations applied, rolled back, looked at, recorded; the schema as SQL."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from slipway.agent.messages.request import Request
from slipway.migrations.locked_run import RunResult
from slipway.migrations.options import MigrationOptions
from slipway.migrations.status import MigrationPlan, MigrationStatus

Texts = Mapping[str, str]  # of migrations, by file name; None: those that the image was built with


@dataclass(frozen=True)
class MigrationsReply:
    """The files that were applied or rolled back, in their order."""

    files: tuple[RunResult, ...]
    summary: str


@dataclass(frozen=True)
class BaselineReply:
    """The files that are recorded as applied from now on."""

    files: tuple[str, ...]
    summary: str


@dataclass(frozen=True)
class SchemaReply:
    """The schema as SQL."""

    schema: str
    summary: str


@dataclass(frozen=True)
class WaitReply:
    """How many seconds the database took to answer."""

    seconds: float
    summary: str


@dataclass(frozen=True)
class MigrateRequest(MigrationOptions, Request[MigrationsReply]):
    """Apply what is pending."""

    verb: ClassVar[str] = "migrate"
    by: str = "a deploy"
    migrations: Texts | None = None


@dataclass(frozen=True)
class RollbackRequest(MigrationOptions, Request[MigrationsReply]):
    """Roll back the newest migrations."""

    verb: ClassVar[str] = "rollback"
    steps: int = 1
    migrations: Texts | None = None


@dataclass(frozen=True)
class BaselineRequest(MigrationOptions, Request[BaselineReply]):
    """Record everything up to a version as applied, and run nothing."""

    verb: ClassVar[str] = "baseline"
    version: str = field(kw_only=True)
    migrations: Texts | None = None


@dataclass(frozen=True)
class MigrationPlanRequest(MigrationOptions, Request[MigrationPlan]):
    """Say what would run."""

    verb: ClassVar[str] = "plan"
    migrations: Texts | None = None


@dataclass(frozen=True)
class MigrationStatusRequest(Request[MigrationStatus]):
    """Say what is applied, pending and wrong."""

    verb: ClassVar[str] = "status"
    migrations: Texts | None = None


@dataclass(frozen=True)
class SchemaRequest(Request[SchemaReply]):
    """Return the schema as SQL."""

    verb: ClassVar[str] = "schema"


@dataclass(frozen=True)
class WaitRequest(Request[WaitReply]):
    """Wait until the database answers."""

    verb: ClassVar[str] = "wait"
    timeout: float = 60.0
