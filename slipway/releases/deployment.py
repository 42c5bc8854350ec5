"""One deploy: what it starts from, and the steps that bring a release into service.

The story, in order: build, ship, deliver secrets, keep data and edge as described, migrate, fill
the idle colour, see it healthy, look at it from every edge, cut over, write it down; then, when
nothing can fail any more, drain and stop the old colour and tidy up.
"""

import time
from collections.abc import Mapping

from slipway.cluster import ledger, stacks
from slipway.cluster.lease import Lease
from slipway.cluster.observed import Observed, observe
from slipway.edge.config import Route, configure
from slipway.edge.edges import Edges, Routing
from slipway.environments.environment import Environment
from slipway.errors import SlipwayError
from slipway.machines.connect import Cluster
from slipway.plan import Plan, Step
from slipway.progress import Reporter
from slipway.releases import deliver_images, health, history, preflight, prune, schedule, stack
from slipway.releases import draft as drafts
from slipway.releases import swarm_preflight as swarm
from slipway.releases.draft import Draft
from slipway.releases.migrations import SchemaChange
from slipway.releases.release import Release
from slipway.releases.shared_services import SharedServices
from slipway.secrets import delivery

EDGE_PATIENCE = 60.0
SMOKE_PATIENCE = 15.0
BLIND_PATIENCE = 5.0


