"""Every command line and environment on this computer, nested hosts included, as `ps e` shows."""

import contextlib
import os
import threading
from collections import Counter
from pathlib import Path
from typing import Self

PAUSE = 0.05
LOOKS = 3  # a process shows its parent's command line for a moment before its own


class ProcessWatch:
    """Reads /proc while a block runs; a process that ends sooner than a look may be missed."""

    def __init__(self) -> None:
        self.heard: set[bytes] = set()
        self.environments: dict[bytes, bytes] = {}  # each variable once, and whose it was
        self._known: Counter[str] = Counter()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._listen, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def has_heard(self, text: str) -> bool:
        return any(text.encode() in line for line in self.heard.copy())

    def _listen(self) -> None:
        while not self._stop.wait(PAUSE):
            # Only strings, and only what is new: all of it is done twenty times a second.
            there = [name for name in os.listdir("/proc") if name.isdigit()]  # noqa: PTH208
            self._known = Counter({name: self._known[name] for name in there})
            for name in there:
                if self._known[name] < LOOKS:
                    self._known[name] += 1
                    self._look(name)

    def _look(self, process: str) -> None:
        # A process may end between the listing and the look.
        with contextlib.suppress(OSError):
            folder = Path("/proc") / process
            line = (folder / "cmdline").read_bytes()
            self.heard.add(line)
            for variable in (folder / "environ").read_bytes().split(b"\0"):
                self.environments.setdefault(variable, line)
