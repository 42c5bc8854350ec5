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


@command(runbook="secrets", docker=False)
def check() -> None:
    """Check without any key that secrets are encrypted to whom .sops.yaml names, and nobody else.

    Example: inv secrets.check
    """
    from slipway.errors import DifferenceFound
    from slipway.project import ROOT
    from slipway.secrets import recipients
    from slipway.show import writer

    problems = recipients.problems(ROOT / "secrets")
    for problem in problems:
        writer.say(problem)
    if problems:
        raise DifferenceFound("secrets may be open to others than .sops.yaml says, or closed")
    writer.say("every file of secrets is encrypted to those whom .sops.yaml names")
