"""What a backup is asked for, what it would do, and what it came to."""

from collections.abc import Sequence
from dataclasses import dataclass

from slipway.backups.format.encryption import Key
from slipway.backups.format.manifest import Manifest, Part
from slipway.backups.take.snapshot import Snapshot
from slipway.database.connection import PATIENCE
from slipway.plan import Plan

LOCK_WAIT = 60.0


@dataclass(frozen=True)
class BackupSpec:
    """What the one who asks for a backup knows, and the database does not."""

    environment: str
    recipients: tuple[str, ...]
    release: int = 0
    commit: str = ""
    by: str = ""
    role_passwords: bool = False
    lock_wait: float = LOCK_WAIT
    patience: float = PATIENCE  # for a database that is starting
    backup_id: str = ""  # under which it is stored; nothing where the agent may choose


@dataclass(frozen=True)
class BackupResult:
    """A complete backup, and its key, which is nowhere else in the clear."""

    manifest: Manifest
    key: Key


@dataclass(frozen=True)
class DumpResult:
    """What the dump came to."""

    facts: Snapshot
    rows: dict[str, int | None]
    plain: Part
    sealed: Part


@dataclass(frozen=True)
class BackupPreview:
    """What a backup would do, and what one should know before."""

    plan: Plan
    notes: Sequence[str]
