"""What becomes of a colour that does not serve: kept warm, taken back, ended, or drained."""

from collections.abc import Callable, Sequence
from functools import partial

from slipway.cluster import stacks
from slipway.errors import Busy, Refused
from slipway.hosts import parallel
from slipway.machines import job_timer
from slipway.plan import Step
from slipway.releases import stack, warm, warm_memory
from slipway.releases.deployment import Deployment


def make_room(deployment: Deployment) -> list[Step]:
    """Return the step that ends a warm colour whose place a release takes."""
    left = deployment.warm
    if left is None:
        return []
    label = f"release {left.release}"
    text = f"end {left.colour}, warm as {label}: from here on a rollback starts what it returns to"

    def end() -> str:
        if not deployment.looks.edges.is_calm:  # nobody is sent there: they only get fewer
            _wait_for_requests(deployment, deployment.warm_names)
        # Where the timer was faster, nothing is left to remove.
        warm.end(deployment.cluster.manager, deployment.env.prefix, deployment.idle_stack)
        return f"{left.colour} stopped"

    return [Step("make room", text, end)]


def take_back(deployment: Deployment) -> list[Step]:
    """Return the steps that claim a warm colour for the release that it still runs."""
    label, colour = deployment.release.label, deployment.colour

    def claim() -> str:
        if not warm.claim(deployment.cluster.manager, deployment.env.prefix):
            raise Busy(f"the time of {colour} was up at this moment; retry, and it is started")
        return f"{colour} is ready"

    return [
        Step("check", f"check that {label} can have the data", deployment.check_data),
        Step("take back", f"claim {colour}, still warm as {label}", claim, deployment.empty),
    ]


def is_ready(deployment: Deployment) -> bool:
    """Whether the idle colour can take over at once as the release that is returned to."""
    if not holds_target(deployment):
        return False
    reason = obstacle(deployment)
    if reason:
        deployment.reporter.note(reason)
    return not reason


def holds_target(deployment: Deployment) -> bool:
    """Whether the idle colour is kept warm with the release that is returned to."""
    return deployment.warm is not None and deployment.warm.release == deployment.release.number


def obstacle(deployment: Deployment) -> str:
    """Say why a warm colour has to be started anew; empty where it can take over at once.

    It can when it runs as its release says, and its services say themselves that they can serve.
    """
    state = deployment.env, deployment.observed, deployment.release, deployment.colour
    reasons = warm.obstacles(*state)
    if not reasons and deployment.after.is_ready():
        return ""
    reason = next(iter(reasons), "it does not answer that it is ready")
    return f"{deployment.colour} is warm, and is started anew: {reason}"


def stays(deployment: Deployment) -> bool:
    """Whether the colour that served before is to be kept warm."""
    if deployment.old is None or deployment.live is None:
        return False
    return (
        warm_memory.decide(deployment.env, deployment.observed.nodes, deployment.live).minutes > 0
    )


def after_cutover(deployment: Deployment) -> list[Step]:
    """Return the steps for the colour that served: kept warm where there is room, else removed.

    Before it is removed, edges that start have to find the new one.
    """
    if deployment.old is None or deployment.live is None:
        return [_signpost(deployment.await_routes)]
    old, live = deployment.old, deployment.live
    time = warm_memory.decide(deployment.env, deployment.observed.nodes, live)
    if not time.minutes:
        reason = f" (not kept warm: {time.reason})" if time.reason else ""
        text = f"let {old} finish, then stop it{reason}"
        drain = Step("drain", text, lambda: _drain(deployment))
        return [_signpost(deployment.await_routes), drain]
    names = ", ".join(warm.stopped(live))
    text = f"keep {old} for {time.minutes} minutes, so that a rollback to it is one cutover"
    text += f"; without {names}" if names else ""
    keep = Step("keep warm", text, lambda: _keep(deployment, time.minutes))
    return [_signpost(deployment.show_routes), keep]


def hand_over(deployment: Deployment) -> list[Step]:
    """Return the step after a warm return: all at once, since somebody waits.

    What was stopped of the colour starts again, operations change where they were others, the other
    colour is kept warm, edges that start are shown the routes.
    """
    names = ", ".join(warm.stopped(deployment.release))
    signpost, *rest = after_cutover(deployment)
    works: list[Callable[[], str | None]] = [deployment.show_routes]
    texts = [signpost.describe]
    if names:
        works.append(partial(_start, deployment))
        texts.append(f"start {names}")
    if deployment.standing.differs("ops") and not deployment.standing.differ_for_users():
        works.append(deployment.begin_operations)
        texts.append("start operations as that release has them")
    works += [step.run for step in rest]
    texts += [step.describe for step in rest]

    def run() -> str:
        return "; ".join(filter(None, parallel.at_once(deployment.cluster.manager, works)))

    return [Step("hand over", "; ".join(texts), run)]


def _signpost(show: Callable[[], str]) -> Step:
    return Step("signpost", "have edges that start find the new routes", show)


def _start(deployment: Deployment) -> str:
    """Start what was stopped while the colour was warm; what runs of it is as described."""
    env, release = deployment.release.environment(deployment.env), deployment.release
    description = stack.colour_stack(env, release, deployment.colour)
    stacks.deploy(deployment.cluster.manager, deployment.idle_stack, description)
    return f"{', '.join(warm.stopped(release))} started"


def _keep(deployment: Deployment, minutes: int) -> str:
    cluster, old, live = deployment.cluster, deployment.old, deployment.live
    assert old is not None and live is not None  # noqa: S101  asked by after_cutover
    if not deployment.is_warm_return:  # else the timer that ended it would have ended this one
        try:
            seen = deployment.looks.timers
            job_timer.ensure([host for host in cluster.all if host.name not in seen])
        except Refused as error:
            deployment.reporter.note(f"{old} is not kept warm, since nothing would end it: {error}")
            deployment.await_routes()
            return _drain(deployment)
    left = warm.keep(cluster.manager, deployment.env.prefix, old, live, minutes)
    if not deployment.is_warm_return:
        _demand_healthy(deployment)
    return f"{old} until {left.time}"


def _wait_for_requests(deployment: Deployment, names: Sequence[str]) -> None:
    timeout = deployment.env.number("DRAIN_TIMEOUT")
    if left := deployment.edges.drain(names, timeout, deployment.reporter):
        text = f"{left} requests were still open after DRAIN_TIMEOUT and were ended"
        deployment.reporter.note(text)


def _demand_healthy(deployment: Deployment) -> None:
    """Raise NotHealthy where what serves now is not as it was at the cutover."""
    deployment.watching.demand(deployment.cluster.manager, deployment.cluster.all)


def _drain(deployment: Deployment) -> str:
    _wait_for_requests(deployment, deployment.before.names)
    _demand_healthy(deployment)
    # Removed, not scaled to nothing: an engine can lose the names of a service that is scaled
    # up again while its last tasks are still ending.
    stacks.remove(deployment.cluster.manager, f"{deployment.env.prefix}-{deployment.old}")
    deployment.is_old_gone = True
    return f"{deployment.old} stopped"
