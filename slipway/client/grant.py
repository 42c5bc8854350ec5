"""What the far side of a channel may do with a store here: what one request needs, nothing else."""

import contextlib
import threading
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field

from slipway.backups.format import catalogue, manifest
from slipway.backups.format.signature import Document, SigningKey
from slipway.storage.store import Store, StoredObject, StoreError

LARGEST = catalogue.LARGEST_MANIFEST  # of everything but a dump


class NotGranted(StoreError):
    """The far side asked for what its request does not need."""


@dataclass
class Grant:
    """A store of which only some keys may be used, each for one thing; None if it is not here.

    `creates` are new: each is written once, and may be removed again by who wrote it. `updates`
    are small and may be replaced. `lists` are shown in a listing beside those that may be read.
    With `signer`, the manifest of the backup `signs` may be signed once.
    """

    store: Store | None
    reads: Collection[str] = ()
    creates: Collection[str] = ()
    updates: Collection[str] = ()
    lists: Collection[str] = ()
    signs: str = ""
    signer: SigningKey | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _written: set[str] = field(default_factory=set)  # or being written

    @property
    def name(self) -> str:
        """Where the store is, for people; nothing if it is not here."""
        return self.store.name if self.store else ""

    def put(self, key: str, chunks: Iterable[bytes], *, expected: int = 0) -> int:
        """Write a new object, or replace one that is small. Raises NotGranted."""
        if key not in self.creates and key not in self.updates:
            raise self._refused("write", key)
        limited = chunks if key.endswith(catalogue.DUMP) else _limited(key, chunks)
        with self._claimed(key):
            return self._here().put(key, limited, expected=expected)

    def get(self, key: str) -> Iterator[bytes]:
        """Stream an object. Raises NotGranted."""
        if key not in self.reads:
            raise self._refused("read", key)
        return self._here().get(key)

    def entries(self, prefix: str = "") -> Iterator[StoredObject]:
        """List what may be read or seen, and nothing else."""
        shown = {*self.reads, *self.lists}
        return (entry for entry in self._here().entries(prefix) if entry.key in shown)

    def delete(self, key: str) -> None:
        """Remove an object that was new. Raises NotGranted."""
        if key not in self.creates:
            raise self._refused("delete", key)
        self._here().delete(key)
        with self._lock:
            self._written.discard(key)

    def sweep(self) -> int:
        """Remove what interrupted writes left, where this is one that writes. Raises NotGranted."""
        if not self.creates:
            raise self._refused("sweep", "what others left")
        return self._here().sweep()

    def sign(self, kind: str, document: Document) -> tuple[str, str]:
        """Sign the manifest of the backup that is taken. Raises NotGranted for anything else."""
        with self._lock:
            is_granted = kind == manifest.KIND and bool(self.signs)
            if self.signer is None or not is_granted or document.get("id") != self.signs:
                raise self._refused("have signed", kind)
            self.signs = ""
        return self.signer.sign(kind, document)

    def remove_unfinished(self) -> None:
        """Remove what was created of a backup whose far side is gone before its manifest came."""
        with self._lock:
            written = sorted(self._written & {*self.creates})
        if any(catalogue.is_manifest(key) for key in written):
            return
        for key in written:
            with contextlib.suppress(StoreError):
                self.delete(key)

    @contextlib.contextmanager
    def _claimed(self, key: str) -> Iterator[None]:
        """Have a key for one writer; of a new object, only until it is written."""
        with self._lock:
            if key in self._written:
                raise self._refused("overwrite", key)
            self._written.add(key)
        try:
            yield
        except BaseException:
            self._release(key)
            raise
        if key in self.updates:
            self._release(key)

    def _release(self, key: str) -> None:
        with self._lock:
            self._written.discard(key)

    def _here(self) -> Store:
        if self.store is None:
            raise NotGranted("no store of this computer is served")
        return self.store

    def _refused(self, what: str, key: str) -> NotGranted:
        return NotGranted(f"this request may not {what} {key[:80]!a} in {self.name or 'a store'}")


def to_back_up(store: Store | None, backup_id: str, signer: SigningKey | None = None) -> Grant:
    """Let one new backup be written, if it is kept here, and signed, under an id chosen here."""
    return Grant(
        store,
        creates=catalogue.keys(backup_id) if store else (),
        signs=backup_id,
        signer=signer,
    )


def to_restore(store: Store, backup_id: str) -> Grant:
    """Let one backup be read."""
    return Grant(store, reads=_whole(backup_id))


def to_verify(store: Store, *ids: str) -> Grant:
    """Let backups be read, and what reading them proved be written beside them."""
    reads = [key for each in ids for key in _whole(each)]
    return Grant(store, reads=reads, updates=[catalogue.proof_key(each) for each in ids])


def to_drill(store: Store, backup_id: str, before: str = "") -> Grant:
    """Let one backup be read and proven; of the one before it, what describes it."""
    grant = to_verify(store, backup_id)
    if before:
        grant.reads = [*grant.reads, catalogue.manifest_key(before), catalogue.proof_key(before)]
        grant.lists = catalogue.keys(before)
    return grant


def to_read_file(store: Store, name: str) -> Grant:
    """Let one file be read."""
    return Grant(store, reads=[name])


def _whole(backup_id: str) -> tuple[str, ...]:
    """Name the objects of a backup with what looks at it found."""
    return (*catalogue.keys(backup_id), catalogue.proof_key(backup_id))


def _limited(key: str, chunks: Iterable[bytes]) -> Iterator[bytes]:
    size = 0
    for chunk in chunks:
        size += len(chunk)
        if size > LARGEST:
            raise NotGranted(f"{key} is far larger than it should be; it was not written")
        yield chunk
