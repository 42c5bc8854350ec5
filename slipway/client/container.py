"""The container of an environment in which the engine works beside the database."""

from collections.abc import Sequence
from dataclasses import dataclass

from slipway.errors import Refused
from slipway.hosts import parallel
from slipway.hosts.host import Host

# Prints the ops container of a deployed environment, or the one of the hacking loop.
FIND = r"""
docker ps -q --no-trunc --filter status=running --filter "label=$1" --filter "label=$2" | head -n 1
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
    found = _find(hosts, f"slipway.app={app}", "slipway.service=ops")
    if found is None:
        raise Refused(
            f"{name} is not deployed, so nothing runs beside its database; type: "
            f"inv deploy --env={name}"
        )
    return Container(*found, name)


def hacking(host: Host, project: str) -> Container:
    """Find the ops container of the hacking loop. Raises Refused when the loop is not up."""
    loop = f"com.docker.compose.project={project}"
    found = _find([host], loop, "com.docker.compose.service=ops")
    if found is None:
        raise Refused("the hacking loop is not up; type: inv up")
    return Container(*found, "the hacking loop")


def database(hosts: Sequence[Host], there: Container) -> Container:
    """Find the container of the database beside which there is a place. Raises Refused."""
    form = ["docker", "inspect", "--format", APP, there.container]
    app, project = there.host.run(form).out.strip("\n").split("|")
    if app:
        found = _find(hosts, f"slipway.app={app}", "slipway.service=db")
    else:
        loop = f"com.docker.compose.project={project}"
        found = _find(hosts, loop, "com.docker.compose.service=db")
    if found is None:
        raise Refused(
            f"no database of its own runs in {there.what}; of one that is elsewhere, whoever "
            "runs it keeps the changes"
        )
    return Container(*found, there.what)


def _find(hosts: Sequence[Host], first: str, second: str) -> tuple[Host, str] | None:
    def ask(host: Host) -> tuple[Host, str]:
        done = host.run(["sh", "-euc", FIND, "sh", first, second], timeout=20)
        return host, done.out.strip()

    return next((each for each in parallel.each(hosts, ask) if each[1]), None)
