"""Rehearsal machines: a Swarm of three that survives a reboot, a power cut and a departure."""

import re
import subprocess
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from slipway.cluster import swarm
from slipway.cluster.node import DATA_LABEL, Node
from slipway.errors import Refused
from slipway.machines import firewall, fleet, inventory, job_timer, listing
from slipway.machines.firewall import FirewallState
from slipway.machines.joining import Joining
from slipway.machines.local.provider import LocalProvider
from slipway.machines.provider import MachineSpec, ProviderContext
from slipway.machines.removal import Removal
from slipway.team import machine_keys
from tests.fakes import vxlan
from tests.fakes.reporter import RecordingReporter
from tests.fakes.team_project import SSH
from tests.waiting import wait_until

pytestmark = [pytest.mark.engine, pytest.mark.hosts]
ENV = "staging"
STOCK = "caddy:2"
# Kills an engine and takes what it needs to manage; it comes back with the Swarm in state error.
SICK = """
kill -9 "$(cat /run/docker.pid)"
cd /var/lib/docker/swarm
rm -r raft
: >certificates/swarm-node.crt
"""


def docker(*words: str, stdin: bytes = b"") -> str:
    done = subprocess.run(["docker", *words], input=stdin, capture_output=True, check=True)
    return done.stdout.decode().strip()


class Fleet:
    """Rehearsal machines of a project nobody else has."""

    def __init__(self, root: Path) -> None:
        self.place = ProviderContext(
            f"t{uuid.uuid4().hex[:6]}", ENV, root, images=lambda: (STOCK, "none:such")
        )
        self.provider = LocalProvider(self.place, lambda question: False)

    def create(self, name: str) -> list[str]:
        reporter = Notes()
        Joining(self.place, "local", self.provider, MachineSpec(name)).plan().run(reporter)
        return reporter.results

    def remove(self, name: str, with_data: str = "") -> None:
        machine = inventory.find(ENV, name, self.place.root)
        Removal(self.place, self.provider, machine, with_data).plan().run(RecordingReporter())

    def container(self, name: str) -> str:
        return f"{self.place.project}-{ENV}-{name}"

    def on(self, name: str, *argv: str, stdin: bytes = b"") -> str:
        """Run a command on a machine, past the kit."""
        return docker("exec", "--interactive", self.container(name), *argv, stdin=stdin)

    def schedule(self, job: str) -> None:
        """Have the Swarm know of a job at its times, as a deploy does."""
        label = f"--label={job_timer.LABEL}=app"
        self.on("m1", "docker", "config", "create", label, job, "-", stdin=b"{}")

    def join_token(self, role: str) -> str:
        return self.on("m1", "docker", "swarm", "join-token", "--quiet", role)

    def address(self, name: str) -> str:
        return inventory.find(ENV, name, self.place.root).address

    def rows(self) -> dict[str, listing.MachineRow]:
        return {row.name: row for row in listing.call(self.place, self.provider.describe)}

    def nodes(self) -> list[Node]:
        machines = inventory.load(ENV, self.place.root)
        with fleet.connected(self.place, machines) as hosts:
            manager = fleet.manager(hosts)
            assert manager is not None
            return swarm.nodes(manager)

    def manages(self, name: str) -> bool:
        argv = ["docker", "exec", self.container(name), "timeout", "5", "docker", "node", "ls"]
        return subprocess.run(argv, capture_output=True, check=False).returncode == 0

    def destroy(self) -> None:
        label = f"label=slipway.project={self.place.project}"
        for name in docker("ps", "-aq", "--filter", label).split():
            docker("rm", "-f", "-v", name)
        for kind in ("volume", "network"):
            for name in docker(kind, "ls", "-q", "--filter", label).split():
                docker(kind, "rm", name)


class Notes(RecordingReporter):
    """Keeps what each step reported."""

    def __init__(self) -> None:
        super().__init__()
        self.results: list[str] = []

    def finished(self, step: object, result: str | None) -> None:
        self.results.append(result or "")


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """Three machines made at the same time, as three terminals would."""
    made = Fleet(tmp_path_factory.mktemp("fleet"))
    try:
        with ThreadPoolExecutor(3) as pool:
            list(pool.map(made.create, ["m1", "m2", "m3"]))
        yield made
    finally:
        made.destroy()


