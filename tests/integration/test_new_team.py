"""docs/new-team.md is played: two clones, two keys, one joins, one leaves, as the page has it."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from slipway.project import ROOT
from tests.fakes.vault import SOPS, needs_age

PAGE = ROOT / "docs" / "new-team.md"
CELL = re.compile(r"^\*\*(\w+)\*\*.*?\n\n```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
KEPT = ("PATH", "LANG", "TMPDIR", "TZ")
# What differs from one time to the next.
VARYING = [
    (r"age1[0-9a-z]{58}", "age1..."),
    (r"age1\w{6}…\w{6}", "age1..."),
    (r"\d{4}-\d\d-\d\d", "2026-11-30"),
    (r"  \d+\.\d s$", ""),
    (r" +$", ""),
]

pytestmark = [
    needs_age,
    pytest.mark.depends("slipway.team", "tasks.team", "docs/new-team.md", "slipway.secrets"),
]


@dataclass(frozen=True)
class Command:
    """A line that somebody types, and what the page has below it."""

    person: str
    line: str
    output: str


@dataclass
class Computers:
    """A clone and a home for each person, and the repository that they share."""

    root: Path
    variables: dict[str, str] = field(default_factory=dict)

    def type(self, person: str, line: str) -> str:
        """Run a line in a person's shell; what it prints on both streams, and its code if not 0."""
        argv = ["bash", "-c", f"exec 2>&1; {line}"]
        done = subprocess.run(
            argv, cwd=self.root / person, env=self._environ(person), stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, text=True, check=False, timeout=120,
        )  # fmt: skip
        return done.stdout + (f"exit code {done.returncode}\n" if done.returncode else "")

    def _environ(self, person: str) -> dict[str, str]:
        kept = {key: value for key, value in os.environ.items() if key in KEPT}
        names = {f"GIT_{who}_NAME": person.title() for who in ("AUTHOR", "COMMITTER")}
        mails = {f"GIT_{who}_EMAIL": f"{person}@example.org" for who in ("AUTHOR", "COMMITTER")}
        path = f"{self.root / 'bin'}{os.pathsep}{kept['PATH']}"
        home = str(self.root / "homes" / person)
        return {**kept, **names, **mails, "PATH": path, "HOME": home, **self.variables}


@pytest.fixture
def computers(tmp_path: Path) -> Iterator[Computers]:
    made = Computers(tmp_path)
    (tmp_path / "bin").mkdir()
    for name, program in (("inv", f'"{sys.executable}" -m invoke'), ("sops", f'"{SOPS}"')):
        path = tmp_path / "bin" / name
        path.write_text(f'#!/bin/sh\nexec {program} "$@"\n')
        path.chmod(0o755)
    first = tmp_path / "ada"
    files = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    for name in filter(None, files.split("\0")):
        if not name.startswith(("tests/", "examples/", "benchmarks/")) and (ROOT / name).is_file():
            (first / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, first / name)
    with (first / "compose/staging.env").open("a") as file:
        file.write("\nALLOW_STANDINS=on\n")  # this sops may be one
    for person in ("ada", "bob"):
        (tmp_path / "homes" / person).mkdir(parents=True)
    begin = "git init -qb main && git add . && git commit -qm Begin"
    share = "git init -qb main --bare ../origin && git remote add origin ../origin"
    both = "git push -qu origin main && git clone -q ../origin ../bob"
    assert made.type("ada", f"{begin} && {share} && {both}") == ""
    yield made


def commands() -> Iterator[Command]:
    for person, text in CELL.findall(PAGE.read_text(encoding="utf-8")):
        for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
            line, _, output = part.partition("\n")
            yield Command(person.lower(), line, output)


def normal(text: str) -> str:
    for pattern, word in VARYING:
        text = re.sub(pattern, word, text, flags=re.MULTILINE)
    return text


def test_one_joins_and_one_leaves_as_the_page_for_new_teams_has_it(computers: Computers) -> None:
    played = list(commands())
    assert {each.person for each in played} == {"ada", "bob"}
    for each in played:
        output = computers.type(each.person, each.line)
        if each.line == "inv team.keygen":
            computers.variables[each.person.upper()] = output.split()[0]
        assert normal(output) == normal(each.output), f"{each.person}: {each.line}"
