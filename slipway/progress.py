"""Who is told how far a piece of work is; the engine itself never prints."""

from dataclasses import dataclass
from typing import Literal, Protocol

Unit = Literal["bytes", "replicas", "edges"]


@dataclass(frozen=True)
class Lane:
    """How far one machine is with its part of a step; `total` is 0 where it is unknown."""

    machine: str
    doing: str
    current: int
    total: int
    unit: Unit

    @property
    def is_done(self) -> bool:
        """Whether nothing is left to do there."""
        return self.current >= self.total > 0


class Reporter(Protocol):
    """A listener: the terminal, a channel to the operator's computer, a container's log, a test."""

    def note(self, text: str) -> None:
        """Take one sentence."""
        ...

    def progress(self, label: str, current: int, total: int) -> None:
        """Take how far it is, in bytes or rows; `total` is 0 where it is unknown."""
        ...

    def lane(self, lane: Lane) -> None:
        """Take how far a machine is with its part of the step."""
        ...

    def started(self, step: str, describe: str, usual: float = 0.0) -> None:
        """Take that a step of a plan begins; `usual` are the seconds it takes, where known."""
        ...

    def finished(self, step: str, result: str) -> None:
        """Take that it is done, and what came of it."""
        ...

    def failed(self, step: str, *, interrupted: bool) -> None:
        """Take that it failed; why is the command's last word."""
        ...

    def undone(self, step: str) -> None:
        """Take that what it did was rolled back."""
        ...


class Silent:
    """Nobody listens."""

    def note(self, text: str) -> None: ...

    def progress(self, label: str, current: int, total: int) -> None: ...

    def lane(self, lane: Lane) -> None: ...

    def started(self, step: str, describe: str, usual: float = 0.0) -> None: ...

    def finished(self, step: str, result: str) -> None: ...

    def failed(self, step: str, *, interrupted: bool) -> None: ...

    def undone(self, step: str) -> None: ...


SILENT = Silent()
