"""Whether a past release can have the data of today: its volumes, its server's major version."""

from collections.abc import Mapping
from dataclasses import dataclass

from slipway import shell_scripts
from slipway.errors import Refused
from slipway.hosts import parallel
from slipway.hosts.host import Host, script
from slipway.machines.connect import Cluster
from slipway.releases import mounts
from slipway.releases.release import Release
from slipway.secrets import role_passwords

MAJOR = shell_scripts.read(__file__, "data_return_major.sh")


@dataclass(frozen=True)
class DataService:
    """What a service with data would find it with: its image and its volumes by where they are."""

    image: str
    volumes: Mapping[str, str]


def check(cluster: Cluster, live: Release, target: Release, database: str) -> None:
    """Raise Refused where a service of `target` could not take over the data of `live`.

    `database` is the service that has to be a PostgreSQL; of others nothing else is known.
    """
    before, after = _services(live), _services(target)
    for name in sorted(before.keys() & after.keys()):
        if before[name] == after[name]:
            continue
        majors = [_major(cluster, each[name].image) for each in (before, after)]
        if name == database:
            majors = [major or None for major in majors]
        if reason := complaint(name, before[name], after[name], *majors):
            raise Refused(
                f"{target.label} cannot have the data of {live.label}: {reason}. Nothing was "
                "changed; runbooks/upgrade-postgres.md, Roll back, says how to return with the data"
            )


def without_roles(live: Release, target: Release) -> str:
    """Say what a release cannot do that was deployed before the database got its roles."""
    if role_passwords.KEYS[0] not in live.secrets or role_passwords.KEYS[0] in target.secrets:
        return ""
    return (
        f"{target.label} is from before the database got its roles: it serves, but until the next "
        "deploy nothing is backed up, migrated or restored"
    )


def complaint(
    name: str, now: DataService, then: DataService, major: str | None, earlier: str | None
) -> str:
    """Say why a service as it was `then` could not serve what it keeps `now`; nothing if it can.

    The versions are those of its PostgreSQL: empty where it is none, None where that is unknown.
    """
    for target in sorted(now.volumes.keys() & then.volumes.keys()):
        if now.volumes[target] != then.volumes[target]:
            return (
                f"{name} keeps it in the volume {now.volumes[target]}, and had it in "
                f"{then.volumes[target]}"
            )
    for image, version in ((now.image, major), (then.image, earlier)):
        if version is None:
            return (
                f"the version of {name} is unknown: its image {image} has no PG_MAJOR and no "
                "program postgres, or is on no machine"
            )
    if major != earlier:
        return f"{name} is {_called(major)} by now, and was {_called(earlier)}"
    return ""


def _called(version: str | None) -> str:
    return f"PostgreSQL {version}" if version else "no PostgreSQL"


def _services(release: Release) -> dict[str, DataService]:
    return {
        service.name: DataService(release.images[service.name], mounts.volumes(service.spec))
        for service in release.of("data")
    }


def _major(cluster: Cluster, image: str) -> str | None:
    """Read a server's major version from its image, where any machine has that."""

    def ask(host: Host) -> list[str]:
        return script(host, MAJOR, image, timeout=60).out.split()

    answers = [words for words in parallel.each(cluster.all, ask) if words]
    return "".join(answers[0][1:]) if answers else None
