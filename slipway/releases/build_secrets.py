"""What a build mounts for a RUN line: an environment's secrets, read when there is something to
build.
"""

from collections.abc import Callable
from functools import cache

from slipway.environments.environment import Environment
from slipway.errors import ConfigError
from slipway.images.sources import Build
from slipway.secrets import composition, sops
from slipway.secrets.secret import Secret


def reader(env: Environment) -> Callable[[Build, str], bytes]:
    """Return what reads a secret for a build. It raises ConfigError for one that is missing."""

    @cache
    def values() -> dict[str, Secret]:
        secrets = sops.read(env)
        return secrets | composition.values(env, secrets)

    def read(build: Build, name: str) -> bytes:
        if name not in values():
            raise ConfigError(
                f"secrets/{env.secrets_file.name}: {name} is missing, and services.{build.service}"
                f".build needs it; type: inv secrets.set --env={env.name} --name={name}"
            )
        value, rule = values()[name].reveal(), env.rules.get(name)
        return rule.data(value) if rule else value.encode()

    return read
