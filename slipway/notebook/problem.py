"""What is wrong with a runbook, where, and what would be right."""

from dataclasses import dataclass
from typing import Literal


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
