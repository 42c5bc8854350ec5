"""Which volumes of data services are backed up as files, by their label, and which are not."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from slipway.environments.environment import Environment
from slipway.releases.application import Service
from slipway.releases.release import Release
from slipway.releases.volume_labels import LABEL


def kept(release: Release) -> dict[str, Mapping[str, Any]]:
    """Map the volumes that are backed up as files to what the compose files say of them."""
    return {source: mount for source, mount in _volumes(release) if _word(mount) == "files"}


def files(env: Environment, release: Release) -> dict[str, Mapping[str, Any]]:
    """Map all volumes of data services, but for those of the database, to what is said of them."""
    database = env.settings.get("DATABASE_HOST", "")
    return dict(_of(service for service in release.of("data") if service.name != database))


def unmarked(env: Environment, release: Release) -> list[str]:
    """Return the volumes that nobody decided about; the database has backups of its own."""
    return sorted(name for name, mount in files(env, release).items() if not _word(mount))


def users(release: Release, volumes: Iterable[str]) -> list[str]:
    """Return the services that have one of these volumes mounted."""
    sources = set(volumes)
    return [
        service.name
        for service in release.of("data")
        if sources & {source for source, _ in _of([service])}
    ]


def advice(env: Environment, release: Release) -> str:
    """Say what to decide about volumes that are not backed up; nothing where that is done."""
    names = unmarked(env, release)
    if not names:
        return ""
    word = "volumes are" if len(names) > 1 else "the volume is"
    return (
        f"{word} not backed up: {', '.join(names)}; write labels: {{{LABEL}: files}} to it under "
        f"volumes in compose/compose.yml, or {LABEL}: none where it may be lost"
    )


def _volumes(release: Release) -> Iterator[tuple[str, Mapping[str, Any]]]:
    return _of(release.of("data"))


def _of(services: Iterable[Service]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for service in services:
        for mount in service.spec.get("volumes") or []:
            if mount.get("type") == "volume" and mount.get("source"):
                yield str(mount["source"]), mount


def _word(mount: Mapping[str, Any]) -> str:
    return str(((mount.get("definition") or {}).get("labels") or {}).get(LABEL, ""))
