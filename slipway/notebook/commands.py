"""What a runbook may ask of the project's own commands, without knowing how they are made.

The tasks themselves answer (tasks/command_index.py); tests answer with a class of their own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

UNKNOWN = "�"  # stands in a word for what only a shell knows: $ENV, $(date)


@dataclass(frozen=True)
class Flag:
    """One flag of a task; `choices` is empty where anything goes."""

    name: str  # as typed, without the dashes: skip-unreachable
    help: str = ""
    kind: Literal["text", "number", "switch"] = "text"
    choices: tuple[str, ...] = ()
    is_required: bool = False


class Commands(Protocol):
    """The tree of commands behind `inv`."""

    def tasks(self) -> Mapping[str, str]:
        """Return every task's name with the name of its runbook, "" where it has none."""
        ...

    def flags(self, task: str) -> Sequence[Flag]:
        """Return a task's flags; nothing for a task there is not."""
        ...

    def complaint(self, words: Sequence[str]) -> str | None:
        """Say what is wrong with what follows `inv`, with the nearest name; None when it parses.

        A value with UNKNOWN in it may become anything, so it is not judged.
        """
        ...
