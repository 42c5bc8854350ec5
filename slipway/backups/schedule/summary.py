"""What a status says of backups: the newest, the last drill, what became of the jobs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from slipway.backups.format import catalogue
from slipway.backups.format.catalogue import Proof, StoredBackup, Unsigned
from slipway.backups.format.manifest import ID, moment
from slipway.backups.format.signature import ANYBODY, Trust
from slipway.backups.schedule import job_results
from slipway.backups.schedule.job_results import JobResult
from slipway.errors import Refused
from slipway.storage.store import NotListable, Store, StoredObject

LOOKED_AT = 60  # backups, newest first, until one is whole, and until one has a drill


@dataclass(frozen=True)
class NewestBackup:
    """The newest backup of a store; `age` and `seconds` in seconds."""

    id: str
    at: str
    age: float
    size: int
    seconds: float
    release: int
    head: str
    verified: bool
    proof: Proof | None


@dataclass(frozen=True)
class LastDrill:
    """The last drill, whatever became of it: `of` is the moment whose data it restored."""

    kind: str
    at: str
    seconds: float
    ok: bool
    counts: Mapping[str, int]
    why: str
    backup: str
    of: str


@dataclass(frozen=True)
class BackupSummary:
    """What can be seen of a store; `unknown` and `unlisted` say why it is not more."""

    where: str
    unknown: str = ""
    unlisted: str = ""
    newest: NewestBackup | None = None
    drill: LastDrill | None = None
    runs: Mapping[str, JobResult] = field(default_factory=dict)
    summary: str = ""
    unsigned: tuple[str, ...] = ()  # newer than the newest, without a trusted signature


def summarize(
    store: Store, now: datetime, folder: Path = job_results.FOLDER, trust: Trust = ANYBODY
) -> BackupSummary:
    """Look at a store in a few requests; a value is None where there is nothing to tell.

    With keys that may only write nothing is seen, which is no fault: `unlisted` says so.
    """
    runs = job_results.read_all(store, folder, trust)
    try:
        held = {entry.key: entry for entry in store.entries(catalogue.MILLENNIUM)}
    except NotListable as error:
        why = "the store does not allow listing"
        return BackupSummary(store.name, unlisted=str(error), runs=runs, summary=why)
    names = sorted((n for n in map(_name, held) if n), reverse=True)
    newest, unsigned = _newest(store, names, held, trust)
    return BackupSummary(
        where=store.name,
        newest=_describe(newest, now) if newest else None,
        drill=_drill(store, [n for n in names if catalogue.proof_key(n) in held], trust),
        unsigned=unsigned,
        runs=runs,
        summary=newest.id if newest else "no backup yet",
    )


def _name(key: str) -> str:
    """Return the id of the backup that a manifest is of; nothing for any other key."""
    name = key.removesuffix(".json")
    return name if name != key and ID.fullmatch(name) else ""


def _newest(
    store: Store, names: Sequence[str], held: Mapping[str, StoredObject], trust: Trust
) -> tuple[StoredBackup | None, tuple[str, ...]]:
    """Return the newest backup that lies there whole, and newer ones that nobody signed."""
    unsigned = []
    for name in names[:LOOKED_AT]:
        try:
            backup = catalogue.get(store, name, trust)
        except Unsigned:
            unsigned.append(name)
            continue
        except Refused:  # damaged, or gone meanwhile
            continue
        dump = held.get(catalogue.dump_key(name))
        if dump is not None and dump.size == backup.manifest.dump.size:
            return backup, tuple(unsigned)
    return None, tuple(unsigned)


def _describe(backup: StoredBackup, now: datetime) -> NewestBackup:
    proof = backup.newest_proof
    return NewestBackup(
        id=backup.id,
        at=job_results.written(backup.manifest.at),
        age=max(0.0, (now - backup.manifest.at).total_seconds()),
        size=backup.size,
        seconds=backup.manifest.seconds,
        release=backup.manifest.release,
        head=backup.manifest.head,
        verified=bool(proof and proof.ok),
        proof=proof,
    )


def _drill(store: Store, names: Sequence[str], trust: Trust) -> LastDrill | None:
    """Return the last drill, and how long its restore took."""
    for name in names[:LOOKED_AT]:
        proof = catalogue.proofs(store, name, trust).get("drill")
        if proof is not None:
            return LastDrill(
                kind=proof.kind,
                at=proof.at,
                seconds=proof.seconds,
                ok=proof.ok,
                counts=proof.counts,
                why=proof.why,
                backup=name,
                of=job_results.written(moment(name)),
            )
    return None
