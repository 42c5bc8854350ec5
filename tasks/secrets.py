"""Secrets: encrypted files in git, delivered by a deploy."""

from typing import TYPE_CHECKING

from tasks.command import command

if TYPE_CHECKING:
    from slipway.environments.environment import Environment


@command(runbook="secrets", docker=False)
def create(env: "Environment") -> None:
    """Make the secrets of an environment: random values, encrypted to your age key.

    Example: inv secrets.create --env=staging
    """
    from slipway.secrets import creation
    from slipway.show import writer

    names = creation.create(env)
    writer.say(
        f"secrets/{env.secrets_file.name} holds {', '.join(names)}; commit it with .sops.yaml"
    )
