"""Which prompts an unattended run would need: found before anything runs, all of them at once."""

from collections.abc import Collection

from slipway.errors import SlipwayError
from slipway.notebook.checking import command_check
from slipway.notebook.document import Cell, ManualStep, Runbook
from slipway.notebook.problem import Problem, where
from slipway.notebook.reading.shell_openers import opening_line
from slipway.notebook.runs.options import Mode, RunOptions
from slipway.notebook.runs.plan import RunPlan

CANNOT_PROMPT = "not running in a terminal, cannot prompt"


class UnattendedPrompt(SlipwayError):
    """There are questions, and nobody is there to answer; nothing was run."""

    exit_code = 4


def closed_gates(
    runbook: Runbook, plan: RunPlan, options: RunOptions, mode: Mode, env: str
) -> list[Problem]:
    """Return every gate that nobody could open; none with a person at a terminal."""
    if mode.attended:
        return []
    problems: list[Problem] = []
    for action in plan.actions:
        if text := _closed(action, runbook, options, env):
            problems.append(Problem(where(runbook.path), action.line, text))
    return problems


def word_to_confirm(runbook: Runbook, env: str) -> str:
    """Return the word that is typed to let a cell destroy: the environment, else the runbook."""
    return env or runbook.name


def awaited_task(cell: Cell, awaits: Collection[str]) -> str:
    """Return the task that a cell needs and that does not exist yet, or nothing."""
    if not awaits or cell.language != "sh":
        return ""
    words = {word for command in command_check.in_shell(cell.source) for word in command.words}
    return next((task for task in awaits if task in words), "")


def _closed(action: Cell | ManualStep, runbook: Runbook, options: RunOptions, env: str) -> str:
    if isinstance(action, ManualStep):
        return "" if options.manual_done else f'"{action.id}" is done by hand; add --manual-done'
    attributes = action.attributes
    if attributes.skip:
        return ""
    if task := awaited_task(action, runbook.matter.awaits):
        return f'"{action.id}" needs inv {task}, which does not exist yet'
    if attributes.interactive:
        return f'"{action.id}" is interactive: it needs a person at a terminal'
    if opening_line(action):
        return f'"{action.id}" opens a shell to type in: it needs a person at a terminal'
    word = word_to_confirm(runbook, env)
    if attributes.destructive and options.yes_destroy != word:
        return f'"{action.id}" destroys; add --yes-destroy={word}'
    if attributes.confirm is not None and not attributes.destructive and not options.yes:
        return f'"{action.id}" asks to be confirmed; add --yes'
    return ""
