"""The index of tasks and flags that shells complete from: `python -m tasks.completion_index`."""

import inspect
import sys
from collections.abc import Iterator
from pathlib import Path

from invoke.parser.argument import Argument
from invoke.program import Program

from slipway import whole_file
from slipway.completion import answer
from slipway.project import ROOT

from .command import Choices, Command, Values, environments
from .group import all_tasks

# Invoke's own flags that no person types, or whose meaning is not that of this project.
HIDDEN = {"--complete", "--print-completion-script", "--collection", "--no-dedupe", "--search-root"}
KNOWN = {"--help": "tasks", "--list-format": "one:flat,nested,json"}


def write(root: Path = ROOT) -> None:
    """Write the index at once or not at all."""
    path = root / answer.INDEX
    path.parent.mkdir(exist_ok=True)
    whole_file.write(path, "".join(f"{line}\n" for line in lines(root)))


def lines(root: Path = ROOT) -> Iterator[str]:
    """Yield the lines of the index; see answer.parse."""
    from .cli import namespace

    body = list(_invoke())
    for name, task in sorted(all_tasks(namespace)):
        body += _task(name, task)
    # Last, when everything is imported that the lines above come from.
    files = sorted({str(path.relative_to(root)) for path in _modules(root)})
    for name in (*files, "tasks", ".venv/stamp"):
        yield f"S\t{name}\t{answer.stamp_of(str(root / name))}"
    yield from body


def _modules(root: Path) -> Iterator[Path]:
    """Yield the files of this project that were imported."""
    for module in list(sys.modules.values()):
        path = Path(getattr(module, "__file__", None) or "/")
        if path.is_relative_to(root) and not path.is_relative_to(root / ".venv"):
            yield path


def _invoke() -> Iterator[str]:
    yield "T\t\t"
    for name, argument in Program().initial_context.flags.items():
        if name.startswith("--") and name not in HIDDEN:
            yield _flag(argument, name, KNOWN.get(name, ""))


def _task(name: str, task: Command) -> Iterator[str]:
    summary = (inspect.getdoc(task) or "").partition("\n")[0]
    yield f"T\t{name}\t{summary}"
    for argument in task.flags():
        yield _flag(argument, f"--{argument.names[0]}", _source(task, str(argument.name)))


def _flag(argument: Argument, name: str, source: str) -> str:
    if argument.kind is bool:
        kind = "switch"
    elif argument.kind is list:
        kind = "again"
    else:
        kind = "optional" if argument.optional else "value"
    text = " ".join((argument.help or "").split())
    return f"F\t{name}\t{kind}\t{source}\t{text}"


def _source(task: Command, key: str) -> str:
    """Say where the values of a flag come from, in answer's words."""
    declared = task.choices.get(key)
    if declared is environments:
        return "environments"
    if isinstance(declared, Choices):
        return f"several:{','.join(_looked_up(declared.of))}"
    if declared is not None:
        return f"one:{','.join(_looked_up(declared))}"
    return task.suggestions.get(key, "")


def _looked_up(values: Values) -> list[str]:
    return list(values() if callable(values) else values)


if __name__ == "__main__":
    write()
