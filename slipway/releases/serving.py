"""A release in a colour, as the edges serve it: its routes, who shows them, whether it answers."""

from collections.abc import Mapping
from dataclasses import dataclass

from slipway.edge import outside
from slipway.edge.config import Route, configure
from slipway.edge.edges import Edges, Routing
from slipway.edge.preview import Preview
from slipway.environments.environment import Environment
from slipway.errors import SlipwayError
from slipway.machines.connect import Cluster
from slipway.releases.release import Release


@dataclass(frozen=True)
class Serving:
    """What the edges of an environment serve or shall serve; no release before the first."""

    env: Environment
    cluster: Cluster
    release: Release | None
    colour: str

    @property
    def edges(self) -> Edges:
        return Edges(self.env.prefix, self.cluster.all)

    @property
    def names(self) -> list[str]:
        """The services that the edges send requests to, as they are called in this colour."""
        return [route.name for route in self._routes(self.colour)]

    @property
    def urls(self) -> list[str]:
        """Where each of them says whether it can serve."""
        return [f"http://{each.name}:{each.port}/ready" for each in self._routes(self.colour)]

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
        env = self.release.environment(self.env)

        def config(ident: str, colour: str) -> Mapping[str, object]:
            routes = self._routes(colour)
            return configure(ident, routes, env.settings, env.number("DRAIN_TIMEOUT"))

        return Routing.of(self.release.number, self.colour, config)

    def _routes(self, colour: str) -> list[Route]:
        services = self.release.of("colour") if self.release else ()
        return [Route(s.route, f"{s.name}-{colour}", s.port) for s in services if s.route]

    def is_shown(self) -> bool:
        """Whether every edge says that it serves this."""
        return set(self.edges.serving().values()) == {self.routing.ident}

    def is_ready(self) -> bool:
        """Whether it says so itself; it does not when its database was lost."""
        if self.release is None:
            return False
        try:
            self.edges.fetch(self.urls, patience=0)
        except SlipwayError:
            return False
        return True

    def correct(self) -> list[str]:
        """Switch edges that serve anything else; return the machines they are on."""
        routing = self.routing
        wrong = [name for name, ident in self.edges.serving().items() if ident != routing.ident]
        if wrong:
            self.edges.tell(routing)
        return wrong

    def problems(self) -> list[str]:
        """Say why it is not seen to serve: asked from this computer, the edges, its services."""
        try:
            if problems := self._wrong_edges():
                return problems
            self.edges.fetch(self.urls, patience=0)
        except SlipwayError as error:
            return [str(error)]
        return []

    def _wrong_edges(self) -> list[str]:
        """Ask every edge from here; one that is not reached so is asked by its own machine."""
        env = self.release.environment(self.env) if self.release else self.env
        ident = self.routing.ident
        seen = outside.serving(self.cluster.entrances, env.settings)
        wrong = {name: shown for name, shown in seen.items() if shown != ident}
        inside = self.edges.serving() if wrong else {}
        return [
            f"the edge on {name} serves {inside.get(name) or wrong[name] or 'nothing'}"
            for name in wrong
            if inside.get(name) != ident
        ]
