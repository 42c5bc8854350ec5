"""Backups: taken, listed, verified, pruned."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from slipway.agent.messages.request import ChangePlan, Request
from slipway.backups.format.catalogue import Catalogue, Proof, StoredBackup
from slipway.backups.format.encryption import Key
from slipway.backups.schedule.policy import Policy
from slipway.backups.schedule.prune import PruneResult, counted
from slipway.backups.take.spec import BackupSpec


@dataclass(frozen=True)
class BackupRow:
    """One backup in a list; `key` is its key, sealed to the recipients."""

    id: str
    at: str
    environment: str
    database: str
    size: int
    seconds: float
    release: int
    commit: str
    migration: str
    rows: int
    server: str
    has_role_passwords: bool
    is_verified: bool
    recovery_seconds: float | None
    proofs: Mapping[str, Proof]
    recipients: tuple[str, ...]
    where: str
    key: str
    signed_by: str = ""  # operators, operations, or nothing without a trusted signature

    @classmethod
    def of(cls, backup: StoredBackup, where: str) -> "BackupRow":
        """Describe a backup of the store called `where`."""
        manifest = backup.manifest
        return cls(
            id=manifest.id,
            at=manifest.created,
            environment=manifest.environment,
            database=manifest.database,
            size=backup.size,
            seconds=manifest.seconds,
            release=manifest.release,
            commit=manifest.commit,
            migration=manifest.head,
            rows=manifest.rows,
            server=manifest.server,
            has_role_passwords=manifest.has_role_passwords,
            is_verified=backup.is_verified,
            recovery_seconds=backup.recovery_seconds,
            proofs=backup.proofs,
            recipients=manifest.recipients,
            where=where,
            key=manifest.key,
            signed_by=backup.signed_by,
        )


@dataclass(frozen=True)
class BackupReply:
    """A backup that was taken; the rows of `uncounted` tables cannot be compared later."""

    backup: BackupRow
    uncounted: int
    summary: str


@dataclass(frozen=True)
class Leftovers:
    """What interrupted backups left in the store; `size` in bytes."""

    count: int
    size: int


@dataclass(frozen=True)
class BackupList:
    """What a store holds, newest first; `damaged` says of an id what is wrong with it.

    `unsigned` are those without a trusted signature, where one is required.
    """

    store: str
    backups: tuple[BackupRow, ...]
    leftovers: Leftovers
    damaged: Mapping[str, str]
    summary: str
    unsigned: tuple[BackupRow, ...] = ()

    @classmethod
    def of(cls, listing: Catalogue, where: str) -> "BackupList":
        """Describe what the store called `where` holds."""
        size = sum(entry.size for entry in listing.leftovers)
        return cls(
            store=where,
            backups=tuple(BackupRow.of(backup, where) for backup in listing.backups),
            unsigned=tuple(BackupRow.of(backup, where) for backup in listing.unsigned),
            leftovers=Leftovers(len(listing.leftovers), size),
            damaged=listing.damaged,
            summary=f"{where} holds {len(listing.backups)} backups",
        )


@dataclass(frozen=True)
class BackupProof:
    """What reading one backup came to."""

    id: str
    kind: str
    at: str
    seconds: float
    ok: bool
    counts: Mapping[str, int]
    why: str

    @classmethod
    def of(cls, name: str, proof: Proof) -> "BackupProof":
        """Describe the proof of a backup."""
        return cls(name, proof.kind, proof.at, proof.seconds, proof.ok, proof.counts, proof.why)


@dataclass(frozen=True)
class VerifyReply:
    """What was found when backups were read."""

    proofs: tuple[BackupProof, ...]
    summary: str


@dataclass(frozen=True)
class PruneReply:
    """What was removed, or would be; `pruned` is None where the store may not be listed.

    `databases` are those that restores replaced, dropped too; None where pruning is held.
    """

    pruned: PruneResult | None
    databases: tuple[str, ...] | None
    plan: bool
    summary: str

    @classmethod
    def of(
        cls, pruned: PruneResult | None, databases: Sequence[str] | None, *, plan: bool
    ) -> "PruneReply":
        """Say in one line what was removed."""
        unlisted = "the store does not allow listing; nothing was pruned"
        summary = pruned.summary(plan) if pruned else unlisted
        if databases:
            summary += f"; {_dropped(databases, plan)}"
        return cls(pruned, None if databases is None else tuple(databases), plan, summary)

    @classmethod
    def of_databases(cls, databases: Sequence[str], *, plan: bool) -> "PruneReply":
        """Say which databases were dropped, where the store is pruned elsewhere."""
        return cls(None, tuple(databases), plan, _dropped(databases, plan))


def _dropped(databases: Sequence[str], plan: bool) -> str:
    return f"{counted(databases, 'replaced database')} {'would be ' if plan else ''}dropped"


@dataclass(frozen=True)
class BackupRequest(BackupSpec, Request[BackupReply | ChangePlan]):
    """Take a backup; what the request leaves out of it is in the container's settings."""

    verb: ClassVar[str] = "backup"
    environment: str = ""
    recipients: tuple[str, ...] = ()
    plan: bool = False


@dataclass(frozen=True)
class ListBackupsRequest(Request[BackupList]):
    """List what the store holds."""

    verb: ClassVar[str] = "backups"


@dataclass(frozen=True)
class VerifyRequest(Request[VerifyReply]):
    """Read backups, each opened with its own key."""

    verb: ClassVar[str] = "verify"
    keys: Mapping[str, Key] = field(default_factory=dict)


@dataclass(frozen=True)
class PruneRequest(Request[PruneReply]):
    """Remove what the policy does not keep; with `plan`, only say what that is."""

    verb: ClassVar[str] = "prune"
    policy: Policy
    plan: bool = False
    databases_only: bool = False  # of a store that is pruned where it lies
