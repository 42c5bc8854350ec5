"""What is wrong with runbooks: a line for each with file and line, and how many there are."""

from collections.abc import Sequence

from slipway.notebook.problem import Problem
from slipway.show import table
from slipway.show.writer import say


def show(problems: Sequence[Problem], files: int, *, as_json: bool = False) -> None:
    """Print the problems, then what they come to."""
    if as_json:
        table.document([_row(problem) for problem in problems])
        return
    for problem in problems:
        say(str(problem))
    say(summary(problems, files))


def summary(problems: Sequence[Problem], files: int) -> str:
    """Count: `16 files: 2 errors, 1 warning`."""
    errors = sum(problem.severity == "error" for problem in problems)
    warnings = len(problems) - errors
    counts = [_count(n, noun) for n, noun in ((errors, "error"), (warnings, "warning")) if n]
    return f"{_count(files, 'file')}: {', '.join(counts) or 'no problems'}"


def _row(problem: Problem) -> dict[str, object]:
    return {
        "file": problem.file,
        "line": problem.line,
        "text": problem.text,
        "severity": problem.severity,
    }


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
