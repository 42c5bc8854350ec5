"""The shell that a run's cells share: each runs in a bash of its own and finds what the last left."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

from slipway.notebook.document import Cell
from slipway.notebook.mask import Mask
from slipway.notebook.result import Result
from slipway.project import ROOT


class Screen(Protocol):
    """Where a cell's output goes while it runs; masked already."""

    def write(self, data: bytes) -> None: ...


class Session:
    """Runs cells, one after the other."""

    def __init__(
        self,
        record_folder: Path,
        variables: Mapping[str, str],
        mask: Mask,
        *,
        root: Path = ROOT,
        terminal: bool = False,
        debug: Callable[[str], None] | None = None,
    ) -> None:
        raise NotImplementedError

    def load(self, n: int) -> tuple[str, ...]:
        """Take the state after the n-th started cell; return the names no file kept."""
        raise NotImplementedError

    def run(self, cell: Cell, n: int, screen: Screen) -> Result:
        """Run a cell to its end, whatever that is."""
        raise NotImplementedError

    def test(self, condition: str) -> bool:
        """Whether a shell condition holds in the present state, which it does not change."""
        raise NotImplementedError

    def shell(self) -> int:
        """Give the person a bash with the present state; what it changes is not kept."""
        raise NotImplementedError

    def close(self) -> None:
        """Give everything back."""
