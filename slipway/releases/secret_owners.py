"""Whether an environment has the secrets of its services, and whether these could read them."""

from collections.abc import Mapping

from slipway.environments.environment import Environment
from slipway.errors import ConfigError
from slipway.hosts.host import Host
from slipway.images.sources import Image
from slipway.releases import stack
from slipway.releases.release import Release

ROOT = ("", "0", "root", "0:0", "root:root")


def demand(env: Environment, release: Release) -> None:
    """Raise ConfigError for a secret that a service needs and the environment has not."""
    for service in release.services:
        for entry in stack.needed_secrets(env, release, service):
            if (key := entry["source"]) not in release.secrets:
                file = f"secrets/{env.secrets_file.name}"
                raise ConfigError(
                    f"{file}: {key} is missing, and services.{service.name} in compose.yml has it "
                    f"among its secrets; add it: sops edit {file}"
                )


def check(env: Environment, release: Release, host: Host, images: Mapping[str, Image]) -> None:
    """Raise ConfigError where a service without `user:` has an image that does not run as root.

    `images` are those that are built, by tag. Without a user a secret belongs to root.
    """
    for service in release.services:
        image = images.get(release.tags[service.name])
        owned = [one for one in stack.needed_secrets(env, release, service) if not one.get("uid")]
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
