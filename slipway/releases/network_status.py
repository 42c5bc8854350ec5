"""What keeps the machines' own traffic to themselves and is not as it should be, in words."""

from collections.abc import Iterator

from slipway.environments.environment import Environment
from slipway.errors import SlipwayError
from slipway.hosts import parallel
from slipway.machines import firewall, inventory
from slipway.machines.connect import Cluster
from slipway.releases import network_encryption
from slipway.releases.release import Release


def problems(env: Environment, cluster: Cluster, live: Release | None) -> Iterator[str]:
    """Read the firewall of every machine back, and say what to type where it is not ours, or where
    the live release's networks are open."""
    if env.is_local:
        return
    if live and (what := network_encryption.complaint(env, cluster, live)):
        yield what
    peers = [machine.address for machine in inventory.load(env.name)]
    answers = parallel.attempt(cluster.all, lambda host: firewall.look(host, peers))
    for host, answer in zip(cluster.all, answers, strict=True):
        if isinstance(answer, SlipwayError):
            yield f"the firewall cannot be read: {answer}"
        elif what := firewall.complaint(answer):
            yield f"{host.name} {what}: inv machine.provision --env={env.name} --name={host.name}"
