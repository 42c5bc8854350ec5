"""Which values a run must not show, and where a value is one: everywhere, or in its place alone."""

import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from slipway.environments import environment
from slipway.environments.environment import Environment
from slipway.notebook.cells.mask import Framed, Mask, Secret
from slipway.notebook.runs import secrets, start
from slipway.notebook.runs.interfaces import Interfaces
from slipway.notebook.runs.options import Mode, RunOptions
from slipway.project import ROOT, SECRETS
from slipway.secrets import encrypted_file, programs
from tests.fakes.runners import RecordingDisplay, ScriptedPrompter, Tasks

STAGING = environment.load("staging")


def address(user: str, password: str) -> Framed:
    return Framed(f"//{user}:", password, "@")


@pytest.mark.parametrize(
    ("variables", "values"),
    [
        (
            {"API_TOKEN": "abcd-1234", "db_password": "correct horse"},
            ["abcd-1234", "correct horse"],
        ),
        ({"AWS_SECRET_ACCESS_KEY": "/ab+cd/ef=="}, ["/ab+cd/ef=="]),
        (
            {"URL": "postgres://app:p%40ss-word@db/x"},
            [
                "p%40ss-word",
                "p@ss-word",
                address("app", "p%40ss-word"),
                address("app", "p@ss-word"),
            ],
        ),
        # Elsewhere than in the address these would riddle what is printed.
        ({"URL": "postgres://u:abcd@h/"}, [address("u", "abcd")]),
        ({"URL": "redis://:1234@h/0"}, [address("", "1234")]),
        ({"URL": "pg://postgres:postgres@h"}, [address("postgres", "postgres")]),
        ({"SSH_KEY": "/etc/passwd", "SOPS_AGE_KEY_FILE": str(ROOT)}, []),
        ({"SECRET_MODE": "disabled", "TOKEN": "short", "KEYBOARD": "qwertz-12345"}, []),
        ({"PASSWORD": "", "URL": "https://example.org:8080/a@b"}, []),
    ],
)
def test_the_shell_has_secrets_that_their_names_give_away(
    variables: Mapping[str, str], values: list[Secret]
) -> None:
    assert secrets.secrets(None, variables) == values


def test_a_secret_parameter_is_no_path_for_a_file_that_is_called_like_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "hunter2").touch()
    assert secrets.of_parameters({"DB_PASSWORD": "hunter2"}) == ["hunter2"]
    assert secrets.of_parameters({"DB_PASSWORD": "./hunter2", "KEY": str(tmp_path)}) == []


def test_what_the_file_of_secrets_holds_is_masked_whatever_it_looks_like() -> None:
    opened = {"CA": str(ROOT), "MODE": "disabled", "STORE": "s3://key:s3cret-word@h/b", "PIN": "42"}
    mask = Mask(secrets.of_environment(opened))
    assert mask.text(f"{ROOT}/x disabled s3cret-word") == "***/x *** ***"
    shown = 'PIN=*** PIN=\'***\' PIN: *** {"PIN": "***"} 42 of 142'
    assert mask.text(shown.replace("***", "42")) == shown


@pytest.fixture
def testing(tmp_path: Path) -> Environment:
    """An environment with a short secret, encrypted to the key that lies in the repository."""
    key = shutil.copy(SECRETS / encrypted_file.PUBLIC_KEY_FILE, tmp_path)
    recipient = next(w for w in Path(key).read_text().split() if w.startswith("age1"))
    argv = [programs.find_sops().path, "encrypt", "--age", recipient, "--input-type", "json"]
    argv += ["--output-type", "yaml", "/dev/stdin"]
    done = subprocess.run(
        argv, input=b'{"PIN": "42"}', capture_output=True, cwd=tmp_path, check=True
    )
    (tmp_path / "testing.sops.yaml").write_bytes(done.stdout)
    return replace(environment.load("testing"), secrets=tmp_path)


def test_a_run_begins_with_what_it_cannot_mask_everywhere(
    tmp_path: Path, testing: Environment
) -> None:
    path = tmp_path / "a.md"
    path.write_text("# A\n\n```sh {skip}\ntrue\n```\n")
    display = RecordingDisplay()
    mode = Mode(attended=False)
    interfaces = Interfaces(ScriptedPrompter(), display, Tasks(), mode, runs=tmp_path / "runs")
    assert start.start(str(path), testing, [], RunOptions(yes=True), interfaces) == 0
    assert display.notes[0].startswith("PIN of secrets/testing.sops.yaml: shorter than 4")


def test_a_secret_too_short_to_be_masked_everywhere_is_named() -> None:
    (text,) = secrets.warnings({"PIN": "42", "B": "abcd", "NONE": " "}, "prod.sops.yaml")
    assert text.startswith("PIN of secrets/prod.sops.yaml: shorter than 4 characters, so masked")
    assert text.endswith("only beside its name (PIN=***); make it longer")
    assert secrets.warnings({"B": "abcd"}, "prod.sops.yaml") == []


def test_the_secrets_of_the_environment_are_known_and_of_no_other() -> None:
    testing = environment.load("testing")
    found = secrets.SecretLookup(testing).result()
    assert len(found) >= 2
    assert secrets.secrets(environment.load("staging"), {}) == []


def test_a_file_that_does_not_open_gives_nothing(tmp_path: Path) -> None:
    (tmp_path / "staging.sops.yaml").write_text("PASSWORD: in clear, and so refused\n")
    settings = {**STAGING.settings, "ALLOW_STANDINS": "on"}
    locked = Environment("staging", settings, {}, secrets=tmp_path)
    assert secrets.secrets(locked, {}) == []
