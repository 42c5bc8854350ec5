"""A container with nothing but an sshd, and the keys that it trusts."""

import contextlib
import subprocess
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from slipway.errors import Unreachable
from slipway.hosts import known_hosts
from slipway.hosts.local import LocalHost
from slipway.hosts.ssh import SshHost
from slipway.hosts.ssh_route import SshRoute
from slipway.machines.local import image

# All tests come from one address, and many of them have no key that it knows.
SSHD = (
    "mkdir -p /run/sshd; ssh-keygen -A >/dev/null; exec /usr/sbin/sshd -D -o PerSourcePenalties=no"
)


def docker(*words: str) -> str:
    done = subprocess.run(["docker", *words], capture_output=True, text=True, check=True)
    return done.stdout.strip()


@dataclass(frozen=True)
class SshServer:
    """A container with nothing but an sshd."""

    container: str
    port: int
    address: str
    known: Path
    identity: Path

    def host(
        self, known: Path | None = None, identity: Path | None = None, port: int = 0
    ) -> SshHost:
        file, key = known or self.known, identity or self.identity
        return SshHost(SshRoute("m1", "127.0.0.1", "deploy", port or self.port, file, key))

    def behind(self, gateway: "SshServer", known: Path) -> SshHost:
        via = f"deploy@127.0.0.1:{gateway.port}"
        return SshHost(SshRoute("m1", self.address, "deploy", 22, known, self.identity, via))

    @property
    def key(self) -> known_hosts.HostKey:
        public = docker("exec", self.container, "cat", "/etc/ssh/ssh_host_ed25519_key.pub")
        return known_hosts.parse(public)


def make_key(path: Path) -> Path:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)], check=True)
    return path


@contextlib.contextmanager
def running(folder: Path, *options: str) -> Iterator[SshServer]:
    name = f"slipway-test-{uuid.uuid4().hex[:8]}"
    identity = make_key(folder / "id")
    reference = image.ensure(LocalHost())
    publish = ["--label", "slipway.test=ssh", "-p", "127.0.0.1::22"]
    docker("run", "-d", "--name", name, *publish, *options, reference, "sh", "-c", SSHD)
    try:
        admit(name, identity)
        port = int(docker("port", name, "22").rpartition(":")[2])
        address = docker("inspect", "-f", "{{.NetworkSettings.IPAddress}}", name)
        server = SshServer(name, port, address, folder / "known_hosts", identity)
        key = wait_for_key(port)
        assert key == server.key
        known_hosts.pin(server.known, "127.0.0.1", port, [key])
        yield server
    finally:
        docker("rm", "-f", "-v", name)


def admit(container: str, identity: Path) -> None:
    text = "install -d -m 700 -o deploy ~deploy/.ssh; cat >> ~deploy/.ssh/authorized_keys"
    argv = ["docker", "exec", "-i", container, "sh", "-c", text]
    subprocess.run(argv, input=identity.with_suffix(".pub").read_bytes(), check=True)


def wait_for_key(port: int) -> known_hosts.HostKey:
    for _ in range(50):
        try:
            return known_hosts.scan("m1", "127.0.0.1", port)[0]
        except Unreachable:
            time.sleep(0.2)
    raise AssertionError("no sshd")


@pytest.fixture(scope="session")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshServer]:
    """One that no test ends or changes."""
    with running(tmp_path_factory.mktemp("sshd")) as made:
        yield made
