"""Which backups a store holds, what proves them, and what failed ones left behind."""

import contextlib
import dataclasses
import json
import math
import re
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from slipway.backups.format import manifest
from slipway.backups.format.manifest import ID, Damaged, Manifest
from slipway.backups.format.signature import ANYBODY, Trust
from slipway.errors import UNREADABLE, DifferenceFound, Refused, UsageError
from slipway.progress import SILENT, Reporter
from slipway.storage.store import DAY, NotFound, Store, StoredObject, StoreError

KEY = re.compile(rf"({ID.pattern})\.(dump\.age|roles\.sql\.age|json|proof\.json)")
DUMP = ".dump.age"
MILLENNIUM = "2"  # ids begin with their year; what else lies there is not listed for nothing
KINDS = ("decode", "drill")
AT_ONCE = 8  # manifests on their way
LARGEST_MANIFEST = 64 << 20
UNSIGNED = "it is not signed by a trusted key (backups/signers.yml)"


class Unsigned(Refused):
    """A backup may be forged: it has no trusted signature."""


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
    signed_by: str = ""  # operators, operations, or nothing without a trusted signature

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
    unsigned: tuple[StoredBackup, ...]  # no trusted signature, where one is required
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


def read(store: Store, trust: Trust = ANYBODY, *, now: float | None = None) -> Catalogue:
    """List a store and read every manifest in it. Raises NotListable where that is forbidden."""
    objects: dict[str, dict[str, StoredObject]] = {}
    for entry in store.entries(MILLENNIUM):
        if match := KEY.fullmatch(entry.key):  # anything else is not ours
            objects.setdefault(match[1], {})[entry.key] = entry
    names = sorted((name for name in objects if manifest_key(name) in objects[name]), reverse=True)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        results = list(pool.map(lambda name: _look(store, trust, name, objects[name]), names))
    before = (time.time() if now is None else now) - DAY
    stray = [e for name in objects.keys() - set(names) for e in objects[name].values()]
    whole = [result for result in results if isinstance(result, StoredBackup)]
    return Catalogue(
        backups=tuple(backup for backup in whole if _is_trusted(backup, trust)),
        unsigned=tuple(backup for backup in whole if not _is_trusted(backup, trust)),
        leftovers=tuple(sorted((e for e in stray if e.written < before), key=lambda e: e.key)),
        damaged={
            name: why for name, why in zip(names, results, strict=True) if isinstance(why, str)
        },
    )


def find(
    store: Store,
    which: str = "latest",
    trust: Trust = ANYBODY,
    *,
    reporter: Reporter = SILENT,
) -> StoredBackup:
    """Return one backup: the newest, or the one with this id; `note` hears what is passed over.

    Raises Refused, and DifferenceFound when none is whole.
    """
    if which != "latest":
        return get(store, which, trust)
    catalogue = read(store, trust)
    if not catalogue.backups and catalogue.unsigned:
        raise none_signed(store.name)
    if not catalogue.backups and catalogue.damaged:
        raise DifferenceFound(none_whole(store.name, catalogue.damaged))
    if not catalogue.backups:
        raise Refused(f"{store.name} holds no backup; take one: inv db.backup")
    newest, unsigned = catalogue.backups[0].id, [backup.id for backup in catalogue.unsigned]
    for line in passed_over(catalogue.damaged, unsigned, newest):
        reporter.note(line)
    return catalogue.backups[0]


def newer_damaged(damaged: Mapping[str, str], newest: str) -> dict[str, str]:
    """Return those of the damaged that are newer than the newest whole one."""
    return {name: why for name, why in sorted(damaged.items()) if name > newest}


def passed_over(damaged: Mapping[str, str], unsigned: Iterable[str], newest: str) -> list[str]:
    """Say of each backup that is newer why it is not the one that is taken."""
    lines = [
        f"! the newer backup {name} is damaged and skipped: {why}"
        for name, why in newer_damaged(damaged, newest).items()
    ]
    skipped = (name for name in sorted(unsigned) if name > newest)
    return [*lines, *(f"! the newer backup {name} is skipped: {UNSIGNED}" for name in skipped)]


