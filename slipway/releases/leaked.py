"""A value that leaked: its former versions are removed from an environment at once."""

from slipway.cluster import lease
from slipway.environments.environment import Environment
from slipway.machines import connect
from slipway.progress import Reporter
from slipway.secrets import former


def plan(env: Environment, key: str) -> list[str]:
    """Return the former versions that would be removed; changes nothing."""
    with connect.connected(env) as cluster:
        return former.names(cluster.manager, env, key)


def forget(env: Environment, key: str, reporter: Reporter) -> str:
    """Remove the former versions. Raises DifferenceFound where a service still has one."""
    with (
        connect.connected(env, reporter=reporter) as cluster,
        lease.hold(cluster.manager, env.prefix, f"forgetting values of {key}", reporter),
    ):
        return former.remove(cluster.manager, env, key)
