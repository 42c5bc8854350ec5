"""Who is told how far a piece of work is; the engine itself never prints."""

from typing import Protocol


class Reporter(Protocol):
    """A listener: a channel to a person's computer, the log of a container, a test."""

    def note(self, text: str) -> None:
        """Hear one sentence."""
        ...

    def progress(self, what: str, done: int, total: int) -> None:
        """Hear how far it is, in bytes or rows; `total` is 0 where nobody knows."""
        ...


class Silent:
    """Nobody is told."""

    def note(self, text: str) -> None: ...

    def progress(self, what: str, done: int, total: int) -> None: ...
