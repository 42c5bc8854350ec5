"""What is in the database: replaced by an empty one, seeded, queried."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from slipway.agent.messages.request import ChangePlan, Request
from slipway.backups.take.spec import BackupSpec
from slipway.database import query
from slipway.database.query import QueryResult

Texts = Mapping[str, str]  # of SQL, by file name


@dataclass(frozen=True)
class ResetReply:
    """A reset: the backup of the old database, where one was taken, and the sessions it ended."""

    backup: str | None
    ended: int
    summary: str


@dataclass(frozen=True)
class SeedReply:
    """The files of sample rows that ran."""

    files: tuple[str, ...]
    summary: str


@dataclass(frozen=True)
class QueryReply(QueryResult):
    """Rows under their columns."""

    summary: str


@dataclass(frozen=True)
class ResetRequest(BackupSpec, Request[ResetReply | ChangePlan]):
    """Back the database up, and replace it by a new one: migrated, and seeded with `seeds`."""

    verb: ClassVar[str] = "reset"
    environment: str = ""
    recipients: tuple[str, ...] = ()
    migrations: Texts | None = None
    seeds: Texts = field(default_factory=dict)
    plan: bool = False


@dataclass(frozen=True)
class SeedRequest(Request[SeedReply]):
    """Put sample rows into the database that is there."""

    verb: ClassVar[str] = "seed"
    environment: str = ""
    seeds: Texts = field(default_factory=dict)


@dataclass(frozen=True)
class QueryRequest(Request[QueryReply]):
    """Ask one question that only reads."""

    verb: ClassVar[str] = "query"
    sql: str
    limit: int = query.LIMIT
    timeout: float = query.TIMEOUT
