"""What a deploy would do and why it would refuse to, read without changing anything."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial

from slipway.cluster import ledger
from slipway.environments.environment import Environment
from slipway.errors import SlipwayError
from slipway.machines import connect
from slipway.migrations import files, review
from slipway.migrations.verdict import NO_LOCK
from slipway.plan import Plan
from slipway.progress import SILENT
from slipway.releases import (
    changes,
    commit_range,
    history,
    old_colour,
    plans,
    shared_services,
    volumes,
)
from slipway.releases import commit as commits
from slipway.releases import deploy as deploys
from slipway.releases import draft as drafts
from slipway.releases.changes import Change
from slipway.releases.commit_range import CommitRange
from slipway.releases.deploy import DeployOptions
from slipway.releases.deployment import Deployment
from slipway.releases.migrations import server_major


@dataclass(frozen=True)
class PlannedStatement:
    """One statement of a migration that is new: what it locks, and how that goes with users."""

    file: str
    line: int
    statement: str
    lock: str
    risk: str


@dataclass(frozen=True)
class Preview:
    """What a deploy would do.

    `plans` are none where all is up to date. `refusals` end this deploy, `later` only one that
    changes something. `restarts` names services that stand and would start once more, `starts`
    those of the new colour, beside the old; `seconds` maps a step to what it is expected to take.
    """

    plans: Sequence[Plan]
    notes: Sequence[str] = ()
    refusals: Sequence[str] = ()
    later: Sequence[str] = ()
    changes: Sequence[Change] = ()
    commits: CommitRange | None = None
    statements: Sequence[PlannedStatement] = ()
    machines: Sequence[str] = ()
    starts: Sequence[str] = ()
    restarts: Sequence[str] = ()
    stays: Sequence[str] = ()
    seconds: Mapping[str, float] = field(default_factory=dict)

    @property
    def changes_something(self) -> bool:
        return bool(self.plans)


def read(env: Environment, options: DeployOptions = deploys.USUAL) -> Preview:
    """Read what a deploy of this checkout would change, and why it would refuse to."""
    commit = commits.read()
    gates = (
        [] if env.is_local or options.dirty else [partial(commits.demand_clean, commit, env.name)]
    )
    with connect.connecting(env, lenient=options.lenient) as connected:
        draft = drafts.draft(env, commit)
        deployment = deploys.read(env, connected(), draft, SILENT, makes_swarm=False)
        deployment.canary = options.canary
        deployment.takes_older_secrets = options.older_secrets
        return of(deployment, gates)


def of(deployment: Deployment, gates: Sequence[Callable[[], object]] = ()) -> Preview:
    """Tell what a deploy would do; `gates` are what it asks before anything else."""
    images = deployment.draft.images.values()
    stand_ins = partial(drafts.refuse_stand_ins, deployment.env, images)
    missing = [f"continuing without {sentence}" for sentence in deployment.cluster.missing]
    first = foresee([*gates, deployment.standing.refuse_unfinished_swap])
    later = [
        one
        for one in foresee([*deployment.checks(), deployment.check_room, stand_ins])
        if one not in first
    ]
    if deployment.is_up_to_date():
        finishing = [plans.finish(deployment)] if deployment.is_unfinished() else []
        return Preview(finishing, missing, first, later)
    # What refuses the deploy is told as such, once there is somebody to be hurt.
    is_told = deployment.live is not None
    findings = [str(one) for one in deployment.schema.findings() if not (one.blocks and is_told)]
    undecided = filter(None, [volumes.advice(deployment.env, deployment.release)])
    events = ledger.entries(deployment.observed, deployment.env.prefix)
    live, release = deployment.live, deployment.release
    return Preview(
        plans=[step(deployment) for step in (plans.deploy, plans.tidy_up, plans.clean_up)],
        notes=[*missing, *findings, *undecided],
        refusals=[*first, *later],
        changes=changes.between(live, release),
        commits=commit_range.read(live.commit, release.commit) if live else None,
        statements=_statements(deployment),
        machines=[host.name for host in deployment.cluster.all],
        starts=[service.name for service in release.of("colour")],
        restarts=deployment.standing.stale(),
        stays=_untouched(deployment),
        seconds=history.expected(events),
    )


def read_rollback(env: Environment, number: int | None = None, *, lenient: bool = False) -> Preview:
    """Read what a return to a past release would change. Raises Refused where there is none."""
    with connect.connected(env, lenient=lenient) as cluster:
        return of_rollback(deploys.read_past(env, cluster, SILENT, number))


def of_rollback(deployment: Deployment) -> Preview:
    """Tell what a return to a past release would do; whether its data fit is seen in a step."""
    missing = [f"continuing without {sentence}" for sentence in deployment.cluster.missing]
    if deployment.serves_already():
        finishing = [plans.finish(deployment)] if deployment.is_unfinished() else []
        return Preview(finishing, missing)
    live, release = deployment.live, deployment.release
    is_warm = old_colour.holds_target(deployment)
    obstacle = old_colour.obstacle(deployment) if is_warm else ""
    deployment.is_warm_return = is_warm and not obstacle
    return Preview(
        plans=[step(deployment) for step in (plans.rollback, plans.tidy_up, plans.clean_up)],
        notes=[*missing, *([obstacle] if obstacle else [])],
        changes=changes.between(live, release),
        machines=[host.name for host in deployment.cluster.all],
        starts=[] if deployment.is_warm_return else [each.name for each in release.of("colour")],
        restarts=deployment.standing.stale(),
        stays=_untouched(deployment),
        seconds=history.expected(ledger.entries(deployment.observed, deployment.env.prefix)),
    )


def _untouched(deployment: Deployment) -> list[str]:
    """Name the services that stand and go on as they are."""
    roles = shared_services.ROLES
    standing = {one.name for role in roles for one in deployment.release.of(role)}
    return sorted(standing - set(deployment.standing.stale()))


def foresee(checks: Sequence[Callable[[], object]]) -> list[str]:
    """Run all checks at once, and return what each of them would refuse, in their order."""

    def refusal(check: Callable[[], object]) -> str:
        try:
            check()
        except SlipwayError as error:
            return str(error)
        return ""

    with ThreadPoolExecutor(max(1, len(checks))) as pool:
        return list(filter(None, pool.map(refusal, checks)))


def _statements(deployment: Deployment) -> list[PlannedStatement]:
    """List what the new migrations lock, statement by statement."""
    pending = deployment.schema.pending
    if not pending or deployment.live is None:
        return []
    compose = deployment.env.compose
    newest = {migration.version for migration in pending}
    earlier = [one for one in files.read(compose / "migrations") if one.version not in newest]
    schema = review.learn(earlier, server_major(compose))
    return [
        PlannedStatement(
            finding.filename, finding.line, finding.statement, finding.lock, finding.risk
        )
        for migration in pending
        for finding in review.review(migration, server_major(compose), schema)
        if finding.lock != NO_LOCK or finding.rule
    ]
