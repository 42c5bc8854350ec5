"""What would make a deploy fail half-way, looked at on every machine before anything changes."""

import re
from collections.abc import Collection
from dataclasses import dataclass

from slipway import shell_scripts
from slipway.environments.environment import Environment
from slipway.errors import Refused
from slipway.hosts import docker_client, parallel
from slipway.hosts.answers import reading
from slipway.hosts.docker_client import DockerClient
from slipway.hosts.host import CommandResult, Host
from slipway.progress import SILENT, Reporter
from slipway.releases import edge_ports

LEAST_FREE = 1_000_000_000  # bytes; a release's images and their layers need some

LOOK = shell_scripts.read(__file__, "preflight_look.sh")
PROCESS = re.compile(r'users:\(\("([^"]+)",pid=(\d+)')


@dataclass(frozen=True)
class PreflightFindings:
    """What one machine says: free bytes, and who holds a port that the edge wants."""

    free: int | None  # None where it does not say
    taken: tuple[tuple[str, str], ...]
    unseen: tuple[str, ...] = ()  # of which it cannot say whether they are taken


def ports(env: Environment) -> set[str]:
    """Return the ports that the edge publishes on every machine: 443, 443/udp."""
    ports = {f"{port['published']}/{port['protocol']}" for port in edge_ports.of(env)}
    return {port.removesuffix("/tcp") for port in ports}


def check(
    env: Environment, hosts: list[Host], free: Collection[str], reporter: Reporter = SILENT
) -> None:
    """Look at every machine for disk, and for `free`, the ports that nobody may hold.

    Raises Refused, naming machine, port and holder, or the disk; also for what it cannot see. Where
    docker leads to an engine elsewhere, that is reported in place of refusing: nothing but the
    engine answers there.
    """
    client = reach(env, reporter)
    argv = command(env, client, free)
    parallel.each(hosts, lambda host: judge(env, client, host.run(argv, timeout=30)))


def reach(env: Environment, reporter: Reporter) -> DockerClient:
    """Return how docker is set; report where its engine is elsewhere."""
    client = docker_client.look() if env.is_local else DockerClient()
    if client.endpoint:
        reporter.note(f"disk and processes of {client.engine} cannot be seen, only its containers")
    return client


def command(env: Environment, client: DockerClient, free: Collection[str]) -> list[str]:
    """Return what a machine is asked; `judge` reads its answer."""
    place = "elsewhere" if client.endpoint else "here"
    return ["sh", "-euc", LOOK, "sh", env.prefix, place, *sorted(free)]


def judge(env: Environment, client: DockerClient, result: CommandResult) -> None:
    """Raise Refused for what one machine has answered, CommandFailed where it could not."""
    out, name = result.check().out, result.host
    with reading(name, "its ports and its disk"):
        findings = parse(out)
    for port, holder in findings.taken:
        other = "HTTP3=off" if port.endswith("udp") else "another HTTP_PORT"
        raise Refused(
            f"port {port} of {name} is taken by {holder}; stop that, or set {other} "
            f"in compose/{env.name}.env. Nothing was changed"
        )
    for port in findings.unseen:
        raise Refused(
            f"what listens on port {port} of {name} cannot be seen; ss has to work there "
            "(apt-get install iproute2). Nothing was changed"
        )
    if findings.free is None and client.endpoint:
        return
    if findings.free is None:
        raise Refused(
            f"how much disk {name} has free where Docker keeps its data cannot be seen; "
            "look at: docker info, df. Nothing was changed"
        )
    if findings.free < LEAST_FREE:
        raise Refused(
            f"{name} has {findings.free / 1e9:.1f} GB free where Docker keeps its data, "
            "and 1 GB is the least; look at: docker system df. Nothing was changed"
        )


def parse(text: str) -> PreflightFindings:
    """Read the lines that LOOK prints."""
    free = None
    taken, unseen = [], []
    for line in text.splitlines():
        word, _, rest = line.partition(" ")
        if word == "free":
            free = int(rest)
        elif word == "taken":
            port, _, who = rest.partition(" ")
            taken.append((port, _holder(who)))
        elif word == "unseen":
            unseen.append(rest)
    return PreflightFindings(free, tuple(taken), tuple(unseen))


def _holder(text: str) -> str:
    if match := PROCESS.search(text):
        return f"{match[1]} (process {match[2]})"
    if text == "?":
        return "another process"
    return text if text.startswith("the container") else "a process of another user"
