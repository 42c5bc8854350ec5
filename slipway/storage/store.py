"""The one door to where backups live: what a folder, S3 and a far folder can all do."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from slipway.errors import SlipwayError


class StoreError(SlipwayError):
    """The store did not do what was asked; the text names store and reason, never a credential."""


class NotThere(StoreError):
    """The store has nothing under this key."""


class Retained(StoreError):
    """The store will not delete: an object lock, or credentials that may only write."""


class NotListable(StoreError):
    """The credentials may write but not list."""


@dataclass(frozen=True)
class Entry:
    """One object: its key inside the store, its size in bytes, when it was written (UTC epoch)."""

    key: str
    size: int
    written: float


class Store(Protocol):
    """Objects under keys of one environment, `20261122T021500Z-1f3a.dump.age`.

    Nothing is ever seen half-written: an object is there wholly or not at all.
    """

    @property
    def name(self) -> str:
        """Where it is, for people: `backups/prod` or `s3://bucket/path/prod`."""
        ...

    def put(self, key: str, chunks: Iterable[bytes], *, expected: int = 0) -> int:
        """Store a stream of unknown length in constant memory; return its size in bytes.

        `expected` is a guess of the size, for choosing parts. When `chunks` raises, or the store
        fails, nothing is left under the key and the error goes on.
        """
        ...

    def get(self, key: str) -> Iterator[bytes]:
        """Stream an object; resumes a broken transfer where it broke. Raises NotThere."""
        ...

    def entries(self, prefix: str = "") -> Iterator[Entry]:
        """List every object whose key starts so, sorted by key. Raises NotListable."""
        ...

    def delete(self, key: str) -> None:
        """Remove one object; one that is not there is no error. Raises Retained."""
        ...

    def sweep(self) -> int:
        """Remove what interrupted writes of ours left behind, older than a day; return how many."""
        ...
