"""What the Swarm would refuse half-way, looked for before anything is built or changed."""

from slipway.cluster import stacks
from slipway.cluster.observed import Observed
from slipway.environments.environment import Environment
from slipway.errors import ConfigError, last_line
from slipway.hosts import registry_logins
from slipway.hosts.host import Host
from slipway.hosts.local import LocalHost
from slipway.images import credentials
from slipway.machines.connect import Cluster
from slipway.releases import existing_objects, file_swaps, stack
from slipway.releases.release import Release


def check(
    env: Environment, cluster: Cluster, observed: Observed, release: Release, live: Release | None
) -> None:
    """Raise ConfigError for a stack file, Refused for what is there, is missing or half done."""
    file_swaps.refuse_unfinished(env, observed)
    if registry := env.settings["REGISTRY"]:
        here = LocalHost("this computer")
        place = registry.partition("/")[0]
        hosts = [cluster.manager] if env.is_local else [here, cluster.manager]
        for host in () if place in registry_logins.registries() else hosts:
            credentials.check(host, registry)
    existing_objects.check(env, cluster, observed, release, live)
    read(env, cluster.manager, release)


def read(env: Environment, manager: Host, release: Release) -> None:
    """Have docker read all that a release would hand to it. Raises ConfigError with its reason."""
    if reason := stacks.trial(manager, stack.together(env, release.blank())):
        raise ConfigError(f"the compose files of {env.name}: docker stack: {last_line(reason)}")
