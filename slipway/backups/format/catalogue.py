"""Which backups a store holds, what proves them, and what failed ones left behind."""

import contextlib
import dataclasses
import json
import re
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from slipway.backups.format import manifest
from slipway.backups.format.manifest import ID, Damaged, Manifest
from slipway.errors import DifferenceFound, Refused, UsageError
from slipway.progress import SILENT, Reporter
from slipway.storage.store import DAY, NotFound, Store, StoredObject, StoreError

KEY = re.compile(rf"({ID.pattern})\.(dump\.age|roles\.sql\.age|json|proof\.json)")
DUMP = ".dump.age"
MILLENNIUM = "2"  # ids begin with their year; what else lies there is not listed for nothing
KINDS = ("decode", "drill")
AT_ONCE = 8  # manifests on their way
LARGEST_MANIFEST = 64 << 20


@dataclass(frozen=True)
class Proof:
    """What a later look at a backup found: `decode` read it back whole, `drill` restored it."""

    kind: str
    at: str  # 2026-11-22T02:15:00Z
    seconds: float
    ok: bool
    counts: Mapping[str, int] = field(default_factory=dict)
    why: str = ""  # not


@dataclass(frozen=True)
class StoredBackup:
    """A whole backup: its manifest, what is stored of it, its proofs by kind."""

    manifest: Manifest
    keys: tuple[str, ...]
    size: int
    proofs: Mapping[str, Proof] = field(default_factory=dict)

    @property
    def id(self) -> str:
        return self.manifest.id

    @property
    def newest_proof(self) -> Proof | None:
        """The last look at it; of two in one second, the drill."""
        proofs = [self.proofs[kind] for kind in KINDS if kind in self.proofs]
        return max(proofs, key=lambda proof: (proof.at, proof.kind), default=None)

    @property
    def is_verified(self) -> bool:
        """Whether somebody looked, and the last one who did found it whole."""
        proof = self.newest_proof
        return proof is not None and proof.ok

    @property
    def recovery_seconds(self) -> float | None:
        """How long the restore of a drill took."""
        drill = self.proofs.get("drill")
        return drill.seconds if drill is not None and drill.ok else None


class Proven(Protocol):
    """A backup by its id, and what looks at it found."""

    @property
    def id(self) -> str: ...

    @property
    def proofs(self) -> Mapping[str, Proof]: ...


B = TypeVar("B", bound=Proven)


@dataclass(frozen=True)
class Catalogue:
    """What a store holds: whole backups, newest first; the rest apart."""

    backups: tuple[StoredBackup, ...]
    leftovers: tuple[StoredObject, ...]  # of backups that never became whole, older than a day
    damaged: Mapping[str, str]  # id, and what is wrong with it


def dump_key(name: str) -> str:
    return f"{name}{DUMP}"


def roles_key(name: str) -> str:
    return f"{name}.roles.sql.age"


def manifest_key(name: str) -> str:
    return f"{name}.json"


def proof_key(name: str) -> str:
    return f"{name}.proof.json"


def keys(name: str) -> tuple[str, str, str]:
    """Name the objects that make a backup."""
    return manifest_key(name), roles_key(name), dump_key(name)


def is_manifest(key: str) -> bool:
    """Whether it is the object without which the others are no backup."""
    match = KEY.fullmatch(key)
    return bool(match and match[2] == "json")


def read(store: Store, *, now: float | None = None) -> Catalogue:
    """List a store and read every manifest in it. Raises NotListable where that is forbidden."""
    objects: dict[str, dict[str, StoredObject]] = {}
    for entry in store.entries(MILLENNIUM):
        if match := KEY.fullmatch(entry.key):  # anything else is not ours
            objects.setdefault(match[1], {})[entry.key] = entry
    names = sorted((name for name in objects if manifest_key(name) in objects[name]), reverse=True)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        results = list(pool.map(lambda name: _look(store, name, objects[name]), names))
    before = (time.time() if now is None else now) - DAY
    stray = [e for name in objects.keys() - set(names) for e in objects[name].values()]
    return Catalogue(
        backups=tuple(result for result in results if isinstance(result, StoredBackup)),
        leftovers=tuple(sorted((e for e in stray if e.written < before), key=lambda e: e.key)),
        damaged={
            name: why for name, why in zip(names, results, strict=True) if isinstance(why, str)
        },
    )


