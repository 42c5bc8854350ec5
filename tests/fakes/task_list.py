"""A project's commands for tests: a few tasks with their runbooks, everything else is right."""

from collections.abc import Mapping, Sequence

from slipway.notebook.commands import Flag
from slipway.notebook.problem import nearest


class TaskList:
    """Knows tasks by name; `flags` are the same for all of them."""

    def __init__(self, tasks: Mapping[str, str], flags: Sequence[str] = ("env",)) -> None:
        self._tasks = dict(tasks)
        self._flags = [Flag(name) for name in flags]

    def tasks(self) -> Mapping[str, str]:
        return self._tasks

    def flags(self, task: str) -> Sequence[Flag]:
        return self._flags if task in self._tasks else ()

    def complaint(self, words: Sequence[str]) -> str | None:
        if not words or words[0] in self._tasks or words[0].startswith("-"):
            return None
        return f"there is no task '{words[0]}'{nearest(words[0], self._tasks)}"
