"""A look inside: logs of a service, a command in one of its containers."""

import json
from collections.abc import Callable, Sequence

from slipway.cluster import ledger
from slipway.cluster.observed import DeployedService, observe
from slipway.environments.environment import Environment
from slipway.errors import Refused, UsageError
from slipway.hosts import parallel
from slipway.hosts.answers import reading
from slipway.hosts.host import Host
from slipway.machines import connect
from slipway.machines.connect import Cluster
from slipway.releases import secret_variables
from slipway.suggest import nearest

ENTRYPOINT = ["docker", "container", "inspect", "--format", "{{json .Config.Entrypoint}}"]
FIND = ["docker", "ps", "--quiet", "--filter", "status=running", "--filter"]


def follow(
    env: Environment, service: str, *, lines: int, live: bool, on_line: Callable[[str], None]
) -> int:
    """Hand over a service's log lines, from every machine; `live` keeps on as they come."""
    with connect.connected(env, lenient=True) as cluster:
        deployed = find(env, cluster, service)
        argv = ["docker", "service", "logs", "--no-task-ids", "--tail", str(lines)]
        if live:
            argv.append("--follow")
        return cluster.manager.follow([*argv, deployed.name], on_line)


def execute(env: Environment, service: str, argv: Sequence[str], *, tty: bool) -> int:
    """Run a command in a running container of a service, on whichever machine has one.

    It has the variables that the service's own program has, those of secrets too.
    """
    with connect.connected(env, lenient=True) as cluster:
        deployed = find(env, cluster, service)
        for host, ident in parallel.each(
            cluster.all, lambda host: (host, _container(host, deployed))
        ):
            if ident:
                flags = ["--interactive", "--tty"] if tty else ["--interactive"]
                first = secret_variables.within(_entrypoint(host, ident))
                return host.attach(["docker", "exec", *flags, ident, *first, *argv])
        raise Refused(f"no container of {service} runs in {env.name}; look at: inv status")


def _container(host: Host, service: DeployedService) -> str:
    label = f"label=com.docker.swarm.service.name={service.name}"
    return (host.run([*FIND, label], timeout=20).out.split() or [""])[0]


def _entrypoint(host: Host, ident: str) -> list[str]:
    out = host.run([*ENTRYPOINT, ident], timeout=20).out
    with reading(host.name, "what a container starts"):
        return [str(word) for word in json.loads(out) or []]


def find(env: Environment, cluster: Cluster, name: str) -> DeployedService:
    """Find a service by its short name, in the colour that serves."""
    observed = observe(cluster.manager, env.prefix)
    live = ledger.live(ledger.entries(observed, env.prefix))
    colours = ("", live.colour if live else "")
    deployed = {s.service: s for s in observed.services if s.colour in colours}
    if name not in deployed:
        hint = (
            nearest(name, list(deployed)) or f" (one of: {', '.join(sorted(deployed)) or 'none'})"
        )
        raise UsageError(f"{env.name} runs no service {name[:40]!a}{hint}")
    return deployed[name]
