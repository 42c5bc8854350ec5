"""How a machine leaves an environment, alive or dead."""

import time

from slipway.cluster import swarm
from slipway.cluster.swarm import Membership
from slipway.errors import HostError, Refused, Unreachable
from slipway.hosts.host import MINUTES, SECONDS
from slipway.hosts.ssh import SshHost
from slipway.machines import firewall, fleet, inventory
from slipway.machines.machine import DATA, Machine
from slipway.machines.provider import Place, Provider
from slipway.plan import Plan, Step

PROMOTION = 4 * MINUTES  # until a new manager says so itself: long, if it was one just before


class Departure:
    """One machine on its way out. There is no way back in the middle; repeating goes on."""

    def __init__(self, place: Place, provider: Provider, leaving: Machine, with_data: str) -> None:
        self._place = place
        self._provider = provider
        self._leaving = leaving
        known = inventory.load(place.env, place.root)
        self._others = [machine for machine in known if machine.name != leaving.name]
        if leaving.role == DATA and with_data != leaving.name:
            raise Refused(
                f"{leaving.name} is where the data of {place.env} lives; back it up, then add "
                f"--with-data={leaving.name} to remove the machine together with its data"
            )

    def plan(self) -> Plan:
        """The steps, also for reading only."""
        name, env = self._leaving.name, self._place.env
        return Plan(
            f"Remove {name} from {env}",
            [
                Step("swarm", f"move the work of {name} elsewhere, leave the Swarm", self._leave),
                Step("machine", f"{name}: firewall table, what its provider made", self._destroy),
                Step("inventory", f"strike {name} off the machines of {env}", self._strike),
                Step("firewall", f"shut {name} out of the Swarm ports of the others", self._shut),
            ],
        )

    def _leave(self) -> str:
        with fleet.connected(self._place, [self._leaving, *self._others]) as (host, *rest):
            place = _membership(host)
            if not rest:
                left = place is not None and swarm.leave(host)
                return "the last machine left the Swarm" if left else fleet.NOTHING
            lines = []
            manager = fleet.manager(rest)
            if manager is None and (manager := self._anew(place, rest)):
                lines.append(f"{manager.name} founded another, where services are deployed anew")
            manager = manager or self._heir(host if place else None, rest)
            for node in swarm.nodes(manager):
                is_here = place is not None and node.id == place.node
                if is_here or node.name == self._leaving.name:
                    swarm.remove(manager, node, host if is_here else None)
                    lines.append(f"{node.name} left" if place else f"{node.name} left, dead")
            if self._leaving.role == DATA:
                self._appoint(manager)
            return fleet.said(lines + swarm.balance(manager))

    def _anew(self, place: Membership | None, rest: list[SshHost]) -> SshHost | None:
        """The Swarm is lost with its only manager, the data too: the one that is left founds
        another. None where it is not so, or cannot be known."""
        last = _membership(rest[0])
        if place or last is None or last.manager or len(rest) > 1 or self._leaving.role != DATA:
            return None
        swarm.leave(rest[0])
        swarm.ensure_swarm(rest[0], self._others[0].address)
        node = swarm.membership(rest[0]).node
        swarm.label(rest[0], node, slipway_machine=self._others[0].name)
        return rest[0]

    def _heir(self, host: SshHost | None, rest: list[SshHost]) -> SshHost:
        """The only manager leaves: it makes another one first."""
        is_manager = host is not None and swarm.membership(host).manager
        if host is not None and is_manager:
            workers = [n for n in swarm.settled(host) if not n.is_manager and n.is_ready]
            for node in workers[:1]:
                swarm.promote(host, node)
        deadline = time.monotonic() + (PROMOTION if is_manager else 0)
        while (manager := fleet.manager(rest)) is None:
            if time.monotonic() >= deadline:
                raise Refused(
                    f"no manager but {self._leaving.name} answers, and without one the Swarm is "
                    "lost; bring another machine back first, see `inv machine.ls "
                    f"--env={self._place.env}`"
                )
            time.sleep(0.3 * SECONDS)
        return manager

    def _appoint(self, manager: SshHost) -> None:
        """Data services live on the next machine from now on; `inventory.remove` agrees."""
        for node in swarm.nodes(manager):
            if node.name == self._others[0].name:
                swarm.label(manager, node.id, slipway_data="true")

    def _destroy(self) -> str:
        with fleet.connected(self._place, [self._leaving]) as (host,):
            if _answers(host):
                firewall.remove(host)
        with inventory.locked(self._place.env, self._place.root):
            self._provider.destroy(self._leaving)
        return "done"

    def _strike(self) -> str:
        with inventory.locked(self._place.env, self._place.root):
            inventory.remove(self._place.env, self._leaving.name, self._place.root)
        return "done"

    def _shut(self) -> str:
        return fleet.refresh_firewalls(self._place)


def _membership(host: SshHost) -> Membership | None:
    """Its place in the Swarm; None where it is dead, or alive with an engine that is not."""
    try:
        return swarm.membership(host)
    except HostError:
        return None


def _answers(host: SshHost) -> bool:
    try:
        host.run(["true"])
    except Unreachable:
        return False
    return True
