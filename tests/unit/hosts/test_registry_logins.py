"""Logins of registries: there for docker while a command runs, here and there, and then gone."""

import json
import os
from pathlib import Path

import pytest

from slipway.errors import ConfigError
from slipway.hosts import registry_logins
from slipway.hosts.local import LocalHost
from tests.fakes.host import FakeHost

LINES = "# ours\nr.example.com:5000 ci p:ss w\n\ndocker.io ada hunter2\n"
AUTHS = {
    "r.example.com:5000": {"auth": "Y2k6cDpzcyB3"},
    "https://index.docker.io/v1/": {"auth": "YWRhOmh1bnRlcjI="},
}


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A person's own configuration of docker."""
    config = {"currentContext": "there", "credsStore": "keychain", "auths": {"other": {}}}
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "contexts").mkdir()
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    return tmp_path


def test_docker_has_them_beside_a_persons_own_settings_while_a_command_runs(own: Path) -> None:
    before = (own / "config.json").read_text()
    with registry_logins.in_force(registry_logins.parse(LINES, "x")):
        folder = Path(os.environ["DOCKER_CONFIG"])
        config = json.loads((folder / "config.json").read_text())
        assert config["auths"] == {"other": {}, **AUTHS}
        assert config["credHelpers"] == dict.fromkeys(AUTHS, "")  # not from the keychain
        assert (config["currentContext"], config["credsStore"]) == ("there", "keychain")
        assert (folder / "contexts").resolve() == own / "contexts"
        assert [p.stat().st_mode & 0o777 for p in (folder, folder / "config.json")] == [
            0o700,
            0o600,
        ]
        assert "r.example.com:5000" in registry_logins.registries()
    assert not folder.exists()
    assert os.environ["DOCKER_CONFIG"] == str(own)
    assert (own / "config.json").read_text() == before
    assert registry_logins.registries() == []


def test_a_machine_gets_them_through_a_pipe_and_keeps_nothing(own: Path, tmp_path: Path) -> None:
    program = tmp_path / "docker"
    program.write_text(
        '#!/bin/sh\necho "$DOCKER_CONFIG"; cat "$DOCKER_CONFIG/config.json"; cat; exit 3\n'
    )
    program.chmod(0o755)
    machine = FakeHost()
    machine.reacts("sh", by=lambda argv, stdin: LocalHost().run(argv, stdin=stdin, check=False))
    with registry_logins.in_force(registry_logins.parse(LINES, "x")):
        done = registry_logins.run(
            machine, [str(program), "stack", "deploy"], stdin=b"a\nb\n", check=False
        )
    (asked,) = machine.asked
    assert not any("hunter2" in word or "YWRh" in word for word in asked.argv)
    folder, config, *rest = done.out.splitlines()
    assert (json.loads(config), rest, done.code) == ({"auths": AUTHS}, ["a", "b"], 3)
    assert not Path(folder).exists()


def test_without_logins_nothing_is_done_otherwise(own: Path) -> None:
    machine = FakeHost().answers("docker", "ps")
    with registry_logins.in_force({}):
        assert os.environ["DOCKER_CONFIG"] == str(own)
        registry_logins.run(machine, ["docker", "ps"])


@pytest.mark.parametrize("line", ["r.example.com ci", "https://r ci hunter2", "r a:b hunter2"])
def test_a_line_that_is_no_login_is_named_by_its_number_alone(line: str) -> None:
    with pytest.raises(ConfigError, match=r"^f: line 2: write registry\.example\.com") as caught:
        registry_logins.parse(f"\n{line}", "f")
    assert "hunter2" not in str(caught.value)
