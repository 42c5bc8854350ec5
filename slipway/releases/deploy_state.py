"""What a deploy starts from: the files, the Swarm, the release that serves; whether they differ."""

import time
from collections.abc import Callable, Mapping
from functools import partial

from slipway.cluster import ledger
from slipway.cluster.lease import Lease
from slipway.cluster.observed import Observed, observe
from slipway.edge.edges import Edges
from slipway.edge.figures import BothColours, Counted
from slipway.environments.environment import Environment
from slipway.hosts.local import LocalHost
from slipway.machines.connect import Cluster
from slipway.progress import Reporter
from slipway.releases import (
    build_conditions,
    canary_options,
    certificates,
    history,
    hooks,
    job_schedule,
    maintenance,
    network_encryption,
    older_secrets,
    preflight,
    schedule,
    stack,
    warm,
)
from slipway.releases import swarm_preflight as swarm
from slipway.releases.canary_options import CanaryOptions
from slipway.releases.draft import Draft
from slipway.releases.health import HealthWatch
from slipway.releases.hooks import Hooks
from slipway.releases.machine_looks import MachineLooks
from slipway.releases.migrations import SchemaChange
from slipway.releases.release import Release
from slipway.releases.serving import Serving
from slipway.releases.shared_services import SharedServices
from slipway.releases.stack_watch import StackState
from slipway.secrets import delivery, former


