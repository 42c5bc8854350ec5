"""Secrets: encrypted files in git, delivered by a deploy."""

from typing import TYPE_CHECKING

from .command import command

if TYPE_CHECKING:
    from slipway.environments.environment import Environment

SIGNERS = "backups/signers.yml"


@command(runbook="secrets", docker=False)
def create(env: "Environment") -> None:
    """Make the secrets of an environment: random values, encrypted to your age key.

    A required one that cannot be made up is asked for; without a terminal it is named.

    Example: inv secrets.create --env=staging
    """
    from slipway.client import signing
    from slipway.secrets import creation
    from slipway.show import secret_prompt, writer

    by_hand, typed = creation.by_hand(env), {}
    if secret_prompt.is_somebody_there() and not env.secrets_file.exists():
        answers = {
            n: secret_prompt.typed(f"{n}. {env.rules[n].help} Enter: later") for n in by_hand
        }
        typed = {name: value for name, value in answers.items() if value.reveal()}
    names = creation.create(env, typed)
    signers = f" and {SIGNERS}" if signing.name_signers(env) else ""
    writer.say(
        f"secrets/{env.secrets_file.name} holds {', '.join(names)}; "
        f"commit it with .sops.yaml{signers}"
    )
    for name in (each for each in by_hand if each not in typed):
        writer.say(f"! {name} is still missing: inv secrets.set --env={env.name} --name={name}")


@command(
    name="set",
    runbook="secrets",
    docker=False,
    help={"name": "The secret, as compose/settings.yml calls it."},
)
def put(env: "Environment", *, name: str) -> None:
    """Give a secret a value: asked for without showing it, or read from stdin.

    Examples:
      inv secrets.set --env=staging --name=SMTP_PASSWORD
      inv secrets.set --env=prod --name=DATABASE_CA < ca.pem
    """
    from slipway.secrets import creation
    from slipway.show import secret_prompt, writer

    creation.check_name(env, name)
    had_one = creation.put(env, name, secret_prompt.ask(f"{name} of {env.name}"))
    how = "another value" if had_one else "a value"
    writer.say(f"{name} has {how} in secrets/{env.secrets_file.name}; commit and deploy")


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
