"""The machines of an environment together: connected, aware of each other, asked for a manager."""

import contextlib
from collections.abc import Iterator, Sequence

from slipway.cluster import swarm
from slipway.cluster.swarm import Membership
from slipway.errors import CommandFailed, SlipwayError
from slipway.hosts import parallel
from slipway.hosts.host import Host
from slipway.hosts.ssh import SshHost
from slipway.machines import firewall, inventory, job_timer
from slipway.machines.machine import Machine
from slipway.machines.provider import ProviderContext

NOTHING = "nothing to do"
OUTSIDE = Membership("inactive", "", False, "", ())
NO_COMMAND = 127


@contextlib.contextmanager
def connected(place: ProviderContext, machines: Sequence[Machine]) -> Iterator[list[SshHost]]:
    """Machines as hosts, closed afterwards."""
    hosts = [inventory.connect(place.env, machine, place.root) for machine in machines]
    try:
        yield hosts
    finally:
        for host in hosts:
            host.close()


def addresses(place: ProviderContext) -> list[str]:
    """Where the machines find each other."""
    return [machine.address for machine in inventory.load(place.env, place.root)]


def memberships(hosts: Sequence[SshHost]) -> list[Membership | SlipwayError]:
    """The place of each host in the Swarm; a host without an engine has none."""

    def ask(host: SshHost) -> Membership:
        try:
            return swarm.membership(host)
        except CommandFailed as error:
            if error.code == NO_COMMAND:
                return OUTSIDE
            raise

    return parallel.attempt(hosts, ask)


def manager(hosts: Sequence[SshHost]) -> SshHost | None:
    """The host that leads the Swarm, else one that answers and manages it.

    The leader, because the one that is asked stays a manager, and demoting a leader takes long.
    """
    known = {
        membership.node: host
        for host, membership in zip(hosts, memberships(hosts), strict=True)
        if isinstance(membership, Membership) and membership.active and membership.manager
    }
    for host in known.values():
        if swarm.manages(host):
            leaders = [node.id for node in swarm.nodes(host) if node.leader]
            return next((known[node] for node in leaders if node in known), host)
    return None


def refresh_firewalls(place: ProviderContext) -> str:
    """Tell every machine its peers of today. One that is away is named, and told when it is
    provisioned again; it must not keep the others waiting."""
    with inventory.locked(place.env, place.root):
        known, peers = inventory.load(place.env, place.root), addresses(place)
        with connected(place, known) as hosts:
            answers = parallel.attempt(hosts, lambda host: firewall.ensure(host, peers))
    lines = []
    for machine, answer in zip(known, answers, strict=True):
        if isinstance(answer, SlipwayError):
            again = f"inv machine.provision --env={place.env} --name={machine.name}"
            lines.append(f"{answer}; when it is back, type `{again}`")
        else:
            lines += answer
    return summary(lines)


def settle_timer(place: ProviderContext, host: Host) -> str:
    """Have a machine start jobs at their times where its Swarm has any, as its managers know."""
    with connected(place, inventory.load(place.env, place.root)) as hosts:
        leader = manager(hosts)
        return summary(job_timer.settle(leader, [host]) if leader else [])


def summary(lines: Sequence[str]) -> str:
    """What a step reports."""
    return "; ".join(lines) or NOTHING