class Deployment:
    """The state of one deploy; each method is a step and may be repeated."""

    def __init__(
        self,
        env: Environment,
        cluster: Cluster,
        observed: Observed,
        draft: Draft,
        reporter: Reporter,
    ) -> None:
        self.env = env
        self.cluster = cluster
        self.observed = observed
        self.draft = draft
        self.reporter = reporter
        self.events = ledger.entries(observed, env.prefix)
        self.live_entry = ledger.live(self.events)
        self.live = self._recorded(self.live_entry.release) if self.live_entry else None
        self.old = self.live_entry.colour if self.live_entry else None
        self.colour = "green" if self.old == "blue" else "blue"
        self.edges = Edges(env.prefix, cluster.all)
        self.lease: Lease | None = None
        self.cutover_seconds = 0.0
        self.began = time.monotonic()

    @property
    def release(self) -> Release:
        return self.draft.release

    @property
    def standing(self) -> SharedServices:
        return SharedServices(self.env, self.cluster, self.observed, self.release)

    @property
    def schema(self) -> SchemaChange:
        return SchemaChange(self.env, self.release, self.live, self.reporter)

    @property
    def idle_stack(self) -> str:
        return f"{self.env.prefix}-{self.colour}"

    def serving_now(self) -> str:
        """Say what serves, for the end of an error's sentence."""
        if self.live is None:
            return "nothing serves yet"
        return f"{self.live.label} serves as before"

    def is_up_to_date(self) -> bool:
        """Whether the files on this computer are what runs, healthy, and what every edge serves."""
        if self.live is None or self.draft.unbuilt or self.old is None:
            return False
        if self.live.fingerprint != self.release.fingerprint:
            return False
        serving = self.observed.stack(f"{self.env.prefix}-{self.old}")
        if not serving or not all(service.is_healthy for service in serving):
            return False
        if not self.standing.is_as_described():
            return False
        if set(self.edges.serving().values()) != {self._live_routing().ident}:
            return False
        return self._live_is_ready()

    def is_unfinished(self) -> bool:
        """Whether a deploy was killed after its release went live and before it had tidied up."""
        shown = self.standing.signpost_shows()
        is_old = schedule.is_stale(self.env, self.observed, self.live)
        left = bool(self.observed.stack(self.idle_stack))
        return left or is_old or shown != self._live_routing().ident

    def plan(self) -> Plan:
        """Return the steps up to the point of no return; each undoes what it did to the service."""
        env, number = self.env.name, self.release.number
        old = f" next to {self.old}" if self.old else ""
        head = self.release.migration_head
        steps = [
            Step("check", f"check free ports and disk on {self._machines()}", self.check),
            Step("build", self._describe_build(), self.build),
            Step("ship", f"bring the images to {self._machines()}", self.ship),
            Step("secrets", "deliver secrets the Swarm does not hold yet", self.deliver_secrets),
            Step("data", "keep database and operations as described", self.keep_data),
            Step("edge", "keep an edge on every machine", self.keep_edge),
            Step("back up", "back up the database before it is migrated", self.back_up),
            Step("migrate", f"migrate the database to {head}", self.migrate),
            Step("fill", f"start {self.colour}{old}", self.fill, self.empty),
            Step("smoke", f"check {self.colour} from every edge", self.smoke),
            Step("cut over", f"move every edge to {self.colour}", self.cut_over, self.cut_back),
            Step("settle", f"record that release {number} is live", self.settle),
        ]
        spared = set() if head else {"migrate"}
        spared |= set() if self.schema.wants_backup else {"back up"}
        steps = [step for step in steps if step.name not in spared]
        return Plan(f"deploy release {number} to {env}", steps)

    def return_plan(self) -> Plan:
        """Return the steps of a rollback: a past release, as it was, into the idle colour."""
        steps = [
            Step("images", f"check that {self._machines()} have the images", self.check_images),
            Step("edge", "check that the edges serve what the ledger says", self.tell_live),
            Step("fill", f"start {self.colour} next to {self.old}", self.fill, self.empty),
            Step("smoke", f"check {self.colour} from every edge", self.smoke),
            Step("cut over", f"move every edge to {self.colour}", self.cut_over, self.cut_back),
            Step("settle", f"record that {self.release.label} is live", self.settle),
        ]
        return Plan(f"return {self.env.name} to {self.release.label}", steps)

    def finishing(self) -> Plan:
        """Return what an interrupted deploy of the serving release still had to do."""
        steps = [
            Step("signpost", "show the live routes to edges that start", self.show_live_routes),
            Step("stop", f"stop what is left of {self.colour}", self.stop_idle),
            *schedule.steps(self.env, self.cluster.manager, self.observed, self.live),
        ]
        return Plan(f"finish the deploy of {self.env.name}", steps)

    def tidying(self) -> Plan:
        """Return the steps after the point of no return; nothing in them is rolled back."""
        steps = [Step("signpost", "show the new routes to edges that start", self.show_routes)]
        if self.old:
            steps.append(Step("drain", f"let {self.old} finish, then stop it", self.drain))
        steps += schedule.steps(self.env, self.cluster.manager, self.observed, self.release)
        if not self.draft.is_recorded:
            steps.append(Step("prune", "remove what no kept release needs", self.prune))
        return Plan(f"tidy up {self.env.name}", steps)

    # The steps

    def check(self) -> str:
        if set(self.release.secrets.values()) - self.observed.secrets:
            delivery.try_key(self.env, self.reporter)  # before anything is built
        self.schema.check()
        swarm.check(self.env, self.cluster, self.observed, self.release, self.live)
        return preflight.check(self.env, self.cluster.all)

    def build(self) -> str:
        count = len(self.draft.unbuilt)
        self.draft = drafts.build(self.env, self.draft, self.reporter)
        return f"{count} built" if count else "all present"

    def ship(self) -> str:
        self.draft, note = deliver_images.bring(self.env, self.cluster, self.draft, self.reporter)
        return note

    def check_images(self) -> str:
        return deliver_images.bring_back(self.env, self.cluster, self.release, self.reporter)

    def deliver_secrets(self) -> str:
        created = delivery.deliver(self.cluster.manager, self.env, self.observed.secrets)
        return f"{len(created)} new" if created else "all present"

    def keep_data(self) -> str:
        self.standing.lay_ground()
        return self.standing.keep("data", "ops", before=self.live)

    def keep_edge(self) -> str:
        """Bring up the edges and make sure they serve what the ledger says is live."""
        if not self.standing.signpost_shows():
            self.standing.point(self._live_routing())
        summary = self.standing.keep("edge")
        self.edges.wait_up(EDGE_PATIENCE)
        self.tell_live()
        return summary

    def tell_live(self) -> str:
        """Move edges back that an interrupted cutover left elsewhere; the ledger decides."""
        routing = self._live_routing()
        off = [name for name, ident in self.edges.serving().items() if ident != routing.ident]
        if not off or self.live is None:
            return "all of them do"
        self.edges.tell(routing)
        return f"moved back on {', '.join(off)}"

    def back_up(self) -> str:
        return self.schema.back_up(self.cluster)

    def migrate(self) -> str:
        same = self.live and self.live.migration_head == self.release.migration_head
        if same and self._live_is_ready():
            return "nothing pending"
        return self.schema.migrate(self.cluster)

    def fill(self) -> str:
        manager = self.cluster.manager
        if self.observed.stack(self.idle_stack):
            stacks.remove(manager, self.idle_stack)  # half filled by a run that was killed
        description = stack.colour_stack(self.env, self.release, self.colour)
        stacks.deploy(manager, self.idle_stack, description)
        timeout = self.env.number("HEALTH_TIMEOUT")
        # Without a health check “running” is all there is to see, so it is looked at for longer.
        blind = [s.name for s in self.release.of("colour") if not s.has_health_check]
        steady = BLIND_PATIENCE if blind else 0
        hosts = self.cluster.all
        health.wait(manager, self.idle_stack, timeout, self.reporter, steady=steady, hosts=hosts)
        return "healthy"

    def empty(self) -> None:
        stacks.remove(self.cluster.manager, self.idle_stack)

    def smoke(self) -> str:
        urls = _ready_urls(self.release, self.colour)
        self.edges.fetch(urls, SMOKE_PATIENCE)
        return f"{len(urls)} services ready, seen from {self._machines()}"

    def cut_over(self) -> str:
        if self.lease:
            self.lease.check()
        began = time.monotonic()
        self.edges.tell(self.routing(self.release, self.colour))
        self.cutover_seconds = time.monotonic() - began
        return f"{len(self.edges.hosts)} acknowledged in {self.cutover_seconds * 1000:.0f} ms"

    def cut_back(self) -> None:
        if self.live is not None:
            self.edges.tell(self._live_routing())

    def settle(self) -> str:
        manager, app = self.cluster.manager, self.env.prefix
        history.live(manager, self.observed, app, self.release, self.colour, self._seconds())
        return self.release.label

    def show_routes(self) -> str:
        return self._show(self.routing(self.release, self.colour), self.standing)

    def show_live_routes(self) -> str:
        # What is finished is the release that serves: a draft of the same files has no images.
        release = self.live or self.release
        standing = SharedServices(self.env, self.cluster, self.observed, release)
        return self._show(self._live_routing(), standing)

    def stop_idle(self) -> str:
        stacks.remove(self.cluster.manager, self.idle_stack)
        return f"{self.colour} stopped"

    def drain(self) -> str:
        names = [
            f"{service.name}-{self.old}"
            for service in (self.live.of("colour") if self.live else ())
            if service.route
        ]
        left = self.edges.drain(names, self.env.number("DRAIN_TIMEOUT"))
        # Removed, not scaled to nothing: an engine can lose the names of a service that is scaled
        # up again while its last tasks are still ending.
        stacks.remove(self.cluster.manager, f"{self.env.prefix}-{self.old}")
        if left:
            self.reporter.note(
                f"{left} requests were still open after DRAIN_TIMEOUT and were ended"
            )
        return f"{self.old} stopped"

    def prune(self) -> str:
        return prune.run(self.env, self.cluster, observe(self.cluster.manager, self.env.prefix))

    # What the steps are made of

    def routing(self, release: Release, colour: str) -> Routing:
        """Return the edge's configuration for a release in a colour."""
        services = [service for service in release.of("colour") if service.route]
        settings, drain = self.env.settings, self.env.number("DRAIN_TIMEOUT")

        def config(ident: str, where: str) -> Mapping[str, object]:
            routes = [Route(s.route, f"{s.name}-{where}", s.port) for s in services]
            return configure(ident, routes, settings, drain)

        return Routing.of(release.number, colour, config)

    def note_failure(self, error: BaseException) -> None:
        """Write down that this release did not make it."""
        manager, reason = self.cluster.manager, str(error) or type(error).__name__
        app, seconds = self.env.prefix, self._seconds()
        history.failed(manager, app, self.release, self.colour, seconds, reason)

    def _live_is_ready(self) -> bool:
        """Whether what serves says so itself; it does not when its database was lost."""
        if self.live is None or self.old is None:
            return False
        try:
            self.edges.fetch(_ready_urls(self.live, self.old), patience=0)
        except SlipwayError:
            return False
        return True

    def _show(self, routing: Routing, standing: SharedServices) -> str:
        standing.point(routing)
        # An edge that started while the signpost still showed the old way is told here.
        off = [name for name, ident in self.edges.serving().items() if ident != routing.ident]
        if off:
            self.edges.tell(routing)
        return "shown"

    def _seconds(self) -> float:
        return time.monotonic() - self.began

    def _recorded(self, number: int) -> Release:
        return Release.from_json(ledger.read(self.cluster.manager, self.env.prefix, number))

    def _live_routing(self) -> Routing:
        if self.live is None or self.old is None:
            settings = self.env.settings
            return Routing.of(0, "none", lambda ident, where: configure(ident, [], settings, 0))
        return self.routing(self.live, self.old)

    def _describe_build(self) -> str:
        names = sorted(build.service for build, _ in self.draft.unbuilt)
        return f"build {', '.join(names)}" if names else "images are built"

    def _machines(self) -> str:
        count = len(self.cluster.hosts)
        return "this computer" if self.env.is_local else f"{count} machine{'s' * (count != 1)}"


def _ready_urls(release: Release, colour: str) -> list[str]:
    return [
        f"http://{service.name}-{colour}:{service.port}/ready"
        for service in release.of("colour")
        if service.route
    ]
