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
    help={
        "name": "The secret, as compose/settings.yml calls it.",
        "from_file": "A file with the value, all of its bytes; else it is asked for, or stdin.",
    },
    suggestions={"name": "secrets"},
)
def put(env: "Environment", *, name: str, from_file: str = "") -> None:
    """Give a secret a value: asked for without showing it, from a file, or read from stdin.

    Examples:
      inv secrets.set --env=staging --name=SMTP_PASSWORD
      inv secrets.set --env=prod --name=DATABASE_CA --from-file=ca.pem
      inv secrets.set --env=prod --name=DATABASE_CA < ca.pem
    """
    from pathlib import Path

    from slipway.secrets import creation
    from slipway.show import commit_offer, secret_prompt, writer

    creation.check_name(env, name)
    what = f"{name} of {env.name}"
    is_binary = env.rules[name].type == "binary"
    if from_file:
        value = secret_prompt.from_file(Path(from_file), what, is_binary=is_binary)
    else:
        value = secret_prompt.ask(what, is_binary=is_binary)
    had_one = creation.put(env, name, value)
    how = "another value" if had_one else "a value"
    file = f"secrets/{env.secrets_file.name}"
    writer.say(f"{name} has {how} in {file}; commit and deploy")
    commit_offer.offer([file], f"Give {what} {how}")


@command(
    runbook="secrets",
    docker=False,
    help={"name": "The secret to take out of the environment's file."},
    suggestions={"name": "secrets"},
)
def unset(env: "Environment", *, name: str) -> None:
    """Take a secret out of an environment; releases that are kept still have it.

    Example: inv secrets.unset --env=staging --name=SMTP_PASSWORD
    """
    from slipway.secrets import creation
    from slipway.show import commit_offer, writer

    creation.unset(env, name)
    file = f"secrets/{env.secrets_file.name}"
    writer.say(f"{name} is no longer in {file}; commit and deploy")
    commit_offer.offer([file], f"Take {name} of {env.name} out")


@command(
    runbook="secrets",
    docker=False,
    help={
        "name": "The secret that gets a random value.",
        "replace": "Also where it has one; who uses the old one needs the new one.",
    },
    suggestions={"name": "secrets"},
)
def generate(env: "Environment", *, name: str, replace: bool = False) -> None:
    """Give a secret a random value: as many bytes as its `generate` in compose/settings.yml, or 32.

    Examples:
      inv secrets.generate --env=staging --name=STATS_TOKEN
      inv secrets.generate --env=prod --name=SESSION_KEY --replace
    """
    from slipway.secrets import creation
    from slipway.show import commit_offer, writer

    had_one = creation.generate(env, name, replace=replace)
    how = "another random value" if had_one else "a random value"
    file = f"secrets/{env.secrets_file.name}"
    writer.say(f"{name} has {how} in {file}; commit and deploy")
    commit_offer.offer([file], f"Give {name} of {env.name} {how}")


@command(runbook="secrets", docker=False)
def edit(env: "Environment") -> None:
    """Edit the secrets of an environment in $EDITOR, in a file that lies in memory only.

    Values are checked as it closes; the file goes also when the editor or this command is killed.

    Example: inv secrets.edit --env=staging
    """
    from slipway.errors import Refused
    from slipway.secrets import change, edit_text, editing, sops
    from slipway.show import commit_offer, secret_editor, secret_prompt, writer

    if not secret_prompt.is_somebody_there():
        raise Refused(
            f"an editor needs a terminal; without one: inv secrets.set --env={env.name} --name=NAME"
        )
    before = change.read(env)
    old = sops.read_so_far(env)
    new = secret_editor.edited(edit_text.write(env, old), lambda text: editing.check(env, text))
    names = editing.write(env, before, old, new)
    file = f"secrets/{env.secrets_file.name}"
    writer.say(f"changed in {file}: {', '.join(names) or 'nothing'}")
    if names:
        commit_offer.offer([file], f"Change {', '.join(names)} of {env.name}")


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


@command(
    runbook="secrets",
    docker=False,
    help={
        "history": "Also look for keys and tokens in all commits; on a large repository minutes."
    },
)
def check(*, history: bool = False) -> None:
    """Check without any key who can read secrets, and that none lies in the open.

    Files of secrets are encrypted to whom .sops.yaml names, and nobody else; nothing in env files,
    ARG and ENV of Dockerfiles or a .env in git looks like a secret.

    Examples:
      inv secrets.check
      inv secrets.check --history
    """
    from slipway.checks import plain_secrets
    from slipway.errors import DifferenceFound
    from slipway.project import ROOT
    from slipway.secrets import recipients
    from slipway.show import writer

    problems = recipients.problems(ROOT / "secrets")
    problems += plain_secrets.in_files(ROOT)
    problems += plain_secrets.in_history(ROOT) if history else []
    for problem in problems:
        writer.say(problem)
    if problems:
        raise DifferenceFound("secrets may be open to others than .sops.yaml says, or closed")
    writer.say("every file of secrets is encrypted to those whom .sops.yaml names")
