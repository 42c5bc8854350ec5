"""Deploy and roll back: read the world, take the lease, run the plan, say what serves."""

import contextlib
import dataclasses
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from slipway.cluster import gateway, lease, ledger, swarm
from slipway.cluster.observed import Observed, observe
from slipway.environments.environment import Environment
from slipway.errors import Refused
from slipway.hosts import docker_client
from slipway.hosts.local import LocalHost
from slipway.machines import connect
from slipway.machines.connect import Cluster
from slipway.progress import Reporter
from slipway.releases import canary as canaries
from slipway.releases import commit as commits
from slipway.releases import deploy_failures as failures
from slipway.releases import (
    deploy_log,
    history,
    hooks,
    lost_machines,
    network_encryption,
    notices,
    old_colour,
    plans,
    signed_in,
    standing_images,
    tidying,
    volumes,
)
from slipway.releases import draft as drafts
from slipway.releases.canary_options import CanaryOptions
from slipway.releases.deployment import Deployment
from slipway.releases.draft import Draft
from slipway.releases.notices import Notice
from slipway.releases.release import Release
from slipway.releases.timings import StepTiming, Stopwatch
from slipway.secrets import role_passwords

Approve = Callable[[Deployment], None]


@dataclass(frozen=True)
class DeployResult:
    """What a deploy came to."""

    environment: str
    changed: bool
    release: int
    commit: str
    colour: str
    cutover_seconds: float = 0.0
    not_seen_from_outside: Sequence[str] = ()  # machines that only say themselves that it serves
    addresses: Sequence[str] = ()  # where people find it
    timings: Sequence[StepTiming] = ()


@dataclass(frozen=True)
class DeployOptions:
    """How to deploy: what is not committed too, without machines that are down, after waiting so
    many seconds for another operator's change to end, to a share of the visitors first, with
    secrets whose values are older than those that serve."""

    dirty: bool = False
    lenient: bool = False
    patience: float = 0
    canary: CanaryOptions | None = None
    older_secrets: bool = False


USUAL = DeployOptions()


def deploy(
    env: Environment,
    reporter: Reporter,
    options: DeployOptions = USUAL,
    approve: Approve = lambda deployment: None,
) -> DeployResult:
    """Bring what the files say into service.

    `approve` is asked before anything is changed, and raises to refuse.

    Raises Refused before anything changed, RolledBack when the old release serves again,
    Busy when another operator holds the lease.
    """
    watch = Stopwatch(reporter)
    with signed_in.signed_in(env):
        result = _deploy(env, watch, options, approve)
    return replace(result, timings=watch.timings())


def _deploy(
    env: Environment, reporter: Stopwatch, options: DeployOptions, approve: Approve
) -> DeployResult:
    commit = commits.read()
    if not env.is_local and not options.dirty:
        commits.demand_clean(commit, env.name)
    hooks.check()  # before the first of them runs
    with connect.connecting(env, lenient=options.lenient, reporter=reporter) as connected:
        draft = drafts.draft(env, commit, reporter)
        cluster = connected()
        reporter.count(cluster.traffic)
        _note_unreachable(cluster, reporter)
        deployment = read(env, cluster, draft, reporter)
        deployment.canary = options.canary
        deployment.takes_older_secrets = options.older_secrets
        if deployment.is_up_to_date() and deployment.live and deployment.old:
            deployment.standing.refuse_unfinished_swap()  # what has the files is stopped
            _finish(deployment, reporter)
            _advise(env, draft.release, reporter)
            return _unchanged(deployment, deployment.live, deployment.old)
        approve(deployment)
        reason = f"deploy of {commits.short(commit.name)}"
        result = _run(deployment, draft, reporter, reason, options.patience)
        _advise(env, draft.release, reporter)
        return result


