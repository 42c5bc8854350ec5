"""What a branch has changed is told by git, and also what is not committed yet."""

from pathlib import Path

import pytest

from slipway.checks import changes
from slipway.errors import UsageError
from slipway.hosts.local import LocalHost


class Checkout:
    """A repository with two files on main."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.host = LocalHost(cwd=root)
        self.git("init", "--quiet", "--initial-branch=main")
        for name, value in (("user.name", "Anna"), ("user.email", "anna@example.com")):
            self.git("config", name, value)
        self.commit(stays="1", goes="1")

    def git(self, *words: str) -> str:
        return self.host.run(["git", *words]).out.strip()

    def write(self, **files: str) -> None:
        for name, text in files.items():
            (self.root / name).write_text(text)

    def commit(self, **files: str) -> str:
        self.write(**files)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message=More")
        return self.git("rev-parse", "HEAD")


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


def test_a_branch_is_compared_with_where_it_left_main(checkout: Checkout) -> None:
    checkout.git("switch", "--quiet", "--create=work")
    checkout.commit(committed="1")
    checkout.git("switch", "--quiet", "main")
    began = checkout.git("rev-parse", "HEAD")
    checkout.commit(only_on_main="1")
    checkout.git("switch", "--quiet", "work")
    checkout.write(stays="2", fresh="1")
    checkout.git("mv", "goes", "moved")
    difference = changes.read(checkout.host)
    assert difference.since == began
    assert difference.paths == ("committed", "fresh", "goes", "moved", "stays")
    assert difference.files == difference.paths


def test_on_main_what_is_not_committed_counts(checkout: Checkout) -> None:
    assert changes.read(checkout.host).paths == ()
    checkout.write(fresh="1")
    assert changes.read(checkout.host).paths == ("fresh",)


def test_on_main_what_its_upstream_lacks_counts(checkout: Checkout, tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    checkout.git("clone", "--quiet", str(checkout.root), str(clone))
    (clone / "pushed-not").write_text("1")
    host = LocalHost(cwd=clone)
    host.run(["git", "add", "--all"])
    author = ["-c", "user.name=Anna", "-c", "user.email=anna@example.com"]
    host.run(["git", *author, "commit", "--quiet", "--message=More"])
    assert changes.read(host).paths == ("pushed-not",)


def test_a_revision_that_is_given_is_taken(checkout: Checkout) -> None:
    checkout.commit(second="1")
    assert changes.read(checkout.host, "HEAD~1").paths == ("second",)
    with pytest.raises(UsageError, match="HEAD has no ancestor 'nothing'"):
        changes.read(checkout.host, "nothing")


def test_without_a_commit_there_is_nothing_to_compare_with(tmp_path: Path) -> None:
    assert changes.read(LocalHost(cwd=tmp_path)).since == ""
