"""A release in a colour, as the edges serve it: its routes, who shows them, whether it answers."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from slipway.cluster.observed import Observed
from slipway.edge import addresses, canary, outside
from slipway.edge.config import configure, configure_both, configure_set
from slipway.edge.edges import COLOUR, POLL, Edges, Routing, other
from slipway.edge.preview import Preview
from slipway.edge.route_set import RouteSet
from slipway.edge.routes import Maintenance, Table
from slipway.environments.environment import Environment
from slipway.errors import HostError, SlipwayError, Unreachable
from slipway.hosts import parallel
from slipway.hosts.host import Host
from slipway.hosts.parallel import HostsFailed
from slipway.machines.connect import Cluster
from slipway.releases import differences, probes
from slipway.releases.probes import Probe
from slipway.releases.release import Release

LOOK_PATIENCE = 5.0
RETELL_SECONDS = 10.0


@dataclass(frozen=True)
class Sight:
    """What was seen of a release: why it does not serve, and the machines that do not answer."""

    problems: Sequence[str]
    unreachable: Sequence[str]
    seen: Sequence[str]  # the machines that this computer saw it serve on, as users do
    inside: Sequence[str] = ()  # those that only say so themselves

    @property
    def unseen(self) -> str:
        """Name the machines that were not seen from outside; nothing where all were."""
        return f"not seen from outside: {', '.join(self.inside)}" if self.inside else ""

    def describe(self, label: str, way_back: str) -> str:
        """Say what serves, for the end of an error's sentence."""
        notes = [*(f"not seen: {sentence}" for sentence in self.unreachable), self.unseen]
        rest = "".join(f"\n{note}" for note in notes if note)
        if self.seen:
            where = f" on {', '.join(self.seen)}" if rest else ""
            return f"{label} serves as before{where}{rest}"
        if self.inside:
            return f"{label} serves as before, as its own machines say{rest}"
        if not self.problems:
            return f"{label} should serve, and no machine answers{rest}"
        advice = "see: runbooks/host-lost.md" if rest else f"return to it with: {way_back}"
        return f"{label} should serve, but {'; '.join(self.problems)}{rest}\n{advice}"


