"""A share of the visitors sent to a canary by the edges: by the same routes, or by its own.

Where its routes are others, edges load both sets before it begins, while others stand in for them.
They go on naming what serves, and without a canary that is what such a set does for everybody.
"""

from slipway.edge import canary
from slipway.edge.edges import Edges
from slipway.errors import SlipwayError
from slipway.releases import edge_change
from slipway.releases.canary_options import CanaryOptions
from slipway.releases.deployment import Deployment


class CanaryRoutes:
    """What edges are sent for one canary."""

    def __init__(self, deployment: Deployment, options: CanaryOptions) -> None:
        self._deployment, self._by = deployment, options.by
        self._digits = canary.threshold(options.share)
        self._ident = deployment.before.routing.ident
        self._own = None
        if deployment.loads_routes:
            self._own = deployment.before.next_to(deployment.after)

    def load(self) -> None:
        """Have every edge know the canary's own routes; nobody is sent there yet."""
        if self._own is None:
            return
        deployment, live = self._deployment, self._deployment.before
        is_led_past = False
        if not deployment.env.is_local:
            is_led_past = edge_change.begin(deployment.standing, live, deployment.reporter, 0)
        try:
            deployment.edges.add_canary(self._ident, self._own)
        finally:
            if is_led_past:
                edge_change.end(deployment.standing, live)

    def send(self, edges: Edges, seconds: int) -> None:
        """Have edges send the share to the canary for so many seconds from now.

        Raises HostError for those that do not.
        """
        state = self._ident, self._deployment.colour, self._digits, seconds
        if self._own is None:
            edges.send_share(*state, by=self._by)
            return
        try:
            edges.send_share(*state, self._own.ident, self._by)
        except SlipwayError:  # one that has just started has only the routes that serve
            edges.add_canary(self._ident, self._own)
            edges.send_share(*state, self._own.ident, self._by)
