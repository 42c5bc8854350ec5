"""Terminals: the person's own, lent to a cell and always given back, and the one a cell runs in."""

import contextlib
import fcntl
import os
import pty
import struct
import termios
import tty
from collections.abc import Iterator

Modes = list[int | list[bytes | int]]


class Keyboard:
    """The terminal somebody sits at."""

    def __init__(self, keys: int = 0, picture: int = 1) -> None:
        self.keys = keys
        self._picture = picture

    @contextlib.contextmanager
    def raw(self) -> Iterator[None]:
        """Let every key through, until the block is left, however that happens."""
        before = self._modes()
        if before is None:
            yield
            return
        try:
            tty.setraw(self.keys, termios.TCSADRAIN)
            yield
        finally:
            self._restore(before)

    @contextlib.contextmanager
    def restored(self) -> Iterator[None]:
        """Give it to a program that uses it as it is; take it back in order."""
        before = self._modes()
        try:
            yield
        finally:
            if before is not None:
                self._restore(before)

    def configure(self, line: int) -> None:
        """Make another terminal work like this one: its size, its keys."""
        if (modes := self._modes()) is not None:
            termios.tcsetattr(line, termios.TCSANOW, modes)
        self.resize(line)

    def resize(self, line: int) -> None:
        """Make another terminal as large as this one."""
        with contextlib.suppress(OSError):
            size = fcntl.ioctl(self._picture, termios.TIOCGWINSZ, struct.pack("4H", 0, 0, 0, 0))
            fcntl.ioctl(line, termios.TIOCSWINSZ, size)

    def _modes(self) -> Modes | None:
        try:
            return termios.tcgetattr(self.keys)
        except termios.error:
            return None  # no terminal after all, or it is gone

    def _restore(self, modes: Modes) -> None:
        # Keys that were meant for the cell must not answer the next question.
        with contextlib.suppress(termios.error):
            termios.tcsetattr(self.keys, termios.TCSAFLUSH, modes)


def new(person: Keyboard) -> tuple[int, int]:
    """Return our end of a new terminal like the person's, and the end for a cell."""
    ours, theirs = pty.openpty()
    person.configure(theirs)
    os.set_blocking(ours, False)
    return ours, theirs


def control() -> None:
    """Make stdin the controlling terminal of a process that leads a session."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