def test_three_machines_are_three_managers_and_one_has_the_data(three: Fleet) -> None:
    nodes = three.nodes()
    assert sorted(node.name for node in nodes) == ["m1", "m2", "m3"]
    assert all(node.is_manager and node.is_ready for node in nodes)
    assert [node.labels.get(DATA_LABEL) for node in nodes].count("true") == 1
    assert {row.state for row in three.rows().values()} == {"ready"}


def test_a_machine_starts_with_the_images_that_it_was_made_with(three: Fleet) -> None:
    inspect = ("docker", "image", "inspect", "--format", "{{.Id}} {{json .RootFS}}", STOCK)
    here = docker(*inspect[1:])
    assert [docker("exec", three.container(name), *inspect) for name in three.rows()] == [here] * 3
    said = docker("exec", three.container("m2"), "docker", "run", "--rm", STOCK, "caddy", "version")
    assert said.startswith("v2")


def test_who_leaves_enters_no_machine_and_knows_no_token_of_the_swarm(three: Fleet) -> None:
    ada, bob = SSH["ada"], SSH["bob"]
    machine_keys.change(three.place, [f"{ada} ada", f"{bob} bob"], [])
    for name in ("m1", "m2", "m3"):
        text = f"install -d -m 700 /root/.ssh; echo '{bob}' >>/root/.ssh/authorized_keys"
        three.on(name, "sh", "-c", text)
    known = {role: three.join_token(role) for role in ("worker", "manager")}

    changed, problems = machine_keys.change(three.place, [f"{ada} ada"], [bob])
    assert (sorted(changed), problems) == (["m1", "m2", "m3"], [])
    for answer in machine_keys.look(three.place).values():
        assert isinstance(answer, list)
        assert {each.key for each in answer} >= {ada} and bob not in {each.key for each in answer}
    assert machine_keys.change(three.place, [f"{ada} ada"], [bob]) == ([], [])

    with fleet.connected(three.place, inventory.load(ENV, three.place.root)) as hosts:
        manager = fleet.manager(hosts)
        assert manager is not None
        swarm.change_keys(manager)
    assert all(three.join_token(role) != token for role, token in known.items())
    form = "--format={{.Swarm.Cluster.RootRotationInProgress}}"
    wait_until(
        "all have certificates of the new authority",
        lambda: three.on("m1", "docker", "info", form) == "false",
    )
    assert all(node.is_manager and node.is_ready for node in three.nodes())


def test_no_two_machines_share_a_host_key_or_the_name_of_an_engine(three: Fleet) -> None:
    names = ("/etc/ssh/ssh_host_ed25519_key.pub", "/var/lib/docker/engine-id")
    for name in names:
        own = {docker("exec", three.container(each), "cat", name) for each in three.rows()}
        assert len(own) == 3


def test_creating_a_machine_twice_changes_nothing(three: Fleet) -> None:
    assert three.create("m2")[2:] == [fleet.NOTHING] * 3


def test_strangers_on_the_same_network_do_not_reach_the_swarm(three: Fleet) -> None:
    target = inventory.load(ENV, three.place.root)[0].address
    probe = f"timeout 2 bash -c 'echo > /dev/tcp/{target}/%d' 2>/dev/null && echo open || echo shut"
    script = "; ".join(probe % port for port in (22, 2377, 7946))
    network = f"{three.place.project}-{ENV}-hosts"
    stranger = ["run", "--rm", "--label", "slipway.test=machines", "--network", network]
    image = docker("inspect", "-f", "{{.Config.Image}}", three.container("m1"))
    assert docker(*stranger, image, "bash", "-c", script).split() == ["open", "shut", "shut"]


