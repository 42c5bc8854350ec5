"""A person at a terminal answers: one key and Enter; every prompt says where one is."""

import contextlib
import os
import sys
from collections.abc import Callable, Sequence

from slipway.notebook.runs.interfaces import Answer, Location, PrompterGone
from slipway.show.writer import harmless

WORDS = {
    "run": "Enter run",
    "yes": "y yes",
    "no": "n no",
    "done": "y done",
    "again": "a again",
    "change": "c change values",
    "continue": "Enter continue",
    "skip": "s skip",
    "shell": "e shell",
    "roll back": "r roll back",
    "quit": "q quit",
    "resume": "y resume",
}
KEYS: dict[str, tuple[Answer, ...]] = {
    "": ("run", "continue"),
    "y": ("yes", "done", "resume", "run"),
    "n": ("no", "quit"),
    "a": ("again",),
    "c": ("change",),
    "s": ("skip",),
    "e": ("shell",),
    "r": ("roll back",),
    "q": ("quit",),
}


class TerminalPrompter:
    """Asks on stderr and reads a line of stdin; what was typed before the question does not count.

    An Enter that was hit while a cell ran would otherwise start the next one.
    """

    def __init__(self, read: Callable[[], str] | None = None) -> None:
        self._read = read or _read_line

    def choose(self, question: str, offers: Sequence[Answer], location: Location) -> Answer:
        menu = " · ".join(WORDS[offer] for offer in offers)
        while True:
            typed = self.type(f"{question}  {menu}" if question else menu, location).lower()
            for answer in KEYS.get(typed[:1], ()):
                if answer in offers and typed in ("", typed[:1], answer, *WORDS[answer].split()):
                    return answer
            say(f"please answer with one of: {menu}")

    def type(self, question: str, location: Location) -> str:
        while True:
            _discard_input()
            say(harmless(question), end="\n" if len(question) > 50 else " ")
            say(f"[{describe(location)}]", end=" ")
            try:
                line = self._read()
            except UnicodeDecodeError:
                say("\nthat was not UTF-8 text: type the answer again")
                continue
            say("")
            if not line:
                raise PrompterGone
            return line.strip()


def describe(location: Location) -> str:
    """Return environment and host; a real one in red and in capitals."""
    if not location.env:
        return location.host
    if not location.is_real:
        return f"{location.env} from {location.host}"
    return f"{red(location.env.upper())} from {location.host}"


def red(text: str) -> str:
    """Colour what goes to stderr red, where that has colours."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM", "dumb") == "dumb":
        return text
    return f"\x1b[1;31m{text}\x1b[0m" if sys.stderr.isatty() else text


def say(text: str, end: str = "\n") -> None:
    """Write to stderr, where questions go."""
    sys.stderr.write(f"{text}{end}")
    sys.stderr.flush()


def _read_line() -> str:
    # The lines after one that cannot be decoded are not to be lost with it.
    return sys.stdin.buffer.readline().decode()


def _discard_input() -> None:
    """Discard what was typed before the question was seen."""
    import termios

    sys.stdout.flush()
    with contextlib.suppress(termios.error, OSError, ValueError):  # a test's pipe is no terminal
        termios.tcflush(sys.stdin.fileno(), termios.TCIFLUSH)