def none_signed(where: str) -> Unsigned:
    """Say that nothing in a store has a trusted signature."""
    return Unsigned(
        f"no backup in {where} is signed by a trusted key (backups/signers.yml). Take one: "
        "inv db.backup; "
        "or restore one that you know to be yours: inv db.restore --backup=ID --untrusted"
    )


def none_whole(where: str, damaged: Mapping[str, str]) -> str:
    """Say of every backup what is wrong with it, where none is whole."""
    reasons = "; ".join(f"{name}: {why}" for name, why in sorted(damaged.items(), reverse=True))
    return f"every backup in {where} is damaged: {reasons}. Take another now: inv db.backup"


def get(store: Store, name: str, trust: Trust = ANYBODY) -> StoredBackup:
    """Return the backup with this id; needs no right to list.

    Raises Refused, UsageError, and Unsigned where it has no trusted signature.
    """
    if not ID.fullmatch(name):
        raise UsageError(f"{name[:60]!a} is not a backup; `inv db.backups` lists them")
    try:
        parsed, signer = manifest.parse_signed(_read(store, manifest_key(name)), name, trust)
    except NotFound:
        raise Refused(f"{store.name} holds no backup {name}; inv db.backups lists them") from None
    held = proofs(store, name, trust)
    backup = StoredBackup(parsed, keys(name), parsed.stored, held, signer)
    if not _is_trusted(backup, trust):
        raise not_signed(name)
    return backup


def not_signed(name: str) -> Unsigned:
    """Say of one backup that it has no trusted signature."""
    return Unsigned(
        f"backup {name}: {UNSIGNED}; whoever may write to the store could have put it there. "
        f"If you know that it is yours: inv db.restore --backup={name} --untrusted"
    )


def drilled_before(backups: Iterable[B], name: str) -> B | None:
    """Return the first of a list from new to old that is older and whose drill counted rows."""
    for backup in backups:
        drill = backup.proofs.get("drill")
        if backup.id < name and drill and drill.counts:
            return backup
    return None


def proofs(store: Store, name: str, trust: Trust = ANYBODY) -> Mapping[str, Proof]:
    """Read the proofs of a backup; one that cannot be read or trusted proves nothing."""
    try:
        document = _proofs(store, name)
        return {
            kind: _proof(kind, document[kind])
            for kind in KINDS
            if kind in document and trust.accepts(f"proof of {name}", document[kind])
        }
    except (StoreError, Damaged, *UNREADABLE):
        return {}


def prove(store: Store, name: str, proof: Proof, trust: Trust = ANYBODY) -> None:
    """Keep a proof beside its backup, signed, and those of another kind that were there."""
    before: Mapping[str, Any] = {}
    with contextlib.suppress(StoreError, Damaged, *UNREADABLE):
        before = {kind: value for kind, value in _proofs(store, name).items() if kind in KINDS}
    signed = trust.signed(f"proof of {name}", dataclasses.asdict(proof))
    document = {"version": 1, **before, proof.kind: signed}
    text = json.dumps(document, indent=1, ensure_ascii=False)
    store.put(proof_key(name), [text.encode()])


def remove(store: Store, keys: Sequence[str]) -> None:
    """Remove objects of one backup, the manifest first: half removed, it is none."""
    for key in sorted(keys, key=lambda key: not is_manifest(key)):
        store.delete(key)


def _is_trusted(backup: StoredBackup, trust: Trust) -> bool:
    return bool(backup.signed_by) or not trust.is_required


def _proofs(store: Store, name: str) -> Mapping[str, Any]:
    document: Mapping[str, Any] = json.loads(_read(store, proof_key(name)))
    return document


def _look(
    store: Store, trust: Trust, name: str, objects: Mapping[str, StoredObject]
) -> StoredBackup | str:
    """Read one manifest and hold it against what lies there; a sentence says what is wrong."""
    try:
        parsed, signer = manifest.parse_signed(_read(store, manifest_key(name)), name, trust)
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
    held = proofs(store, name, trust) if proof_key(name) in objects else {}
    return StoredBackup(parsed, tuple(sorted(objects)), size, held, signer)


def _proof(kind: str, document: Mapping[str, Any]) -> Proof:
    counts = {str(k): int(v) for k, v in document.get("counts", {}).items()}
    why = str(document.get("why", ""))
    at, seconds = str(document["at"]), float(document["seconds"])
    if not math.isfinite(seconds):
        raise ValueError
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
