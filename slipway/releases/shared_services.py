"""What stands while colours come and go: networks, data, operations, edges, the signpost."""

import contextlib
import time
from collections.abc import Sequence

from slipway import errors
from slipway.cluster import engine_api, ledger, stacks, swarm
from slipway.cluster.node import DATA_LABEL
from slipway.cluster.observed import DeployedService, Observed
from slipway.edge.edges import Routing
from slipway.environments.environment import Environment
from slipway.errors import HostError, SlipwayError
from slipway.hosts.host import Host
from slipway.machines.connect import Cluster
from slipway.progress import SILENT, Reporter
from slipway.releases import (
    differences,
    edge_beside,
    edge_identity,
    edge_ports,
    file_swaps,
    health,
    networks,
    stack,
    stack_watch,
)
from slipway.releases.compose_labels import Role
from slipway.releases.detour import Port
from slipway.releases.health import HealthWatch, LaneReporter, NotHealthy
from slipway.releases.release import Release
from slipway.releases.stack_watch import StackState

ROLES: tuple[Role, ...] = ("data", "ops", "edge", "certificates")
SIGNPOST_PATIENCE = 60.0


class SharedServices:
    """The standing services of an environment, held against what a release says of them."""

    def __init__(
        self,
        env: Environment,
        cluster: Cluster,
        observed: Observed,
        release: Release,
        live: Release | None = None,
    ) -> None:
        """`live` is the release that serves, where that is another one."""
        self._live = live or release
        self._env = release.environment(env)
        self._manager = cluster.manager
        self._observed = observed
        self._release = release

    @property
    def app(self) -> str:
        """What the environment is called in the engine."""
        return self._env.prefix

    def refuse_unfinished_swap(self) -> None:
        """Raise Refused where a service would start over files of two times."""
        file_swaps.refuse_unfinished(self._env, self._observed)

    def is_as_described(self) -> bool:
        """Whether all of them run, healthy, as the release describes them."""
        return not self.has_edge_beside and not any(self._is_stale(role) for role in ROLES)

    def differ_for_users(self) -> bool:
        """Whether any would be changed that users meet: all but operations."""
        return self.differs(*(role for role in ROLES if role != "ops"))

    def differs(self, *roles: Role) -> bool:
        """Whether any of these would be changed by `keep`."""
        return any(self._is_stale(role) for role in roles)

    def stale(self) -> list[str]:
        """Name the services that `keep` would start, start once more or remove."""
        names = set()
        for role in ROLES:
            running = {s.service for s in self._observed.services if s.role == role}
            if self._is_stale(role):
                names |= running | {service.name for service in self._release.of(role)}
        return sorted(names)

    def keep(self, *roles: Role, reporter: Reporter = SILENT) -> str:
        """Bring roles to their description; one that fits is not touched."""
        states = self.begin(*roles)
        for role, before in states.items():
            name, timeout = f"{self._env.prefix}-{role}", self._env.number("HEALTH_TIMEOUT")
            lanes = LaneReporter(reporter, self._observed.nodes)
            health.settle(self._manager, name, timeout, before, lanes)
        return f"{' and '.join(states)} started" if states else "as described"

    def begin(self, *roles: Role) -> dict[Role, StackState]:
        """Hand roles that do not fit to the Swarm; return how each of them stood before."""
        states = {}
        for role in filter(self._is_stale, roles):
            name = f"{self._env.prefix}-{role}"
            states[role] = stack_watch.look(self._manager, name)
            if self._release.of(role):
                stacks.deploy(self._manager, name, self.describe(role))
            else:  # a database that has moved elsewhere; its volume stays
                stacks.remove(self._manager, name)
        return states

    def describe(self, role: Role) -> stack.Stack:
        """Return the stack of a role as it is handed to the Swarm now.

        Where the colour that serves is on other shared networks than the new one will be, database
        and edges are on both. They stay so until they are changed next: that is no reason to start
        a database once more. Likewise edges keep what only the routes of before need.
        """
        description = stack.fingerprinted(self._env, self._release, role)
        if role == "edge" and self._live.of("certificates"):
            edge_identity.keep(description, self._env)
        before = self._live.encrypts_networks
        if before != self._release.encrypts_networks and role != "ops":
            networks.join_beside(description, self._env.prefix, is_encrypted=before)
        return description

    def is_edge_replaced(self) -> bool:
        """Whether `keep` would replace edges that serve."""
        return self._is_stale("edge") and bool(self._observed.stack(f"{self._env.prefix}-edge"))

    def start_edge_beside(
        self, reporter: Reporter, steady: float, hosts: Sequence[Host], *, takes_over: bool
    ) -> None:
        """Start a changed edge on every machine beside the one that serves.

        It can stand in for that where it `takes_over`. Raises NotHealthy when it does not come up:
        then it is gone again, and what serves was not touched.
        """
        description = edge_beside.describe(
            self._env, self._release, self.describe("edge"), takes_over=takes_over
        )
        try:
            stacks.deploy(self._manager, self.edge_beside, description)
            timeout = self._env.number("HEALTH_TIMEOUT")
            watch = HealthWatch(self.edge_beside, timeout, reporter, self._observed.nodes)
            watch.wait(self._manager, steady, hosts, least=len(hosts))
        except BaseException:
            self.stop_edge_beside()
            raise

    def stop_edge_beside(self) -> None:
        stacks.remove(self._manager, self.edge_beside)

    def await_edge_update(self) -> None:
        """Wait until the Swarm has ended an update of the edges that somebody began."""
        deadline = time.monotonic() + self._env.number("HEALTH_TIMEOUT")
        while time.monotonic() < deadline:
            updates = stack_watch.look(self._manager, f"{self._env.prefix}-edge").updates
            if not {update.split()[0] for update in updates} & health.MOVING:
                return
            time.sleep(health.POLL)

    @property
    def edge_beside(self) -> str:
        """The stack of the edges that are started beside those that serve."""
        return f"{self._env.prefix}-edge-trial"

    @property
    def has_edge_beside(self) -> bool:
        """Whether one was left by a run that was killed."""
        return bool(self._observed.stack(self.edge_beside))

    @property
    def edge_ports(self) -> set[Port]:
        """The ports of the edges that serve, and those that they are to have."""
        envs = (self._live.environment(self._env), self._env)
        return {
            Port(int(port["published"]), int(port["target"]), str(port["protocol"]))
            for env in envs
            for port in edge_ports.of(env)
        }

    def lay_ground(self) -> None:
        """Make the shared networks, and name the machine that keeps the data."""
        if not any(node.holds_data for node in self._observed.nodes):
            data = {DATA_LABEL: "true"}
            swarm.label(self._manager, self._observed.nodes[0].id, **data)
        specs = [service.spec for service in self._release.services]
        options = networks.shared(
            self._env.prefix, specs, is_encrypted=self._release.encrypts_networks
        )
        missing = {name: options[name] for name in options if name not in self._observed.networks}
        stacks.ensure_networks(self._manager, self._env.prefix, missing)

    def signpost_shows(self) -> str:
        """Return the routes that an edge would find when it starts; nothing without a signpost."""
        services = self._observed.stack(f"{self._env.prefix}-signpost")
        return next((service.labels.get("slipway.routes", "") for service in services), "")

    def is_signpost_right(self, ident: str) -> bool:
        """Whether it shows these routes, placed for the machines that can take it now."""
        services = self._observed.stack(f"{self._env.prefix}-signpost")
        spread = stack.spread(sum(node.takes_work for node in self._observed.nodes))
        expected = {"slipway.routes": ident, "slipway.spread": spread}
        return bool(services) and all(expected.items() <= s.labels.items() for s in services)

    def point(self, routing: Routing) -> None:
        """Have the signpost show these routes, and wait until it does."""
        self.await_signpost(self.hand_over(routing))

    def hand_over(self, routing: Routing) -> StackState:
        """Have the signpost show these routes soon; return how it stood before."""
        name = f"{self._env.prefix}.routes.{routing.digest}"
        if name not in self._observed.configs and not self._has_written(name, routing):
            argv = ledger.create(name, {"slipway.app": self._env.prefix})
            result = self._manager.run(argv, stdin=routing.document, timeout=20, check=False)
            if result.code != 0 and "already exists" not in result.err:
                why = errors.reason(result.err or result.out)
                raise HostError(self._manager.name, f"the new routes cannot be written: {why}")
        # As it is now: a machine may have been lost meanwhile.
        nodes = sum(node.takes_work for node in swarm.settled(self._manager))
        description = stack.signpost_stack(self._env, self._release, name, routing.ident, nodes)
        signpost = f"{self._env.prefix}-signpost"
        before = stack_watch.look(self._manager, signpost)
        stacks.deploy(self._manager, signpost, description)
        return before

    def _has_written(self, name: str, routing: Routing) -> bool:
        """Write routes by the engine's API, where that is to be had and has none of that name."""
        labels = {"slipway.app": self._env.prefix}
        with contextlib.suppress(*engine_api.FAILURES):
            with engine_api.dialled(self._manager) as api:
                api.create_config(name, labels, routing.document)
            return True
        return False

    def await_signpost(self, before: StackState) -> None:
        """Wait until it shows what it was handed; `before` is how it stood then."""
        signpost = f"{self._env.prefix}-signpost"
        try:
            health.settle(self._manager, signpost, SIGNPOST_PATIENCE, before)
        except NotHealthy as error:  # it is not the release that is not well
            raise SlipwayError(f"the routes are not shown to edges that start: {error}") from error

    def _is_stale(self, role: Role) -> bool:
        services = [service for service in self._observed.services if service.role == role]
        if {s.service for s in services} != {s.name for s in self._release.of(role)}:
            return True
        expected = stack.digest(self._env, self._release, role)
        if any(not _fits(service, expected) for service in services):
            return True
        if not self._release.images:  # not built yet
            return False
        # Somebody may have changed it past us, and left its label.
        return bool(differences.of_role(self._env, self._observed, self._release, role))


def _fits(service: DeployedService, digest: str) -> bool:
    return service.labels.get("slipway.fingerprint") == digest and service.is_healthy
