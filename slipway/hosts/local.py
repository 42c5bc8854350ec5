"""This computer as a host; the only door to subprocesses."""

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import NoReturn

from slipway import child_environment, whole_file
from slipway.errors import CommandFailed
from slipway.hosts.host import ENDLESS, MINUTES, CommandResult, Dialogue, Process
from slipway.hosts.process import BoundedOutput, LocalDialogue, LocalProcess, lines


class LocalHost:
    """Runs commands on this computer, each in a process group of its own.

    A command finds in its environment no secret that it has no need of, unless it is a person's own
    shell.
    """

    def __init__(
        self,
        name: str = "local",
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        *,
        is_persons: bool = False,
    ) -> None:
        self._name = name
        self._env = dict(env) if env is not None else None
        self._is_persons = is_persons
        self._cwd = cwd
        self._running: set[subprocess.Popen[bytes]] = set()

    @property
    def name(self) -> str:
        return self._name

    def run(
        self,
        argv: Sequence[str],
        *,
        stdin: bytes | Iterable[bytes] = b"",
        timeout: float = 2 * MINUTES,
        check: bool = True,
    ) -> CommandResult:
        process = self._start(argv, stdin=subprocess.PIPE, stderr=subprocess.PIPE)
        deadline = time.monotonic() + timeout
        with self._ended(process):
            feeder = _Feeder(process, [stdin] if isinstance(stdin, bytes) else stdin)
            pipes = [pipe for pipe in (process.stdout, process.stderr) if pipe is not None]
            out, err = (BoundedOutput(pipe, lambda: _kill(process)) for pipe in pipes)
            try:
                for output in (out, err):
                    output.wait(deadline - time.monotonic())
                code = process.wait(max(0.0, deadline - time.monotonic()))
            except (TimeoutError, subprocess.TimeoutExpired):
                message = f"no end after {timeout:.0f} s"
                raise CommandFailed(self._name, argv, 124, message) from None
            if out.is_full or err.is_full:
                raise CommandFailed(self._name, argv, code, ENDLESS)
            feeder.finish()
        completed = CommandResult(self._name, tuple(argv), code, out.text(), err.text())
        return completed.check() if check else completed

    def follow(self, argv: Sequence[str], on_line: Callable[[str], None]) -> int:
        process = self._start(argv, stdin=subprocess.DEVNULL, stderr=subprocess.STDOUT)
        with self._ended(process):
            assert process.stdout is not None  # noqa: S101  asked for in _start
            for line in lines(process.stdout):
                on_line(line.decode(errors="replace").rstrip("\n"))
            return process.wait()

    def attach(self, argv: Sequence[str]) -> int:
        try:
            return subprocess.call(argv, env=self._environment(argv), cwd=self._cwd)
        except FileNotFoundError:
            raise CommandFailed(self._name, argv, 127, f"{argv[0]}: not found") from None

    @contextlib.contextmanager
    def open(self, argv: Sequence[str]) -> Iterator[Process]:
        process = self._start(argv, stdin=subprocess.PIPE, stderr=subprocess.PIPE)
        with self._ended(process):
            yield LocalProcess(self._name, argv, process)

    @contextlib.contextmanager
    def dial(self, argv: Sequence[str], *, timeout: float) -> Iterator[Dialogue]:
        process = self._start(argv, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)
        with self._ended(process):
            yield LocalDialogue(process, timeout)
            _kill(process)
            process.communicate()

    def write(self, path: PurePosixPath, data: bytes, *, mode: int = 0o644) -> None:
        target = Path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        whole_file.write(target, data, mode=mode)

    def close(self) -> None:
        """End the commands that other threads wait for."""
        for process in tuple(self._running):
            _kill(process)

    @contextlib.contextmanager
    def _ended(self, process: "subprocess.Popen[bytes]") -> Iterator[None]:
        """End the whole process group when the block is left early."""
        self._running.add(process)
        try:
            yield
        except BaseException:
            # Also when the command itself has ended: what it left behind may hold its outputs.
            _kill(process)
            process.wait()
            raise
        finally:
            self._running.discard(process)

    def _start(self, argv: Sequence[str], *, stdin: int, stderr: int) -> "subprocess.Popen[bytes]":
        try:
            return subprocess.Popen(
                list(argv),
                stdin=stdin,
                stdout=subprocess.PIPE,
                stderr=stderr,
                env=self._environment(argv),
                cwd=self._cwd,
                start_new_session=True,
            )
        except FileNotFoundError:
            raise CommandFailed(self._name, argv, 127, f"{argv[0]}: not found") from None

    def _environment(self, argv: Sequence[str]) -> dict[str, str]:
        whole = os.environ if self._env is None else self._env
        return dict(whole) if self._is_persons else child_environment.made(argv[0], whole)


class _Feeder:
    """Writes chunks into a command's input while its outputs are read elsewhere."""

    def __init__(self, process: "subprocess.Popen[bytes]", chunks: Iterable[bytes]) -> None:
        self._process = process
        self._pipe = process.stdin
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._write, args=(chunks,), daemon=True)
        self._thread.start()

    def finish(self) -> None:
        """Wait for the last chunk; raise what the source of the chunks raised."""
        self._thread.join()
        if self._error is not None:
            raise self._error

    def _write(self, chunks: Iterable[bytes]) -> None:
        assert self._pipe is not None  # noqa: S101  opened by _start
        # A command that ends early closes the pipe; its exit code tells why.
        with contextlib.suppress(BrokenPipeError), self._pipe as pipe:
            try:
                for chunk in chunks:
                    pipe.write(chunk)
                    pipe.flush()  # the next chunk may take its time
            except BrokenPipeError:
                raise
            except BaseException as error:
                # Closing the pipe now would look like the end of the input: end the command.
                self._error = error
                _kill(self._process)


def become(argv: Sequence[str]) -> NoReturn:
    """Run a program in the place of this one, with its terminal and all that it has."""
    os.execv(argv[0], list(argv))  # noqa: S606  the words are a list, and no shell reads them


def _kill(process: "subprocess.Popen[bytes]") -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
