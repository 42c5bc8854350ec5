"""Secrets: encrypted files in git, delivered by a deploy."""

from typing import TYPE_CHECKING

from .command import command

if TYPE_CHECKING:
    from slipway.environments.environment import Environment

SIGNERS = "backups/signers.yml"


@command(runbook="secrets", docker=False)
def create(env: "Environment") -> None:
    """Make the secrets of an environment: random values, encrypted to your age key.

    Example: inv secrets.create --env=staging
    """
    from slipway.client import signing
    from slipway.secrets import creation
    from slipway.show import writer

    names = creation.create(env)
    signers = f" and {SIGNERS}" if signing.name_signers(env) else ""
    writer.say(
        f"secrets/{env.secrets_file.name} holds {', '.join(names)}; "
        f"commit it with .sops.yaml{signers}"
    )


@command(runbook="secrets", docker=False)
def add(env: "Environment") -> None:
    """Add secrets that the environment lacks, such as the keys that backups are signed with.

    Example: inv secrets.add --env=prod
    """
    from slipway.client import signing
    from slipway.secrets import creation
    from slipway.show import writer

    names = creation.add(env)
    file = f"secrets/{env.secrets_file.name}"
    changed = [f"{file} has now {', '.join(names)}"] if names else []
    if signing.name_signers(env):
        changed.append(f"{SIGNERS} names who signs backups of {env.name}")
    lines = "; ".join(changed)
    writer.say(f"{lines}; commit and deploy" if lines else f"{file} lacks nothing")


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
