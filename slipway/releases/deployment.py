"""One deploy: what it starts from, and its steps.

Which steps run, and in which order, is in `plans.py`.
"""

import time
from collections.abc import Callable, Collection
from functools import partial

from slipway.cluster import checkout, ledger, stacks
from slipway.cluster.lease import Lease
from slipway.cluster.observed import Observed, observe
from slipway.edge.edges import Edges
from slipway.environments.environment import Environment
from slipway.machines.connect import Cluster
from slipway.progress import Reporter
from slipway.releases import (
    agent_work,
    data_return,
    deliver_images,
    health,
    history,
    job_schedule,
    network_encryption,
    preflight,
    prune,
    release_jobs,
    schedule,
    smoke,
    stack,
)
from slipway.releases import draft as drafts
from slipway.releases import swarm_preflight as swarm
from slipway.releases.draft import Draft
from slipway.releases.migrations import SchemaChange
from slipway.releases.release import Release
from slipway.releases.serving import Serving
from slipway.releases.shared_services import SharedServices
from slipway.secrets import delivery

EDGE_PATIENCE = 60.0
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
        entry = ledger.live(ledger.entries(observed, env.prefix))
        self.live = history.serving(cluster.manager, observed, env.prefix)
        self.old = entry.colour if entry else None
        self.colour = "green" if self.old == "blue" else "blue"
        self.lease: Lease | None = None
        self.cutover_seconds = 0.0
        self.failures: frozenset[str] = frozenset()  # ids of tasks that failed before being healthy
        self.began = time.monotonic()

    @property
    def release(self) -> Release:
        return self.draft.release

    @property
    def before(self) -> Serving:
        return Serving(self.env, self.cluster, self.live, self.old or "none")

    @property
    def edges(self) -> Edges:
        return self.before.edges

    @property
    def after(self) -> Serving:
        return Serving(self.env, self.cluster, self.release, self.colour)

    @property
    def standing(self) -> SharedServices:
        return SharedServices(self.env, self.cluster, self.observed, self.release, self.live)

    @property
    def schema(self) -> SchemaChange:
        return SchemaChange(self.env, self.release, self.live, self.reporter)

    @property
    def idle_stack(self) -> str:
        return f"{self.env.prefix}-{self.colour}"

    @property
    def machines(self) -> str:
        """How many machines there are, in words."""
        count = len(self.cluster.hosts)
        words = f"{count} machine{'s' * (count != 1)}"
        return self.cluster.manager.name if self.env.is_local else words

    @property
    def steady_seconds(self) -> int:
        """How long a release has to stay healthy, before the cutover and again after it."""
        return self.env.number("SETTLE_TIME", 5)

    def serving_now(self) -> str:
        """Say what is seen to serve, for the end of an error's sentence."""
        if self.live is None:
            return "nothing serves yet"
        way_back = f"inv rollback --env={self.env.name} --release={self.live.number}"
        return self.before.look().describe(self.live.label, way_back)

    def is_up_to_date(self) -> bool:
        """Whether the files on this computer are what runs, healthy, and what every edge serves."""
        if self.live is None or self.draft.unbuilt or self.old is None:
            return False
        is_other = self.live.fingerprint != self.release.fingerprint
        is_other = is_other or stack.differ_in_jobs(self.env, self.live, self.release)
        if is_other or (self.live.settings or self.release.settings) != self.release.settings:
            return False
        if self.live.routes != self.release.routes:
            return False
        serving = self.observed.stack(f"{self.env.prefix}-{self.old}")
        if not serving or not all(service.is_healthy for service in serving):
            return False
        if not self.standing.is_as_described():
            return False
        if self.before.is_drifted(self.observed):
            return False
        return self.before.is_shown() and self.before.is_ready()

    def is_unfinished(self) -> bool:
        """Whether a deploy was killed before it had tidied up, or machines came or went since."""
        is_right = self.standing.is_signpost_right(self.before.routing.ident)
        is_old = schedule.is_stale(self.env, self.observed, self.live)
        is_old = is_old or job_schedule.is_stale(self.env, self.observed, self.live)
        is_off = is_old or not self.standing.is_as_described()
        return is_off or not is_right or bool(self.observed.stack(self.idle_stack))

    # The steps

    def check(self) -> str:
        for check in self.checks():
            check()
        return "ports and disk are free"

    def checks(self) -> list[Callable[[], object]]:
        """Return what is looked at before anything changes; each raises by itself."""
        state = (self.env, self.cluster, self.observed, self.release, self.live)
        return [
            self._try_key,
            self.schema.check,
            partial(swarm.check, *state),
            partial(network_encryption.check, *state[:2], self.release),
            self._check_machines,
        ]

    def _try_key(self) -> None:
        if set(self.release.secrets.values()) - self.observed.secrets:
            delivery.try_key(self.env, self.reporter)

    def _check_machines(self) -> None:
        ports = preflight.ports(self.env)
        if self.live is not None and self.observed.stack(f"{self.env.prefix}-edge"):
            ports -= preflight.ports(self.live.environment(self.env))  # its own edge has those
        preflight.check(self.env, self.cluster.all, ports, self.reporter)

    def build(self) -> str:
        count = len(self.draft.unbuilt)
        self.draft = drafts.build(self.env, self.draft, self.reporter)
        return f"{count} built" if count else "all present"

    def ship(self) -> str:
        self.draft, note = deliver_images.bring(self.env, self.cluster, self.draft, self.reporter)
        return note

    def check_images(self) -> str:
        network_encryption.check(self.env, self.cluster, self.release)
        note = deliver_images.bring_back(self.env, self.cluster, self.release, self.reporter)
        if self.live is not None:  # what an image can read is asked where it is
            database = self.env.settings["DATABASE_HOST"]
            data_return.check(self.cluster, self.live, self.release, database)
            if warning := data_return.without_roles(self.live, self.release):
                self.reporter.note(warning)
        return note

    def deliver_secrets(self) -> str:
        if self.env.is_local:  # the first that stays, whatever becomes of this deploy
            checkout.claim(self.cluster.manager, self.env)
        created = delivery.deliver(self.cluster.manager, self.env, self.observed.secrets)
        return f"{len(created)} new" if created else "all present"

    def wait_for_work(self) -> str:
        return agent_work.wait(self.standing, self.cluster, self.reporter)

    def let_work_begin(self) -> None:
        agent_work.release(self.standing, self.cluster)

    def keep_data(self) -> str:
        self.standing.lay_ground()
        return agent_work.keep(self.standing, self.cluster)

    def return_data(self) -> None:
        """Bring database and operations back to how the live release describes them."""
        if standing := self._live_standing():
            agent_work.bring_back(standing, self.cluster, self.reporter)

    def keep_edge(self) -> str:
        """Bring up the edges and make sure they serve what the ledger says is live."""
        if not self.standing.signpost_shows():
            self.standing.point(self.before.routing)
        self.standing.try_edge(self.reporter, self.steady_seconds, self.cluster.all)
        summary = self.standing.keep("edge")
        self.before.bring_up(EDGE_PATIENCE)
        return summary

    def return_edge(self) -> None:
        """Bring the edges back to how the live release describes them."""
        if standing := self._live_standing():
            standing.keep("edge")
            self.before.bring_up(EDGE_PATIENCE)

    def back_up(self) -> str:
        return self.schema.back_up(self.cluster)

    def migrate(self) -> str:
        if self.live and self.release.has_schema_of(self.live) and self.before.is_ready():
            return "nothing pending"
        return self.schema.migrate(self.cluster)

    def run_release_jobs(self) -> str:
        manager, env = self.cluster.manager, self.release.environment(self.env)
        return release_jobs.run(manager, env, self.release, self.reporter)

    def fill(self) -> str:
        manager = self.cluster.manager
        if self.observed.stack(self.idle_stack):
            stacks.remove(manager, self.idle_stack)  # half filled by a run that was killed
        env = self.release.environment(self.env)
        stacks.deploy(manager, self.idle_stack, stack.colour_stack(env, self.release, self.colour))
        timeout = self.env.number("HEALTH_TIMEOUT")
        # Without a health check “running” is all there is to see, so it is looked at for longer.
        blind = [s.name for s in self.release.of("colour") if not s.has_health_check]
        steady = BLIND_PATIENCE if blind else 0
        if not self.draft.is_recorded:  # a past release has served already, and somebody waits
            steady = max(steady, self.steady_seconds)
        self.failures = health.wait(
            manager,
            self.idle_stack,
            timeout,
            self.reporter,
            steady=steady,
            hosts=self.cluster.all,
        )
        return f"healthy for {steady:g} s" if steady else "healthy"

    def empty(self) -> None:
        stacks.remove(self.cluster.manager, self.idle_stack)

    def smoke(self) -> str:
        return f"{smoke.run(self.after)}, seen from {self.machines}"

    def cut_over(self) -> str:
        if self.lease:
            self.lease.check()
        began = time.monotonic()
        warnings = self.edges.tell(self.after.routing)
        self.cutover_seconds = time.monotonic() - began
        for line in warnings:
            self.reporter.note(line)
        return f"{len(self.edges.hosts)} acknowledged in {self.cutover_seconds * 1000:.0f} ms"

    def cut_back(self) -> None:
        if self.live is not None:
            self.edges.tell(self.before.routing)

    def watch(self) -> str:
        """See the new colour stay healthy now that it has users."""
        seconds, hosts = self.steady_seconds, self.cluster.all
        health.hold(self.cluster.manager, self.idle_stack, seconds, self.failures, hosts)
        return "no task failed"

    def settle(self) -> str:
        manager, app = self.cluster.manager, self.env.prefix
        history.live(manager, self.observed, app, self.release, self.colour, self._seconds())
        return self.release.label

    def show_routes(self) -> str:
        self.standing.point(self.after.routing)
        self.after.correct()  # an edge that started while the signpost still showed the old way
        return "shown"

    def show_live_routes(self) -> str:
        # What is finished is the release that serves: a draft of the same files has no images.
        (self._live_standing() or self.standing).point(self.before.routing)
        self.before.correct()
        return "shown"

    def stop_idle(self) -> str:
        stacks.remove(self.cluster.manager, self.idle_stack)
        return f"{self.colour} stopped"

    def drain(self) -> str:
        left = self.edges.drain(self.before.names, self.env.number("DRAIN_TIMEOUT"))
        health.demand_healthy(
            self.cluster.manager, self.idle_stack, self.failures, self.cluster.all
        )
        # Removed, not scaled to nothing: an engine can lose the names of a service that is scaled
        # up again while its last tasks are still ending.
        stacks.remove(self.cluster.manager, f"{self.env.prefix}-{self.old}")
        if left:
            self.reporter.note(
                f"{left} requests were still open after DRAIN_TIMEOUT and were ended"
            )
        return f"{self.old} stopped"

    def prune(self) -> str:
        observed = observe(self.cluster.manager, self.env.prefix)
        return prune.run(self.env, self.cluster, observed, self.release)

    def continue_without(self, names: Collection[str], reason: str) -> bool:
        """Leave machines that were lost to the next deploy, where that is allowed."""
        rest = self.cluster.without(names)
        if not (self.cluster.is_lenient and 0 < len(rest.hosts) < len(self.cluster.hosts)):
            return False
        self.cluster = rest
        self.reporter.note(f"continuing without {', '.join(sorted(names))}: {reason}")
        return True

    # What the steps are made of

    def note_failure(self, error: BaseException) -> None:
        """Write down that this release did not make it."""
        manager, reason = self.cluster.manager, str(error) or type(error).__name__
        app, seconds = self.env.prefix, self._seconds()
        history.failed(manager, app, self.release, self.colour, seconds, reason)

    def _seconds(self) -> float:
        return time.monotonic() - self.began

    def _live_standing(self) -> SharedServices | None:
        """Return what stands, held against the live release; None before the first."""
        if self.live is None:
            return None
        observed = observe(self.cluster.manager, self.env.prefix)
        return SharedServices(self.env, self.cluster, observed, self.live)
