"""Bytes on their way between programs: moved in large pieces, counted and summed as they pass."""

import contextlib
import fcntl
import hashlib
import os
import subprocess
import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from typing import IO

from slipway.backups.format.manifest import Part

BLOCK = 1 << 20  # also what a pipe is made to hold, where the kernel lets us


class Checksum:
    """How many bytes passed, and their SHA-256."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        self.size = 0

    def add(self, data: bytes) -> None:
        self._hash.update(data)
        self.size += len(data)

    def piece(self) -> Part:
        return Part(self.size, self._hash.hexdigest())


class Pipe:
    """A thread that moves a stream into the standard inputs of children, and closes them after.

    A child that takes no more ends it, unless it is told to read on for the sum alone.
    """

    def __init__(
        self,
        source: Iterable[bytes],
        sinks: Sequence[IO[bytes]],
        *,
        first: Callable[[], None] = lambda: None,
        read_on: bool = False,
    ) -> None:
        self._source = source
        self._sinks = sinks
        self._first = first
        self._read_on = read_on
        self.sum = Checksum()
        self.error: Exception | None = None
        self.broken: int | None = None  # which sink took no more
        self._is_over = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Take nothing more from the source."""
        self._is_over = True

    def join(self) -> None:
        """Wait until nothing moves any more."""
        self._thread.join()

    def _run(self) -> None:
        try:
            for chunk in self._source:
                if not self.sum.size:
                    self._first()
                self.sum.add(chunk)
                if self.broken is None:
                    self._pass_on(chunk)
                if self._is_over or (self.broken is not None and not self._read_on):
                    return
        except Exception as error:  # whoever waits for the stream is told
            self.error = error
        finally:
            if isinstance(self._source, Generator):
                self._source.close()
            for sink in self._sinks:
                with contextlib.suppress(OSError):
                    sink.close()

    def _pass_on(self, chunk: bytes) -> None:
        for number, sink in enumerate(self._sinks):
            try:
                write(sink, chunk)
            except BrokenPipeError:
                self.broken = number
                return


def write(sink: IO[bytes], data: bytes) -> None:
    """Write all of it past Python's buffer."""
    view = memoryview(data)
    while view:
        view = view[os.write(sink.fileno(), view) :]


def read(source: IO[bytes]) -> Iterator[bytes]:
    """Yield what comes, as it comes, to the end."""
    while chunk := os.read(source.fileno(), BLOCK):
        yield chunk


def pipes(*children: "subprocess.Popen[bytes]") -> list[IO[bytes]]:
    """Return the standard inputs of children, widened."""
    return [_wide(child.stdin) for child in children]


def output(child: "subprocess.Popen[bytes]") -> IO[bytes]:
    """Return the standard output of a child, widened."""
    return _wide(child.stdout)


def _wide(pipe: "IO[bytes] | None") -> IO[bytes]:
    if pipe is None:
        raise ValueError("the child was started without this pipe")
    with contextlib.suppress(OSError):  # a kernel that does not let us is only slower
        fcntl.fcntl(pipe.fileno(), fcntl.F_SETPIPE_SZ, BLOCK)
    return pipe


class StderrTail:
    """What a child says on stderr, kept in memory: no file, and no child waits for us."""

    def __init__(self) -> None:
        self.fileno = os.memfd_create("stderr", os.MFD_CLOEXEC)

    def close(self) -> None:
        os.close(self.fileno)

    def lines(self) -> list[str]:
        """Return the lines so far; of very many the last."""
        size = os.fstat(self.fileno).st_size
        data = os.pread(self.fileno, 1 << 16, max(0, size - (1 << 16)))
        return [line.strip() for line in data.decode(errors="replace").splitlines() if line.strip()]
