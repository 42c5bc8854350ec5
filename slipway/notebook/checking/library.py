"""The runbooks beside each other and beside the tasks: each task has one, each one has a task."""

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path

from slipway.notebook.checking.form import key_line
from slipway.notebook.commands import Commands
from slipway.notebook.document import Runbook
from slipway.notebook.problem import Problem, nearest, where


def problems(
    runbooks: Sequence[Runbook], mentioned: Mapping[str, AbstractSet[str]], commands: Commands
) -> Iterator[Problem]:
    """Find tasks without a runbook, runbooks without a task, and two for the same task.

    `told` has for each runbook's name the tasks that its text speaks of.
    """
    books = {runbook.name: runbook for runbook in runbooks}
    yield from _of_tasks(books, mentioned, commands.tasks(), runbooks[0].path.parent)
    linked = set(commands.tasks().values())
    for name, runbook in books.items():
        if not runbook.matter.tasks and name not in linked:
            text = "it has no task: write task: deploy, or what it is about, into the front matter"
            yield Problem(where(runbook.path), 1, text, "warning")
    yield from _twice(books, commands.tasks())


def _of_tasks(
    books: Mapping[str, Runbook],
    mentioned: Mapping[str, AbstractSet[str]],
    tasks: Mapping[str, str],
    folder: Path,
) -> Iterator[Problem]:
    index = where(folder / "README.md")
    for task, name in tasks.items():
        if not name:
            text = f'inv {task} has no runbook: name one where it is made, @command(runbook="...")'
            yield Problem(index, 1, text, "warning")
        elif name not in books:
            hint = nearest(name, books) or f"; begin it: inv runbook.new --name={name}"
            text = f"there is no such runbook, which the help of inv {task} names{hint}"
            yield Problem(where(folder / f"{name}.md"), 1, text)
        elif task not in mentioned[name]:
            text = f"the help of inv {task} names this runbook, which never says inv {task}"
            yield Problem(where(books[name].path), 1, text)


def _twice(books: Mapping[str, Runbook], tasks: Mapping[str, str]) -> Iterator[Problem]:
    """Find runbooks about nothing but a task that is another one's."""
    first: dict[str, str] = {
        task: name
        for task, name in tasks.items()
        if name in books and task in books[name].matter.tasks
    }
    for name, runbook in books.items():
        if len(runbook.matter.tasks) != 1:
            continue
        task = runbook.matter.tasks[0]
        other = first.setdefault(task, name)
        if other != name:
            advice = f"join them, or name what else this one is about (task: [{task}, ...])"
            text = f"inv {task} has a runbook already, {other}.md: {advice}"
            yield Problem(where(runbook.path), key_line(runbook, "task"), text, "warning")
