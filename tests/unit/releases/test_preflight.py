"""What a machine says before a deploy; what it cannot say is refused, never taken for free."""

import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from slipway.environments import environment
from slipway.errors import Refused
from slipway.hosts.host import script
from slipway.hosts.local import LocalHost
from slipway.machines import survey
from slipway.releases import preflight
from tests.fakes.host import FakeHost
from tests.fakes.reporter import RecordingReporter

ENV = environment.load("prod")
PROGRAMS = ("sh", "df", "awk", "cat", "grep", "date")


@pytest.fixture
def port() -> Iterator[int]:
    """A port that this process listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def machine(tmp_path: Path) -> LocalHost:
    """A machine with few programs, whose engine runs nothing."""
    for name in PROGRAMS:
        (tmp_path / name).symlink_to(shutil.which(name) or name)
    docker = tmp_path / "docker"
    docker.write_text('#!/bin/sh\n[ "$1" != info ] || echo /\n')
    docker.chmod(0o755)
    return LocalHost("m1", env={"PATH": str(tmp_path)})


def test_a_taken_port_is_seen_without_a_program_for_that(machine: LocalHost, port: int) -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        udp = f"{other.getsockname()[1]}/udp"
        ports = (str(port), f"{port}/udp", "1", udp)
        text = script(machine, preflight.LOOK, "shop-prod", "here", *ports).out
    taken = preflight.parse(text).taken
    assert taken == ((str(port), "another process"), (udp, "another process"))


def test_what_a_machine_cannot_see_is_refused(machine: LocalHost, tmp_path: Path) -> None:
    ss = tmp_path / "ss"
    ss.write_text("#!/bin/sh\necho 'Cannot open netlink socket' >&2\nexit 255\n")
    ss.chmod(0o755)
    with pytest.raises(
        Refused, match=r"what listens on port 8080 of m1 cannot be seen; .*iproute2"
    ):
        preflight.check(ENV, [machine], {"8080"})
    (tmp_path / "df").unlink()
    with pytest.raises(Refused, match=r"how much disk m1 has free .* cannot be seen"):
        preflight.check(ENV, [machine], ())


def test_this_computers_ports_and_disk_are_not_those_of_an_engine_elsewhere(
    machine: LocalHost, port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dev, reporter = environment.load("dev"), RecordingReporter()
    with pytest.raises(Refused, match=f"port {port} of m1 is taken by another process"):
        preflight.check(dev, [machine], {str(port)})
    (tmp_path / "df").unlink()
    monkeypatch.setenv("DOCKER_HOST", "tcp://far.example.com:2376")
    preflight.check(dev, [machine], {str(port)}, reporter)
    (note,) = reporter.notes
    assert note.startswith("disk and processes of the engine at tcp://far.example.com:2376 (DOCK")
    with pytest.raises(Refused, match="taken by another process"):
        preflight.check(ENV, [machine], {str(port)})  # whose machines are reached over SSH


def test_a_host_is_not_provisioned_where_nobody_sees_what_listens_there() -> None:
    facts = "clock=1.0\nfree_mb=9000\naddresses=10.0.0.1\nsource=10.0.0.1\n"
    seen = FakeHost("m1").answers("sh", out=f"{facts}sockets=seen\nlistens=0.0.0.0:22 sshd\n")
    assert [each.port for each in survey.look(seen).listeners] == [22]
    with pytest.raises(
        Refused, match=r"^m1: what listens there cannot be seen, .*install iproute2"
    ):
        survey.look(FakeHost("m1").answers("sh", out=facts))
