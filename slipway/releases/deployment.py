"""The steps of a deploy; what it starts from is in `deploy_state.py`.

Which steps run, and in which order, is in `plans.py`.
"""

import contextlib
import time
from collections.abc import Collection

from slipway.cluster import checkout, stacks
from slipway.cluster.observed import observe
from slipway.errors import SlipwayError
from slipway.hosts import parallel
from slipway.releases import (
    agent_work,
    canary_record,
    certificates,
    data_return,
    deliver_images,
    edge_change,
    edge_identity,
    history,
    hooks,
    network_encryption,
    prune,
    release_jobs,
    smoke,
    stack,
)
from slipway.releases import draft as drafts
from slipway.releases.deploy_state import DeployState
from slipway.releases.history import Timing
from slipway.releases.machine_looks import MachineQuestions
from slipway.releases.serving import Sight
from slipway.secrets import delivery

RECENT = 60.0  # seconds for which machines count as having the images that they were seen to have


class Deployment(DeployState):
    """One deploy; each method is a step and may be repeated."""

    def check(self) -> str:
        parallel.at_once(self.cluster.manager, [*self.checks(), self._look_at_machines])
        return "ports and disk are free"

    def _look_at_machines(self) -> None:
        """See what later steps need to know of them; which images, where they are sent there."""
        has_registry = self.env.is_local or self.env.settings["REGISTRY"]
        probes = self.before.probes if self._has_live_schema else []
        services = [question for probe in probes if (question := probe.question)]
        is_enough = len(services) == len(probes) > 0
        questions = MachineQuestions(
            self.warm_names, self.ports_to_be_free, not has_registry, services if is_enough else ()
        )
        self.looks = questions.ask(self.env, self.edges, self.reporter)
        self.is_migrated = self.looks.is_ready
        if not is_enough:
            self._look_at_live()

    def _look_at_live(self) -> None:
        """See whether the serving release has its database, which need not be migrated then."""
        self.is_migrated = self._has_live_schema and self.before.is_ready(everywhere=False)

    @property
    def _has_live_schema(self) -> bool:
        return bool(self.live and self.release.has_schema_of(self.live))

    def run_hook(self, moment: str) -> str:
        """Run a program of the team's own; one after the cutover can change nothing any more."""
        if moment in hooks.BEFORE:
            return self.hooks.run(moment, self.reporter)
        self.hooks.try_to_run(moment, self.reporter)
        return f"hooks/{moment} was run"

    def build(self) -> str:
        count = len(self.draft.unbuilt)
        self.draft = drafts.build(self.env, self.draft, self.reporter)
        return f"{count} built" if count else "all present"

    def ship(self) -> str:
        state = self.env, self.cluster, self.draft, self.reporter
        is_recent = time.monotonic() - self.looks.at < RECENT
        self.draft, note = deliver_images.bring(*state, self.looks.inventory if is_recent else {})
        return note

    def check_images(self) -> str:
        network_encryption.check(self.env, self.cluster, self.release)
        questions = MachineQuestions(self.warm_names, with_images=True)
        self.looks = questions.ask(self.env, self.edges, self.reporter)
        state = self.env, self.cluster, self.release, self.reporter
        note = deliver_images.bring_back(*state, self.looks.inventory)
        self.check_data()  # what an image can read is asked where it is
        return note

    def check_data(self) -> None:
        """See that a past release could have the data of today. Raises Refused."""
        if self.live is None:
            return
        data_return.check(self.cluster, self.live, self.release, self.env.settings["DATABASE_HOST"])
        warnings = (
            data_return.without_roles(self.live, self.release),
            certificates.brought_back(self.live, self.release),
        )
        for warning in filter(None, warnings):
            self.reporter.note(warning)

    def deliver_secrets(self) -> str:
        if self.env.is_local:  # the first that stays, whatever becomes of this deploy
            checkout.claim(self.cluster.manager, self.env)
        needed = self.release.secrets.values()
        created = delivery.deliver(self.cluster.manager, self.env, needed, self.observed.secrets)
        return f"{len(created)} new" if created else "all present"

    def wait_for_work(self) -> str:
        return agent_work.wait(self.standing, self.cluster, self.reporter)

    def let_work_begin(self) -> None:
        agent_work.release(self.standing, self.cluster)

    def keep_data(self) -> str:
        self.standing.lay_ground()
        return agent_work.keep(self.standing, self.cluster, self.reporter)

    def begin_operations(self) -> str:
        return agent_work.begin(self.standing, self.cluster, self.reporter)

    def return_data(self) -> None:
        """Bring database and operations back to how the live release describes them."""
        if standing := self.live_standing():
            agent_work.bring_back(standing, self.cluster, self.reporter)

    def keep_edge(self) -> str:
        """Bring up the edges and make sure they serve what the ledger says is live."""
        if self.standing.signpost_shows() != self.before.routing.ident:
            self.standing.point(self.before.routing)
        standing, live = self.standing, self.before
        is_shown = self.looks.edges.serving == {live.routing.ident}
        if self.release.of("certificates"):
            edge_identity.ensure(self.cluster.manager, self.env, self.observed.secrets)
        with edge_change.stood_in(standing, live, self.reporter, self.steady_seconds):
            summary = standing.keep("edge", "certificates", reporter=self.reporter)
            if standing.differs("edge") or not is_shown:
                edge_change.serve(live)
        return summary

    def return_edge(self) -> None:
        """Bring the edges back to how the live release describes them."""
        if standing := self.live_standing():
            standing.keep("edge", "certificates", reporter=self.reporter)
            edge_change.serve(self.before)
            if standing.has_edge_beside:
                edge_change.end(standing, self.before)

    def back_up(self) -> str:
        return self.schema.back_up(self.cluster)

    def migrate(self) -> str:
        if self.is_migrated and self.standing.differs("data"):
            self._look_at_live()  # of a database that was just replaced nothing is known yet
        if self.is_migrated:
            return "nothing pending"
        return self.schema.migrate(self.cluster)

    def run_release_jobs(self) -> str:
        manager, env = self.cluster.manager, self.release.environment(self.env)
        return release_jobs.run(manager, env, self.release, self.reporter)

    def fill(self) -> str:
        manager = self.cluster.manager
        if self.observed.stack(self.idle_stack) and not self.warm:
            stacks.remove(manager, self.idle_stack)  # half filled by a run that was killed
        env = self.release.environment(self.env)
        stacks.deploy(manager, self.idle_stack, stack.colour_stack(env, self.release, self.colour))
        self.watching.wait(manager, 0, self.cluster.all)
        return "healthy"

    def empty(self) -> None:
        stacks.remove(self.cluster.manager, self.idle_stack)

    def smoke(self) -> str:
        """Look at the new colour from every edge while it has to stay healthy."""
        summary = f"{smoke.run(self.after)}, seen from {self.machines}"
        steady = smoke.steady_seconds(
            self.release, self.steady_seconds, is_past=self.draft.is_recorded
        )
        if steady:
            self.watching.wait(self.cluster.manager, steady, self.cluster.all)
            summary = f"{summary}, healthy for {steady:g} s"
        return summary

    def await_certificates(self) -> str:
        """See that every edge has them; edges of another kind fetch theirs after the cutover."""
        if self.live is not None and not self.live.of("certificates"):
            return "are fetched after the cutover"
        state = self.env, self.cluster.all, self.release, self.provided
        return certificates.wait(*state, self.reporter)

    def lead_past_edges(self) -> str:
        """Have others stand in for the edges, which drop new connections when they load routes."""
        state = self.standing, self.before, self.reporter, 0
        self.is_led_past_edges = edge_change.begin(*state, also=self.share_with_canary)
        return "others stand in" if self.is_led_past_edges else "not possible"

    def lead_to_edges(self) -> None:
        """Have nobody stand in for the edges any more."""
        if self.is_led_past_edges:
            edge_change.end(self.standing, self.before)
            self.is_led_past_edges = False

    def cut_over(self) -> str:
        if self.lease:
            self.lease.check()
        began = time.monotonic()
        warnings = self.edges.tell(self.after.routing, self.reporter)
        if self.is_led_past_edges:
            edge_change.close(self.before)
        self.cutover_seconds = time.monotonic() - began
        self.watching.begin()
        for line in warnings:
            self.reporter.note(line)
        return f"{len(self.edges.hosts)} acknowledged in {self.cutover_seconds * 1000:.0f} ms"

    def cut_back(self) -> None:
        try:
            if self.live is not None:
                self.edges.tell(self.before.routing)
        finally:  # edges that start find the live release again
            if self.signpost is not None:
                (self.live_standing() or self.standing).point(self.before.routing)

    def lead_signpost(self) -> None:
        """Have edges that start find the new colour; whether they do is looked at afterwards."""
        with contextlib.suppress(SlipwayError):
            self.signpost = self.standing.hand_over(self.after.routing)

    def settle(self) -> str:
        manager, app = self.cluster.manager, self.env.prefix
        timing = Timing(self.took(), self.seconds, self.canary_result)
        history.live(manager, self.observed, app, self.release, self.colour, timing)
        if self.canary:
            with contextlib.suppress(SlipwayError):  # without its lease it counts no more
                canary_record.end(manager, app)
        return self.release.label

    def show_routes(self) -> str:
        """Have edges that start find the new routes soon; one that starts right now asks again."""
        self.signpost = self.signpost or self.standing.hand_over(self.after.routing)
        return "is being shown"

    def await_routes(self) -> str:
        """Have edges that start find them, and wait until they do: the old colour ends next."""
        before = self.signpost or self.standing.hand_over(self.after.routing)
        self.standing.await_signpost(before)
        # One may have started while the signpost still showed the old way.
        self.after.correct(self.edges.serving())
        return "shown"

    def see(self) -> Sight:
        """See whether it serves; an edge that started while it was shown the old way is told."""
        sight = self.after.look(is_ready=self.is_warm_return)  # asked a moment ago
        if sight.problems and self.after.correct(self.edges.serving()):
            return self.after.look(is_ready=self.is_warm_return)
        return sight

    def show_live_routes(self) -> str:
        # What is finished is the release that serves: a draft of the same files has no images.
        (self.live_standing() or self.standing).point(self.before.routing)
        self.before.correct(self.edges.serving())
        return "shown"

    def stop_idle(self) -> str:
        stacks.remove(self.cluster.manager, self.idle_stack)
        return f"{self.colour} stopped"

    def prune(self) -> str:
        observed = observe(self.cluster.manager, self.env.prefix)
        state = self.env, self.cluster, observed, self.release
        return prune.run(*state, self.looks.inventory)

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
        app, seconds = self.env.prefix, self.took()
        history.failed(manager, app, self.release, self.colour, seconds, reason)