@dataclass(frozen=True)
class Attack:
    """A container on m2 that sends a frame of an overlay network into it, to a container on m1."""

    three: Fleet
    victim: str
    attacker: str
    frame: bytes

    def send(self, machine: str) -> None:
        script = f"cat >/dev/udp/{self.three.address(machine)}/4789"
        self.inside("bash", "-c", script, stdin=self.frame)

    def pretend_to_be(self, machine: str) -> None:
        """Send from that machine's address to its own machine, as one with NET_RAW can."""
        here, there = self.three.address("m2"), self.three.address(machine)
        gateway = self.inside("ip", "route", "show", "default").split()[2]
        self.inside("ip", "address", "add", f"{there}/32", "dev", "eth0")
        self.inside("ip", "route", "add", here, "via", gateway, "src", there)

    def inside(self, *argv: str, stdin: bytes = b"") -> str:
        enter = ("nsenter", "--target", self.attacker, "--net")
        return self.three.on("m2", *enter, *argv, stdin=stdin)

    def arrived(self) -> int:
        """How many datagrams came to the victim, for a port that nobody listens on."""
        text = self.three.on("m1", "cat", f"/proc/{self.victim}/net/snmp")
        names, numbers = (line.split() for line in text.splitlines() if line.startswith("Udp:"))
        return int(numbers[names.index("NoPorts")])

    def stopped(self, chain: str) -> int:
        """How many packets a chain of m2 has dropped."""
        chain = self.three.on("m2", "nft", "list", "chain", "inet", "slipway", chain)
        return sum(map(int, re.findall(r"packets (\d+)", chain)))


@pytest.fixture
def attack(three: Fleet) -> Attack:
    """Both containers as anybody may start them; they go with their machines."""
    three.on("m1", "docker", "network", "create", "--driver=overlay", "--attachable", "inner")
    start = ("docker", "run", "--detach", "--entrypoint=sleep")
    victim = three.on("m1", *start, "--network=inner", STOCK, "infinity")
    attacker = three.on("m2", *start, STOCK, "infinity")
    place = "{{.State.Pid}} {{with .NetworkSettings.Networks.inner}}{{.MacAddress}} {{.IPAddress}}"
    pid, mac, address = three.on(
        "m1", "docker", "inspect", "--format", f"{place}{{{{end}}}}", victim
    ).split()
    option = '{{index .Options "com.docker.network.driver.overlay.vxlanid_list"}}'
    vni = three.on("m1", "docker", "network", "inspect", "--format", option, "inner")
    source = address.rpartition(".")[0] + ".250"
    frame = vxlan.frame(int(vni), mac, address, source)
    other = three.on("m2", "docker", "inspect", "--format", "{{.State.Pid}}", attacker)
    return Attack(three, pid, other, frame)


def test_a_container_injects_frames_into_networks_of_other_machines_only_without_our_firewall(
    three: Fleet, attack: Attack
) -> None:
    open_it = "kill -TERM -$(cat /run/slipway-firewall.pid); nft flush chain inet slipway forward"
    three.on("m2", "sh", "-c", open_it)
    attack.send("m1")
    wait_until("it arrives in the container on m1", lambda: attack.arrived() == 1)

    fleet.refresh_firewalls(three.place)
    attack.send("m1")
    wait_until("it is stopped on m2", lambda: attack.stopped("containers") == 1)
    assert attack.arrived() == 1
    attack.pretend_to_be("m1")
    attack.send("m2")
    wait_until("it is stopped on m2", lambda: attack.stopped("swarm") == 1)


def test_the_firewall_comes_back_by_itself_after_a_flush(three: Fleet) -> None:
    peers = fleet.addresses(three.place)
    machine = inventory.find(ENV, "m2", three.place.root)
    three.on("m2", "nft", "flush", "ruleset")
    with fleet.connected(three.place, [machine]) as (host,):
        wait_until("it is back", lambda: firewall.look(host, peers).rules == "same")
        assert firewall.look(host, peers).is_kept


