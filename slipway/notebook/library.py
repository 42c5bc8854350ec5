"""The runbooks beside each other and beside the tasks: each task has one, each one has a task."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from slipway.notebook import drift
from slipway.notebook.commands import Commands
from slipway.notebook.document import Runbook
from slipway.notebook.form import key_line
from slipway.notebook.problem import Problem, nearest, where


def problems(runbooks: Sequence[Runbook], commands: Commands) -> Iterator[Problem]:
    """Find tasks without a runbook, runbooks without a task, and two for the same task."""
    books = {runbook.name: runbook for runbook in runbooks}
    folder = runbooks[0].path.parent
    yield from _of_tasks(books, commands.tasks(), folder)
    linked = set(commands.tasks().values())
    for name, runbook in books.items():
        if not runbook.matter.tasks and name not in linked:
            text = "it has no task: write task: deploy, or what it is about, into the front matter"
            yield Problem(where(runbook.path), 1, text, "warning")
    yield from _twice(books, commands.tasks())


def _of_tasks(
    books: Mapping[str, Runbook], tasks: Mapping[str, str], folder: Path
) -> Iterator[Problem]:
    told = {name: _told(runbook) for name, runbook in books.items()}
    index = where(folder / "README.md")
    for task, name in tasks.items():
        if not name:
            text = f'inv {task} has no runbook: name one where it is made, @command(runbook="...")'
            yield Problem(index, 1, text, "warning")
        elif name not in books:
            wish = nearest(name, books) or f"; begin it: inv runbook.new --name={name}"
            yield Problem(where(folder / f"{name}.md"), 1, f"inv {task} names it{wish}")
        elif task not in told[name]:
            text = f"the help of inv {task} names this runbook, which never says inv {task}"
            yield Problem(where(books[name].path), 1, text)


def _twice(books: Mapping[str, Runbook], tasks: Mapping[str, str]) -> Iterator[Problem]:
    """Find runbooks about nothing but a task that is another one's."""
    first: dict[str, str] = {
        task: name for task, name in tasks.items() if name in books and _is_about(books[name], task)
    }
    for name, runbook in books.items():
        if len(runbook.matter.tasks) != 1:
            continue
        task = runbook.matter.tasks[0]
        other = first.setdefault(task, name)
        if other != name:
            text = f"inv {task} has a runbook already, {other}.md: join them, or name another task"
            yield Problem(where(runbook.path), key_line(runbook, "task"), text, "warning")


def _is_about(runbook: Runbook, task: str) -> bool:
    return task in runbook.matter.tasks


def _told(runbook: Runbook) -> set[str]:
    return {word for _, words in drift.named(runbook) for word in words}