def rollback(
    env: Environment, reporter: Reporter, number: int | None = None, *, lenient: bool = False
) -> DeployResult:
    """Bring a past release back into service, the one before the serving one by default."""
    watch = Stopwatch(reporter)
    connected = connect.connected(env, lenient=lenient, reporter=watch)
    with signed_in.signed_in(env), connected as cluster:
        watch.count(cluster.traffic)
        _note_unreachable(cluster, watch)
        result = return_to(env, cluster, watch, number)
    return replace(result, timings=watch.timings())


def return_to(
    env: Environment, cluster: Cluster, reporter: Reporter, number: int | None = None
) -> DeployResult:
    """Bring a past release back into service on machines that are connected."""
    deployment = read_past(env, cluster, reporter, number)
    if deployment.serves_already():
        deployment.standing.refuse_unfinished_swap()
        _finish(deployment, reporter)
        return _unchanged(deployment, deployment.release, deployment.old or "none")
    reason = f"rollback to release {deployment.release.number}"
    return _run(deployment, deployment.draft, reporter, reason)


def read_past(
    env: Environment, cluster: Cluster, reporter: Reporter, number: int | None = None
) -> Deployment:
    """Read what a return to a past release starts from. Raises Refused where there is none."""
    observed = observe(cluster.manager, env.prefix)
    events = ledger.entries(observed, env.prefix)
    now = ledger.live(events)
    if now is None:
        raise Refused(f"{env.name} has no release yet; there is nothing to return to")
    recorded = ledger.numbers(observed, env.prefix)
    before = ledger.previous(tuple(e for e in events if e.release in recorded))
    target = number or (before.release if before else 0)
    if target not in recorded:
        names = ", ".join(str(n) for n in recorded if n != now.release) or "none"
        raise Refused(
            f"{env.name} has no {'release ' + str(number) if number else 'earlier release'} "
            f"to return to (on record: {names}; name one with --release). Nothing was changed"
        )
    release = history.read(cluster.manager, observed, env.prefix, target)
    draft = Draft(release, {}, {}, is_recorded=True)
    return read(env, cluster, draft, reporter, observed=observed)


def _run(
    before: Deployment, draft: Draft, reporter: Reporter, reason: str, patience: float = 0
) -> DeployResult:
    """Hold the lease, run the plan, tidy up, and log all of it on this computer."""
    env = before.env
    audience = notices.of(env, reporter)
    with (
        _hold_lease(before, reason, reporter, patience) as held,
        deploy_log.opened(env.name, before.release.number, reporter) as log,
    ):
        deployment = read(env, before.cluster, draft, log, makes_swarm=False)
        deployment.lease, deployment.canary = held, before.canary
        canaries.clear(deployment)
        log.write("begin", **deploy_log.facts(deployment))
        audience.send(_notice(deployment, "begun"))
        try:
            result = _bring_into_service(deployment, log)
        except BaseException as error:
            outcome = failures.outcome(error)
            log.write("end", result=outcome, reason=str(error), **_figures(deployment))
            audience.send(_notice(deployment, outcome, notices.reason_of(error)))
            raise
        cutover = result.cutover_seconds
        log.write("end", result="live", cutover_seconds=cutover, **_figures(deployment))
        audience.send(_notice(deployment, "live"))
        return result


def _figures(deployment: Deployment) -> dict[str, object]:
    """Return what the edges counted, around the cutover and of a canary."""
    counted = {"figures": deployment.counted, "canary": deployment.counted_of_canary}
    return {key: dataclasses.asdict(each) if each else None for key, each in counted.items()}


def _notice(deployment: Deployment, result: notices.Result, reason: str = "") -> Notice:
    release, env = deployment.release, deployment.env
    return Notice(
        result,
        project=env.project,
        env=env.name,
        release=release.number,
        commit=release.commit,
        by=lease.owner(),
        seconds=round(deployment.took(), 1),
        reason=reason,
        addresses=deployment.after.addresses,
    )


