"""What lies between us and a process: pipes or a terminal, signals, the news of its end."""

import contextlib
import fcntl
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from slipway.notebook.cells import terminal
from slipway.notebook.cells.terminal import Keyboard

HIGH = 60  # descriptors from here on; cells use the low ones for themselves


@dataclass(frozen=True)
class ForegroundJob:
    """What to start; `argv` is made for the descriptors it is given: one to read, one to report."""

    argv: Callable[[int, int], Sequence[str]]
    env: Mapping[str, str]
    cwd: Path
    script: bytes
    timeout: float | None = None
    interactive: bool = False  # all keys are its own, Ctrl-C too


class Pipes:
    """The pipes, and the terminal if there is one, between us and a process."""

    def __init__(self, stack: contextlib.ExitStack, capture: bool, person: Keyboard | None) -> None:
        self._stack = stack
        self._person = person
        self._open: set[int] = set()
        stack.callback(self._close_all)
        self.line = self._register(terminal.new(person) if person else os.pipe())
        self.script = self._register(os.pipe(), high=0)
        self.report = self._register(os.pipe(), high=1)
        self.caught = self._register(os.pipe()) if capture else None
        self.wake = self._register(os.pipe())
        os.set_blocking(self.script[1], False)
        os.set_blocking(self.wake[1], False)

    def start(self, spec: ForegroundJob) -> "subprocess.Popen[bytes]":
        """Start it and let go of its ends."""
        theirs = {self.line[1], self.script[0], self.report[1]}
        theirs |= {self.caught[1]} if self.caught else set()
        try:
            return subprocess.Popen(
                spec.argv(self.script[0], self.report[1]),
                env=dict(spec.env),
                cwd=spec.cwd,
                stdin=self.line[1] if self._person else subprocess.DEVNULL,
                stdout=self.caught[1] if self.caught else self.line[1],
                stderr=self.line[1],
                pass_fds=(self.script[0], self.report[1]),
                start_new_session=True,
                preexec_fn=terminal.control if self._person else None,  # noqa: PLW1509
            )
        finally:
            for fd in theirs:
                self.close(fd)

    def close(self, fd: int) -> None:
        """Close one, once."""
        if fd in self._open:
            self._open.remove(fd)
            os.close(fd)

    def _close_all(self) -> None:
        for fd in list(self._open):
            self.close(fd)

    def _register(self, pair: tuple[int, int], high: int | None = None) -> tuple[int, int]:
        ends = list(pair)
        if high is not None:
            ends[high] = fcntl.fcntl(pair[high], fcntl.F_DUPFD_CLOEXEC, HIGH)
            os.close(pair[high])
        self._open.update(ends)
        return ends[0], ends[1]


@contextlib.contextmanager
def signals(waker: int) -> Iterator[None]:
    """Turn signals to us into bytes, as long as the block runs."""
    before = {}

    def wake(number: int, frame: FrameType | None) -> None:
        with contextlib.suppress(BlockingIOError):
            os.write(waker, bytes([number]))

    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGWINCH):
            if signal.getsignal(number) is not signal.SIG_IGN:
                before[number] = signal.signal(number, wake)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def exit_of(pid: int) -> Iterator[int | None]:
    """A descriptor that tells when a process ends, where the system has such a thing."""
    try:
        fd = os.pidfd_open(pid)
    except (AttributeError, OSError):
        yield None
        return
    try:
        yield fd
    finally:
        os.close(fd)
