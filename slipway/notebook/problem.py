"""What is wrong with a runbook, where, and what would be right."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from slipway import suggest
from slipway.project import ROOT


@dataclass(frozen=True, order=True)
class Problem:
    """One complaint; `file` is relative to the project, as a person would type it."""

    file: str
    line: int
    text: str
    severity: Literal["error", "warning"] = "error"

    def __str__(self) -> str:
        mark = "warning: " if self.severity == "warning" else ""
        return f"{self.file}:{self.line}: {mark}{self.text}"


def nearest(word: str, candidates: Iterable[str]) -> str:
    """Return ` (did you mean "X"?)` for a likely typing error, or nothing."""
    return suggest.nearest(word, candidates, quote='"')


def where(path: Path) -> str:
    """Return a path as a person would type it at the project's root."""
    try:
        return str(path.resolve().relative_to(ROOT))
    except (ValueError, OSError, RuntimeError):
        return str(path)
