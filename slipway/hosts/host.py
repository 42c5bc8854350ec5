"""The one door to a machine: what every host can do, this computer or one over SSH."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Protocol

from slipway.errors import CommandFailed

SECONDS = 1.0
MINUTES = 60 * SECONDS
LARGEST_ANSWER = 256 << 20  # of a command: more fills the memory of whoever asked
LONGEST_LINE = 1 << 20  # of what is followed; more of it comes as another line
ENDLESS = f"its answer is larger than {LARGEST_ANSWER >> 20} MB; it was ended"


@dataclass(frozen=True)
class CommandResult:
    """A command that ended; output is decoded as UTF-8, bad bytes replaced."""

    host: str
    argv: tuple[str, ...]
    code: int
    out: str
    err: str

    def check(self) -> "CommandResult":
        """Return itself, or raise CommandFailed when the code is not 0."""
        if self.code != 0:
            raise CommandFailed(self.host, self.argv, self.code, self.err or self.out)
        return self


class Process(Protocol):
    """A command that runs and is spoken with: bytes both ways, until both sides have ended."""

    def write(self, data: bytes) -> None:
        """Hand bytes to its input; waits while it does not read. Raises BrokenPipeError."""
        ...

    def read(self, size: int) -> bytes:
        """Take up to `size` bytes of its output; nothing when that has ended."""
        ...

    def end(self) -> None:
        """Close its input."""
        ...

    def wait(self) -> CommandResult:
        """Wait for its end; `err` holds the last lines it said on its second output."""
        ...


class Dialogue(Protocol):
    """A command that answers short questions, until the block that started it ends."""

    def write(self, data: bytes) -> None:
        """Hand bytes to its input. Raises OSError when it has ended."""
        ...

    def read(self, size: int) -> bytes:
        """Take up to `size` bytes of its output; nothing at its end. Raises TimeoutError."""
        ...


class Host(Protocol):
    """A machine that runs commands. Commands are lists; nothing is ever joined into a shell line
    by the caller. A secret travels through `stdin` or `write`, never through `argv`."""

    @property
    def name(self) -> str:
        """The short name people see in messages, `m1`."""
        ...

    def run(
        self,
        argv: Sequence[str],
        *,
        stdin: bytes | Iterable[bytes] = b"",
        timeout: float = 2 * MINUTES,
        check: bool = True,
    ) -> CommandResult:
        """Run a command and wait for it; chunks of `stdin` are streamed, never joined.

        The command and its children are ended when the timeout passes.
        Raises CommandFailed (unless `check=False`), Unreachable.
        """
        ...

    def follow(self, argv: Sequence[str], on_line: Callable[[str], None]) -> int:
        """Run a command, hand over each line of its two outputs as it comes, return its code."""
        ...

    def attach(self, argv: Sequence[str]) -> int:
        """Run a command with this terminal as its own, return its code."""
        ...

    def open(self, argv: Sequence[str]) -> AbstractContextManager[Process]:
        """Start a command to speak with; it is ended when the block is left early."""
        ...

    def dial(self, argv: Sequence[str], *, timeout: float) -> AbstractContextManager[Dialogue]:
        """Start a command for short questions, each answered within `timeout`; it is ended with
        the block. Over the connection there is, where `open` makes one for bulk data."""
        ...

    def write(self, path: PurePosixPath, data: bytes, *, mode: int = 0o644) -> None:
        """Put a file in place in one move; it is never seen half-written or with a wider mode."""
        ...

    def close(self) -> None:
        """Give the connection back; the next call opens a new one."""
        ...


def script(host: Host, text: str, *args: str, timeout: float = 2 * MINUTES) -> CommandResult:
    """Run a POSIX shell script in one round trip; `args` become `$1`, `$2`, ..."""
    return host.run(["sh", "-euc", text, "sh", *args], timeout=timeout)
