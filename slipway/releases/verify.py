"""The serving release, tested in its own environment by the service called tests."""

from slipway.cluster.observed import observe
from slipway.environments.environment import Environment
from slipway.errors import Refused, SlipwayError
from slipway.machines import connect
from slipway.progress import Reporter
from slipway.releases import history, jobs
from slipway.releases.serving import Serving

SERVICE = "tests"


def verify(env: Environment, reporter: Reporter) -> tuple[str, ...]:
    """Run the tests against what serves; return what they printed.

    Raises SlipwayError, with their output, when they fail.
    """
    with connect.connected(env) as cluster:
        observed = observe(cluster.manager, env.prefix)
        release = history.serving(cluster.manager, observed, env.prefix)
        if release is None:
            raise Refused(f"{env.name} has no release to test; run: inv deploy --env={env.name}")
        service = next((s for s in release.of("job") if s.name == SERVICE), None)
        if service is None:
            raise Refused(f"{release.label} has no service called {SERVICE} with slipway.role job")
        # The edge tells which release answers to those who know its routes, if to nobody else.
        key = Serving(env, cluster, release, "none").routing.key
        facts = {"EXPECT_RELEASE": str(release.number), "ROUTES_KEY": key}
        outcome = jobs.run(cluster.manager, env, release, jobs.Job(service, facts), reporter)
    if not outcome.succeeded:
        lines = "\n".join(outcome.lines)
        raise SlipwayError(f"{release.label} fails its tests ({outcome.error})\n{lines}")
    return outcome.lines
