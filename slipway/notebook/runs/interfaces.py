"""What a run reaches the world through: prompts, display, shell, lock; a terminal's in show."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from slipway.notebook.cells.result import CellResult
from slipway.notebook.cells.session import Screen
from slipway.notebook.commands import Commands
from slipway.notebook.document import Action, Block, Cell
from slipway.notebook.records.record import RUNS, Record
from slipway.notebook.runs.options import Mode

# What a person may answer; each is typed as its first letter, `run` also as Enter, `continue`
# as Enter alone.
Answer = Literal[
    "run",
    "yes",
    "no",
    "done",
    "again",
    "change",
    "continue",
    "skip",
    "shell",
    "roll back",
    "quit",
    "resume",
]


class PrompterGone(Exception):
    """Nobody answers any more: end of input at a prompt."""


@dataclass(frozen=True)
class Location:
    """Where a run works: every prompt shows it."""

    env: str  # "" where the runbook has no environment
    host: str
    is_real: bool = False  # prod: drawn in red, with the word in capitals


class Prompter(Protocol):
    """Asks the person; raises PrompterGone at the end of input, KeyboardInterrupt on Ctrl-C."""

    def choose(self, question: str, offers: Sequence[Answer], location: Location) -> Answer:
        """Ask until one of the offers is chosen; Enter takes the first where it is `run`."""
        ...

    def type(self, question: str, location: Location) -> str:
        """Ask for a line of text: a reason, a name, a value."""
        ...


class Display(Protocol):
    """Draws the run for whoever watches; what it gets has been masked."""

    @property
    def screen(self) -> Screen: ...

    def begin(self, title: str, facts: Mapping[str, str], warnings: Sequence[str]) -> None:
        """Show the head of the run: what, where, by whom, and what is unusual here."""
        ...

    def read(self, blocks: Sequence[Block]) -> None:
        """Draw what stands between two actions."""
        ...

    def action(self, action: Action, values: Mapping[str, str]) -> None:
        """Draw a cell or a step as it is about to be done, with the parameters it uses."""
        ...

    def attempt(self, n: int, of: int) -> None:
        """Show which attempt at a check begins."""
        ...

    def ended(self, cell: Cell, result: CellResult, excerpt: str = "") -> None:
        """Show the result of a cell; `excerpt` is output that the screen has not had."""
        ...

    def note(self, text: str, *, loud: bool = False) -> None:
        """Show one line about the run; a loud one is not to be overlooked."""
        ...

    def text(self, text: str) -> None:
        """Show several lines as they are: a diff."""
        ...

    def closing(self, ending: str, seconds: float, transcript: Path | None, run: str) -> None:
        """Show the last lines: result, time, where the transcript lies, how to share it."""
        ...


class Shell(Protocol):
    """Runs cells in turn, carrying state from each to the next (notebook/cells/session.py)."""

    def load(self, n: int) -> tuple[str, ...]:
        """Take the state after the n-th started cell; return the names that were not kept."""
        ...

    def run(self, cell: Cell, n: int, screen: Screen) -> CellResult: ...

    def test(self, condition: str) -> bool: ...

    def values(self, names: Sequence[str]) -> Mapping[str, str]:
        """Return those of the variables that are set, as the next cell would find them."""
        ...

    def assign(self, values: Mapping[str, str]) -> None:
        """Set variables for the cells to come."""
        ...

    def shell(self, tell: Callable[[str], None]) -> int:
        """Give the person a shell; `tell` gets what is unusual about it."""
        ...

    def close(self) -> None: ...


class EnvironmentLock(Protocol):
    """Keeps others off the environment from the first cell that may change something."""

    def advance_to(self, action: Action) -> None:
        """Publish where the run is, locking before what may change something; may raise Busy."""
        ...


@dataclass(frozen=True)
class Interfaces:
    """All that a run is given before it begins; tests give it fakes."""

    prompter: Prompter
    display: Display
    commands: Commands
    mode: Mode
    runs: Path = RUNS
    records: type[Record] = Record
    debug: Callable[[str], None] | None = None
