"""Who can read the secrets of prod, seen without any key: those whom .sops.yaml names."""

import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from slipway.errors import ConfigError
from slipway.project import ROOT
from slipway.secrets import programs, recipients
from slipway.secrets.encrypted_file import PUBLIC_KEY_FILE

ADA = "age1uwdsjzyyrwq9llw3utyujknkccwy2y6d7mtttcn82syw2et24amsvz96uj"
BOB = "age1nzmr40wzffj4r28nm5wxzhlp9mrzf5msl37wmdw0jl3rhwscqymsqnh534"
PUBLIC = recipients.PUBLIC.findall((ROOT / "secrets" / PUBLIC_KEY_FILE).read_text())[0]
PROD = r"^secrets/prod\.sops\.yaml$"


def checkout(root: Path, rules: Mapping[str, str], encrypted_to: str = "") -> Path:
    """A checkout with these rules and the secrets of prod, encrypted by them or to somebody."""
    secrets = root / "secrets"
    secrets.mkdir(exist_ok=True)
    (secrets / PUBLIC_KEY_FILE).write_bytes((ROOT / "secrets" / PUBLIC_KEY_FILE).read_bytes())
    lines = [f"  - path_regex: {regex}\n    age: {names}\n" for regex, names in rules.items()]
    (root / ".sops.yaml").write_text("creation_rules:\n" + "".join(lines))
    argv = [programs.find_sops().path, "encrypt", "--input-type=json", "--output-type=yaml"]
    argv += ["--filename-override=secrets/prod.sops.yaml"]
    (root / "other.yaml").write_text(f"creation_rules:\n  - age: {encrypted_to}\n")
    argv[1:1] = [f"--config={root}/other.yaml"] if encrypted_to else []
    done = subprocess.run(
        [*argv, "/dev/stdin"], input=b'{"A": "x"}', capture_output=True, check=True, cwd=root
    )
    (secrets / "prod.sops.yaml").write_bytes(done.stdout)
    return secrets


def test_secrets_that_only_their_people_read_are_in_order(tmp_path: Path) -> None:
    secrets = checkout(tmp_path, {PROD: f"{ADA},{BOB}", "^secrets/": PUBLIC})
    recipients.check(secrets / "prod.sops.yaml")
    assert recipients.problems(secrets) == []


@pytest.mark.parametrize(
    ("rules", "encrypted_to", "why"),
    [
        ({r"od\.sops\.yaml$": PUBLIC, PROD: ADA}, "", "anybody can read it"),
        ({PROD: f"{ADA},{PUBLIC}"}, ADA, f"names the public key of {PUBLIC_KEY_FILE}"),
        ({r"secrets/prod\.sops\.yaml": ADA}, "", "also matches other files; begin it with"),
        (
            {r"^secrets/.*$": BOB, PROD: ADA},
            "",
            "rule 2, which is for nothing else, comes too late",
        ),
        ({PROD: ADA}, f"{ADA},{BOB}", f"encrypted to {BOB}, whom .sops.yaml does not name"),
        ({"'['": ADA}, ADA, "no regular expression"),
        ({r"^secrets/dev\.sops\.yaml$": ADA}, ADA, "no rule of .sops.yaml is for it"),
    ],
    ids=[
        "public key",
        "public key named",
        "not anchored",
        "hidden",
        "somebody else",
        "no regex",
        "no rule",
    ],
)
def test_what_lets_others_read_them_is_refused_before_anything_is_decrypted(
    tmp_path: Path, rules: Mapping[str, str], encrypted_to: str, why: str
) -> None:
    secrets = checkout(tmp_path, rules, encrypted_to)
    with pytest.raises(ConfigError) as caught:
        recipients.check(secrets / "prod.sops.yaml")
    assert why in str(caught.value)


def test_who_cannot_read_them_yet_hinders_nobody_and_is_named(tmp_path: Path) -> None:
    secrets = checkout(tmp_path, {PROD: f"{ADA},{BOB}"}, ADA)
    recipients.check(secrets / "prod.sops.yaml")
    (problem,) = recipients.problems(secrets)
    assert f"names {BOB}, who cannot read it yet; type: sops updatekeys" in problem
    (tmp_path / "team.yml").touch()
    assert recipients.problems(secrets)[0].endswith("who cannot read it yet; type: inv team.apply")


def test_a_rule_by_which_some_of_a_file_would_be_left_open_is_named(tmp_path: Path) -> None:
    secrets = checkout(tmp_path, {PROD: ADA})
    rules = tmp_path / ".sops.yaml"
    rules.write_text(rules.read_text() + "    encrypted_regex: ^PASSWORD$\n")
    with pytest.raises(ConfigError, match=r"rule 1 of \.sops\.yaml has encrypted_regex, by which"):
        recipients.check(secrets / "prod.sops.yaml")


def test_the_public_key_that_cannot_be_told_is_no_reason_to_go_on(tmp_path: Path) -> None:
    secrets = checkout(tmp_path, {PROD: ADA})
    (secrets / PUBLIC_KEY_FILE).write_text("AGE-SECRET-KEY-1\n")
    with pytest.raises(ConfigError, match="cannot be told"):
        recipients.check(secrets / "prod.sops.yaml")
