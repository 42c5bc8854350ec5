"""How a machine joins an environment: made, entered, provisioned, let in. Repeating converges."""

from slipway.cluster import swarm
from slipway.cluster.swarm import Membership
from slipway.errors import Refused
from slipway.hosts.ssh import SshHost
from slipway.machines import fleet, inventory, job_timer, provision
from slipway.machines.machine import DATA, Machine, check_name
from slipway.machines.provider import MachineSpec, Provider, ProviderContext
from slipway.plan import Plan, Step


class Joining:
    """One machine on its way in; what it did is rolled back when a later step fails."""

    def __init__(
        self, place: ProviderContext, kind: str, provider: Provider, spec: MachineSpec
    ) -> None:
        check_name(spec.name)
        known = inventory.load(place.env, place.root)
        inventory.refuse_mixing(place.env, kind, known)
        provider.check(spec)
        self._place = place
        self._kind = kind
        self._provider = provider
        self._spec = spec
        self._is_new = spec.name not in {machine.name for machine in known}
        self._created: Machine | None = None

    def plan(self) -> Plan:
        """The steps, also for reading only."""
        name, env = self._spec.name, self._place.env
        make = "make" if self._kind == inventory.LOCAL else "adopt"
        # A machine that was there before is not taken away when something fails today.
        unmake, leave = (self._unmake, self._leave) if self._is_new else (None, None)
        return Plan(
            f"Create {name} in {env}",
            [
                Step("machine", f"{make} {name}, pin its host key", self._make, unmake),
                Step("inventory", f"add {name} to the machines of {env}", self._enter),
                Step("provision", f"{name}: checks, engine, log limits", self._provision),
                Step(
                    "firewall",
                    "Swarm ports of every machine for its peers only",
                    self._refresh_firewalls,
                ),
                Step("swarm", f"join {name} to the Swarm of {env}", self._join, leave),
            ],
        )

    def _make(self) -> str:
        self._created = self._provider.create(self._spec)
        return f"{self._created.ssh}, {self._created.address} in the cluster"

    def _unmake(self) -> None:
        if self._created is None:
            return
        with inventory.locked(self._place.env, self._place.root):
            inventory.remove(self._place.env, self._created.name, self._place.root)
            self._provider.destroy(self._created)
        fleet.refresh_firewalls(self._place)

    def _enter(self) -> str:
        with inventory.locked(self._place.env, self._place.root):
            self._created = inventory.add(self._place.env, self._machine(), self._place.root)
        return f"role {self._created.role}"

    def _provision(self) -> str:
        with fleet.connected(self._place, [self._machine()]) as (host,):
            return fleet.summary(provision.prepare(host))

    def _refresh_firewalls(self) -> str:
        return fleet.refresh_firewalls(self._place)

    def _join(self) -> str:
        machine = self._machine()
        with (
            inventory.locked(self._place.env, self._place.root),  # joins one after the other
            fleet.connected(self._place, [machine, *self._others()]) as (new, *rest),
        ):
            manager = fleet.manager(rest)
            if manager is None:
                self._check_first(rest)
                changed = swarm.ensure_swarm(new, machine.address)
                manager = new
            else:
                changed = swarm.join(manager, new, machine.address)
            labels = {"slipway_machine": machine.name}
            if machine.role == DATA:
                labels["slipway_data"] = "true"
            swarm.label(manager, swarm.membership(new).node, **labels)
            lines = [f"{machine.name} joined"] if changed else []
            lines += swarm.balance(manager)
            return fleet.summary(lines + job_timer.settle(manager, [new]))

    def _check_first(self, rest: list[SshHost]) -> None:
        """A second Swarm must not be founded because the managers of the first are away."""
        for host, membership in zip(rest, fleet.memberships(rest), strict=True):
            if not isinstance(membership, Membership) or membership.state != "inactive":
                raise Refused(
                    f"no manager of {self._place.env} answers ({host.name} may be one); bring it "
                    f"back first, see `inv machine.ls --env={self._place.env}`"
                )

    def _leave(self) -> None:
        if self._created is None:
            return
        with fleet.connected(self._place, [self._created, *self._others()]) as (new, *rest):
            node, manager = swarm.membership(new).node, fleet.manager(rest)
            swarm.leave(new)
            for member in swarm.nodes(manager) if manager else ():
                if manager and member.id == node:
                    swarm.remove(manager, member, None)

    def _machine(self) -> Machine:
        assert self._created is not None  # noqa: S101  the first step made it
        return self._created

    def _others(self) -> list[Machine]:
        known = inventory.load(self._place.env, self._place.root)
        return [machine for machine in known if machine.name != self._spec.name]