def test_a_machine_comes_back_from_a_reboot_as_the_one_it_was(three: Fleet) -> None:
    before = three.rows()["m2"]
    docker("stop", three.container("m2"))
    assert "unreachable, stopped" in three.rows()["m2"].state
    docker("start", three.container("m2"))
    wait_until("m2 is ready", lambda: three.rows()["m2"].state == "ready", three.rows)
    assert three.rows()["m2"] == before
    with fleet.connected(three.place, [inventory.find(ENV, "m2", three.place.root)]) as (host,):
        assert firewall.look(host, fleet.addresses(three.place)) == FirewallState("same", True)


def test_the_machine_with_the_data_does_not_go_by_accident(three: Fleet) -> None:
    (data,) = (row.name for row in three.rows().values() if "data" in row.role)
    with pytest.raises(Refused, match=f"--with-data={data}"):
        three.remove(data)


def test_machines_start_jobs_at_their_times_while_their_swarm_has_any(three: Fleet) -> None:
    three.schedule("first")
    with fleet.connected(three.place, inventory.load(ENV, three.place.root)) as hosts:
        assert len(job_timer.settle(hosts[0], hosts)) == 3
        wait_until("they run", lambda: all(map(job_timer.is_running, hosts)))
        assert job_timer.settle(hosts[0], hosts) == []
        three.on("m1", "docker", "config", "rm", "first")
        job_timer.settle(hosts[0], hosts)
    look = ("sh", "-c", "ls /etc/slipway; pgrep -f [j]ob-timer || :")
    left = {three.on(name, *look) for name in three.rows()}
    assert left == {"firewall-keep\nfirewall.nft"}


def test_a_dead_machine_is_removed_and_a_new_one_takes_its_place(three: Fleet) -> None:
    dead = next(row.name for row in three.rows().values() if "data" not in row.role)
    three.schedule("second")
    docker("kill", three.container(dead))
    three.remove(dead)
    nodes = three.nodes()
    assert dead not in {node.name for node in nodes}
    assert [node.is_manager for node in nodes].count(True) == 1
    three.create(dead)
    with fleet.connected(three.place, [inventory.find(ENV, dead, three.place.root)]) as (host,):
        wait_until("it starts jobs at their times", lambda: job_timer.is_running(host))
    wait_until(
        "three managers",
        lambda: all(node.is_manager and node.is_ready for node in three.nodes()),
        three.nodes,
    )


def test_the_only_manager_hands_over_before_it_leaves_with_its_data(three: Fleet) -> None:
    (data,) = (row.name for row in three.rows().values() if "data" in row.role)
    others = [name for name in three.rows() if name != data]
    three.remove(others[0])
    three.remove(data, with_data=data)
    (left,) = three.nodes()
    assert left.name == others[1]
    assert left.is_manager
    assert left.labels[DATA_LABEL] == "true"
    three.remove(left.name, with_data=left.name)
    assert inventory.load(ENV, three.place.root) == ()
    assert docker("ps", "-aq", "--filter", f"label=slipway.project={three.place.project}") == ""


def test_an_heir_that_was_announced_and_never_manages_enters_again(three: Fleet) -> None:
    for name in ("m1", "m2"):
        three.create(name)
    announced = (
        "docker node promote m2; until docker node ls | grep -q Reachable; do sleep 0.2; done"
    )
    docker("exec", three.container("m1"), "sh", "-euc", announced)
    docker("exec", three.container("m2"), "sh", "-euc", SICK)
    docker("restart", "--time=1", three.container("m2"))
    wait_until("m1 is no manager", lambda: not three.manages("m1"))
    three.remove("m1", with_data="m1")
    (left,) = three.nodes()
    assert (left.name, left.is_manager, left.labels[DATA_LABEL]) == ("m2", True, "true")


def test_of_two_machines_the_one_that_is_left_founds_the_swarm_anew(three: Fleet) -> None:
    three.create("m1")
    docker("kill", three.container("m2"))
    three.remove("m2", with_data="m2")
    (left,) = three.nodes()
    assert left.name == "m1"
    assert left.is_manager
    assert left.labels[DATA_LABEL] == "true"
    three.create("m3")
    assert {name: row.state for name, row in three.rows().items()} == {"m1": "ready", "m3": "ready"}
