"""The machines of an environment, connected: its managers as one, every host by its node."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from slipway import shell_scripts
from slipway.cluster import checkout
from slipway.edge.outside import Entrance
from slipway.environments.environment import Environment
from slipway.errors import HostError, Refused
from slipway.hosts import docker_client, parallel
from slipway.hosts.counted import CountedHost, Traffic
from slipway.hosts.host import Host, script
from slipway.hosts.local import LocalHost
from slipway.machines.managers import Managers
from slipway.progress import SILENT, Reporter

WHO = shell_scripts.read(__file__, "connect_who.sh")


@dataclass(frozen=True)
class Cluster:
    """Connected machines; `hosts` maps a Swarm node's id to the machine it runs on, `entrances`
    a machine's name to where this computer reaches its edge. A lenient one may lose machines; one
    for rehearsals is made of containers of this computer."""

    manager: Host
    hosts: Mapping[str, Host]
    missing: Sequence[str] = ()
    entrances: Mapping[str, Entrance] = field(default_factory=dict)
    is_lenient: bool = False
    is_rehearsal: bool = False
    traffic: Traffic = field(default_factory=Traffic)

    @property
    def size(self) -> int:
        """How many machines there are, with those that are missing."""
        return len(self.hosts) + len(self.missing)

    @property
    def all(self) -> list[Host]:
        return list(self.hosts.values())

    def without(self, names: Collection[str]) -> "Cluster":
        """Return the cluster without some of its machines."""
        hosts = {node: host for node, host in self.hosts.items() if host.name not in names}
        entrances = {name: way for name, way in self.entrances.items() if name not in names}
        return replace(self, hosts=hosts, entrances=entrances)

    def close(self) -> None:
        self.manager.close()
        for host in self.hosts.values():
            host.close()


def connect(env: Environment, *, lenient: bool = False, reporter: Reporter = SILENT) -> Cluster:
    """Reach every machine at once; `reporter` learns when another manager has to be used.

    Raises Refused when one does not answer, or, with `lenient`, only when no manager does.
    """
    if env.is_local:
        client = docker_client.look()
        here = LocalHost(name=client.engine)
        checkout.refuse_another(here, env)
        return Cluster(here, {here.name: here}, entrances=entrances(env))
    machines, known, is_rehearsal = _machines(env)
    traffic = Traffic()
    hosts = [CountedHost(machine, traffic) for machine in machines]
    reachable: dict[str, Host] = {}
    managers: list[Host] = []
    missing: list[str] = []

    def ask(host: CountedHost) -> tuple[Host, str, str]:
        try:
            result = script(host, WHO, timeout=20)
        except HostError as error:
            return host, "", str(error)
        node, _, control = result.out.strip().rpartition(" ")
        return host, node, control

    for host, node, control in parallel.each(hosts, ask):
        if not node and control not in ("true", "false"):
            missing.append(control)
            continue
        reachable[node or host.name] = host
        if control == "true":
            managers.append(host)
    if missing and not (lenient and managers):
        for host in hosts:
            host.close()
        raise Refused(
            f"{'; '.join(missing)} Nothing was changed: fix it, remove it "
            f"(inv machine.rm --env={env.name}), or continue without it: --skip-unreachable"
        )
    if not managers:
        raise Refused(f"no machine of {env.name} is a manager of a Swarm: inv machine.ls")
    reached = {host.name: known[host.name] for host in reachable.values()}
    manager = Managers(managers, reporter)
    return Cluster(manager, reachable, missing, reached, lenient, is_rehearsal, traffic)


@contextmanager
def connected(
    env: Environment, *, lenient: bool = False, reporter: Reporter = SILENT
) -> Iterator[Cluster]:
    """Connect for a block, and give the connections back."""
    cluster = connect(env, lenient=lenient, reporter=reporter)
    try:
        yield cluster
    finally:
        cluster.close()


@contextmanager
def connecting(
    env: Environment, *, lenient: bool = False, reporter: Reporter = SILENT
) -> Iterator[Callable[[], Cluster]]:
    """Connect while a block begins with something else; it calls for the machines when it is done.

    The connections are given back with the block.
    """
    with ThreadPoolExecutor(1) as pool:
        cluster = pool.submit(connect, env, lenient=lenient, reporter=reporter)
        try:
            yield cluster.result
        finally:
            if cluster.exception() is None:
                cluster.result().close()


def entrances(env: Environment) -> dict[str, Entrance]:
    """Return where this computer reaches the edge of each machine, without asking any."""
    if env.is_local:
        client = docker_client.look()
        return {client.engine: _entrance(env, client.address)}
    return _machines(env)[1]


def _machines(env: Environment) -> tuple[list[Host], dict[str, Entrance], bool]:
    from slipway.machines import inventory

    machines = inventory.load(env.name)
    if not machines:
        raise Refused(
            f"{env.name} has no machines yet; rehearse with: "
            f"inv machine.create --env={env.name} --provider=local --name=m1"
        )
    known = {
        machine.name: Entrance(machine.host, machine.http_port, machine.https_port)
        if machine.provider == inventory.LOCAL  # published on this computer, each on its own ports
        else _entrance(env, machine.host)
        for machine in machines
    }
    is_rehearsal = machines[0].provider == inventory.LOCAL  # never mixed
    hosts: list[Host] = [inventory.connect(env.name, machine) for machine in machines]
    return hosts, known, is_rehearsal


def _entrance(env: Environment, address: str) -> Entrance:
    return Entrance(address, env.number("HTTP_PORT"), env.number("HTTPS_PORT"))