def find(store: Store, which: str = "latest", *, reporter: Reporter = SILENT) -> StoredBackup:
    """Return one backup: the newest, or the one with this id; `note` hears what is passed over.

    Raises Refused, and DifferenceFound when none is whole.
    """
    if which != "latest":
        return get(store, which)
    catalogue = read(store)
    if not catalogue.backups and catalogue.damaged:
        raise DifferenceFound(none_whole(store.name, catalogue.damaged))
    if not catalogue.backups:
        raise Refused(f"{store.name} holds no backup; take one: inv db.backup")
    for name, why in newer_damaged(catalogue.damaged, catalogue.backups[0].id).items():
        reporter.note(passed_over(name, why))
    return catalogue.backups[0]


def newer_damaged(damaged: Mapping[str, str], newest: str) -> dict[str, str]:
    """Return those of the damaged that are newer than the newest whole one."""
    return {name: why for name, why in sorted(damaged.items()) if name > newest}


def passed_over(name: str, why: str) -> str:
    """Say that a newer backup is not the one that is taken."""
    return f"! the newer backup {name} is damaged and skipped: {why}"


def none_whole(where: str, damaged: Mapping[str, str]) -> str:
    """Say of every backup what is wrong with it, where none is whole."""
    reasons = "; ".join(f"{name}: {why}" for name, why in sorted(damaged.items(), reverse=True))
    return f"every backup in {where} is damaged: {reasons}. Take another now: inv db.backup"


def get(store: Store, name: str) -> StoredBackup:
    """Return the backup with this id; needs no right to list. Raises Refused, UsageError."""
    if not ID.fullmatch(name):
        raise UsageError(f"{name[:60]!a} is not a backup; `inv db.backups` lists them")
    try:
        document = manifest.parse(_read(store, manifest_key(name)), name)
    except NotFound:
        raise Refused(f"{store.name} holds no backup {name}; inv db.backups lists them") from None
    return StoredBackup(document, keys(name), document.stored, proofs(store, name))


def drilled_before(backups: Iterable[B], name: str) -> B | None:
    """Return the first of a list from new to old that is older and whose drill counted rows."""
    for backup in backups:
        drill = backup.proofs.get("drill")
        if backup.id < name and drill and drill.counts:
            return backup
    return None


def proofs(store: Store, name: str) -> Mapping[str, Proof]:
    """Read the proofs of a backup; one that cannot be read proves nothing."""
    try:
        document = json.loads(_read(store, proof_key(name)))
        return {kind: _proof(kind, document[kind]) for kind in KINDS if kind in document}
    except (StoreError, ValueError, KeyError, TypeError, AttributeError, Damaged):
        return {}


def prove(store: Store, name: str, proof: Proof) -> None:
    """Keep a proof beside its backup, and those of another kind that were there."""
    by_kind = {**proofs(store, name), proof.kind: proof}
    document = {kind: dataclasses.asdict(proof) for kind, proof in by_kind.items()}
    text = json.dumps({"version": 1, **document}, indent=1, ensure_ascii=False)
    store.put(proof_key(name), [text.encode()])


def remove(store: Store, keys: Sequence[str]) -> None:
    """Remove objects of one backup, the manifest first: half removed, it is none."""
    for key in sorted(keys, key=lambda key: not is_manifest(key)):
        store.delete(key)


def _look(store: Store, name: str, objects: Mapping[str, StoredObject]) -> StoredBackup | str:
    """Read one manifest and hold it against what lies there; a sentence says what is wrong."""
    try:
        parsed = manifest.parse(_read(store, manifest_key(name)), name)
    except NotFound:
        return "it was removed a moment ago"
    except Refused as error:
        return str(error)
    for key, piece in ((dump_key(name), parsed.dump), (roles_key(name), parsed.globals)):
        if key not in objects:
            return f"{key} is missing"
        if objects[key].size != piece.size:
            return f"{key} has {objects[key].size} bytes instead of {piece.size}"
    size = sum(entry.size for entry in objects.values())
    held = proofs(store, name) if proof_key(name) in objects else {}
    return StoredBackup(parsed, tuple(sorted(objects)), size, held)


def _proof(kind: str, document: Mapping[str, Any]) -> Proof:
    counts = {str(k): int(v) for k, v in document.get("counts", {}).items()}
    why = str(document.get("why", ""))
    at, seconds = str(document["at"]), float(document["seconds"])
    return Proof(kind, at, seconds, document["ok"] is True, counts, why)


def _read(store: Store, key: str) -> bytes:
    """Read a small object; what is not small is not what it is called."""
    data = bytearray()
    with contextlib.closing(store.get(key)) as chunks:  # type: ignore[type-var]
        for chunk in chunks:
            data += chunk
            if len(data) > LARGEST_MANIFEST:
                raise Damaged(f"{key} is far larger than it should be")
    return bytes(data)
