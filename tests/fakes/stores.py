"""Stores that do what a test wants in the middle of a stream."""

import threading
from collections.abc import Callable, Iterable, Iterator

from slipway.storage.store import Store, StoredObject, StoreError


class HeldStore:
    """Stops taking a stream after some bytes, until it is told to go on.

    `reached` is set when a stream stands there; with `let_go` it goes on.
    """

    def __init__(self, behind: Store, after: int) -> None:
        self._behind = behind
        self._after = after
        self.reached = threading.Event()
        self.let_go = threading.Event()

    @property
    def name(self) -> str:
        return self._behind.name

    def put(self, key: str, chunks: Iterable[bytes], *, expected: int = 0) -> int:
        return self._behind.put(key, self._held(chunks), expected=expected)

    def get(self, key: str) -> Iterator[bytes]:
        return self._behind.get(key)

    def entries(self, prefix: str = "") -> Iterator[StoredObject]:
        return self._behind.entries(prefix)

    def delete(self, key: str) -> None:
        self._behind.delete(key)

    def sweep(self) -> int:
        return self._behind.sweep()

    def _held(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        done = 0
        for chunk in chunks:
            yield chunk
            done += len(chunk)
            if done >= self._after and not self.reached.is_set():
                self.reached.set()
                assert self.let_go.wait(60), "nobody let the stream go on"


class RefusingStore(HeldStore):
    """Fails to take some keys, the first few times."""

    def __init__(self, behind: Store, refuses: Callable[[str], bool], times: int) -> None:
        super().__init__(behind, after=1 << 60)
        self._refuses = refuses
        self._times = times

    def put(self, key: str, chunks: Iterable[bytes], *, expected: int = 0) -> int:
        if self._refuses(key) and self._times > 0:
            self._times -= 1
            raise StoreError(f"{self.name}: writing {key} failed: the test wants it")
        return super().put(key, chunks, expected=expected)
