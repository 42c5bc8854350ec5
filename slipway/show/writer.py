"""The way to the terminal: what others wrote is shown there, and never obeyed by it.

Log lines, errors of containers, names in records: control characters could erase lines, write to
the clipboard or turn text round. Only what a program printed that a person started is passed on.
"""

import re
import sys
from typing import TextIO

from slipway.notebook.transcripts.ansi import visible

COLOUR = re.compile(r"\x1b\[[0-9;:]*m")


def harmless(text: str) -> str:
    """Write control and bidirectional characters as signs; colours are left out."""
    return text if text.isprintable() else visible(COLOUR.sub("", text))


def visible_line(text: str) -> str:
    """Write a text on one line, where it has a place of its own."""
    escaped = (c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    return text if text.isprintable() else "".join(escaped)


def say(text: str = "") -> None:
    """Print a line to stdout."""
    _write(sys.stdout, f"{harmless(text)}\n")


def tell(text: str, end: str = "\n") -> None:
    """Print a line to stderr, or with another end the question before an answer."""
    _write(sys.stderr, f"{harmless(text)}{end}")


def pass_on(output: bytes) -> None:
    """Print what a program that a person started has printed, as it is."""
    sys.stdout.buffer.write(output)
    sys.stdout.buffer.flush()


def _write(stream: TextIO, text: str) -> None:
    """Write at once; a letter that the terminal does not know is no failure."""
    encoding = stream.encoding or "utf-8"
    stream.write(text.encode(encoding, "replace").decode(encoding))
    stream.flush()