def _bring_into_service(deployment: Deployment, reporter: Reporter) -> DeployResult:
    env, draft = deployment.env, deployment.draft
    if draft.is_recorded:
        deployment.is_warm_return = old_colour.is_ready(deployment)
    plan = plans.rollback(deployment) if draft.is_recorded else plans.deploy(deployment)
    events = ledger.entries(deployment.observed, env.prefix)
    watch = failures.StepWatch(reporter, history.expected(events))
    deployment.seconds = watch.seconds
    try:
        lost_machines.continuing(plan, deployment).run(watch)
    except BaseException as error:
        failures.account_for(deployment, error, touched=watch.touched)
        raise
    release = deployment.release
    sight = tidying.run(deployment, reporter)
    return DeployResult(
        environment=env.name,
        changed=True,
        release=release.number,
        commit=release.commit,
        colour=deployment.colour,
        cutover_seconds=deployment.cutover_seconds,
        not_seen_from_outside=sight.inside,
        addresses=deployment.after.addresses,
    )


def _unchanged(deployment: Deployment, live: Release, colour: str) -> DeployResult:
    addresses = deployment.before.addresses
    return DeployResult(
        deployment.env.name, False, live.number, live.commit, colour, addresses=addresses
    )


@contextlib.contextmanager
def _hold_lease(
    before: Deployment, reason: str, reporter: Reporter, patience: float
) -> Iterator[lease.Lease]:
    """Hold the lease for a block; where it cannot be written, say what serves."""
    with contextlib.ExitStack() as stack:
        try:
            held = stack.enter_context(
                lease.hold(before.cluster.manager, before.env.prefix, reason, reporter, patience)
            )
        except Refused as error:
            raise Refused(f"{error}\n{before.serving_now()}") from error
        yield held


def _finish(deployment: Deployment, reporter: Reporter) -> None:
    """Do what a deploy that was killed after its release went live had still to do."""
    if deployment.is_unfinished():
        app = deployment.env.prefix
        with lease.hold(deployment.cluster.manager, app, "finishing a deploy"):
            canaries.clear(deployment)
            plans.finish(deployment).run(reporter)


def read(
    env: Environment,
    cluster: Cluster,
    draft: Draft,
    reporter: Reporter,
    *,
    makes_swarm: bool = True,
    observed: Observed | None = None,
) -> Deployment:
    """Read what a deploy starts from; on this computer a Swarm is made where there is none."""
    observed = observed or observe(cluster.manager, env.prefix)
    if env.is_local and makes_swarm:
        if note := gateway.bind(cluster.manager, _address(env), env.name):
            reporter.note(note)
        if not observed.is_manager:
            swarm.ensure_swarm(cluster.manager, gateway.LOOPBACK, gateway.LOOPBACK)
            observed = observe(cluster.manager, env.prefix)
    if not observed.is_manager and not env.is_local:
        raise Refused(f"the engine of {cluster.manager.name} is in no Swarm: inv machine.ls")
    if draft.release.number == 0:
        events = ledger.entries(observed, env.prefix)
        used = [*ledger.numbers(observed, env.prefix), *(event.release for event in events)]
        release = replace(draft.release, number=max(used, default=0) + 1)
        draft = replace(draft, release=release)
    deployment = Deployment(env, cluster, observed, draft, reporter)
    draft = network_encryption.settle(env, cluster, draft, deployment.live)
    deployment.draft = standing_images.keep(env, cluster, draft, deployment.live, LocalHost())
    return deployment


def _advise(env: Environment, release: Release, reporter: Reporter) -> None:
    for advice in filter(None, (role_passwords.advice(env), volumes.advice(env, release))):
        reporter.note(advice)


def _address(env: Environment) -> str:
    """Return where an environment on this computer is open; elsewhere it is reached from here."""
    is_ours = docker_client.look().address == docker_client.LOOPBACK
    is_alone = is_ours and env.settings.get("LISTEN", "loopback") == "loopback"
    return gateway.LOOPBACK if is_alone else gateway.EVERYWHERE


def _note_unreachable(cluster: Cluster, reporter: Reporter) -> None:
    for sentence in cluster.missing:
        reporter.note(f"continuing without {sentence}")
