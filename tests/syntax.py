"""The syntax of this project's files, read once for all the tests that look at it."""

import ast
import functools
from pathlib import Path

from slipway.checks import source


@functools.cache
def tree(path: Path) -> ast.Module:
    return source.parse(path)


@functools.cache
def nodes(path: Path) -> tuple[ast.AST, ...]:
    """All of a file's syntax, its module first."""
    return tuple(ast.walk(tree(path)))
