"""The tree of errors that is drawn is the one there is."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from slipway import errors
from tests.syntax import nodes

SLIPWAY = Path(errors.__file__).parent
LINE = re.compile(r"^(?P<branch>[│├└─ ]*)(?P<name>\w+) +(?P<code>\d+)  \S", re.MULTILINE)


def drawn() -> dict[str, tuple[str, int]]:
    """Each error of the drawing with its parent and exit code."""
    parents = {0: ""}
    tree: dict[str, tuple[str, int]] = {}
    for match in LINE.finditer(errors.__doc__ or ""):
        depth = len(match["branch"]) // 4
        tree[match["name"]] = (parents[depth], int(match["code"]))
        parents[depth + 1] = match["name"]
    return tree


def classes() -> Iterator[tuple[str, list[str], int | None]]:
    """Each class of the engine with the names of its bases and an exit code of its own."""
    for path in SLIPWAY.rglob("*.py"):
        for node in nodes(path):
            if isinstance(node, ast.ClassDef):
                bases = [ast.unparse(base).rpartition(".")[2] for base in node.bases]
                codes = [
                    ast.literal_eval(line.value)
                    for line in node.body
                    if isinstance(line, ast.Assign) and ast.unparse(line.targets[0]) == "exit_code"
                ]
                yield node.name, bases, codes[0] if codes else None


def test_every_error_is_in_the_tree_below_its_parent_with_its_exit_code() -> None:
    tree = drawn()
    actual = {"SlipwayError": ("", 1)}
    rows = list(classes())
    while True:  # a subclass may be defined in a file that is read before its parent's
        new = {
            name: (base, code if code is not None else actual[base][1])
            for name, bases, code in rows
            for base in bases
            if base in actual and name not in actual
        }
        if not new:
            break
        actual |= new
    assert tree == actual
