"""The one door to where backups live: what a folder, S3 and a far folder can all do."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from slipway.errors import SlipwayError

LONGEST_KEY = 200  # bytes; a file name holds 255, and a hidden partial's name is longer
DAY = 24 * 60 * 60.0


class StoreError(SlipwayError):
    """The store did not do what was asked; the text names store and reason, never a credential."""


class NotFound(StoreError):
    """The store has nothing under this key."""


class Retained(StoreError):
    """The store will not delete: an object lock, or credentials that may only write."""


class NotListable(StoreError):
    """The credentials may write but not list."""


class BadKey(StoreError):
    """No store may be asked for such a key: it could lead out of the environment."""

    exit_code = 2


class TooLarge(StoreError):
    """The stream became larger than the parts planned for it can hold; nothing was kept."""

    def __init__(self, message: str, expected: int) -> None:
        super().__init__(message)
        self.expected = expected  # to put the same stream again with


@dataclass(frozen=True)
class StoredObject:
    """One object: its key inside the store, its size in bytes, when it was written (UTC epoch)."""

    key: str
    size: int
    written: float


class Store(Protocol):
    """Objects under keys of one environment, `20261122T021500Z-1f3a.dump.age`.

    Nothing is ever seen half-written: an object is there wholly or not at all. Objects may lie in
    folders (`wal/0001`). Every failure of the store is a StoreError; what `chunks` raises goes on
    as it is.
    """

    @property
    def name(self) -> str:
        """Where it is, for people: `backups/prod` or `s3://bucket/path/prod`."""
        ...

    def put(self, key: str, chunks: Iterable[bytes], *, expected: int = 0) -> int:
        """Store a stream of unknown length in constant memory; return its size in bytes.

        `expected` is a guess of the size, for choosing parts; 0 means small. When `chunks` raises,
        or the store fails, nothing new is left under the key and the error goes on. Closing
        `chunks` is for whoever made it. Raises TooLarge where the guess was far too low.
        """
        ...

    def get(self, key: str) -> Iterator[bytes]:
        """Stream an object; resumes a broken transfer where it broke.

        Nothing is asked of the store before the first chunk is. Raises NotFound.
        """
        ...

    def entries(self, prefix: str = "") -> Iterator[StoredObject]:
        """List every object whose key starts so, sorted by key. Raises NotListable."""
        ...

    def delete(self, key: str) -> None:
        """Remove one object; one that is not there is no error. Raises Retained.

        In a bucket that keeps versions the object is no longer listed, and the bucket's own rules
        say when its bytes go.
        """
        ...

    def sweep(self) -> int:
        """Remove what interrupted writes of ours left behind, older than a day; return how many."""
        ...


def check_key(key: str) -> str:
    """Return a key that means the same in every kind of store, or raise BadKey."""
    parts = key.split("/")
    plain = key.isprintable() and "\\" not in key and len(key.encode()) <= LONGEST_KEY
    if not plain or any(not part or part.startswith(".") for part in parts):
        raise BadKey(f"{key[:80]!r} cannot be the name of a backup; nothing was read or written")
    return key
