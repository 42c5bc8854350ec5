"""What the house promises: rooms that import downward only, a light start, one part that prints."""

import ast
import functools
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest

from slipway.images import dockerignore
from tests.syntax import nodes

ROOT = Path(__file__).resolve().parents[2]
SLIPWAY = ROOT / "slipway"
HEAVY = {"boto3", "botocore", "docker", "fabric", "paramiko", "psycopg", "rich", "dotenv"}

# Each room and the rooms below it that it may enter, at once or later. Rooms of one floor may enter
# each other too, one way only.
FLOORS = [
    {
        "child_environment",
        "durations",
        "errors",
        "progress",
        "project",
        "secret_signs",
        "shell_scripts",
    }
    | {"suggest", "tar_file", "text_file", "version", "webhook", "whole_file", "yaml_file"},
    {"plan", "hosts", "storage"},
    {"certificates"},
    {"environments", "cluster", "edge", "images"},
    {"secrets", "machines", "database"},
    {"migrations", "notebook"},
    {"backups"},
    {"agent"},
    {"client", "inside", "files"},
    {"releases", "bootstrap", "checks", "completion", "team"},
    {"scaffold"},
    {"show"},
]


def modules() -> list[Path]:
    return sorted(SLIPWAY.rglob("*.py"))


@functools.cache
def imported(path: Path) -> tuple[str, ...]:
    """Every module that a file imports, also inside functions."""
    names: list[str] = []
    for node in nodes(path):
        if isinstance(node, ast.Import):
            names += (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            names += (node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names))
    return tuple(names)


def rooms_entered(path: Path) -> set[str]:
    names = [name.split(".") for name in imported(path)]
    return {parts[1] for parts in names if parts[0] == "slipway" and len(parts) > 1}


def room(path: Path) -> str:
    first = path.relative_to(SLIPWAY).parts[0]
    return first.removesuffix(".py")


def test_rooms_import_downward_only() -> None:
    height = {name: floor for floor, names in enumerate(FLOORS) for name in names}
    wrong = [
        f"{path.relative_to(ROOT)} imports slipway.{other}"
        for path in modules()
        for other in rooms_entered(path) - {room(path)}
        if path.parent != SLIPWAY or path.name != "__init__.py"
        if height[other] > height[room(path)]
    ]
    assert wrong == []


def doors(paths: Iterable[Path]) -> dict[str, set[str]]:
    """Each module by its dotted name, and those of the others that it imports."""
    names = {dotted(path): path for path in paths}
    return {name: set(imported(path)) & names.keys() for name, path in names.items()}


def dotted(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def reach(doors: Mapping[str, set[str]], start: str) -> set[str]:
    """Everything that one leads to, by any number of doors."""
    seen: set[str] = set()
    todo = set(doors[start])
    while todo:
        seen |= todo
        todo = set[str]().union(*(doors[name] for name in todo)) - seen
    return seen


@pytest.mark.parametrize("folder", ["slipway", "tasks"])
def test_no_module_leads_back_to_itself(folder: str) -> None:
    found = doors(sorted((ROOT / folder).rglob("*.py")))
    assert [name for name in found if name in reach(found, name)] == []


def test_no_room_leads_back_to_itself() -> None:
    rooms: dict[str, set[str]] = {room(path): set() for path in modules()}
    for path in modules():
        rooms[room(path)] |= rooms_entered(path) & rooms.keys() - {room(path)}
    assert [name for name in rooms if name in reach(rooms, name)] == []


IMAGES = [
    path
    for path in sorted((ROOT / "compose").glob("*/Dockerfile"))
    if re.search(r"^COPY slipway ", path.read_text(), re.MULTILINE)
]


@pytest.mark.parametrize("dockerfile", IMAGES, ids=lambda path: path.parent.name)
def test_an_image_with_the_engine_holds_all_that_its_programs_import(dockerfile: Path) -> None:
    ignored = dockerfile.with_name("Dockerfile.dockerignore").read_text()
    there = set(dockerignore.visible(ROOT, dockerignore.read(ignored)))
    found = doors(modules())
    held = {dotted(ROOT / name) for name in there if name.endswith(".py")}
    rooms = ("agent", "certificates", "files", "inside")
    started = [name for name in held if name.split(".")[1:2] and name.split(".")[1] in rooms]
    assert started and held & {"slipway.releases", "slipway.hosts", "slipway.client"} == set()
    assert [name for name in started if reach(found, name) - held] == []


def test_every_room_has_its_floor() -> None:
    assert {room(path) for path in modules()} - {"__init__"} == set().union(*FLOORS)


def test_the_engine_does_not_know_invoke_or_the_tasks() -> None:
    for path in modules():
        assert not {name.split(".")[0] for name in imported(path)} & {"invoke", "tasks"}, path


def test_only_the_showing_part_prints() -> None:
    for path in modules():
        text = path.read_text()
        # A script of its own (in a container, before the venv) has no other way to speak.
        if room(path) == "show" or '__name__ == "__main__"' in text:
            continue
        for node in nodes(path):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                assert node.func.id != "print", f"{path}:{node.lineno} prints"
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                said = (node.value.id, node.attr)
                assert said not in {("sys", "stdout"), ("sys", "stderr")}, f"{path}:{node.lineno}"


def test_every_module_opens_with_what_it_is_for() -> None:
    for path in [*modules(), *(ROOT / "tasks").glob("*.py")]:
        module = nodes(path)[0]
        text = ast.get_docstring(module) if isinstance(module, ast.Module) else None
        assert text and text.split("\n\n")[0][-1] in ".:", path


def test_no_module_has_grown_until_a_split_is_due() -> None:
    long = {path.name: len(path.read_text().splitlines()) for path in modules()}
    assert {name: lines for name, lines in long.items() if lines > 350} == {}


def test_the_tasks_package_is_empty_and_secrets_is_none() -> None:
    body = ast.parse((ROOT / "tasks" / "__init__.py").read_text()).body
    assert len(body) == 1 and isinstance(body[0], ast.Expr)
    # A package of this name would hide Python's own `secrets`.
    assert not (ROOT / "secrets" / "__init__.py").exists()


@pytest.mark.parametrize("name", ["tasks.cli", "slipway.releases.deploy"])
def test_nothing_heavy_is_imported_at_the_start(name: str) -> None:
    line = f"import sys, {name}; print(*{{each.split('.')[0] for each in sys.modules}})"
    argv = [sys.executable, "-c", line]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) & HEAVY == set()


def test_the_tasks_start_without_the_engines_rooms() -> None:
    line = "import sys, tasks.cli; print(*(each for each in sys.modules if 'slipway' in each))"
    argv = [sys.executable, "-c", line]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = {each.split(".")[1] for each in done.stdout.split() if "." in each}
    assert loaded <= {"environments", "errors", "project", "plan"}


EXCEPTION = re.compile(r"# noqa: (?:[A-Z]+\d+, ?)*S\d{3}(?:, ?[A-Z]+\d+)*(?P<why>.*)")


def test_each_exception_of_a_security_rule_says_why() -> None:
    folders = ("slipway", "tasks", "tests", "benchmarks", "compose")
    lines = [
        (f"{path.relative_to(ROOT)}:{number}", match["why"])
        for folder in folders
        for path in (ROOT / folder).rglob("*.py")
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if (match := EXCEPTION.search(line))
    ]
    assert lines and [place for place, why in lines if not re.search(r"[a-z]{2}", why)] == []
