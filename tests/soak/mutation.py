"""Modules whose functions all raise, and which unit test files notice."""

import ast
import random
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from slipway.checks.impact import Graph

FEW, MANY = 3, 45  # unit test files that select a module of the sample
PYTEST = ("pytest", "-q", "-n4", "--tb=no", "-p", "no:cacheprovider", "--timeout=120")


def graph(root: Path) -> Graph:
    """Return what each test of a checkout depends on."""
    argv = ["git", "ls-files", "-z"]
    listed = subprocess.run(argv, cwd=root, capture_output=True, text=True, check=True).stdout
    return Graph(root, [path for path in listed.split("\0") if path])


def sample(root: Path, impact: Graph, tests: Sequence[str]) -> list[str]:
    """Return modules of the engine in an order that is random and always the same."""
    modules = [
        path
        for path in sorted(impact.files)
        if path.startswith("slipway/") and path.endswith(".py") and "/checks/" not in path
    ]
    modules = [path for path in modules if "def " in (root / path).read_text()]
    modules = [path for path in modules if FEW < len(selected(impact, tests, path)) < MANY]
    random.Random(7).shuffle(modules)  # noqa: S311  a sample, no secret
    return modules


def selected(impact: Graph, tests: Sequence[str], module: str) -> list[str]:
    return [test for test in tests if module in impact.reach(test)]


@contextmanager
def mutated(path: Path) -> Iterator[None]:
    """Have every function of a module raise, for a while."""
    source = path.read_text()
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            node.body = ast.parse("raise RuntimeError('mutated')").body
    path.write_text(ast.unparse(ast.fix_missing_locations(tree)))
    try:
        yield
    finally:
        path.write_text(source)


def failing(root: Path, tests: Sequence[str]) -> set[str]:
    """Return the test files of these that fail."""
    argv = [sys.executable, "-m", *PYTEST, *tests]
    result = subprocess.run(argv, cwd=root, capture_output=True, text=True, check=False)
    found = re.findall(r"^(?:FAILED|ERROR) (\S+?)(?:::|\s|$)", result.stdout, re.MULTILINE)
    assert result.returncode in (0, 1, 2) and (result.returncode == 0 or found), result.stdout
    return set(found)
