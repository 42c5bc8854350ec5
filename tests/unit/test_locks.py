"""The two locks: what runs, and what tests add to it."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import distribution, packages_distributions
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from slipway.project import ROOT
from tests.syntax import tree

RUN, DEV = ROOT / "requirements.lock", ROOT / "requirements-dev.lock"
IN_IMAGES = ROOT / "compose" / "ops" / "requirements.txt"
DOWNLOAD = re.compile(r"--(index-url|extra-index-url|find-links|trusted-host)|https?://|file:")


def pins(lock: Path) -> dict[str, str]:
    """The packages of a lock that this computer installs, with their versions."""
    lines = re.findall(r"^([a-z0-9-]+==[^\\\n]+)", lock.read_text(), re.MULTILINE)
    wanted = [Requirement(line) for line in lines]
    here = [each for each in wanted if each.marker is None or each.marker.evaluate()]
    return {each.name: str(each.specifier).removeprefix("==") for each in here}


def requirements(names: set[str]) -> Iterator[tuple[str, Requirement]]:
    """What each installed package asks for here, without its extras."""
    for name in sorted(names):
        for text in distribution(name).requires or ():
            wanted = Requirement(text)
            if wanted.marker is None or wanted.marker.evaluate({"extra": ""}):
                yield name, wanted


def unmet(names: set[str], available: dict[str, str]) -> list[str]:
    return [
        f"{name} asks for {wanted}"
        for name, wanted in requirements(names)
        if not wanted.specifier.contains(available.get(canonicalize_name(wanted.name), "0"))
        or canonicalize_name(wanted.name) not in available
    ]


def test_each_list_of_the_project_is_in_its_lock() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    for wanted, lock in (
        (project["project"]["dependencies"], RUN),
        (project["dependency-groups"]["dev"], DEV),
    ):
        assert {canonicalize_name(Requirement(each).name) for each in wanted} <= pins(lock).keys()


def test_what_runs_needs_nothing_of_what_tests_add() -> None:
    run = pins(RUN)
    assert unmet(set(run), run) == []


def test_what_tests_add_agrees_with_what_runs() -> None:
    run, dev = pins(RUN), pins(DEV)
    assert run.keys() & dev.keys() == set()
    own = {"pip": distribution("pip").version}  # what installs both is in every .venv
    assert unmet(set(dev), run | dev | own) == []


def test_every_package_has_a_hash_and_no_place_to_come_from() -> None:
    for lock in (RUN, DEV):
        text = lock.read_text()
        entries = re.split(r"\n(?=[a-z0-9])", text)[1:]
        assert [each.partition("=")[0] for each in entries if "--hash=sha256:" not in each] == []
        assert DOWNLOAD.search(text) is None, lock.name


def test_the_code_of_a_command_imports_only_what_runs() -> None:
    """But what only runs inside an environment, in an image with a list of its own."""
    named = {
        name: {canonicalize_name(d) for d in ds} for name, ds in packages_distributions().items()
    }
    allowed = pins(RUN).keys() | pins(IN_IMAGES).keys()
    assert [
        f"{path.relative_to(ROOT)} imports {name}"
        for folder in ("slipway", "tasks")
        for path in (ROOT / folder).rglob("*.py")
        for name in sorted(foreign(path))
        if not named.get(name, {name}) & allowed
    ] == []


def foreign(path: Path) -> set[str]:
    """The packages of others that a file imports when it runs, also inside functions."""
    names = {name.partition(".")[0] for name in imported(tree(path))}
    return names - set(sys.stdlib_module_names) - {"slipway", "tasks", "benchmarks"}


def imported(parent: ast.AST) -> Iterator[str]:
    for node in ast.iter_child_nodes(parent):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""
        elif isinstance(node, ast.stmt | ast.excepthandler | ast.match_case) and not (
            isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        ):  # no expression holds an import
            yield from imported(node)
