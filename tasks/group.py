"""Tasks under one prefix, of which Invoke hears only those that the command line names."""

from collections.abc import Iterator
from types import ModuleType
from typing import Any, Self

from invoke.collection import Collection

from .command import Command


class Group(Collection):
    """A prefix with the tasks of one or several modules.

    At every start Invoke copies each task, and makes and copies a parser for it; that took longer
    than all else. `inv --list` looks at `tasks`, and so sees all of them.
    """

    def __init__(self, name: str, *modules: ModuleType) -> None:
        super().__init__(name)
        self.__doc__ = modules[0].__doc__
        for module in modules:
            for value in vars(module).values():
                if isinstance(value, Command):
                    self.add_task(value)

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self

    def __bool__(self) -> bool:
        return bool(self.tasks)

    @property
    def task_names(self) -> dict[str, list[str]]:
        """The names that Invoke's parser has to know, with their aliases, of which we have none."""
        return {name: [] for name, task in self.tasks.items() if task.is_named}


_project: list[Collection] = []


def register(tasks: Collection) -> Collection:
    """Make a collection the project's own, for tasks that read the others."""
    _project[:] = [tasks]
    return tasks


def registered() -> Collection:
    """Return all tasks of the project, once tasks/cli.py is loaded."""
    return _project[0]


def all_tasks(tasks: Collection, prefix: str = "") -> Iterator[tuple[str, Command]]:
    """Yield every task of a collection with its name on the command line."""
    for name, task in tasks.tasks.items():
        yield prefix + name, task
    for name, group in tasks.collections.items():
        yield from all_tasks(group, f"{prefix}{name}.")
