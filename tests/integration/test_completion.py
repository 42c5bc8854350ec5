"""TAB in real shells: bash, zsh and fish, in a copy of the project, at a terminal."""

import os
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pexpect
import pytest

from slipway.completion.scripts import SHELLS
from slipway.project import ROOT

BEGIN = {
    "bash": (["--norc", "--noprofile", "-i"], "source '{script}'; bind 'set bell-style none'"),
    "zsh": (["-f", "-i"], "autoload -Uz compinit; compinit -u -D; source '{script}'"),
    "fish": (["--no-config", "-i"], "source '{script}'"),
}
LINE_START, LINE_END = "\x01", "\x05"


class Shell:
    """An interactive shell that has read the script of `inv completion`."""

    def __init__(self, name: str, project: Path, home: Path) -> None:
        words, begin = BEGIN[name]
        script = project / "slipway" / "completion" / f"inv.{name}"
        env = {**os.environ, "HOME": str(home), "TERM": "dumb", "INPUTRC": os.devnull}
        self._process = pexpect.spawn(
            name,
            words,
            cwd=str(project),
            env=env,
            encoding="utf-8",
            timeout=60,
            dimensions=(50, 400),
        )
        self.run(begin.format(script=script))

    def run(self, line: str) -> None:
        """Type a line and wait until it has run."""
        self._process.send(f"{line}; echo -n done; echo -now\r")
        self._process.expect_exact("done-now")

    def tab(self, line: str) -> str:
        """Type the beginning of a command, press TAB, and return what then stands there."""
        self._process.send(f"{line}\t{LINE_START}echo -n th; echo ere: {LINE_END} :end\r")
        self._process.expect("there: ([^\r\n]*) :end *\r?\n")
        match = self._process.match
        assert isinstance(match, re.Match)
        return str(match[1]).rstrip()

    def close(self) -> None:
        self._process.close(force=True)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the code with two environments, a machine and the packages of these tests."""
    root = tmp_path_factory.mktemp("completion") / "my project"
    for name in ("slipway", "tasks", "benchmarks"):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy2(ROOT / "tasks.py", root)
    shutil.copy2(ROOT / "inv", root)
    (root / ".venv").symlink_to(sys.prefix)
    (root / "compose").mkdir()
    for name in ("common", "staging", "prod"):
        (root / "compose" / f"{name}.env").touch()
    (root / "compose" / "compose.yml").write_text("services:\n  api:\n    init: true\n")
    (root / "compose" / "staging.machines.yml").write_text("m1:\n  host: 10.0.0.1\n")
    (root / "runbooks").mkdir()
    (root / "runbooks" / "restore.md").touch()
    (root / "notes.txt").touch()
    (root / "a" / "b").mkdir(parents=True)
    return root


@pytest.fixture(scope="module", params=SHELLS)
def shell(
    request: pytest.FixtureRequest, project: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Shell]:
    name = str(request.param)
    if not shutil.which(name):
        pytest.skip(f"{name} is not installed: apt-get install {name}")
    opened = Shell(name, project, tmp_path_factory.mktemp("home"))
    yield opened
    opened.close()


@pytest.mark.parametrize(
    ("typed", "there"),
    [
        ("inv rollb", "inv rollback "),
        ("./inv machine.pr", "./inv machine.provision "),
        ("inv deploy --sk", "inv deploy --skip-unreachable "),
        ("inv deploy --e", "inv deploy --env="),
        ("inv deploy --env=st", "inv deploy --env=staging "),
        ("inv deploy --env st", "inv deploy --env staging "),
        ("./inv logs --env=prod --service=a", "./inv logs --env=prod --service=api "),
        ("inv machine.rm --env=staging --name=m", "inv machine.rm --env=staging --name=m1 "),
        ("inv runbook.run --name=r", "inv runbook.run --name=restore "),
        ("inv test --only=lint,un", "inv test --only=lint,unit "),
        ("inv machine.copy --put=not", "inv machine.copy --put=notes.txt "),
        ("inv machine.copy --put not", "inv machine.copy --put notes.txt "),
    ],
)
def test_tab_completes(shell: Shell, typed: str, there: str) -> None:
    assert shell.tab(typed) == there.rstrip()


def test_tab_completes_in_a_subfolder_and_by_a_path_from_elsewhere(shell: Shell) -> None:
    shell.run("cd a/b")
    assert shell.tab("inv rollb") == "inv rollback"
    assert shell.tab("../../inv rollb") == "../../inv rollback"
    shell.run("cd ../..")


def test_a_task_that_was_added_is_offered_at_once(shell: Shell, project: Path) -> None:
    module = project / "tasks" / "secrets.py"
    before = module.read_text()
    try:
        module.write_text(f'{before}\n\n@command()\ndef brandnew() -> None:\n    """New."""\n')
        assert shell.tab("inv secrets.br") == "inv secrets.brandnew"
    finally:
        module.write_text(before)


def test_a_folder_of_another_project_is_left_alone(shell: Shell) -> None:
    shell.run("cd /")
    assert shell.tab("inv rollb") == "inv rollb"
    shell.run("cd -")
