"""The container of an environment in which the engine works beside the database."""

from collections.abc import Sequence
from dataclasses import dataclass

from slipway.errors import Refused
from slipway.hosts import parallel
from slipway.hosts.answers import reading
from slipway.hosts.host import Host

# Prints the ops container of a deployed environment, or the one of the hacking loop.
FIND = r"""
ids=$(docker ps -q --no-trunc --filter status=running --filter "label=$1" --filter "label=$2")
printf '%s\n' "$ids" | head -n 1
"""
APP = '{{index .Config.Labels "slipway.app"}}|{{index .Config.Labels "com.docker.compose.project"}}'


@dataclass(frozen=True)
class Container:
    """Where the engine works; `what` names it for people."""

    host: Host
    container: str
    what: str


def deployed(hosts: Sequence[Host], app: str, name: str) -> Container:
    """Find the ops container of a deployed environment. Raises Refused when none runs."""
    match = _find(hosts, f"slipway.app={app}", "slipway.service=ops")
    if match is None:
        raise Refused(
            f"{name} is not deployed, so it has no ops container; type: inv deploy --env={name}"
        )
    return Container(*match, name)


def hacking(host: Host, project: str) -> Container:
    """Find the ops container of the hacking loop. Raises Refused when the loop is not up."""
    loop = f"com.docker.compose.project={project}"
    match = _find([host], loop, "com.docker.compose.service=ops")
    if match is None:
        raise Refused("the hacking loop is not up; type: inv up")
    return Container(*match, "the hacking loop")


def database(hosts: Sequence[Host], ops: Container) -> Container:
    """Find the container of the database beside an ops container. Raises Refused."""
    form = ["docker", "inspect", "--format", APP, ops.container]
    out = ops.host.run(form).out
    with reading(ops.host.name, f"the labels of {ops.what}"):
        app, project = out.strip("\n").split("|")
    if app:
        match = _find(hosts, f"slipway.app={app}", "slipway.service=db")
    else:
        loop = f"com.docker.compose.project={project}"
        match = _find(hosts, loop, "com.docker.compose.service=db")
    if match is None:
        raise Refused(
            f"no database of its own runs in {ops.what}; of one that is elsewhere, whoever "
            "runs it keeps the changes"
        )
    return Container(*match, ops.what)


def _find(hosts: Sequence[Host], first: str, second: str) -> tuple[Host, str] | None:
    def ask(host: Host) -> tuple[Host, str]:
        result = host.run(["sh", "-euc", FIND, "sh", first, second], timeout=20)
        return host, result.out.strip()

    return next(((host, name) for host, name in parallel.each(hosts, ask) if name), None)
