"""The command line, as a person meets it: `inv` in a process of its own."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tasks import hints
from tests.fakes.fork_server import ForkServer

ROOT = Path(__file__).resolve().parents[3]

PROJECT = """
from pathlib import Path
from invoke.collection import Collection
from slipway.errors import Busy, DifferenceFound, Refused, RolledBack, SlipwayError
from tasks.command import command
from tasks.usage import check_command_line

FAILURES = {each.__name__: each for each in (Busy, DifferenceFound, Refused, RolledBack)}

@command(help={"count": "How many."})
def greet(env, *, name: str, count: int = 1, loud: bool = False) -> None:
    '''Say hello.'''
    text = f"{env.name} {name} x{count}"
    print(text.upper() if loud else text)

@command()
def fail(*, how: str = "") -> None:
    '''Fail in a way.'''
    if how == "interrupt":
        raise KeyboardInterrupt
    if how == "homeless":
        Path("~nobody-of-this-name").expanduser()
    if how.startswith("/"):
        Path(how).read_text()
    if how == "colour":
        raise SlipwayError("a file says \\x1b[31mred\\x1b[0m, and " + 300 * "x")
    raise FAILURES.get(how, SlipwayError)("it did not work")

@command()
def lack(*, env: object = None) -> None:
    '''Fail with advice.'''
    raise SlipwayError("take one: inv db.backup; `inv db.backups` lists them")

@command()
def much() -> None:
    '''Print a lot.'''
    for number in range(200_000):
        print(number)

@command()
def compare(*, with_: str) -> None:
    '''Compare with another one.'''

namespace = Collection(greet, fail, lack, much, compare)
check_command_line(namespace)
"""


ALL = "(one of: dev, testing, staging, prod)"
PLAN = "a task's own --plan, where it has one, shows what it would do"
OBEYED = "is Invoke's own and no task here obeys it; "
FLAGS = "and give every value with its flag"


class Result(NamedTuple):
    """How `inv` ended and what it printed."""

    code: int
    out: str
    err: str


class Project:
    """A folder with tasks made with the real @command, run in the real Invoke."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "tasks_here.py").write_text(PROJECT)
        self._server = ForkServer("tests.fakes.invoke_server", os.environ)

    def inv(self, *words: str) -> Result:
        out, err = self.folder / "out", self.folder / "err"
        request = {
            "words": ["--collection=tasks_here", *words],
            "cwd": str(self.folder),
            "environ": dict(os.environ),
            "output": str(out),
            "errors": str(err),
        }
        return Result(self._server.run(request), out.read_text(), err.read_text())

    def close(self) -> None:
        self._server.close()


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    project = Project(tmp_path_factory.mktemp("project"))
    yield project
    project.close()


@pytest.fixture
def folder(project: Project) -> Path:
    return project.folder


def test_every_argument_is_a_flag_and_arrives_with_its_type(project: Project) -> None:
    said = project.inv("greet", "--env=dev", "--name=ann", "--count=3", "--loud")
    assert (said.code, said.out) == (0, "DEV ANN X3\n")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("greet",), f"--env is required {ALL}"),
        (("greet", "--env=stagin"), "there is no environment 'stagin' (did you mean staging?)"),
        (("greet", "--env=dev"), "--name is required"),
        (("compare",), "--with is required"),
        (("greet", "--env=dev", "--nam=x"), "greet has no flag --nam (did you mean --name?)"),
        (("gret", "--env=dev"), "there is no task 'gret' (did you mean greet?)"),
        (("greet", "prod", "--env=dev"), "there is no task 'prod'; see inv --list, " + FLAGS),
        (("greet", "--count=many"), "a number was expected, not 'many'"),
        (("greet", "--env"), "--env needs a value, --env=..."),
        (("greet", "--env="), "greet --env= is empty; give it a value or leave it out"),
        (("greet", "--name", ""), "greet --name= is empty; give it a value or leave it out"),
        (("--dry", "greet"), f"--dry {OBEYED}{PLAN}"),
        (("greet", "--dry"), f"--dry {OBEYED}{PLAN}"),
        (("-w", "greet"), f"--warn-only {OBEYED}leave it out"),
        (("greet", "--env=../../etc"), f"there is no environment '../../etc' {ALL}"),
    ],
)
def test_a_wrong_command_line_is_one_sentence_and_code_2(
    project: Project, words: tuple[str, ...], sentence: str
) -> None:
    said = project.inv(*words)
    assert (said.code, said.out, said.err.strip()) == (2, "", f"error: {sentence}")


