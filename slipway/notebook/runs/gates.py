"""What a run without a person would have to ask: found before anything runs, all of it at once."""

from collections.abc import Collection

from slipway.errors import SlipwayError
from slipway.notebook.checking import command_check
from slipway.notebook.document import Cell, ManualStep, Runbook
from slipway.notebook.problem import Problem, where
from slipway.notebook.runs.options import Mode, RunOptions
from slipway.notebook.runs.plan import RunPlan


class UnattendedPrompt(SlipwayError):
    """There are questions, and nobody is there to answer; nothing was run."""

    exit_code = 4


def gates(
    runbook: Runbook, course: RunPlan, wish: RunOptions, mode: Mode, env: str
) -> list[Problem]:
    """Return every gate that nobody could answer; none with a person at a terminal."""
    if mode.person:
        return []
    found: list[Problem] = []
    for action in course.actions:
        if text := _closed(action, runbook, wish, env):
            found.append(Problem(where(runbook.path), action.line, text))
    return found


def to_type(runbook: Runbook, env: str) -> str:
    """Return the word that is typed to let a cell destroy: the environment, else the runbook."""
    return env or runbook.name


def awaited(cell: Cell, awaits: Collection[str]) -> str:
    """Return the task that a cell needs and that does not exist yet, or nothing."""
    if not awaits or cell.language != "sh":
        return ""
    named = {word for command in command_check.in_shell(cell.source) for word in command.words}
    return next((task for task in awaits if task in named), "")


def _closed(action: Cell | ManualStep, runbook: Runbook, wish: RunOptions, env: str) -> str:
    if isinstance(action, ManualStep):
        return "" if wish.manual_done else f'"{action.id}" is done by hand; add --manual-done'
    attributes = action.attributes
    if attributes.skip:
        return ""
    if task := awaited(action, runbook.matter.awaits):
        return f'"{action.id}" needs inv {task}, which does not exist yet'
    if attributes.interactive:
        return f'"{action.id}" is interactive: it needs a person at a terminal'
    if attributes.destructive and wish.yes_destroy != to_type(runbook, env):
        return f'"{action.id}" destroys; add --yes-destroy={to_type(runbook, env)}'
    if attributes.confirm is not None and not attributes.destructive and not wish.yes:
        return f'"{action.id}" asks to be confirmed; add --yes'
    return ""
