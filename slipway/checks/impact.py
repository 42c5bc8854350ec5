"""Which tests a change can break: those that reach a changed file by imports, names or paths.

An edge leads from a file to what it depends on. An import is one, at the top or in a function. So
is a module's name in a string (`python -m`, a table of commands), a path or pattern that fits a
file, all tasks for a test that starts `inv`, and what a test uses of a conftest.py. Too many edges
cost time, a missing one would hide a failure: where nothing is known of a changed file, all tests
are chosen.
"""

import functools
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from slipway.checks.edges import EXAMPLES, Edges
from slipway.checks.source import Source, Statement

TESTS = "tests/"
CONFTEST = "conftest.py"
CHOOSES = "slipway/checks/"  # what decides here is not to be trusted with its own changes
PROGRAM = {"inv", "./inv", "invoke"}
NAMESPACE = "tasks/cli.py"
PROSE = {".md"}  # whatever else lies at the top of the repository steers all of it


@dataclass(frozen=True)
class Selection:
    """Test files to run, or why it has to be all of them."""

    tests: tuple[str, ...] = ()
    whole: str = ""


class Graph:
    """The files of a repository by their paths below `root`, and what each test depends on."""

    def __init__(self, root: Path, files: Iterable[str]) -> None:
        self._root = root
        self._edges = Edges(root, files)
        self.files = self._edges.files

    @property
    def tests(self) -> list[str]:
        """Test files that are there: of those that were removed none can be run."""
        there = (path for path in self.files if is_test(path) and (self._root / path).exists())
        return sorted(there)

    def select(self, changed: Collection[str], folders: Collection[str] = ("tests",)) -> Selection:
        """Return the tests in these folders that depend on a changed file.

        All, when a changed file is for everything or when it is not known what depends on it.
        """
        for path in sorted(changed):
            if reason := _why_all(path):
                return Selection(whole=f"{path} {reason}")
        reached = {test: self.reach(test) for test in self.tests}
        known = frozenset[str]().union(*reached.values())
        for path in sorted(changed):
            if path not in known and not is_test(path):
                return Selection(whole=f"no test is known to depend on {path}")
        here = tuple(f"{folder}/" for folder in folders)
        tests = (test for test in self.tests if test.startswith(here))
        return Selection(tuple(test for test in tests if not reached[test].isdisjoint(changed)))

    @functools.cache  # noqa: B019  a graph lives as long as its command
    def reach(self, test: str) -> frozenset[str]:
        """Return all that a test file depends on, itself included."""
        reached = set[str]()
        shown: list[Statement] = []  # of the tests' own files
        todo = {test}
        while todo:
            while todo:
                path = todo.pop()
                reached.add(path)
                if path.startswith(TESTS):
                    shown += self._edges.source(path).statements
                todo |= (self._edges.of(path) if path == test else self._of_other(path)) - reached
            for path in _conftests(test):
                reached.add(path)
                statements = _used(self._edges.source(path), shown)
                shown += statements
                todo |= self._edges.of_statements(path, statements)
            if any(each.texts & PROGRAM for each in shown):
                todo |= {NAMESPACE} | self._edges.of_scripts()
            todo -= reached
        return frozenset(reached & self.files)

    @functools.cache  # noqa: B019
    def _of_other(self, path: str) -> frozenset[str]:
        """Return what a file leads to; who reads the text of a test does not run its example."""
        targets = self._edges.of(path)
        if not is_test(path):
            return targets
        return frozenset(each for each in targets if not each.startswith(EXAMPLES))


def is_test(path: str) -> bool:
    name = path.rpartition("/")[2]
    return path.startswith(TESTS) and name.startswith("test_") and name.endswith(".py")


def _conftests(test: str) -> list[str]:
    return [str(folder / CONFTEST) for folder in PurePosixPath(test).parents]


def _used(conftest: Source, shown: list[Statement]) -> list[Statement]:
    """What of a conftest.py matters to who uses these names: fixtures, hooks, what it does."""
    acting = [each for each in conftest.statements if not each.is_plain]
    names = frozenset[str]().union(*(each.asks for each in shown), *(each.uses for each in acting))
    before = set(shown)
    return [each for each in [*acting, *conftest.needed(names)] if each not in before]


def _why_all(path: str) -> str:
    if "/" not in path and PurePosixPath(path).suffix not in PROSE:
        return "is for all of the project"
    return "chooses tests" if path.startswith(CHOOSES) else ""
