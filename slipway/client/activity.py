"""What the agent has under way in an environment, and waiting for it before its end is caused."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from slipway import shell_scripts
from slipway.agent.activity import MARKER, WORKS
from slipway.errors import Busy, HostError, last_line
from slipway.hosts import parallel
from slipway.hosts.answers import reading
from slipway.hosts.host import Host
from slipway.progress import Reporter

PATIENCE = 600.0  # seconds; a longer backup is not worth a deploy that hangs
POLL = 2.0
LOOK = shell_scripts.read(__file__, "activity_look.sh")
FREE = ["rm", "-f", str(MARKER)]
LIST = ["docker", "ps", "--quiet", "--no-trunc", "--filter", "status=running", "--filter"]
WORDS = {
    "backup": "a backup",
    "verify": "a verification of backups",
    "prune": "pruning of backups",
    "restore": "a restore",
    "recover": "a restore to a moment",
    "undo": "the undoing of a restore",
    "drill": "a restore drill",
    "reset": "a reset of the database",
    "seed": "seeding of the database",
    "migrate": "a migration",
    "rollback": "a migration's way back",
    "baseline": "a baseline of migrations",
    "job": "a scheduled job",
}


@dataclass(frozen=True)
class Activity:
    """Something that the agent does in a service's container, since so many seconds."""

    service: str
    verb: str
    seconds: int

    def __str__(self) -> str:
        what = WORDS.get(self.verb, "a command of inv db.*")
        return f"{what} has been running in {self.service} for {self.seconds} s"


def wait(
    hosts: Sequence[Host],
    app: str,
    services: Sequence[str],
    reporter: Reporter,
    patience: float = PATIENCE,
) -> None:
    """Wait until the agent does nothing in these; it begins nothing there until `release`.

    Raises Busy, saying what it does, when that takes too long.
    """
    deadline = time.monotonic() + patience
    noted: set[tuple[str, str]] = set()
    while under_way := look(hosts, app, services):
        release(hosts, app, services)
        names = {(activity.service, activity.verb) for activity in under_way}
        sentence = "; ".join(map(str, under_way))
        if time.monotonic() > deadline:
            raise Busy(f"{sentence}, which this would end; run it again when that is over")
        if names - noted:
            noted |= names
            reporter.note(f"waiting: {sentence}")
        time.sleep(POLL)


def look(hosts: Sequence[Host], app: str, services: Sequence[str]) -> list[Activity]:
    """Return what the agent does; where that is nothing, it begins nothing for two minutes.

    Raises HostError where that cannot be seen.
    """

    def ask(host: Host) -> list[Activity]:
        activities = []
        for service, container in _containers(host, app, services):
            argv = ["docker", "exec", container, "sh", "-uc", LOOK]
            result = host.run(argv, timeout=30, check=False)
            # One that ends meanwhile does nothing; of one that is frozen that is not known.
            if result.code != 0 and (service, container) in _containers(host, app, [service]):
                reason = last_line(result.err or result.out)
                raise HostError(host.name, f"what runs in {service} cannot be seen: {reason}")
            with reading(host.name, f"what runs in {service}"):
                activities += [_read(service, line) for line in result.out.splitlines()]
        return activities

    return [activity for activities in parallel.each(hosts, ask) for activity in activities]


def release(hosts: Sequence[Host], app: str, services: Sequence[str]) -> None:
    """Let the agent begin again."""

    def free(host: Host) -> None:
        for _, container in _containers(host, app, services):
            host.run(["docker", "exec", container, *FREE], timeout=30, check=False)

    parallel.attempt(hosts, free)


def _containers(host: Host, app: str, services: Sequence[str]) -> list[tuple[str, str]]:
    pairs = []
    for service in services:
        labels = f"label=slipway.app={app}", "--filter", f"label=slipway.service={service}"
        pairs += [(service, name) for name in host.run([*LIST, *labels], timeout=20).out.split()]
    return pairs


def _read(service: str, line: str) -> Activity:
    """Read a line; an engine older than this one does not show its verb."""
    seconds, name, _ = line.split("\t", 2)
    kind, _, verb = name.partition(" ")
    return Activity(service, verb if kind == WORKS else "", int(seconds))
