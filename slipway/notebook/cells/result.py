"""What became of a cell that was run."""

from dataclasses import dataclass
from pathlib import Path

from slipway.notebook.records.event import Outcome


@dataclass(frozen=True)
class CellResult:
    """`code` is the exit code, None where a signal or we ended it; `log` holds all it printed."""

    outcome: Outcome
    code: int | None
    seconds: float
    log: Path
    lines: int = 0
    size: int = 0  # bytes of output, masked
    captured: str | None = None  # what `capture=` took: stdout without its last newline
    left: tuple[str, ...] = ()  # processes that it left behind: "4711 sleep"
    unkept: tuple[str, ...] = ()  # variables that hold a secret, so that no file keeps them
    message: str = ""  # why it could not run at all, or which signal ended it

    @property
    def passed(self) -> bool:
        return self.outcome == "passed"