class DeployState:
    """What one deploy starts from, and what its steps have come to."""

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
        idle = warm.of(observed, env.prefix)
        self.warm = idle if idle and idle.colour == self.colour else None
        self.is_warm_return = False  # whether the idle colour takes over as it runs
        self.is_old_gone = False  # whether the colour that served before was removed
        self.is_led_past_edges = False  # whether others stand in for the edges at the cutover
        self.lease: Lease | None = None
        self.looks = MachineLooks()  # before anything was changed
        self.is_migrated = False  # whether the serving release has the same migrations, and answers
        self.provided = ""  # serial number of a certificate that the team brought now
        self.cutover_seconds = 0.0
        timeout = env.number("HEALTH_TIMEOUT")
        self.watching = HealthWatch(self.idle_stack, timeout, reporter, observed.nodes)
        self.signpost: StackState | None = None  # as it stood before it was handed the new routes
        self.began = time.monotonic()
        self.counted: Counted | None = None  # by the edges, before the cutover and since
        self.canary: CanaryOptions | None = None
        self.takes_older_secrets = False  # whether a former value of one is wanted
        self.counted_of_canary: BothColours | None = None  # by the edges, while it ran
        self.canary_result = ""  # how it ended, for the ledger
        self.share_with_canary: Callable[[Edges], None] | None = None  # until the cutover
        self.failure = ""  # why it did not come into service, in one line
        self.seconds: Mapping[str, float] = {}  # what each step has taken so far

    @property
    def release(self) -> Release:
        return self.draft.release

    @property
    def before(self) -> Serving:
        return self._serving(self.live, self.old or "none")

    @property
    def edges(self) -> Edges:
        return self.before.edges

    @property
    def after(self) -> Serving:
        return self._serving(self.release, self.colour)

    def _serving(self, release: Release | None, colour: str) -> Serving:
        closed = maintenance.read(self.observed, self.env.prefix)
        # Before the first release the edges serve nothing, under its settings.
        env = self.env if release else self.release.environment(self.env)
        return Serving(env, self.cluster, release, colour, closed)

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
    def warm_names(self) -> list[str]:
        """The services of the warm colour that requests may be open to, as edges call them."""
        services = self.observed.stack(self.idle_stack) if self.warm else ()
        routed = (service for service in services if "slipway.port" in service.labels)
        return [service.name.rpartition("_")[2] for service in routed]

    @property
    def hooks(self) -> Hooks:
        """Programs of the team's own, told what is known by then."""
        return Hooks(self._facts, self.env.number("HOOK_TIMEOUT"))

    def _facts(self) -> dict[str, str]:
        live = self.live
        return {
            "COMMAND": "rollback" if self.draft.is_recorded else "deploy",
            "PROJECT": self.env.project,
            "ENV": self.env.name,
            "RELEASE": str(self.release.number),
            "COMMIT": self.release.commit,
            "COLOUR": self.colour,
            "OLD_RELEASE": str(live.number) if live else "",
            "OLD_COMMIT": live.commit if live else "",
            "BY": self.release.by,
            "MACHINES": " ".join(host.name for host in self.cluster.all),
            "ADDRESSES": " ".join(self.after.addresses),
            "SECONDS": f"{self.took():.0f}",
            "FAILURE": self.failure,
        }

    @property
    def machines(self) -> str:
        """How many machines there are, in words."""
        count = len(self.cluster.hosts)
        words = f"{count} machine{'s' * (count != 1)}"
        return self.cluster.manager.name if self.env.is_local else words

    @property
    def loads_routes(self) -> bool:
        """Whether the cutover has edges load other routes, and is not only another colour."""
        return self.live is not None and self.before.routing.key != self.after.routing.key

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

    def serves_already(self) -> bool:
        """Whether the release that is returned to is the one that serves, on every edge."""
        is_live = self.live is not None and self.live.number == self.release.number
        return is_live and not self.before.is_drifted(self.observed)

    def is_unfinished(self) -> bool:
        """Whether a deploy was killed before it had tidied up, or machines came or went since."""
        is_right = self.standing.is_signpost_right(self.before.routing.ident)
        state = (self.env, self.cluster, self.observed, self.live)
        is_old = schedule.is_stale(self.env, self.observed, self.live)
        is_old = is_old or job_schedule.is_stale(*state)
        is_off = is_old or not self.standing.is_as_described()
        is_left = not self.warm and bool(self.observed.stack(self.idle_stack))
        return is_off or not is_right or is_left

    def checks(self) -> list[Callable[[], object]]:
        """Return what is looked at before anything changes; each raises by itself."""
        state = (self.env, self.cluster, self.observed, self.release, self.live)
        return [
            hooks.check,
            self._check_canary,
            self._check_secrets,
            self._try_key,
            self._check_certificate,
            partial(build_conditions.check, self.env, self.observed.nodes, self.draft, LocalHost()),
            self.schema.check,
            partial(swarm.check, *state),
            partial(network_encryption.check, *state[:2], self.release),
        ]

    def _check_canary(self) -> None:
        if self.canary:
            canary_options.check(self.before, self.after)

    def _check_secrets(self) -> None:
        if self.live and not self.draft.is_recorded and not self.takes_older_secrets:
            older_secrets.check(self.env, self.observed, self.release, self.live, self.reporter)

    def _try_key(self) -> None:
        if set(self.release.secrets.values()) - self.observed.secrets:
            needed, present = self.release.secrets.values(), self.observed.secrets
            former.demand(self.env, self.release.label, needed, present)
            delivery.try_key(self.env, self.reporter)

    def _check_certificate(self) -> None:
        state = (self.env, self.release, self.live, self.observed.secrets)
        self.provided = certificates.check(*state, self.reporter)

    def check_room(self) -> None:
        """See that machines have disk and free ports, which a deploy asks with all the rest."""
        preflight.check(self.env, self.cluster.all, self.ports_to_be_free, self.reporter)

    @property
    def ports_to_be_free(self) -> set[str]:
        """The ports that an edge is to have and does not have yet."""
        ports = preflight.ports(self.env)
        if self.live is not None and self.observed.stack(f"{self.env.prefix}-edge"):
            ports -= preflight.ports(self.live.environment(self.env))  # its own edge has those
        return ports

    def took(self) -> float:
        """How long it has taken so far, in seconds."""
        return time.monotonic() - self.began

    def live_standing(self) -> SharedServices | None:
        """Return what stands, held against the live release; None before the first."""
        if self.live is None:
            return None
        observed = observe(self.cluster.manager, self.env.prefix)
        return SharedServices(self.env, self.cluster, observed, self.live)
