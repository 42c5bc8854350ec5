"""One process and all it starts: fed, listened to, ended as a whole when its time is up."""

import contextlib
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from selectors import EVENT_READ, EVENT_WRITE
from typing import Literal

from slipway.errors import SlipwayError
from slipway.notebook.cells import process_tree
from slipway.notebook.cells.pipes import ForegroundJob, Pipes, exit_of, signals
from slipway.notebook.cells.terminal import Keyboard

GRACE_AFTER_INTERRUPT = 10.0  # seconds to tidy up after a Ctrl-C
GRACE_AFTER_TERM = 5.0
LEFT_TALKING = 2.0  # seconds at most to hear out what was left behind
QUIET = 0.1  # a terminal that is silent for so long has shown what the cell printed
SOON = 0.05
CHUNK = 64 * 1024
INTERRUPT = b"\x03"

Why = Literal["", "timed out", "interrupted"]
Take = Callable[[bytes], None]


@dataclass(frozen=True)
class OutputReader:
    """Who gets what it prints: all of it, stdout apart where `catch` is there.

    `idle` is called when a person may be waiting for the last that was printed, `interrupted`
    right before it is told of a Ctrl-C.
    """

    take: Take
    catch: Take | None = None
    idle: Callable[[], None] | None = None
    interrupted: Callable[[], None] | None = None


@dataclass(frozen=True)
class ExitStatus:
    """How it ended; `code` is negative where a signal did it."""

    code: int
    reason: Why
    seconds: float
    report: bytes
    left: tuple[str, ...]


class NotStarted(SlipwayError):
    """There is no process, so nothing was done."""


def run_job(job: ForegroundJob, reader: OutputReader, person: Keyboard | None = None) -> ExitStatus:
    """Run a job to its end; with a person it has a terminal of its own, joined to theirs."""
    with contextlib.ExitStack() as stack:
        pipes = Pipes(stack, reader.catch is not None, person)
        watch = _ProcessLoop(job, reader, person, pipes)
        stack.enter_context(signals(pipes.wake[1]))
        if person is not None:
            stack.enter_context(person.raw())
        try:
            process = pipes.start(job)
        except FileNotFoundError:
            raise NotStarted("bash is not installed here, and cells need it") from None
        except OSError as error:  # those that come later are of who listens
            raise NotStarted(f"bash cannot be started: {error.strerror}") from None
        try:
            return watch.run(process)
        except BaseException:
            process_tree.kill(process.pid)
            raise
        finally:
            process.wait()


