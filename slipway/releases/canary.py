"""The step in which a share of the visitors meets a new colour, before all of them do.

The edges end it by themselves when nobody renews it: with the computer that deploys, only the
canary is lost. Its deploy goes on when its time is over, or when another terminal says so, and back
when another terminal says so, when a task fails, or when its answers are clearly worse.
"""

import contextlib
import time

from slipway.cluster import lease as leases
from slipway.edge import canary, comparison, figures
from slipway.edge.edges import Edges
from slipway.edge.figures import BothColours
from slipway.errors import SlipwayError
from slipway.plan import Step
from slipway.releases import canary_record, watch
from slipway.releases.canary_options import CanaryOptions
from slipway.releases.canary_record import RunningCanary
from slipway.releases.canary_routes import CanaryRoutes
from slipway.releases.deployment import Deployment

BOUND = 60  # seconds after which an edge ends a canary that nobody renewed
RENEW = 15.0
POLL = 2.0  # seconds between two looks at its tasks, and at what was decided
EDGES = "wait for the edges that were not reached to end the canary by themselves"


class CanaryAborted(SlipwayError):
    """Somebody in another terminal has ended a canary."""


def steps(deployment: Deployment) -> list[Step]:
    """Return the step, where a canary was asked for."""
    if deployment.canary is None or deployment.old is None:
        return []
    hold = CanaryHold(deployment, deployment.canary)
    return [Step("canary", hold.describe(), hold.run, hold.take_back)]


