"""The machines of an environment, connected: one manager to speak to, every host by its node."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from slipway.edge.outside import Entrance
from slipway.environments.environment import Environment
from slipway.errors import HostError, Refused
from slipway.hosts import parallel
from slipway.hosts.host import Host
from slipway.hosts.local import LocalHost

WHO = ["docker", "info", "--format", "{{.Swarm.NodeID}} {{.Swarm.ControlAvailable}}"]


@dataclass(frozen=True)
class Cluster:
    """Connected machines; `hosts` maps a Swarm node's id to the machine it runs on, `entrances`
    a machine's name to where this computer reaches its edge."""

    manager: Host
    hosts: Mapping[str, Host]
    missing: Sequence[str] = ()
    entrances: Mapping[str, Entrance] = field(default_factory=dict)

    @property
    def all(self) -> list[Host]:
        return list(self.hosts.values())

    def close(self) -> None:
        for host in self.hosts.values():
            host.close()


def connect(env: Environment, *, lenient: bool = False) -> Cluster:
    """Reach every machine at once.

    Raises Refused when one does not answer, or, with `lenient`, only when no manager does.
    """
    if env.is_local:
        here = LocalHost(name="this computer")
        local = {here.name: _entrance(env, "127.0.0.1")}
        return Cluster(here, {here.name: here}, entrances=local)
    hosts, entrances = _machines(env)
    reachable: dict[str, Host] = {}
    managers: list[Host] = []
    missing: list[str] = []

    def ask(host: Host) -> tuple[Host, str, str]:
        try:
            result = host.run(WHO, timeout=20)
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
    reached = {host.name: entrances[host.name] for host in reachable.values()}
    return Cluster(managers[0], reachable, missing, reached)


@contextmanager
def connected(env: Environment, *, lenient: bool = False) -> Iterator[Cluster]:
    """Connect for a block, and give the connections back."""
    cluster = connect(env, lenient=lenient)
    try:
        yield cluster
    finally:
        cluster.close()


def _machines(env: Environment) -> tuple[list[Host], dict[str, Entrance]]:
    from slipway.machines import inventory

    machines = inventory.load(env.name)
    if not machines:
        raise Refused(
            f"{env.name} has no machines yet; rehearse with: "
            f"inv machine.create --env={env.name} --provider=local --name=m1"
        )
    entrances = {
        machine.name: Entrance(machine.host, machine.http_port, machine.https_port)
        if machine.provider == inventory.LOCAL  # published on this computer, each on its own ports
        else _entrance(env, machine.host)
        for machine in machines
    }
    return [inventory.connect(env.name, machine) for machine in machines], entrances


def _entrance(env: Environment, address: str) -> Entrance:
    return Entrance(address, env.number("HTTP_PORT"), env.number("HTTPS_PORT"))
