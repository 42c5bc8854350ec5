"""A bare Debian gets a Docker Engine through apt, once; refusals change nothing."""

import json
import uuid
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from slipway.errors import ConfigError, Refused
from slipway.hosts.local import LocalHost
from slipway.machines.engine import ensure_engine
from slipway.machines.local.image import RIGHTS

pytestmark = [pytest.mark.engine, pytest.mark.hosts]


class ContainerHost(LocalHost):
    """A container as a host, reached through `docker exec` as one of its users."""

    def __init__(self, name: str, user: str) -> None:
        super().__init__(name)
        self._user = user

    def _start(self, argv: Sequence[str], **more: Any) -> Any:
        return super()._start(["docker", "exec", "-i", "-u", self._user, self.name, *argv], **more)

    def sh(self, line: str) -> str:
        return self.run(["sh", "-c", line]).out.strip()


@pytest.fixture(scope="module")
def bare() -> Iterator[str]:
    """A Debian without an engine; `deploy` may use sudo, `plain` may not."""
    name = f"slipway-test-{uuid.uuid4().hex[:8]}"
    run = ["docker", "run", "-d", "--name", name, "--label", "slipway.test=engine", *RIGHTS]
    run += ["-v", "/var/lib/docker", "--tmpfs", "/run", "debian:trixie-slim", "sleep", "3600"]
    LocalHost().run(run)
    prepare = (
        "apt-get update -qq && apt-get install -y -qq sudo >/dev/null && useradd -m deploy && "
        "useradd -m plain && echo 'deploy ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/deploy"
    )
    try:
        ContainerHost(name, "root").sh(prepare)
        yield name
    finally:
        LocalHost().run(["docker", "rm", "-fv", name])


def test_a_bare_machine_gets_an_engine_once(bare: str) -> None:
    plain, deploy = ContainerHost(bare, "plain"), ContainerHost(bare, "deploy")
    with pytest.raises(Refused, match=r"plain is not root.*type `apt-get install docker.io"):
        ensure_engine(plain, machine=True)

    done = ensure_engine(deploy, machine=True)
    assert [line.split(": ")[1].split()[0] for line in done] == [
        *("wrote", "installed", "started", "added"),
    ]
    assert ensure_engine(deploy, machine=True) == []
    assert (
        deploy.sh("docker info --format '{{.LoggingDriver}} {{.LiveRestoreEnabled}}'")
        == "local false"
    )

    with pytest.raises(Refused, match="type `usermod -aG docker plain`, log in again"):
        ensure_engine(plain)


def test_settings_are_merged_and_a_broken_file_is_left_alone(bare: str) -> None:
    root = ContainerHost(bare, "root")
    ensure_engine(root, machine=True)
    theirs = '{"live-restore": true, "log-driver": "json-file", "mtu": 1400}'
    root.sh(f"echo '{theirs}' >/etc/docker/daemon.json")
    assert "started the engine" in ensure_engine(root, machine=True)[-1]
    assert json.loads(root.sh("cat /etc/docker/daemon.json")) == {
        "live-restore": False,
        "log-driver": "json-file",
        "log-opts": {"max-size": "10m", "max-file": "5"},
        "mtu": 1400,
        "no-new-privileges": True,
    }
    root.sh("cp /etc/docker/daemon.json /root/good; echo '{bad' >/etc/docker/daemon.json")
    with pytest.raises(ConfigError, match=r"daemon.json is not JSON"):
        ensure_engine(root, machine=True)
    assert root.sh("cat /etc/docker/daemon.json; cp /root/good /etc/docker/daemon.json") == "{bad"


def test_a_crashed_engine_is_started_again(bare: str) -> None:
    root = ContainerHost(bare, "root")
    ensure_engine(root, machine=True)
    root.sh("cd /var/run; kill -9 $(cat docker.pid) $(cat docker/containerd/containerd.pid)")
    assert ensure_engine(root, machine=True) == [f"{bare}: started the engine"]
