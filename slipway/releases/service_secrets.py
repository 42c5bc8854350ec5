"""The secrets of services: which they get, whether the environment has them, who can read them."""

from collections.abc import Mapping, Sequence
from typing import Any

from slipway.environments.environment import Environment
from slipway.errors import ConfigError, listing
from slipway.hosts.host import Host
from slipway.images.sources import Image
from slipway.releases import compose_labels
from slipway.releases.application import Service
from slipway.releases.release import Release
from slipway.secrets import delivery

FOLDER = "/run/secrets/"
ROOT = ("", "0", "root", "0:0", "root:root")


def entries(service: Service) -> Sequence[Mapping[str, Any]]:
    """Return what its compose file says of the secrets of a service."""
    return service.spec.get("secrets") or []


def sources(service: Service, settings: Mapping[str, str]) -> list[str]:
    """Name the secrets of a service under these settings: some are for an archive alone."""
    only_then = compose_labels.of(service.spec).get("slipway.pitr-secrets", "").split()
    keys = [str(entry["source"]) for entry in entries(service)]
    return [key for key in keys if settings.get("PITR") == "on" or key not in only_then]


def of(env: Environment, release: Release, service: Service) -> list[dict[str, str | int]]:
    """Return the secrets of a service as a stack file describes them."""
    return [_secret(release, service, entry) for entry in _needed(env, release, service)]


def needed(env: Environment, release: Release) -> dict[str, str]:
    """Return the secrets that a service has; the rest, such as those of builds, go nowhere."""
    keys = {each["source"] for one in release.services for each in _needed(env, release, one)}
    return {key: name for key, name in release.secrets.items() if key in keys}


def demand(env: Environment, release: Release) -> None:
    """Raise ConfigError for secrets that services need and the environment has not."""
    _demand_authority(env, release)
    file, lacking = f"secrets/{env.secrets_file.name}", dict[str, list[str]]()
    for service in release.services:
        for entry in _needed(env, release, service):
            if (key := entry["source"]) in delivery.KEPT_HERE:
                raise ConfigError(
                    f"compose/compose.yml: services.{service.name}: {key} is for whoever "
                    "deploys and goes to no machine; leave it out"
                )
            if key not in release.secrets:
                lacking.setdefault(key, []).append(service.name)
    if lacking:
        problems = [
            f"{file}: {key} is missing, and services.{names[0]} in compose.yml has it among its "
            f"secrets; type: {_advice(env, key)}"
            for key, names in sorted(lacking.items())
        ]
        raise ConfigError(listing(problems))


def _advice(env: Environment, key: str) -> str:
    """Say what to type for a secret that is missing: one that can be made up, or is composed."""
    rule = env.rules.get(key)
    if rule is not None and rule.composed:
        lacking = [name for name in rule.parts if env.rules[name].secret]
        return f"inv secrets.set --env={env.name} --name={lacking[0]}, of which it is composed"
    if rule is not None and rule.generate:
        return f"inv secrets.add --env={env.name}"
    return f"inv secrets.set --env={env.name} --name={key}"


def _demand_authority(env: Environment, release: Release) -> None:
    """Find that the certificate which a setting names is none of the secrets."""
    key = env.settings.get("PGSSLROOTCERT", "")
    if key.startswith(FOLDER) and key.removeprefix(FOLDER) not in release.secrets:
        file = f"secrets/{env.secrets_file.name}"
        raise ConfigError(
            f"{file}: {key.removeprefix(FOLDER)} is missing, and PGSSLROOTCERT in "
            f"compose/{env.name}.env names it; type: "
            f"inv secrets.set --env={env.name} --name={key.removeprefix(FOLDER)}"
        )


def check(env: Environment, release: Release, host: Host, images: Mapping[str, Image]) -> None:
    """Raise ConfigError where a service without `user:` has an image that does not run as root.

    `images` are those that are built, by tag. Without a user a secret belongs to root.
    """
    for service in release.services:
        image = images.get(release.tags[service.name])
        owned = [one for one in _needed(env, release, service) if not one.get("uid")]
        if service.spec.get("user") or not owned or image is None:
            continue
        argv = ["docker", "image", "inspect", "--format", "{{.Config.User}}", image.id]
        user = host.run(argv, timeout=20).out.strip()
        if user not in ROOT:
            raise ConfigError(
                f"compose/compose.yml: services.{service.name}: its image runs as {user}, who "
                "could not read its secrets; write the user's numbers, such as user: "
                '"10001:10001"'
            )


def _needed(env: Environment, release: Release, service: Service) -> list[Mapping[str, Any]]:
    """Return the entries of a service's secrets that it gets in this environment."""
    keys = sources(service, env.settings)
    return [
        entry
        for entry in entries(service)
        if entry["source"] in keys and not _is_spared(env, release, entry["source"])
    ]


def _secret(release: Release, service: Service, entry: Mapping[str, Any]) -> dict[str, str | int]:
    user, _, group = str(service.spec.get("user") or "0:0").partition(":")
    mode = entry.get("mode") or 0o400
    return {
        "source": release.secrets[entry["source"]],
        "target": (entry.get("target") or entry["source"]).removeprefix("/run/secrets/"),
        "uid": str(entry.get("uid") or user),
        "gid": str(entry.get("gid") or group or user),
        "mode": int(mode, 8) if isinstance(mode, str) else mode,
    }


def _is_spared(env: Environment, release: Release, key: str) -> bool:
    """Say whether an environment goes without an optional secret."""
    rule = env.rules.get(key)
    optional = rule is not None and rule.secret and not rule.is_required(env.name)
    return optional and key not in release.secrets
