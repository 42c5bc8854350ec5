"""What a cell prints on its way to the screen and to its log: masked, counted, never kept."""

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from slipway.errors import SlipwayError
from slipway.notebook.cells.mask import Mask

Write = Callable[[bytes], object]
TRACE = b"Traceback (most recent call last):"
BETWEEN = (b"During handling of the above exception", b"The above exception was the direct cause")


class OutputUnwritable(SlipwayError):
    """A file of the record cannot be written: nothing that is done would be remembered."""


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """Tell the failure to write a file from a screen that is gone."""
    try:
        yield
    except OSError as error:
        raise OutputUnwritable(f"{path} cannot be written: {error.strerror}") from None


class Tee:
    """A log that only its owner can read, and a screen that shows the same."""

    def __init__(self, log: Path, mask: Mask, screen: Write, *, typed: bool = False) -> None:
        self._screen = screen
        self._stream = mask.stream()
        # Who types wants to see every key at once, be it the first letter of a secret.
        self._shown = mask.stream() if typed else None
        self._path = log
        with writing(log):
            self._file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        self._traces: Traces | None = None
        self._last = b"\n"
        self.size = 0
        self._newlines = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        try:
            if not isinstance(
                error, OSError | OutputUnwritable
            ):  # else there is no use in trying more
                self._flush()
        finally:
            os.close(self._file)

    @property
    def lines(self) -> int:
        """How many lines there were, with one that has no end."""
        return self._newlines + (self._last != b"\n")

    def take(self, data: bytes) -> None:
        """Pass a piece on."""
        masked = self._stream.feed(data)
        if self._traces:
            masked = self._traces.feed(masked)
        shown = self._shown.feed(data) if self._shown else masked
        if shown:
            self._screen(shown)
        self._log(masked)

    def idle(self) -> None:
        """Show what is held back from somebody who types."""
        if self._shown:
            self._screen(self._shown.flush())

    def hide_traces(self) -> None:
        """Leave out Python's tracebacks from now on: after Ctrl-C they say nothing."""
        self._traces = self._traces or Traces()

    def remark(self, text: str) -> None:
        """Say something of our own on a line of its own."""
        self.take((b"" if self._last == b"\n" else b"\n") + text.encode() + b"\n")

    def _flush(self) -> None:
        rest = self._stream.flush()
        if self._traces:
            rest = self._traces.feed(rest) + self._traces.flush()
        if self._shown:
            self._screen(self._shown.flush())
        else:
            self._screen(rest)
        self._log(rest)

    def _log(self, data: bytes) -> None:
        if data:
            rest = memoryview(data)
            with writing(self._path):
                while rest:
                    rest = rest[os.write(self._file, rest) :]
            self.size += len(data)
            self._newlines += data.count(b"\n")
            self._last = data[-1:]


class Traces:
    """Leaves tracebacks out, from their first line to the one that names the error."""

    def __init__(self) -> None:
        self._rest = b""
        self._inside = False
        self._after = False  # what joins one traceback to the next may follow

    def feed(self, data: bytes) -> bytes:
        """Take a piece, return what is no traceback as far as whole lines tell."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        shown = b"".join(line + b"\n" for line in lines if not self._belongs(line))
        if not (self._inside or self._after) and not TRACE.startswith(self._rest[: len(TRACE)]):
            shown, self._rest = shown + self._rest, b""
        return shown

    def flush(self) -> bytes:
        """Return the rest."""
        rest, self._rest = self._rest, b""
        return b"" if self._inside else rest

    def _belongs(self, line: bytes) -> bool:
        if line.startswith(TRACE):
            self._inside = self._after = True
            return True
        if self._inside and not line.startswith((b" ", b"\t")) and line.strip():
            self._inside = False  # the line that names the error is its last
            return True
        if not self._inside and self._after:
            self._after = not line.strip() or line.startswith(BETWEEN)
            return self._after
        return self._inside
