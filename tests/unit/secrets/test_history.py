"""Names, states and ages of secrets come from the files and git, without any key."""

import dataclasses
import os
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from slipway.environments.environment import Environment
from slipway.secrets import change, history, overview
from slipway.secrets.secret import Secret
from slipway.show import secrets
from tests.fakes.vault import SOPS, Vault, needs_age

pytestmark = needs_age
NAMES = ["NAME", "STATE", "CHANGED", "BY", "AGE", "PURPOSE"]


class Repository(Vault):
    """A vault in git, in which everybody commits on a day of their own."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.root, self.day = root, datetime(2026, 1, 1, 12, tzinfo=UTC)
        self.git("init", "--quiet")

    def git(self, *words: str, author: str = "Ada") -> None:
        who = ["-c", f"user.name={author}", "-c", "user.email=x@example.com"]
        who += ["-c", "commit.gpgsign=false"]
        dates = dict.fromkeys(("GIT_AUTHOR_DATE", "GIT_COMMITTER_DATE"), self.day.isoformat())
        env = {**os.environ, **dates}
        subprocess.run(["git", *who, *words], cwd=self.root, check=True, env=env)

    def commit(self, author: str) -> None:
        self.git("add", ".")
        self.git("commit", "--quiet", "-m", "x", author=author)
        self.day += timedelta(days=10)


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path)


def env_of(vault: Vault, **days: int) -> Environment:
    env = vault.environment("A", "B", "C")
    rules = dict(env.rules)
    for name, limit in days.items():
        rules[name] = dataclasses.replace(rules[name], rotate=limit)
    return dataclasses.replace(env, rules=rules)


def test_each_change_is_told_by_name_with_its_author(repository: Repository) -> None:
    env = env_of(repository)
    repository.keep({"A": "1", "B": "2"})
    repository.commit("Ada")
    change.apply(env, {"A": Secret("new"), "C": Secret("3")}, removed=["B"])
    repository.commit("Bob")
    change.apply(env, {"C": Secret("4")})
    told = [
        (each.author, each.added, each.changed, each.removed)
        for each in history.changes(repository.path)
    ]
    assert told == [
        ("not committed", (), ("C",), ()),
        ("Bob", ("C",), ("A",), ("B",)),
        ("Ada", ("A", "B"), (), ()),
    ]


def test_a_file_that_is_encrypted_anew_gives_no_value_another_age(repository: Repository) -> None:
    repository.keep({"A": "1", "B": "2"})
    repository.commit("Ada")
    argv = [SOPS, "rotate", "-i", str(repository.path)]
    own = {**os.environ, "SOPS_AGE_KEY_FILE": str(repository.key)}
    subprocess.run(argv, check=True, env=own)
    repository.commit("Bob")
    first, second = history.changes(repository.path)
    assert (first.author, first.is_rekeyed, first.names) == ("Bob", True, ())
    assert history.last_changes(repository.path) == {"A": second, "B": second}


def test_age_is_held_against_what_the_rule_allows(repository: Repository) -> None:
    env = env_of(repository, A=30, B=90)
    repository.keep({"A": "1", "B": "2"})
    repository.commit("Ada")
    now = datetime(2026, 2, 15, 12, tzinfo=UTC)
    states = {each.rule.key: (each.state, each.age(now)) for each in overview.entries(env)}
    assert states == {"A": ("set", 45), "B": ("set", 45), "C": ("missing", None)}
    (line,) = overview.overdue(env, now)
    assert line.startswith("secrets/dev.sops.yaml: A is 45 days old, and compose/settings.yml says")
    assert line.endswith("or type: inv secrets.set --env=dev --name=A")


def test_a_table_has_no_column_that_says_nothing(
    repository: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    repository.keep({"A": "1"})
    entries = overview.entries(env_of(repository))
    secrets.overview(entries, as_json=False)
    assert capsys.readouterr().out.splitlines()[0].split() == NAMES
    twice = [*entries, dataclasses.replace(entries[0], environment="prod")]
    secrets.overview(twice, as_json=False)
    assert "ENVIRONMENT" in capsys.readouterr().out
    secrets.overview(entries, as_json=True)
    assert '"policy": null' in capsys.readouterr().out


def test_a_damaged_version_and_a_folder_without_git_are_no_failure(
    repository: Repository,
) -> None:
    repository.keep({"A": "1"})
    good = repository.path.read_bytes()
    repository.commit("Ada")
    repository.path.write_text("<<<<<<< HEAD\n")
    repository.commit("Bob")
    repository.path.write_bytes(good)
    repository.commit("Eve")
    assert [each.author for each in history.changes(repository.path)] == ["Ada"]
    subprocess.run(["rm", "-rf", ".git"], cwd=repository.root, check=True)
    assert [each.commit for each in history.changes(repository.path)] == [""]
