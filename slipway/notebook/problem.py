"""What is wrong with a runbook, where, and what would be right."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from slipway import suggest
from slipway.project import ROOT

Severity = Literal["error", "warning"]  # what breaks a run; what a reader would miss
Elsewhere = Literal["", "error", "warning", "nothing"]


@dataclass(frozen=True, order=True)
class Problem:
    """One complaint; `file` is relative to the project, as a person would type it.

    `elsewhere` is its severity in a runbook that is not held to the house style, "" for the same.
    """

    file: str
    line: int
    text: str
    severity: Severity = "error"
    elsewhere: Elsewhere = ""

    def __str__(self) -> str:
        mark = "warning: " if self.severity == "warning" else ""
        return f"{self.file}:{self.line}: {mark}{self.text}"


def without_house_style(problems: Iterable[Problem]) -> Iterator[Problem]:
    """Yield what of some problems counts where the house style does not."""
    for problem in problems:
        severity = problem.elsewhere or problem.severity
        if severity != "nothing":
            yield replace(problem, severity=severity, elsewhere="")


def nearest(word: str, candidates: Iterable[str]) -> str:
    """Return ` (did you mean "X"?)` for a likely typing error, or nothing."""
    return suggest.nearest(word, candidates, quote='"')


def where(path: Path) -> str:
    """Return a path as a person would type it at the project's root."""
    try:
        return str(path.resolve().relative_to(ROOT))
    except (ValueError, OSError, RuntimeError):
        return str(path)
