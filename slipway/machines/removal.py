"""How a machine leaves an environment, alive or dead."""

from slipway.cluster import swarm
from slipway.errors import Refused, Unreachable
from slipway.hosts.ssh import SshHost
from slipway.machines import firewall, fleet, inventory, job_timer
from slipway.machines.machine import DATA, Machine
from slipway.machines.manager_handover import Handover, place_of
from slipway.machines.provider import Provider, ProviderContext
from slipway.plan import Plan, Step


class Removal:
    """One machine on its way out. There is no way back in the middle; repeating it resumes."""

    def __init__(
        self, place: ProviderContext, provider: Provider, leaving: Machine, with_data: str
    ) -> None:
        self._place = place
        self._provider = provider
        self._leaving = leaving
        self._lives = False  # whether the machine answers; found in the first step
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
                Step(
                    "machine",
                    f"{name}: remove its firewall table and what its provider created",
                    self._destroy,
                ),
                Step(
                    "inventory",
                    f"remove {name} from the machines of {env}",
                    self._remove_from_inventory,
                ),
                Step(
                    "firewall",
                    f"close the Swarm ports of the others to {name}",
                    self._refresh_firewalls,
                ),
            ],
        )

    def _leave(self) -> str:
        with fleet.connected(self._place, [self._leaving, *self._others]) as (host, *rest):
            self._lives = _answers(host)
            place = place_of(host) if self._lives else None
            if not rest:
                left = place is not None and swarm.leave(host)
                return "the last machine left the Swarm" if left else fleet.NOTHING
            succession = Handover(self._place.env, self._leaving, self._others)
            manager = succession.settle(host if place else None, rest)
            lines = succession.lines
            for node in swarm.nodes(manager):
                is_here = place is not None and node.id == place.node
                if is_here or node.name == self._leaving.name:
                    swarm.remove(manager, node, host if is_here else None)
                    lines.append(
                        f"{node.name} left"
                        if place
                        else f"{node.name} was removed from the Swarm, dead"
                    )
            if self._leaving.role == DATA:
                self._appoint(manager)
            return fleet.summary(lines + swarm.balance(manager))

    def _appoint(self, manager: SshHost) -> None:
        """Data services live on the next machine from now on; `inventory.remove` agrees."""
        for node in swarm.nodes(manager):
            if node.name == self._others[0].name:
                swarm.label(manager, node.id, slipway_data="true")

    def _destroy(self) -> str:
        if self._lives:
            with fleet.connected(self._place, [self._leaving]) as (host,):
                job_timer.remove(host)
                firewall.remove(host)
        with inventory.locked(self._place.env, self._place.root):
            self._provider.destroy(self._leaving)
        return "done"

    def _remove_from_inventory(self) -> str:
        with inventory.locked(self._place.env, self._place.root):
            inventory.remove(self._place.env, self._leaving.name, self._place.root)
        return "done"

    def _refresh_firewalls(self) -> str:
        return fleet.refresh_firewalls(self._place)


def _answers(host: SshHost) -> bool:
    try:
        host.run(["true"])
    except Unreachable:
        return False
    return True
