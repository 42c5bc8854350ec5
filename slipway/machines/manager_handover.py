"""Who manages the Swarm that a machine leaves: a manager, an heir, or a new Swarm."""

import contextlib
import time

from slipway.cluster import swarm
from slipway.cluster.swarm import Membership
from slipway.errors import HostError, Refused
from slipway.hosts.host import MINUTES, SECONDS
from slipway.hosts.ssh import SshHost
from slipway.machines import fleet
from slipway.machines.machine import DATA, Machine

PROMOTION = 2 * MINUTES  # until a new manager says so itself
PAUSE = 1 * SECONDS


class Handover:
    """Finds a manager that stays, and makes one where there is none."""

    def __init__(self, env: str, leaving: Machine, others: list[Machine]) -> None:
        self._env = env
        self._leaving = leaving
        self._others = others
        self.lines: list[str] = []

    def settle(self, host: SshHost | None, rest: list[SshHost]) -> SshHost:
        """Return a manager among the `rest`; `host` is the one that leaves, None if it is dead."""
        if manager := fleet.manager(rest):
            return manager
        if host is None:
            return self._create_swarm(rest)
        if not swarm.membership(host).manager:
            raise self._refusal()
        if swarm.manages(host) and (heir := self._promoted(host, rest)):
            return heir
        return self._rejoin_heir(host, rest)

    def _create_swarm(self, rest: list[SshHost]) -> SshHost:
        """The Swarm is lost with its only manager, the data too: the one that is left founds
        another."""
        last = place_of(rest[0])
        if last is None or last.manager or len(rest) > 1 or self._leaving.role != DATA:
            raise self._refusal()
        swarm.leave(rest[0])
        swarm.ensure_swarm(rest[0], self._others[0].address)
        node = swarm.membership(rest[0]).node
        swarm.label(rest[0], node, slipway_machine=self._others[0].name)
        self.lines.append(f"{rest[0].name} created a new Swarm; deploy the services to it again")
        return rest[0]

    def _promoted(self, host: SshHost, rest: list[SshHost]) -> SshHost | None:
        """The only manager makes another one and waits until that one says so itself."""
        others = [node for node in swarm.settled(host) if node.name != self._leaving.name]
        workers = [node for node in others if not node.is_manager and node.is_ready]
        if not workers and not any(node.is_manager for node in others):
            return None
        for node in workers[:1]:
            with contextlib.suppress(HostError):  # its own word counts, below
                swarm.promote(host, node)
        deadline = time.monotonic() + PROMOTION
        while (manager := fleet.manager(rest)) is None and time.monotonic() < deadline:
            time.sleep(PAUSE)
        return manager

    def _rejoin_heir(self, host: SshHost, rest: list[SshHost]) -> SshHost:
        """A new manager counts from when it is announced; if it never comes, there is no majority
        without it. So the old one continues alone, and the heir enters once more as a stranger."""
        swarm.force_new_cluster(host, self._leaving.address)
        self.lines.append(f"{host.name} continued without a manager that never became reachable")
        for machine, heir in zip(self._others, rest, strict=True):
            if place_of(heir):
                self._enter_again(host, machine, heir)
                if manager := self._promoted(host, rest):
                    return manager
        raise self._refusal()

    def _enter_again(self, host: SshHost, machine: Machine, heir: SshHost) -> None:
        labels = {"slipway_machine": machine.name}
        swarm.leave(heir)
        for node in swarm.nodes(host):
            if node.name == machine.name:
                labels |= {key.replace(".", "_"): value for key, value in node.labels.items()}
                swarm.forget(host, node)
        swarm.join(host, heir, machine.address)
        swarm.label(host, swarm.membership(heir).node, **labels)
        self.lines.append(f"{machine.name} left and joined again")

    def _refusal(self) -> Refused:
        return Refused(
            f"no manager but {self._leaving.name} answers, and without one the Swarm is lost; "
            f"bring another machine back first, see `inv machine.ls --env={self._env}`"
        )


def place_of(host: SshHost) -> Membership | None:
    """Its place in the Swarm; None where it is dead, or alive with an engine that is not."""
    try:
        return swarm.membership(host)
    except HostError:
        return None
