"""The last look at a colour before it gets users: ready, and reached by every route."""

from slipway.errors import SlipwayError
from slipway.releases import probes
from slipway.releases.release import Release
from slipway.releases.serving import Serving

PATIENCE = 15.0
BLIND_PATIENCE = 5.0


def steady_seconds(release: Release, settle: float, *, is_past: bool) -> float:
    """Return how many seconds a release has to stay healthy before it gets users.

    A past one has served already, and somebody waits. Without a health check “running” is all
    there is to see, so it is looked at for longer.
    """
    is_blind = any(not service.has_health_check for service in release.of("colour"))
    return max(0 if is_past else settle, BLIND_PATIENCE if is_blind else 0)


def run(after: Serving) -> str:
    """See from every edge that what shall serve is ready, and that its routes lead there.

    Raises SlipwayError with what was asked, what it answered, and the service's last words.
    """
    cluster, services = after.cluster, [probe.service for probe in after.probes]
    # Until now nobody has asked a service without a health check whether it is well.
    is_blind = any(not service.has_health_check for service in services)
    try:
        patience = after.env.number("HEALTH_TIMEOUT") if is_blind else PATIENCE
        after.ask(cluster.all, patience, after.preview)
    except SlipwayError as error:
        stack = f"{after.env.prefix}-{after.colour}"
        raise probes.with_last_words(error, cluster.manager, stack, cluster.all) from error
    return f"{len(services)} services ready"
