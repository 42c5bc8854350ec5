"""Commands on this computer that are spoken with while they run."""

import contextlib
import os
import select
import subprocess
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import IO

from slipway.hosts.host import LARGEST_ANSWER, LONGEST_LINE, CommandResult

LAST_LINES = 50
PIECE = 64 * 1024
PATIENCE = 30.0  # for a command whose last word was heard


class BoundedOutput:
    """What a process says on one of its outputs, as far as it fits; `full` ends the process."""

    def __init__(self, pipe: IO[bytes], full: Callable[[], None]) -> None:
        self._pipe, self._full = pipe, full
        self._chunks: list[bytes] = []
        self.is_full = False
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def wait(self, seconds: float) -> None:
        """Wait for its end. Raises TimeoutError."""
        self._thread.join(max(0.0, seconds))
        if self._thread.is_alive():
            raise TimeoutError

    def text(self) -> str:
        return b"".join(self._chunks).decode(errors="replace")

    def _read(self) -> None:
        room = LARGEST_ANSWER
        with self._pipe:
            while chunk := os.read(self._pipe.fileno(), PIECE):
                room -= len(chunk)
                if room >= 0:
                    self._chunks.append(chunk)
                elif not self.is_full:
                    self.is_full = True
                    self._full()


class LocalProcess:
    """Bytes to a process and from it; what it says on its second output is kept for its end."""

    def __init__(self, host: str, argv: Sequence[str], process: "subprocess.Popen[bytes]") -> None:
        self._host = host
        self._argv = tuple(argv)
        self._process = process
        self._words: deque[bytes] = deque(maxlen=LAST_LINES)
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def write(self, data: bytes) -> None:
        assert self._process.stdin is not None  # noqa: S101  opened with a pipe
        self._process.stdin.write(data)
        self._process.stdin.flush()

    def read(self, size: int) -> bytes:
        assert self._process.stdout is not None  # noqa: S101  opened with a pipe
        return os.read(self._process.stdout.fileno(), size)

    def end(self) -> None:
        if self._process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):  # it has ended already
                self._process.stdin.close()

    def wait(self) -> CommandResult:
        self.end()
        try:
            code = self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()  # `docker exec` can stay although its command has ended
            code = self._process.wait()
        self._listener.join(1)
        words = b"".join(self._words).decode(errors="replace")
        return CommandResult(self._host, self._argv, code, "", words)

    def _listen(self) -> None:
        assert self._process.stderr is not None  # noqa: S101  opened with a pipe
        for line in lines(self._process.stderr):
            self._words.append(line[:4096])


class LocalDialogue:
    """Questions to a process, each answered in time."""

    def __init__(self, process: "subprocess.Popen[bytes]", timeout: float) -> None:
        self._process = process
        self._timeout = timeout

    def write(self, data: bytes) -> None:
        assert self._process.stdin is not None  # noqa: S101  opened with a pipe
        self._process.stdin.write(data)
        self._process.stdin.flush()

    def read(self, size: int) -> bytes:
        assert self._process.stdout is not None  # noqa: S101  opened with a pipe
        descriptor = self._process.stdout.fileno()
        if not select.select([descriptor], [], [], self._timeout)[0]:
            raise TimeoutError(f"no answer after {self._timeout:.0f} s")
        return os.read(descriptor, size)


def lines(pipe: IO[bytes]) -> Iterator[bytes]:
    """Return line after line; a very long one comes in pieces."""
    return iter(lambda: pipe.readline(LONGEST_LINE), b"")