@dataclass(frozen=True)
class Serving:
    """What the edges of an environment serve or shall serve; no release before the first."""

    env: Environment
    cluster: Cluster
    release: Release | None
    colour: str
    maintenance: Maintenance | None = None

    @property
    def edges(self) -> Edges:
        return Edges(self.env.prefix, self.cluster.all)

    @property
    def names(self) -> list[str]:
        """The services that the edges send requests to, as they are called in this colour."""
        if self.release is None:
            return []
        routed = {route.name for route in self.release.routes.routes}
        names = [
            each.name for each in self.release.of("colour") if each.route or each.name in routed
        ]
        return [f"{name}-{self.colour}" for name in names]

    @property
    def probes(self) -> list[Probe]:
        """What its services are asked whether they can serve."""
        return probes.of(self.release.of("colour") if self.release else (), self.colour)

    def ask(self, hosts: Sequence[Host], patience: float, preview: Preview | None = None) -> None:
        """Ask the services until all are ready, then the routes to them.

        Raises HostError with the last answer.
        """
        app, stack = self.env.prefix, f"{self.env.prefix}-{self.colour}"
        probes.ask(app, stack, hosts, self.probes, patience, preview)

    @property
    def addresses(self) -> list[str]:
        """Where people find it; nothing before the first release, and without an edge."""
        if self.release is None or not self.release.of("edge"):
            return []
        settings = self.release.environment(self.env).settings
        return addresses.of(settings, self.cluster.entrances.values())

    @property
    def preview(self) -> Preview:
        """Its routes, to be tried before it serves."""
        env = self.release.environment(self.env) if self.release else self.env
        return Preview.of(self._routes(self.colour), env.settings)

    @property
    def routing(self) -> Routing:
        """The edges' configuration."""
        if self.release is None:
            settings = self.env.settings
            return Routing.of(0, "none", lambda ident, where: configure(ident, [], settings, 0))

        def config(ident: str, colour: str) -> Mapping[str, object]:
            routes = self._routes(colour, canary.colour_of(colour))
            return configure_set(self._route_set(ident, routes))

        return Routing.of(self.release.number, self.colour, config)

    def next_to(self, new: "Serving") -> Routing:
        """Return what edges load to serve this, and to a canary's visitors the routes of another
        release; it goes by the name of those routes, for the edges go on naming what serves."""
        ours, theirs = self.routing, new.routing
        name = canary.name_of(ours.key, theirs.key)
        colour = COLOUR.format(ours.routes_digest)
        serving = self._route_set(ours.key, self._routes(colour, canary.colour_of(colour)))
        visited = new._visited(colour, canary.colour_of(COLOUR.format(name)))
        both = configure_both(serving, new._route_set(theirs.key, visited), name)
        return Routing(name, json.dumps(both, sort_keys=True).encode())

    def _route_set(self, ident: str, routes: Table) -> RouteSet:
        env = self.release.environment(self.env) if self.release else self.env
        routes = replace(routes, maintenance=self.maintenance)
        return RouteSet(ident, routes, env.settings, env.number("DRAIN_TIMEOUT"))

    def _visited(self, serving_colour: str, canary_colour: str) -> Table:
        """Return its routes for a canary's visitors alone; a team's own part goes there too."""
        table = self._routes(serving_colour, canary_colour)
        return replace(table, fragment=self._routes(canary_colour).fragment)

    def _routes(self, colour: str, canary_colour: str = "") -> Table:
        """Return the routes with services as they are called in a colour, and in a canary's."""
        if self.release is None:
            return Table()
        services = [each.name for each in self.release.of("colour")]
        names, others, canaries = (
            {name: f"{name}-{each}" for name in services}
            for each in (colour, other(colour), canary_colour)
        )
        return self.release.routes.with_names(names, others, canaries if canary_colour else {})

    def is_drifted(self, observed: Observed) -> bool:
        """Whether what runs is not as the release says."""
        if self.release is None:
            return False
        return bool(differences.differences(self.env, observed, self.release, self.colour))

    def is_shown(self) -> bool:
        """Whether every edge says that it serves this."""
        return set(self.edges.serving().values()) == {self.routing.ident}

    def is_ready(self, *, everywhere: bool = True) -> bool:
        """Whether it says so itself; it does not when its database was lost.

        One edge that reaches it is enough to know that, where it is edges that ask.
        """
        if self.release is None:
            return False
        is_enough = not everywhere and all(probe.question for probe in self.probes)
        try:
            self.ask(self.cluster.all[:1] if is_enough else self.cluster.all, patience=0)
        except SlipwayError:
            return False
        return True

    def bring_up(self, timeout: float) -> None:
        """Wait until every edge answers, and have those that serve anything else serve this.

        An interrupted cutover may have left them elsewhere; the ledger decides. One that ended as
        it was told, since its machine has just come back, is told again.
        """
        until = time.monotonic() + RETELL_SECONDS
        while True:
            serving = self.edges.wait_up(timeout)
            try:
                if self.release is not None:
                    self.correct(serving)
                return
            except (HostError, HostsFailed):
                if time.monotonic() > until:
                    raise
            time.sleep(POLL)

    def correct(self, serving: Mapping[str, str]) -> bool:
        """Switch all edges where one of them, as they said, serves anything else; say if so."""
        routing = self.routing
        is_other = any(ident != routing.ident for ident in serving.values())
        if is_other:
            self.edges.tell(routing)
        return is_other

    def look(self, *, is_ready: bool = False) -> Sight:
        """See whether it serves: asked from this computer, the edges, its services unless they
        were seen to be ready.

        A machine that does not answer says nothing about the others.
        """
        hosts = {host.name: host for host in self.cluster.all}
        lost: dict[str, str] = {}
        problems: list[str] = []

        def ask(names: Sequence[str], work: Callable[[Host], str]) -> None:
            """Note what is wrong on some machines; `work` says it of one."""
            results = parallel.attempt([hosts[name] for name in names if name not in lost], work)
            for result in results:
                if isinstance(result, Unreachable):
                    lost[result.host] = str(result)
                elif text := str(result):
                    problems.append(text)

        ident = self.routing.ident
        outer = dict.fromkeys(hosts, "") | self._from_outside(list(hosts))
        wrong = [name for name, shown in outer.items() if shown != ident]
        ask(wrong, lambda host: self._wrong_inside(host, outer))
        if not problems and not is_ready:
            ask(list(hosts), self._not_ready)
        names = [] if problems else [name for name in hosts if name not in lost]
        seen = [name for name in names if outer[name] == ident]
        return Sight(problems, list(lost.values()), seen, [n for n in names if n not in seen])

    def _from_outside(self, names: Sequence[str]) -> dict[str, str]:
        """Ask edges what they serve as users do; nothing for one that is not reached."""
        env = self.release.environment(self.env) if self.release else self.env
        entrances = self.cluster.entrances
        known = {name: entrances[name] for name in names if name in entrances}
        return outside.serving(known, env.settings, self.routing.key)

    def _wrong_inside(self, host: Host, outer: dict[str, str]) -> str:
        """Say what an edge serves in place of this, asked by its own machine: a firewall may be
        between this computer and the edge. One that answers here is to say the same here."""
        name, ident = host.name, self.routing.ident
        inner = Edges(self.env.prefix, [host]).serving()[name]
        if inner != ident:
            return f"the edge on {name} serves {inner or outer[name] or 'nothing'}"
        if outer[name]:  # it may have come up meanwhile
            outer |= self._from_outside([name])
        if outer[name] in ("", ident):
            return ""
        return f"asked from here, {name} answers {outer[name]}, and its own edge serves {inner}"

    def _not_ready(self, host: Host) -> str:
        """Say nothing, or raise; one replica of a machine that froze may still have a name."""
        self.ask([host], LOOK_PATIENCE)
        return ""
