"""A deploy says who wrote the secrets that it delivers."""

import subprocess
from pathlib import Path

import pytest

from slipway.secrets import authorship
from slipway.team import signers
from slipway.team.member import Member, Team


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file of secrets that Ada has committed."""
    path = tmp_path / "secrets" / "prod.sops.yaml"
    path.parent.mkdir()
    path.write_text("A: ENC[...]")
    who = ("-c", "user.name=Ada", "-c", "user.email=ada@example.com", "-c", "commit.gpgsign=false")
    for words in (("init", "--quiet"), ("add", "."), (*who, "commit", "--quiet", "-m", "Make it")):
        subprocess.run(["git", *words], cwd=tmp_path, check=True)
    return path


def test_the_author_of_the_last_commit_is_named_and_whether_it_is_signed(file: Path) -> None:
    said = authorship.describe(file)
    assert said.startswith("secrets/prod.sops.yaml was last written by Ada, ")
    assert said.endswith("(not signed)")


def test_a_signature_is_held_against_the_keys_of_the_team(file: Path, tmp_path: Path) -> None:
    keys = {name: tmp_path / name for name in ("ada", "eve")}
    for path in keys.values():
        argv = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)]
        subprocess.run(argv, check=True)
    ada = Member("ada", ("prod",), ssh=(keys["ada"].with_suffix(".pub").read_text().strip(),))
    (tmp_path / authorship.SIGNERS).write_text(signers.generated(Team((ada,))))
    who = ("-c", "user.name=Ada", "-c", "user.email=ada@example.com", "-c", "gpg.format=ssh")
    for name, end in (("ada", "(signed)"), ("eve", "(signed by a key whose owner is not certain)")):
        file.write_text(f"A: ENC[{name}]")
        key = ("-c", f"user.signingkey={keys[name]}", "commit", "-S", "--quiet", "-am", "Change it")
        subprocess.run(["git", *who, *key], cwd=tmp_path, check=True)
        assert authorship.describe(file).endswith(end)


def test_a_change_that_is_not_committed_is_nobodys(file: Path) -> None:
    file.write_text("A: ENC[other]")
    assert authorship.describe(file) == (
        "secrets/prod.sops.yaml has changes that nobody has committed"
    )
    new = file.with_name("staging.sops.yaml")
    new.write_text("A: ENC[...]")
    assert "nobody has committed" in authorship.describe(new)


def test_a_folder_without_git_tells_nobody(tmp_path: Path) -> None:
    assert authorship.describe(tmp_path / "x") == (
        f"{tmp_path.name}/x: git does not tell who wrote it"
    )
