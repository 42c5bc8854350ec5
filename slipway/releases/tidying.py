"""What comes after the point of no return: the rest is tidied up, and what serves is looked at."""

from concurrent.futures import ThreadPoolExecutor

from slipway.errors import Busy, SlipwayError
from slipway.plan import Plan
from slipway.progress import Reporter
from slipway.releases import lost_machines, old_colour, plans
from slipway.releases.deployment import Deployment
from slipway.releases.health import NotHealthy
from slipway.releases.serving import Sight


def run(deployment: Deployment, reporter: Reporter) -> Sight:
    """Tidy up; return where the release was seen to serve. Raises SlipwayError where it does not.

    What the last steps remove serves nobody, so it is looked at meanwhile: from the first of them
    on where the colour that served stays.
    """
    cluster = deployment.cluster
    with ThreadPoolExecutor(1) as pool:
        is_early = old_colour.stays(deployment) and not deployment.is_led_past_edges
        look = pool.submit(deployment.see) if is_early else None
        _follow(plans.tidy_up(deployment), deployment, reporter)
        if look is None or deployment.is_old_gone:
            cluster, look = deployment.cluster, pool.submit(deployment.see)
        _follow(plans.clean_up(deployment), deployment, reporter)
        sight = look.result()
    if deployment.cluster is not cluster:  # a machine was lost meanwhile, and that is allowed
        sight = deployment.see()
    if problems := [*sight.problems, *sight.unreachable]:
        env, label = deployment.env.name, deployment.release.label
        raise SlipwayError(
            f"{label} was put in service, but {'; '.join(problems)}\n"
            f"look at: inv status --env={env}, return with: inv rollback --env={env}"
        )
    return sight


def _follow(plan: Plan, deployment: Deployment, reporter: Reporter) -> None:
    label = deployment.release.label
    try:
        lost_machines.continuing(plan, deployment).run(reporter)
    except NotHealthy as error:
        raise SlipwayError(
            f"{label} serves and does not stay healthy: {error}\n"
            f"{deployment.old} was left running; return to it with: "
            f"inv rollback --env={deployment.env.name}"
        ) from error
    except Busy as error:
        raise Busy(f"{label} serves, but {error}. The next deploy finishes it") from error
    except SlipwayError as error:
        raise SlipwayError(
            f"{label} serves, but tidying up failed: {error}. The next deploy finishes it"
        ) from error