@pytest.mark.parametrize(
    ("how", "code"),
    [("SlipwayError", 1), ("Refused", 3), ("RolledBack", 4), ("DifferenceFound", 5), ("Busy", 75)],
)
def test_a_failure_is_one_sentence_and_its_own_exit_code(
    project: Project, how: str, code: int
) -> None:
    said = project.inv("fail", f"--how={how}")
    assert (said.code, said.err.strip()) == (code, "error: it did not work")


def test_a_file_that_cannot_be_read_is_named_and_no_traceback_is_seen(
    folder: Path, project: Project
) -> None:
    for path, reason in ((folder, "Is a directory"), (folder / "x", "No such file or directory")):
        said = project.inv("fail", f"--how={path}")
        assert (said.code, said.err.strip()) == (2, f"error: {path}: {reason}")


def test_what_a_file_holds_does_not_colour_or_flood_the_terminal(project: Project) -> None:
    said = project.inv("fail", "--how=colour")
    assert said.err == f"error: a file says \\x1b[31mred\\x1b[0m, and {200 * 'x'}…\n"


def test_ctrl_c_ends_with_130_and_no_traceback(project: Project) -> None:
    said = project.inv("fail", "--how=interrupt")
    assert (said.code, said.err.strip()) == (130, "interrupted")


def test_no_task_runs_where_docker_talks_to_a_machine(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLIPWAY_ENGINE", "prod/m1")
    said = project.inv("greet", "--env=dev", "--name=ann")
    assert (said.code, said.out) == (3, "")
    assert said.err == (
        "error: docker talks to prod/m1 in this shell; leave it first, with: exit\n"
    )


def test_a_reader_that_has_seen_enough_is_no_failure(folder: Path) -> None:
    line = f"{sys.executable} -m invoke --collection=tasks_here much | head -n 1"
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    argv = ["bash", "-o", "pipefail", "-c", line]
    done = subprocess.run(argv, cwd=folder, env=env, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "0\n", "")


def test_the_project_lists_its_tasks_and_explains_each_from_any_subfolder() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "invoke", "--list"],
        cwd=ROOT / "compose" / "api",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0
    assert {"deploy", "rollback", "status", "machine.create"} <= set(done.stdout.split())


@pytest.mark.parametrize(
    "words", [("--help=db.restore",), ("--help", "deploy"), ("db.restore", "-h")]
)
def test_help_shows_the_flags_of_a_task_wherever_it_is_named(words: tuple[str, ...]) -> None:
    said = subprocess.run(
        [sys.executable, "-m", "invoke", *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (said.returncode, said.stderr) == (0, "")
    assert "Options:\n  --" in said.stdout


def test_one_command_line_may_hold_tasks_of_several_groups() -> None:
    said = subprocess.run(
        [sys.executable, "-m", "invoke", "runbook.list", "db.lint", "machine.ls", "--jsn"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert said.returncode == 2
    assert said.stderr.startswith("error: ") and "--jsn" in said.stderr


def test_a_command_for_the_database_is_advised_with_the_environment_that_was_typed(
    project: Project,
) -> None:
    said = project.inv("lack", "--env=dev")
    advised = "take one: inv db.backup --env=dev; `inv db.backups --env=dev` lists them"
    assert (said.code, said.err.strip()) == (1, f"error: {advised}")
    assert (
        project.inv("lack").err == "error: take one: inv db.backup; `inv db.backups` lists them\n"
    )


def test_an_environment_that_is_named_already_stays() -> None:
    text = "inv db.restore --to-time=now --env=prod; then inv db.backup --full (or inv db.prune)"
    advised = "inv db.restore --to-time=now --env=prod; then inv db.backup --env=dev --full (or "
    assert hints.with_environment(text, "dev") == advised + "inv db.prune --env=dev)"


def test_a_user_without_a_home_is_told_so(project: Project) -> None:
    said = project.inv("fail", "--how=homeless")
    assert (said.code, said.err) == (
        2,
        "error: there is no such home directory; set HOME, or write out the path\n",
    )


def test_a_command_that_no_shell_would_take_is_one_sentence() -> None:
    argv = [sys.executable, "-m", "invoke", "exec", "--service=api", "--command=it's"]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)
    text = (
        'error: --command="it\'s" is no command line: no closing quotation; quote it as for a shell'
    )
    assert (done.returncode, done.stderr.strip()) == (2, text)
