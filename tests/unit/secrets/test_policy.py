"""The rules of .sops.yaml: added to as YAML, so that what sops read before it still reads."""

import dataclasses
import json
import os
import re
import shutil
import stat
import subprocess
from pathlib import Path

import pytest
import yaml

from slipway.environments import environment
from slipway.environments.environment import Environment
from slipway.errors import ConfigError, Refused
from slipway.project import ROOT
from slipway.secrets import creation, encrypted_file, policy, programs, sops

pytestmark = pytest.mark.skipif(
    shutil.which("age-keygen") is None, reason="age-keygen is not installed"
)
ADA = "age1f752ewdsnt7t3ep6vfatvasu837c5p0q4s7s24dfrjvffvspxq2sjkv9w7"
STRANGER = "age1uwdsjzyyrwq9llw3utyujknkccwy2y6d7mtttcn82syw2et24amsvz96uj"
DEV = f"path_regex: ^secrets/dev\\.sops\\.yaml$ # Ada's\n    age: [{ADA}]\n"
ADDED = (
    f"  - path_regex: ^secrets/staging\\.sops\\.yaml$\n    unencrypted_suffix: __never__\n"
    f"    age: [{ADA}]\n"
)
STORES = "stores:\n  yaml:\n    indent: 2\n"


def staging(root: Path) -> Environment:
    return dataclasses.replace(environment.load("dev"), name="staging", secrets=root / "secrets")


def recipients(file: Path, secrets: str) -> list[str]:
    """Whom sops encrypts a file to by these rules."""
    program = programs.find_sops().path
    argv = [program, "--config", str(file), "encrypt", "--filename-override", secrets]
    argv += ["--input-type", "json", "--output-type", "json", "/dev/stdin"]
    done = subprocess.run(
        argv, check=False, input=b'{"A": "x"}', capture_output=True, cwd=file.parent
    )
    assert done.returncode == 0, done.stderr
    return [entry["recipient"] for entry in json.loads(done.stdout)["sops"]["age"]]


@pytest.mark.parametrize(
    ("text", "added_to"),
    [
        (f"creation_rules:\n  - {DEV}", f"creation_rules:\n  - {DEV}{ADDED}"),
        (f"creation_rules:\n  - {DEV}".rstrip("\n"), f"creation_rules:\n  - {DEV}{ADDED}"),
        (
            f"# who\ncreation_rules:\n  - {DEV}\n# how\n{STORES}",
            f"# who\ncreation_rules:\n  - {DEV}{ADDED}\n# how\n{STORES}",
        ),
        ("", f"creation_rules:\n{ADDED}"),
        ("# nobody yet\n", f"# nobody yet\ncreation_rules:\n{ADDED}"),
        ("# nobody yet", f"# nobody yet\ncreation_rules:\n{ADDED}"),
        ("creation_rules:\n", f"creation_rules:\n{ADDED}"),
        ("creation_rules: []\n", f"creation_rules:\n{ADDED}"),
        (f"creation_rules: []\n{STORES}", f"creation_rules:\n{ADDED}{STORES}"),
        (STORES, f"{STORES}creation_rules:\n{ADDED}"),
    ],
)
def test_a_rule_is_added_and_everything_else_stays_as_it_was(
    tmp_path: Path, text: str, added_to: str
) -> None:
    file = tmp_path / ".sops.yaml"
    file.write_text(text)
    assert not policy.has_rule(staging(tmp_path))
    policy.add_rule(staging(tmp_path), ADA)
    assert file.read_text() == added_to
    assert policy.has_rule(staging(tmp_path))
    assert recipients(file, "secrets/staging.sops.yaml") == [ADA]
    if "dev" in text:
        assert recipients(file, "secrets/dev.sops.yaml") == [ADA]
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize(
    "text",
    [
        f"creation_rules:\n- path_regex: dev # hers\n  age:\n  - {ADA} # Ada\n",
        f"creation_rules:\n- path_regex: dev\n  key_groups:\n  - age:\n    - {ADA}\n{STORES}",
        f"creation_rules:\n    - path_regex: dev\n      age: >-\n        {ADA},\n        {ADA}\n",
        f"creation_rules: [{{path_regex: dev, age: {ADA}}}]\n",
        f"keys:\n- &ada {ADA}\ncreation_rules:\n- path_regex: 'dev'\n  age: [*ada]\n",
        f"---\ncreation_rules:\n  - path_regex: dev\n    age: {ADA}\n...\n",
        f"creation_rules:\r\n  - path_regex: dev # hers\r\n    age: {ADA}\r\n",
    ],
)
def test_however_it_was_written_sops_reads_the_old_rules_and_the_new_one(
    tmp_path: Path, text: str
) -> None:
    file = tmp_path / ".sops.yaml"
    file.write_bytes(text.encode())
    before = yaml.safe_load(text)
    policy.add_rule(staging(tmp_path), ADA)
    after = yaml.safe_load(file.read_text())
    assert after["creation_rules"].pop()["age"] == [ADA]
    assert after == before
    assert text.count("#") == file.read_text().count("#")
    for name in ("dev", "staging"):
        assert ADA in recipients(file, f"secrets/{name}.sops.yaml")


