"""What keeps our scripts running on machines, under a real systemd as process 1."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from slipway.hosts.local import LocalHost
from slipway.machines import firewall, job_timer
from slipway.machines.firewall import FirewallState
from tests.integration.docker_sandbox import IMAGES, DockerSandbox, base_image
from tests.integration.nested import Nested
from tests.waiting import wait_until

pytestmark = pytest.mark.engine
PEERS = ("10.0.0.1", "10.0.0.2")
UNITS = ("slipway-firewall.service", "slipway-jobs.service")
PACKAGES = "systemd systemd-sysv nftables procps"
IMAGE = f"{IMAGES}/systemd"
# From 256 on it must be asked to run where the kernel's cgroups are of the first version.
OLD_CGROUPS = "systemd.unified_cgroup_hierarchy=0 SYSTEMD_CGROUP_ENABLE_LEGACY_FORCE=1"
# systemd makes what its cgroups stand in read-only: where they are of the first version, it gets a
# folder of its own for that, and in it those by which it knows its services.
FIRST = Path("/sys/fs/cgroup/systemd")
CGROUPS = ("--tmpfs=/sys/fs/cgroup",) if FIRST.is_dir() else ()
SHARED = FIRST if FIRST.is_dir() else FIRST.parent
RIGHTS = (
    *("--cap-add=ALL", "--cgroupns=host", *CGROUPS, f"--volume={SHARED}:{SHARED}:rw"),
    *(f"--security-opt={name}=unconfined" for name in ("seccomp", "apparmor", "systempaths")),
)
BOOT = ("--env=container=docker", f"--env=SYSTEMD_PROC_CMDLINE={OLD_CGROUPS}")
PLACES = ("--tmpfs=/run:exec", "--tmpfs=/run/lock", "--tmpfs=/tmp:exec", "--stop-signal=RTMIN+3")


@pytest.fixture(scope="module")
def machine(module_corner: DockerSandbox) -> Iterator[Nested]:
    """A Debian with systemd, and an engine that has a job at its times."""
    install = f"apt-get -qq update && apt-get -qq install -y --no-install-recommends {PACKAGES}"
    docker = "#!/bin/sh\\n[ ! -e /jobs ] || echo c1"
    lines = [
        f"FROM {base_image('debian:trixie-slim')}",
        f"RUN {install} >/dev/null && rm -rf /var/lib/apt/lists/*",
        f"RUN printf '{docker}' >/usr/bin/docker && chmod 755 /usr/bin/docker",
    ]
    build = ["docker", "build", "--quiet", "--tag", IMAGE, "-"]
    LocalHost().run(build, stdin="\n".join(lines).encode(), timeout=600)
    options = (*RIGHTS, *BOOT, *PLACES)
    yield booted(Nested(module_corner.run(IMAGE, "/lib/systemd/systemd", options=options)[:12]))


def booted(host: Nested) -> Nested:
    argv = ["systemctl", "is-system-running"]
    ends = ("running", "degraded")
    wait_until("it is up", lambda: host.run(argv, check=False).out.strip() in ends)
    return host


def states(host: Nested) -> list[str]:
    argv = ["systemctl", "show", "--property=ActiveState", "--value", *UNITS]
    return host.run(argv).out.split()


def process(host: Nested, unit: str) -> str:
    return host.run(["systemctl", "show", "--property=MainPID", "--value", unit]).out.strip()


def test_systemd_keeps_firewall_and_timer_running_until_they_are_removed(machine: Nested) -> None:
    machine.run(["touch", "/jobs"])

    def settle() -> list[str]:
        lines = [*firewall.ensure(machine, PEERS), *job_timer.settle(machine, [machine])]
        wait_until("both run", lambda: seen() == (FirewallState("same", True), True), seen)
        return [line.partition(": ")[2] for line in lines]

    def seen() -> tuple[FirewallState, bool]:
        return firewall.look(machine, PEERS), job_timer.is_running(machine)

    kept, starts = "keeps it loaded from now on", "starts jobs at their times from now on"
    assert settle() == [f"wrote {firewall.FILE}", kept, starts]
    assert settle() == []
    verified = machine.run(["systemd-analyze", "verify", *UNITS])
    assert verified.out + verified.err == ""

    first = [process(machine, unit) for unit in UNITS]
    machine.run(["systemctl", "kill", "--signal=KILL", *UNITS])
    wait_until("systemd starts them", lambda: states(machine) == ["active"] * 2)
    assert not set(first) & {process(machine, unit) for unit in UNITS}
    for damage in (
        ["systemctl", "disable", "--quiet", "--now", *UNITS],
        ["sed", "-i", "s/Restart=always/Restart=no/", *(f"/etc/systemd/system/{u}" for u in UNITS)],
        ["sed", "-i", "2i # older", "/etc/slipway/job-timer", "/etc/slipway/firewall-keep"],
    ):
        machine.run(damage)
        assert settle() == [kept, starts]

    LocalHost().run(["docker", "restart", machine.name])
    booted(machine)
    wait_until("both run", lambda: seen() == (FirewallState("same", True), True), seen)

    machine.run(["rm", "/jobs"])
    assert job_timer.settle(machine, [machine]) == []
    firewall.remove(machine)
    assert states(machine) == ["inactive"] * 2
    look = "systemctl list-unit-files 'slipway-*'; ls /etc/slipway /run/slipway* 2>&1"
    assert "0 unit files listed" in (text := machine.run(["sh", "-c", look], check=False).out)
    assert text.count("No such file") == 2
