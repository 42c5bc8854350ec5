"""Which keys a person has, and which of them others could read."""

from pathlib import Path

import pytest

from slipway.errors import Refused
from slipway.hosts import git
from slipway.secrets import identity
from slipway.secrets.identity import Identity

YUBIKEY = "age1yubikey1qwt50d05nh5vutpdzmlg5wn80xq5negm4uj9ghv0snvdd3yysf5yw3rhl3t"


def test_a_key_in_hardware_is_known_by_the_comment_that_its_program_writes(tmp_path: Path) -> None:
    path = tmp_path / "keys.txt"
    path.write_text(f"#    Recipient: {YUBIKEY}\nAGE-PLUGIN-YUBIKEY-1QQQQ\n")
    assert identity.public_keys(Identity("keys.txt", path)) == [YUBIKEY]


@pytest.mark.parametrize(
    ("recipient", "program"),
    [
        (YUBIKEY, "age-plugin-yubikey"),
        ("age1f752ewdsnt7t3ep6vfatvasu837c5p0q4s7s24dfrjvffvspxq2sjkv9w7", ""),
        ("ssh-ed25519 AAAA", ""),
    ],
)
def test_what_age_needs_for_a_key_is_told_by_its_name(recipient: str, program: str) -> None:
    assert identity.program(recipient) == program


def test_a_key_that_others_can_read_is_named_with_what_to_type(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "keys.txt"
    path.touch(0o600)
    monkeypatch.setenv("SOPS_AGE_KEY_FILE", str(path))
    monkeypatch.setenv("HOME", str(tmp_path))
    identity.demand_private()
    path.chmod(0o640)
    with pytest.raises(Refused, match=f"chmod 600 {path}"):
        identity.demand_private()


def test_a_key_that_the_next_commit_would_hold_is_refused(tmp_path: Path) -> None:
    def why(name: str) -> str:
        return identity.why_shared(tmp_path / name, tmp_path)

    assert why("keys.txt") == ""  # no checkout: nothing is committed
    git.at(tmp_path).run(["git", "init", "-q"], timeout=20)
    (tmp_path / ".gitignore").write_text("private/\n")
    assert "keys.txt is in the repository" in why("keys.txt")
    assert why("private/keys.txt") == why("secrets/dev.agekey") == why("../keys.txt") == ""
