"""Whether a past release can have the data of today: its volumes, its server's major version."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from slipway.errors import Refused
from slipway.hosts import parallel
from slipway.hosts.host import Host
from slipway.machines.connect import Cluster
from slipway.releases import mounts
from slipway.releases.release import Release

ENVIRONMENT = "docker image inspect --format '{{json .Config.Env}}' \"$1\" 2>/dev/null || true"
MAJOR = "PG_MAJOR"  # which PostgreSQL's images say which directory format they write


@dataclass(frozen=True)
class DataService:
    """What a service with data would find it with: its image and its volumes by where they are."""

    image: str
    volumes: Mapping[str, str]


def check(cluster: Cluster, live: Release, target: Release) -> None:
    """Raise Refused where a service of `target` could not take over the data of `live`."""
    before, after = _services(live), _services(target)
    for name in sorted(before.keys() & after.keys()):
        if before[name] == after[name]:
            continue
        majors = [_major(cluster, each[name].image) for each in (before, after)]
        if reason := complaint(name, before[name], after[name], *majors):
            raise Refused(
                f"{target.label} cannot have the data of {live.label}: {reason}. Nothing was "
                "changed; runbooks/upgrade-postgres.md, Roll back, says how to return with the data"
            )


def complaint(name: str, now: DataService, then: DataService, major: str, earlier: str) -> str:
    """Say why a service as it was `then` could not serve what it keeps `now`; nothing if it can."""
    for target in sorted(now.volumes.keys() & then.volumes.keys()):
        if now.volumes[target] != then.volumes[target]:
            return (
                f"{name} keeps it in the volume {now.volumes[target]}, and had it in "
                f"{then.volumes[target]}"
            )
    if major and earlier and major != earlier:
        return f"{name} is PostgreSQL {major} by now, and was {earlier}"
    return ""


def _services(release: Release) -> dict[str, DataService]:
    return {
        service.name: DataService(release.images[service.name], mounts.volumes(service.spec))
        for service in release.of("data")
    }


def _major(cluster: Cluster, image: str) -> str:
    """Read a server's major version from its image, where any machine has that."""

    def ask(host: Host) -> str:
        result = host.run(["sh", "-euc", ENVIRONMENT, "sh", image], timeout=20)
        entries = json.loads(result.out or "[]")
        return next((entry for entry in entries if entry.startswith(f"{MAJOR}=")), "")

    answers = [answer for answer in parallel.each(cluster.all, ask) if answer]
    return answers[0].partition("=")[2] if answers else ""
