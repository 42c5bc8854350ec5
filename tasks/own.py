"""The tasks of a thin project: each module of its folder `tasks/` is a group of that name."""

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

from invoke.collection import Collection
from invoke.exceptions import Exit

from .group import Group

WRONG = 2


def add(tasks: Collection, folder: Path) -> None:
    """Add the modules of a folder to the kit's tasks. Raises Exit for one that cannot be."""
    for module in _modules(folder):
        name = module.__name__.rpartition(".")[2]
        if name in tasks.collections or name in tasks.tasks:
            raise _refuse(f"tasks/{name}.py: Slipway has {name} already; call the file otherwise")
        tasks.add_collection(Group(name, module))


def _modules(folder: Path) -> Iterator[ModuleType]:
    package = sys.modules.setdefault("tasks", ModuleType("tasks"))
    package.__path__ = [str(folder)]
    for path in sorted(folder.glob("[a-z]*.py")):
        try:
            yield importlib.import_module(f"tasks.{path.stem}")
        except Exception as error:
            raise _refuse(f"tasks/{path.name} cannot be loaded: {_why(path, error)}") from error


def _why(path: Path, error: Exception) -> str:
    line, trace = getattr(error, "lineno", None), error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == str(path):
            line = trace.tb_lineno
        trace = trace.tb_next
    where = f"line {line}: " if line else ""
    return f"{where}{type(error).__name__}: {getattr(error, 'msg', None) or error}"


def _refuse(text: str) -> Exit:
    return Exit(f"error: {text}", code=WRONG)
