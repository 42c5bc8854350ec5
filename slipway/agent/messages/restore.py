"""Backups restored: in the live database's place, beside it, or to prove them; and the way back."""

from dataclasses import dataclass, field
from typing import ClassVar

from slipway.agent.messages.request import PlannedStep, Request
from slipway.backups.format.encryption import Key
from slipway.backups.restore.drill import DrillResult
from slipway.backups.restore.spec import ForeignSource, RestoreResult, RestoreSpec
from slipway.backups.take.spec import BackupSpec


@dataclass(frozen=True)
class RestoreReply(RestoreResult):
    """A restore; `backup` names what was restored."""

    backup: str = ""
    summary: str = ""


@dataclass(frozen=True)
class RestorePlan:
    """What a restore would do; `free` is the room on the server's disk, where that is known."""

    backup: str
    database: str
    steps: tuple[PlannedStep, ...]
    server: int
    free: int | None
    problems: tuple[str, ...]
    notes: tuple[str, ...]
    summary: str


@dataclass(frozen=True)
class UndoReply:
    """The last restore undone: which database is back, and under which name the other is kept."""

    database: str
    back: str
    kept: str
    swap_seconds: float
    summary: str


@dataclass(frozen=True)
class DrillReply(DrillResult):
    """What a drill found."""

    summary: str


@dataclass(frozen=True)
class RestoreRequest(RestoreSpec, Request[RestoreReply | RestorePlan]):
    """Restore a backup of the store by its id and key, or a file; with `plan`, only look."""

    verb: ClassVar[str] = "restore"
    environment: str = ""
    id: str = ""
    key: Key | None = None
    file: str = ""
    plan: bool = False


@dataclass(frozen=True)
class ImportRequest(RestoreSpec, Request[RestoreReply | RestorePlan]):
    """Restore what others have: a file of the client's, or what a server holds."""

    verb: ClassVar[str] = "import"
    environment: str = ""
    source: ForeignSource = field(kw_only=True)
    label: str = field(kw_only=True)
    file: str = ""
    plan: bool = False


@dataclass(frozen=True)
class RecoverRequest(RestoreSpec, Request[RestoreReply]):
    """Restore from the second server at `port`, which stands at a `moment`."""

    verb: ClassVar[str] = "recover"
    environment: str = ""
    port: int = field(kw_only=True)
    moment: str = field(kw_only=True)


@dataclass(frozen=True)
class UndoRequest(Request[UndoReply]):
    """Swap the newest replaced database back."""

    verb: ClassVar[str] = "undo"
    environment: str = ""


@dataclass(frozen=True)
class DrillRequest(BackupSpec, Request[DrillReply]):
    """Prove a backup by its id and key, or without an id, one that is taken for it."""

    verb: ClassVar[str] = "drill"
    environment: str = ""
    recipients: tuple[str, ...] = ()
    id: str = ""
    key: Key | None = None
    smoke: str = ""
