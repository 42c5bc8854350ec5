"""A terminal to look at: a command in a pty of its own, drawn on a screen of some size."""

import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pexpect
import pyte

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 60  # seconds; a loaded machine is slow, a hung one is a failure


def environment(changed: Mapping[str, str | None] | None = None) -> dict[str, str]:
    """What a command at a terminal finds set."""
    own = {k: v for k, v in os.environ.items() if k not in ("CI", "NO_COLOR", "NO_TTY")}
    all_ = own | {"TERM": "xterm-256color", "PYTHONUNBUFFERED": "1"} | dict(changed or {})
    return {name: value for name, value in all_.items() if value is not None}


class Terminal:
    """A command under a person's hands; leaving the block ends it for certain."""

    def __init__(
        self,
        argv: Sequence[str],
        *,
        columns: int = 80,
        lines: int = 50,
        env: Mapping[str, str | None] | None = None,
        cwd: Path = ROOT,
    ) -> None:
        self._look(columns, lines)
        self.child: Any = pexpect.spawn(
            argv[0],
            list(argv[1:]),
            cwd=str(cwd),
            env=environment(env),
            dimensions=(lines, columns),
            timeout=PATIENCE,
        )
        self.child.delaybeforesend = None

    def _look(self, columns: int, lines: int) -> None:
        self.screen = pyte.HistoryScreen(columns, lines, history=100_000)
        self._stream = pyte.ByteStream(self.screen)
        self.raw = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.child.close(force=True)

    @property
    def text(self) -> str:
        """All lines so far, also those that have scrolled away."""
        width = self.screen.columns
        above = ["".join(row[x].data for x in range(width)) for row in self.screen.history.top]
        return "\n".join(line.rstrip() for line in [*above, *self.screen.display])

    def read(self) -> bool:
        """Take what has come; False at the end."""
        try:
            data = self.child.read_nonblocking(65536, timeout=0.2)
        except pexpect.TIMEOUT:
            return True
        except pexpect.EOF:
            return False
        self.raw += data
        self._stream.feed(data)
        return True

    def wait(self, text: str, times: int = 1) -> None:
        """Read until a text has come so many times in all."""
        deadline = time.monotonic() + PATIENCE
        while self.text.count(text) < times:
            assert time.monotonic() < deadline, f"{text!r} never came:\n{self.text}"
            assert self.read() or self.text.count(text) >= times, f"ended:\n{self.text}"

    def say(self, line: str) -> None:
        self.child.send(line + "\r")

    def resize(self, columns: int, lines: int = 50) -> None:
        self.child.setwinsize(lines, columns)
        self.screen.resize(lines, columns)

    def end(self) -> int:
        """Read to the end and return the exit code."""
        deadline = time.monotonic() + PATIENCE
        while self.read():
            assert time.monotonic() < deadline, f"it did not end:\n{self.text}"
        return self._exit_code()

    def _exit_code(self) -> int:
        self.child.close()
        if self.child.exitstatus is None:
            return -int(self.child.signalstatus or 0)
        return int(self.child.exitstatus)