class CanaryHold:
    """A canary from its first visitor until it is decided."""

    def __init__(self, deployment: Deployment, options: CanaryOptions) -> None:
        self._deployment, self._options = deployment, options
        self._manager, self._app = deployment.cluster.manager, deployment.env.prefix
        self._old = str(deployment.old)
        self._serving = deployment.before.routing.ident
        self._routes: CanaryRoutes | None = None
        self._began = self._renewed = self._looked = 0.0
        self._earlier: dict[str, BothColours] | None = None
        self._first_half = BothColours()
        self._text = ""

    def describe(self) -> str:
        """Say what the step does."""
        share, hold = self._options.share, self._options.hold
        drawn = ", by their addresses," if self._options.by else ""
        routes = "; its own routes are for them alone" if self._deployment.loads_routes else ""
        return (
            f"send {share} % of the visitors{drawn} to {self._deployment.colour} for {hold} s, "
            f"and compare its answers with those of {self._old}{routes}"
        )

    def run(self) -> str:
        """Hold it until its time is over or somebody has decided.

        Raises CanaryAborted, NotHealthy or ClearlyWorse.
        """
        self._begin()
        while (elapsed := time.monotonic() - self._began) < self._options.hold:
            until = min(elapsed + POLL, self._options.hold)
            self._deployment.watching.hold(self._manager, until, self._deployment.cluster.all)
            self._renew_in_time()
            self._compare_in_time()
            if decided := self._decided():
                return self._end(decided)
        self._compare()
        return self._end(f"held for {self._options.hold} s")

    def take_back(self) -> None:
        """Send all visitors to the colour that serves, and let open requests end."""
        edges = self._deployment.edges
        try:
            edges.send_share(self._serving, self._old, canary.FIRST, 0)
        except SlipwayError as error:
            self._deployment.reporter.note(f"{EDGES}: {error}")
            time.sleep(max(0.0, self._renewed + BOUND - time.monotonic()))
        finish_requests(self._deployment)
        canary_record.end(self._manager, self._app)

    def _begin(self) -> None:
        deployment, options = self._deployment, self._options
        self._routes = CanaryRoutes(deployment, options)
        self._routes.load()
        release, lease = deployment.release, deployment.lease
        token, until = lease.token if lease else "", options.hold
        by = leases.owner()
        record = RunningCanary(
            *(release.number, deployment.colour, options.share, 0, until, by, release.commit, token)
        )
        canary_record.begin(self._manager, self._app, record)
        self._earlier = self._count()
        self._renew()
        self._began = self._looked = time.monotonic()
        deployment.watching.begin()
        deployment.reporter.note(
            f"{options.share} % of the visitors meet {deployment.colour}; from any computer: "
            f"inv deploy --env={deployment.env.name} --promote, or --abort"
        )

    def _end(self, how: str) -> str:
        """Keep it for the moment until the cutover, which ends it on each edge."""
        self._renew()
        self._deployment.share_with_canary = self._send  # by edges that stand in then
        text = f"{how}; {self._text}" if self._text else how
        self._deployment.canary_result = f"canary of {self._options.share} %, {text}"
        return text

    def _renew(self) -> None:
        """Have every edge go on with it. Raises HostError for one that does not."""
        if self._deployment.lease:
            self._deployment.lease.check()
        self._send(self._deployment.edges)
        self._renewed = time.monotonic()

    def _send(self, edges: Edges) -> None:
        if self._routes:
            self._routes.send(edges, BOUND)

    def _renew_in_time(self) -> None:
        """Renew it now and then; an edge may be away for a moment, since it starts without it."""
        if time.monotonic() - self._renewed < RENEW:
            return
        try:
            self._renew()
        except SlipwayError as error:
            if time.monotonic() - self._renewed > BOUND:
                raise
            self._deployment.reporter.note(f"the canary is renewed once more in a moment: {error}")

    def _compare_in_time(self) -> None:
        if time.monotonic() - self._looked >= watch.LOOK:
            self._looked = time.monotonic()
            self._compare()

    def _compare(self) -> None:
        """Compare both colours; how long answers take counts in the second half alone."""
        counted = self._count()
        if counted is None or self._earlier is None:
            return
        both = figures.since_then(counted, self._earlier)
        self._deployment.counted_of_canary = both
        is_early = time.monotonic() - self._began < self._options.hold / 2
        if is_early:
            self._first_half = both
        lately = both.canary.since(both.canary if is_early else self._first_half.canary)
        verdict = comparison.compare(both.serving, both.canary, lately, f"in {self._old}")
        self._text = verdict.text
        if verdict.worse:
            raise watch.ClearlyWorse(watch.explain(self._deployment, verdict, f"in {self._old}"))

    def _count(self) -> dict[str, BothColours] | None:
        """Read what edges counted; one that cannot say is no fault of the release."""
        try:
            return figures.read_colours(self._app, self._deployment.cluster.all)
        except SlipwayError as error:
            self._deployment.reporter.note(f"answers are not compared: {error}")
            return None

    def _decided(self) -> str:
        """Say who has promoted it; nothing where nobody has decided. Raises CanaryAborted."""
        lease = self._deployment.lease
        if lease is None:
            return ""
        decision = None
        with contextlib.suppress(SlipwayError):  # a manager that is away is asked a moment later
            decision = canary_record.decision_on(self._manager, self._app, lease.token)
        if decision is None:
            return ""
        after = f"after {time.monotonic() - self._began:.0f} s"
        if decision.word == "abort":
            seen = f": {self._text}" if self._text else ""
            raise CanaryAborted(f"{decision.by} aborted the canary {after}{seen}")
        return f"promoted by {decision.by} {after}"


def clear(deployment: Deployment) -> None:
    """End what a deploy that was killed has left of its canary, before its colour is removed."""
    if not canary_record.is_recorded(deployment.observed, deployment.env.prefix):
        return
    deployment.reporter.note(f"the canary of a deploy that was killed ends: {deployment.colour}")
    try:
        deployment.edges.tell(deployment.before.routing)  # which ends it on each of them
    except SlipwayError as error:
        deployment.reporter.note(f"{EDGES}: {error}")
        time.sleep(BOUND)
    finish_requests(deployment)
    canary_record.end(deployment.cluster.manager, deployment.env.prefix)


def finish_requests(deployment: Deployment) -> None:
    """Wait until nothing is open to the new colour; what cannot be asked is not waited for."""
    with contextlib.suppress(SlipwayError):
        deployment.edges.drain(deployment.after.names, deployment.env.number("DRAIN_TIMEOUT"))
