"""What is wrong with runbooks: a line for each with file and line, and how many there are."""

import dataclasses
import sys
from collections.abc import Sequence

from slipway.notebook.problem import Problem
from slipway.show import table


def show(found: Sequence[Problem], files: int, *, as_json: bool = False) -> None:
    """Print the problems, then what they come to."""
    if as_json:
        table.document([dataclasses.asdict(problem) for problem in found])
        return
    for problem in found:
        sys.stdout.write(f"{problem}\n")
    sys.stdout.write(f"{summary(found, files)}\n")
    sys.stdout.flush()


def summary(found: Sequence[Problem], files: int) -> str:
    """Count: `16 files: 2 errors, 1 warning`."""
    errors = sum(problem.severity == "error" for problem in found)
    warnings = len(found) - errors
    told = [_count(n, what) for n, what in ((errors, "error"), (warnings, "warning")) if n]
    return f"{_count(files, 'file')}: {', '.join(told) or 'nothing to complain of'}"


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