class _ProcessLoop:
    """Waits for whatever happens next, until nothing can."""

    def __init__(
        self, job: ForegroundJob, reader: OutputReader, person: Keyboard | None, pipes: Pipes
    ) -> None:
        self._job, self._hearing, self._person, self._pipes = job, reader, person, pipes
        self._script = memoryview(job.script)
        self._keys = b""
        self._report = bytearray()
        self._reason: Why = ""
        self._kill_at: float | None = None
        self._fatal_signal = 0  # the signal that pipes ourselves
        self._orphaned = False  # it has ended, and what it started has not
        self._fresh = False  # something was printed since we were last idle

    def run(self, process: "subprocess.Popen[bytes]") -> ExitStatus:
        self._process = process
        began = time.monotonic()
        self._deadline = None if self._job.timeout is None else began + self._job.timeout
        with selectors.DefaultSelector() as self._selector, exit_of(process.pid) as exit_fd:
            self._exit_fd = exit_fd
            self._register()
            while not self._is_over():
                self._step(self._timeout())
                self._enforce_deadlines()
            seconds = time.monotonic() - began
            self._drain()
        if self._fatal_signal:
            raise SystemExit(128 + self._fatal_signal)
        left = () if self._reason else tuple(map(str, process_tree.members(process.pid)))
        return ExitStatus(process.returncode, self._reason, seconds, bytes(self._report), left)

    def _register(self) -> None:
        listen = partial(self._selector.register, events=EVENT_READ)
        pipes = self._pipes
        listen(pipes.line[0], data=self._on_output)
        listen(pipes.report[0], data=self._report.extend)
        listen(pipes.wake[0], data=self._on_signal)
        if pipes.caught and self._hearing.catch:
            listen(pipes.caught[0], data=self._hearing.catch)
        if self._person:
            listen(self._person.keys, data=self._on_keys)
        if self._exit_fd is not None:
            listen(self._exit_fd, data=None)
        self._selector.register(pipes.script[1], EVENT_WRITE)

    def _step(self, patience: float | None) -> bool:
        events = self._selector.select(patience)
        for key, mask in events:
            if mask & EVENT_WRITE:
                self._write(key.fd)
            if mask & EVENT_READ:
                self._read(key.fd, key.data)
        if not events and self._fresh and self._hearing.idle:
            self._fresh = False
            self._hearing.idle()
        return bool(events)

    def _read(self, fd: int, take: Take | None) -> None:
        if take is None:  # the process has ended
            self._selector.unregister(fd)
            return
        try:
            data = os.read(fd, CHUNK)
        except BlockingIOError:
            return
        except OSError:
            data = b""  # how Linux says that nobody has the other end of a terminal any more
        if data:
            take(data)
        else:
            self._selector.unregister(fd)

    def _on_output(self, data: bytes) -> None:
        self._fresh = True
        self._hearing.take(data)

    def _write(self, fd: int) -> None:
        is_script = fd == self._pipes.script[1]
        data = self._script if is_script else memoryview(self._keys)
        try:
            written = os.write(fd, data[:CHUNK])
        except BlockingIOError:
            return
        except OSError:
            written = len(data)  # it does not read any more
        if is_script:
            self._script = self._script[written:]
            if not self._script:
                self._selector.unregister(fd)
                self._pipes.close(fd)
        else:
            self._keys = self._keys[written:]
            if not self._keys:
                self._selector.modify(fd, EVENT_READ, self._on_output)

    def _on_keys(self, data: bytes) -> None:
        line = self._pipes.line[0]
        if not self._job.interactive and INTERRUPT in data:
            self._hearing.take(b"^C")
            self._interrupt()
            data = data.replace(INTERRUPT, b"")
        if data and line in self._selector.get_map():
            self._keys += data
            self._selector.modify(line, EVENT_READ | EVENT_WRITE, self._on_output)

    def _on_signal(self, data: bytes) -> None:
        for number in data:
            if number == signal.SIGINT:
                self._interrupt()
            elif number == signal.SIGWINCH:
                if self._person:
                    self._person.resize(self._pipes.line[0])
            else:
                self._fatal_signal = number
                self._start_ending("interrupted", signal.SIGTERM, GRACE_AFTER_TERM)

    def _interrupt(self) -> None:
        if self._hearing.interrupted:
            self._hearing.interrupted()
        group = self._process.pid
        if self._person:
            with contextlib.suppress(OSError):
                group = os.tcgetpgrp(self._pipes.line[0]) or group
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGINT)
        self._start_ending("interrupted", None, GRACE_AFTER_INTERRUPT)

    def _start_ending(self, reason: Why, number: signal.Signals | None, grace: float) -> None:
        if number is not None:
            process_tree.signal_all(self._process.pid, number)
        self._reason = self._reason or reason
        kill_at = time.monotonic() + grace
        self._kill_at = min(self._kill_at or kill_at, kill_at)

    def _enforce_deadlines(self) -> None:
        now = time.monotonic()
        if self._deadline is not None and now >= self._deadline:
            self._deadline = None
            self._start_ending("timed out", signal.SIGTERM, GRACE_AFTER_TERM)
        if self._kill_at is not None and now >= self._kill_at:
            process_tree.kill(self._process.pid)
            self._kill_at = now + GRACE_AFTER_TERM

    def _is_over(self) -> bool:
        """Whether it has ended, and all that it started too where we wanted an end."""
        if self._process.poll() is None:
            return False
        if not self._reason or not process_tree.members(self._process.pid):
            return True
        if not self._orphaned:
            # What it started in the background does not heed Ctrl-C.
            self._orphaned = True
            self._start_ending(self._reason, signal.SIGTERM, GRACE_AFTER_TERM)
        return False

    def _timeout(self) -> float | None:
        now = time.monotonic()
        waits = [at - now for at in (self._deadline, self._kill_at) if at is not None]
        if self._exit_fd is None or self._reason or (self._fresh and self._hearing.idle):
            waits.append(SOON if self._exit_fd is not None else SOON / 5)
        return max(0.0, min(waits)) if waits else None

    def _drain(self) -> None:
        """Read what was printed before the end; what lives on may hold the pipe for ever."""
        line = self._pipes.line[0]
        ears = {line, self._pipes.report[0], self._pipes.caught[0] if self._pipes.caught else line}
        for fd in set(self._selector.get_map()) - ears:
            self._selector.unregister(fd)
        until = time.monotonic() + LEFT_TALKING
        while time.monotonic() < until:
            is_terminal = self._person is not None and line in self._selector.get_map()
            if not self._selector.get_map() or not self._step(QUIET if is_terminal else 0):
                break
