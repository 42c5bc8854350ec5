"""A bare Debian host with nothing but an sshd becomes a machine, through real packages."""

import subprocess
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from slipway.errors import Refused, Unreachable, UsageError
from slipway.hosts import known_hosts
from slipway.machines import fleet, inventory, listing
from slipway.machines.joining import Joining
from slipway.machines.local.image import RIGHTS
from slipway.machines.provider import MachineSpec, ProviderContext
from slipway.machines.removal import Removal
from slipway.machines.ssh_provider import SshProvider
from tests import base_images
from tests.fakes.reporter import RecordingReporter

pytestmark = [pytest.mark.engine, pytest.mark.hosts]
ENV = "prod"
DOCKERFILE = """\
FROM debian:trixie-slim
RUN apt-get update && apt-get install -y --no-install-recommends openssh-server sudo iproute2 procps
RUN useradd -m -s /bin/bash ops && echo 'ops ALL=(ALL) NOPASSWD:ALL' > /etc/sudoers.d/ops
CMD mkdir -p /run/sshd && exec /usr/sbin/sshd -D
"""


def docker(*words: str, stdin: bytes = b"") -> str:
    done = subprocess.run(["docker", *words], input=stdin, capture_output=True, check=True)
    return done.stdout.decode().strip()


@dataclass(frozen=True)
class Bare:
    """A host that nobody prepared, and a project that wants it."""

    container: str
    port: int
    place: ProviderContext

    @property
    def fingerprint(self) -> str:
        public = docker("exec", self.container, "cat", "/etc/ssh/ssh_host_ed25519_key.pub")
        return known_hosts.parse(public).fingerprint

    def adopt(self, fingerprint: str = "", *, trusted: bool = False) -> list[str]:
        wish = MachineSpec("p1", "ops@127.0.0.1", self.port, "", fingerprint)
        reporter = Notes()
        provider = SshProvider(self.place, lambda question: trusted)
        Joining(self.place, "ssh", provider, wish).plan().run(reporter)
        return reporter.results


class Notes(RecordingReporter):
    """Keeps what each step reported."""

    def __init__(self) -> None:
        super().__init__()
        self.results: list[str] = []

    def finished(self, step: object, result: str | None) -> None:
        self.results.append(result or "")


@pytest.fixture(scope="module")
def bare(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Bare]:
    root = tmp_path_factory.mktemp("project")
    home = tmp_path_factory.mktemp("home")
    name = f"slipway-test-{uuid.uuid4().hex[:8]}"
    label = ["--label", "slipway.test=adopt"]
    key = home / ".ssh" / "id_ed25519"
    key.parent.mkdir(mode=0o700)
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    base_images.build(name, "-", *label, text=DOCKERFILE)
    docker("run", "-d", "--name", name, *label, *RIGHTS, "-v", "/var/lib/docker",
           "-p", "127.0.0.1::22", name)  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(home))  # whose keys ssh offers
        patch.delenv("SSH_AUTH_SOCK", raising=False)
        try:
            text = "install -d -m 700 -o ops ~ops/.ssh; cat > ~ops/.ssh/authorized_keys"
            public = key.with_suffix(".pub").read_bytes()
            docker("exec", "-i", name, "sh", "-c", text, stdin=public)
            port = int(docker("port", name, "22").rpartition(":")[2])
            yield Bare(name, port, ProviderContext("test", ENV, root))
        finally:
            docker("rm", "-f", "-v", name)
            docker("rmi", name)


def there_is_no_trace(bare: Bare) -> bool:
    where = inventory.files(ENV, "ssh", bare.place.root)
    return not where.machines.exists() and not where.known_hosts.exists()


def test_an_unknown_host_is_not_adopted_unless_somebody_vouches_for_its_key(bare: Bare) -> None:
    with pytest.raises(Refused, match=r"shows the host key ssh-ed25519 SHA256:\S+, and nobody v"):
        bare.adopt()
    assert there_is_no_trace(bare)


def test_a_fingerprint_that_is_not_the_hosts_own_is_refused(bare: Bare) -> None:
    with pytest.raises(Refused, match="someone may be intercepting the connection"):
        bare.adopt("SHA256:" + "A" * 43)
    with pytest.raises(UsageError, match="SHA256:"):
        bare.adopt("aa:bb:cc")
    assert there_is_no_trace(bare)


def test_a_host_whose_user_we_are_not_leaves_no_trace(bare: Bare, tmp_path: Path) -> None:
    docker("exec", bare.container, "mv", "/home/ops/.ssh", "/home/ops/.away")
    with pytest.raises(Unreachable, match=r"refuses ops; keys tried: ~/\.ssh/id_ed25519"):
        bare.adopt(bare.fingerprint)
    docker("exec", bare.container, "mv", "/home/ops/.away", "/home/ops/.ssh")
    assert there_is_no_trace(bare)


def test_a_bare_host_becomes_a_machine_and_the_second_time_nothing_changes(bare: Bare) -> None:
    first = bare.adopt(bare.fingerprint)
    assert "installed" in first[2]
    assert "docker.io" in first[2]
    assert "wrote /etc/slipway/firewall.nft" in first[3]
    assert bare.adopt()[2:] == [fleet.NOTHING] * 3
    (row,) = listing.call(bare.place, lambda machine: "adopted")
    assert (row.role, row.state) == ("manager, data", "ready")
    assert row.engine
    (machine,) = inventory.load(ENV, bare.place.root)
    assert machine.address in docker("exec", bare.container, "hostname", "-I")


def test_a_machine_whose_engine_is_gone_can_be_taken_out(bare: Bare) -> None:
    docker("exec", bare.container, "mv", "/usr/bin/docker", "/usr/bin/docker.gone")
    (machine,) = inventory.load(ENV, bare.place.root)
    provider = SshProvider(bare.place, lambda question: False)
    Removal(bare.place, provider, machine, machine.name).plan().run(RecordingReporter())
    assert there_is_no_trace(bare)
