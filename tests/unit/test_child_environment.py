"""No program that is started finds a secret in its environment that it has no need of."""

import ast
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from paramiko import ProxyCommand

from slipway.bootstrap import venv
from slipway.database import processes
from slipway.hosts import docker_client, git, known_hosts, ssh_config
from slipway.hosts.local import LocalHost
from slipway.machines.copying import _tar
from slipway.notebook.cells import process_tree
from slipway.project import ROOT
from slipway.secrets import identity, sops
from tests.syntax import nodes

SECRETS = {
    "SOPS_AGE_KEY": "AGE-SECRET-KEY-1X",
    "GITHUB_TOKEN": "ghp_canary",
    "AWS_SECRET_ACCESS_KEY": "aws-canary",
    "PGPASSWORD": "pg-canary",
    "MIRROR": "https://me:mirror-canary@mirror.example/",
    "DEPLOY_FILE": "-----BEGIN OPENSSH PRIVATE KEY-----\nkey-canary",
}
PLAIN = {"SSH_AUTH_SOCK": "/agent", "HTTPS_PROXY": "http://me:proxy@proxy:3128", "KEYMAP": "de"}
# Whose environment is a person's own: what they would have had in their shell, and their cells.
PERSONS = {"slipway/notebook/cells/pipes.py", "slipway/notebook/cells/session.py"}


@pytest.fixture
def seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Programs that write down their environment, before all others on PATH."""
    seen = tmp_path / "seen"
    (tmp_path / "bin").mkdir()
    seen.mkdir()
    for name in ("git", "docker", "ssh", "ssh-keygen", "ssh-keyscan", "sops", "age-keygen", "tar",
                 "bash", "ps", "setpriv"):  # fmt: skip
        program = tmp_path / "bin" / name
        program.write_text(f'#!/bin/sh\nenv >>"{seen}/{name}"\nprintf "%s" "${{FAKE_OUT:-}}"\n')
        program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:{os.environ['PATH']}")
    for name, value in (SECRETS | PLAIN).items():
        monkeypatch.setenv(name, value)
    yield seen


def start_everything(tmp_path: Path) -> None:
    """Every door to a program, one after the other."""
    file = tmp_path / "known_hosts"
    file.write_text("a b c\n")
    git.at(tmp_path).run(["git", "status"])
    docker_client._endpoint_of("c", os.environ)
    ssh_config.resolve("m1", "m1.example.org", "", 0)
    known_hosts.pinned(file, "m1", 22)
    LocalHost().follow(["ssh-keyscan"], lambda line: None)
    LocalHost().attach(["bash", "-c", "true"])
    with LocalHost().dial(["docker"], timeout=5) as talk:
        talk.read(1)
    identity.public_keys(identity.Identity("SOPS_AGE_KEY", text="AGE-SECRET-KEY-1X"))
    list(_tar(tmp_path))
    list(process_tree._from_ps())
    with processes.started(["pg_dump"]) as process:
        process.wait()
    program = LocalHost(env=sops._environment(None, ()))
    program.run([str(shutil.which("sops"))])


def test_every_program_is_given_the_secrets_that_it_needs_and_no_other(
    seen: Path, tmp_path: Path
) -> None:
    start_everything(tmp_path)
    needs = {"sops": {"SOPS_AGE_KEY"}}
    needs |= {name: {"AWS_SECRET_ACCESS_KEY"} for name in ("docker", "ssh")}
    told = {path.name: path.read_text() for path in seen.iterdir()}
    assert len(told) == 11
    for name, text in told.items():
        values = {key for key, value in SECRETS.items() if value.splitlines()[-1] in text}
        assert values == needs.get(name, set()), name
        assert name == "sops" or all(f"{key}={value}" in text for key, value in PLAIN.items())


def test_pip_finds_its_own_index_and_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PIP_INDEX_URL", "https://me:pip-canary@index.example/")
    given = venv._environment([sys.executable])
    assert "PIP_INDEX_URL" in given and not SECRETS.keys() & given.keys()


def test_no_other_module_starts_a_program_with_an_environment_of_its_own_making() -> None:
    starts = {
        (str(path.relative_to(ROOT)), any(each.arg == "env" for each in node.keywords))
        for path in [*(ROOT / "slipway").rglob("*.py"), *(ROOT / "tasks").glob("*.py")]
        for node in nodes(path)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
        if node.func.attr in ("Popen", "run", "call", "check_call", "check_output")
        if isinstance(node.func.value, ast.Name) and node.func.value.id == "subprocess"
    }
    assert all(has_environment for _, has_environment in starts), starts
    assert starts and {path for path, _ in starts} >= PERSONS
    for path in {path for path, _ in starts} - PERSONS:
        assert "child_environment.made(" in (ROOT / path).read_text(), path


def test_what_ssh_starts_to_reach_a_host_is_given_no_more_than_ssh(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    from slipway.hosts import strict_fabric

    started = strict_fabric.Connection("m1", gateway="env").open_gateway()
    assert isinstance(started, ProxyCommand)
    out, _ = started.process.communicate(timeout=10)
    named = {line.partition("=")[0] for line in out.decode().splitlines()}
    assert named & SECRETS.keys() == {"AWS_SECRET_ACCESS_KEY"}