def test_the_repositorys_own_file_gets_four_lines_and_no_other_change(tmp_path: Path) -> None:
    file = tmp_path / ".sops.yaml"
    shutil.copy(ROOT / ".sops.yaml", file)
    file.chmod(0o640)
    before = file.read_text()
    policy.add_rule(staging(tmp_path), ADA)
    assert file.read_text() == before + ADDED
    assert stat.S_IMODE(file.stat().st_mode) == 0o640


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("creation_rules:\n\t- x\n", "is not YAML: line 2: "),
        ("a: 1\na: 2\n", "is not YAML: line 2: a is there twice"),
        ("- x\n", "must be a mapping with creation_rules"),
        ("creation_rules: x\n", "creation_rules must be a list of rules"),
        ("creation_rules: [x]\n", "rule 1 of creation_rules must be a mapping"),
        ("creation_rules: [{path_regex: (}]\n", "path_regex is no regular expression"),
        ("\xff", "byte 1 is not UTF-8"),
    ],
)
def test_a_damaged_file_is_named_with_what_is_wrong_in_it(
    tmp_path: Path, text: str, complaint: str
) -> None:
    file = tmp_path / ".sops.yaml"
    file.write_bytes(text.encode("latin-1"))
    with pytest.raises(ConfigError, match=rf"^\.sops\.yaml:? .*{complaint}"):
        policy.has_rule(staging(tmp_path))


def test_what_sops_would_not_take_leaves_the_old_file_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / ".sops.yaml"
    file.write_text(f"creation_rules:\n  - {DEV}")
    with pytest.raises(ConfigError, match=r"sops does not take it .*it was left as it was"):
        policy.add_rule(staging(tmp_path), "age1nobody")
    assert file.read_text() == f"creation_rules:\n  - {DEV}"
    assert list(tmp_path.iterdir()) == [file]


def test_secrets_that_their_maker_could_not_read_are_not_made(tmp_path: Path) -> None:
    env = dataclasses.replace(environment.load("dev"), secrets=tmp_path / "secrets")
    env.secrets.mkdir()
    shutil.copy(ROOT / "secrets" / encrypted_file.PUBLIC_KEY_FILE, env.secrets)
    file = tmp_path / ".sops.yaml"
    file.write_text(f"creation_rules:\n  - age: {STRANGER}\n")
    with pytest.raises(Refused, match=rf"does not name your key.*yours: .*{ADA}"):
        creation.create(env)
    assert [path.name for path in env.secrets.iterdir()] == [encrypted_file.PUBLIC_KEY_FILE]
    file.write_text(f"creation_rules:\n  - age: {STRANGER},{ADA}\n")
    assert creation.create(env) == sorted(sops.read(env))
    assert sops.opened_by(env) == f"secrets/{encrypted_file.PUBLIC_KEY_FILE} ({ADA})"


def test_the_runbook_changes_no_recipients_where_that_would_lock_its_reader_out(
    tmp_path: Path,
) -> None:
    text = (ROOT / "runbooks/teammate.md").read_text()
    (cell,) = (
        each for each in re.findall(r"```sh\n(.*?)```", text, re.DOTALL) if "updatekeys" in each
    )
    file, secrets = tmp_path / ".sops.yaml", tmp_path / "secrets/prod.sops.yaml"
    secrets.parent.mkdir()
    file.write_text(f"creation_rules:\n  - age: {ADA}\n")
    key = ROOT / "secrets" / encrypted_file.PUBLIC_KEY_FILE
    path = f"{Path(programs.find_sops().path).parent}:{os.environ['PATH']}"
    environ = {"PATH": path, "ENV": "prod", "SOPS_AGE_KEY_FILE": str(key), "HOME": str(tmp_path)}

    def run(script: str) -> int:
        argv = ["bash", "-euo", "pipefail", "-c", script]
        return subprocess.run(argv, cwd=tmp_path, env=environ, check=False).returncode

    encrypt = (
        "sops encrypt --filename-override x.yaml --input-type json --output-type yaml /dev/stdin"
    )
    assert run(f'echo \'{{"A": "x"}}\' | {encrypt} >{secrets}') == 0
    before = secrets.read_bytes()
    file.write_text(f"creation_rules:\n  - age: {STRANGER}\n")
    assert run(cell) == 1
    assert secrets.read_bytes() == before
    file.write_text(f"creation_rules:\n  - age: {STRANGER},{ADA}\n")
    assert run(cell) == 0
    assert encrypted_file.recipients(secrets) == [STRANGER, ADA]
