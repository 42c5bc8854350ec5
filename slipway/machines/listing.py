"""The roll call: every machine of an environment in a row, asked at the same time."""

from collections.abc import Callable
from dataclasses import dataclass

from slipway.cluster import swarm
from slipway.cluster.node import Node
from slipway.cluster.swarm import Membership
from slipway.errors import SlipwayError
from slipway.hosts import parallel
from slipway.hosts.ssh import SshHost
from slipway.machines import fleet, inventory
from slipway.machines.machine import DATA, Machine
from slipway.machines.provider import ProviderContext


@dataclass(frozen=True)
class MachineRow:
    """A machine as `machine.ls` shows it."""

    name: str
    provider: str
    address: str
    ssh: str
    role: str
    state: str
    engine: str


def call(place: ProviderContext, describe: Callable[[Machine], str]) -> list[MachineRow]:
    """A row for each machine; one that does not answer is shown as such."""
    known = inventory.load(place.env, place.root)
    with fleet.connected(place, known) as hosts:
        engines = parallel.attempt(hosts, _engine)
        living = [
            host
            for host, engine in zip(hosts, engines, strict=True)
            if not isinstance(engine, SlipwayError)
        ]
        memberships = dict(
            zip((host.name for host in living), fleet.memberships(living), strict=True)
        )
        nodes = _nodes(living, memberships)
    return [
        _row(machine, engine, memberships.get(machine.name), nodes, describe)
        for machine, engine in zip(known, engines, strict=True)
    ]


def _engine(host: SshHost) -> str:
    argv = ["docker", "version", "--format", "{{.Server.Version}}"]
    result = host.run(argv, check=False)
    return result.out.strip() if result.code == 0 else ""


def _nodes(
    hosts: list[SshHost], memberships: dict[str, Membership | SlipwayError]
) -> dict[str, Node]:
    for host in hosts:
        place = memberships[host.name]
        if isinstance(place, Membership) and place.active and place.manager:
            return {node.name: node for node in swarm.nodes(host)}
    return {}


def _row(
    machine: Machine,
    engine: str | SlipwayError,
    place: Membership | SlipwayError | None,
    nodes: dict[str, Node],
    describe: Callable[[Machine], str],
) -> MachineRow:
    node = nodes.get(machine.name)
    role = ", ".join(
        word for word in (node.role if node else "", "data" if machine.role == DATA else "") if word
    )
    if isinstance(engine, SlipwayError):
        reason = str(engine).removeprefix(f"{machine.name}: ")
        state, engine = f"unreachable, {describe(machine)}: {reason}", ""
    else:
        state = _state(engine, place, node)
    return MachineRow(
        machine.name, machine.provider, machine.address, machine.ssh, role, state, engine
    )


def _state(engine: str, place: Membership | SlipwayError | None, node: Node | None) -> str:
    if not engine:
        return "no engine answers"
    if not isinstance(place, Membership) or place.state == "inactive":
        return "not in the Swarm"
    if not place.active:
        return f"Swarm: {place.state}"
    if node is None:
        return "in a Swarm without a reachable manager"
    return node.state if node.availability == "active" else f"{node.state}, {node.availability}"
