"""The last look at a colour before it gets users: ready, and reached by every route."""

from slipway.errors import SlipwayError
from slipway.releases import probes
from slipway.releases.serving import Serving

PATIENCE = 15.0


def run(after: Serving) -> str:
    """See from every edge that what shall serve is ready, and that its routes lead there.

    Raises SlipwayError with what was asked, what it answered, and the service's last words.
    """
    cluster, services = after.cluster, [probe.service for probe in after.probes]
    # Until now nobody has asked a service without a health check whether it is well.
    is_blind = any(not service.has_health_check for service in services)
    try:
        after.ask(cluster.all, after.env.number("HEALTH_TIMEOUT") if is_blind else PATIENCE)
    except SlipwayError as error:
        stack = f"{after.env.prefix}-{after.colour}"
        raise probes.with_last_words(error, cluster.manager, stack, cluster.all) from error
    after.edges.try_routes(after.preview)
    return f"{len(services)} services ready"
