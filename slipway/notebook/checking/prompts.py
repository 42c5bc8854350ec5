"""Prompts in a fence of shell: what a terminal shows was copied, and bash would run a `$`."""

from collections.abc import Iterator

from slipway.notebook.document import Runbook
from slipway.notebook.problem import Problem
from slipway.notebook.reading import typed

ADVICE = "take the prompt away, or call the fence console"


def problems(runbook: Runbook, file: str) -> Iterator[Problem]:
    """Find the first prompt of each cell."""
    for cell in runbook.cells():
        if line := typed.has_prompt(cell):
            text = f"bash would run the prompt before this command: {ADVICE}"
            yield Problem(file, cell.line + line, text)
