"""What is in the files of secrets: names and ages, one value, what came from elsewhere."""

from typing import TYPE_CHECKING

from .command import command, environments

if TYPE_CHECKING:
    from slipway.environments.environment import Environment


@command(
    name="list",
    runbook="look-into-secrets",
    docker=False,
    help={
        "all_": "Also those that the environment may have and has not.",
        "json": "Print JSON.",
    },
)
def list_(env: "Environment | None" = None, *, all_: bool = False, json: bool = False) -> None:
    """List secrets by name: what for, set or missing where, changed when and by whom; needs no key.

    Examples:
      inv secrets.list --env=prod
      inv secrets.list --all --json
    """
    from slipway.environments import environment
    from slipway.secrets import overview
    from slipway.show import secrets as show

    envs = [env] if env else [environment.load(name) for name in environments()]
    entries = [each for one in envs for each in overview.entries(one)]
    show.overview([each for each in entries if all_ or each.state != "optional"], as_json=json)


@command(
    runbook="look-into-secrets",
    docker=False,
    help={"name": "The secret whose value is shown."},
    suggestions={"name": "secrets"},
)
def reveal(env: "Environment", *, name: str) -> None:
    """Show one value, at a terminal only; .slipway/reveals.jsonl notes who looked at which, when.

    Example: inv secrets.reveal --env=staging --name=SMTP_PASSWORD
    """
    from slipway.errors import Refused, UsageError
    from slipway.secrets import composition, reveals, sops
    from slipway.show import secret_prompt, secrets
    from slipway.suggest import nearest

    if not secret_prompt.is_somebody_there(also_reading=True):
        raise Refused(
            "a value is shown at a terminal only, and not written into a pipe or a file; a service "
            "finds it in /run/secrets"
        )
    values = sops.read_so_far(env)
    values |= composition.values(env, values)
    if name not in values:
        hint = nearest(name, values)
        raise UsageError(f"secrets/{env.secrets_file.name} has no {name[:60]}{hint}")
    reveals.record(env, name)
    secrets.value(values[name])


@command(
    runbook="look-into-secrets",
    docker=False,
    help={"with_": "Another environment; without it the last commit."},
    choices={"with_": environments},
)
def diff(env: "Environment", *, with_: str = "") -> None:
    """Say by name which secrets differ: from the last commit, or set in one environment only.

    Values are not compared: two environments should never have the same. It needs no key.

    Examples:
      inv secrets.diff --env=prod
      inv secrets.diff --env=staging --with=prod
    """
    from slipway.environments import environment
    from slipway.secrets import history, overview
    from slipway.show import secrets as show

    if with_:
        other = environment.load(with_)
        names = overview.names_apart(overview.entries(env), overview.entries(other))
        show.names_apart(names, env.name, other.name)
    else:
        present = [each for each in history.changes(env.secrets_file) if not each.commit]
        show.history(present, "as in the last commit")


@command(
    runbook="look-into-secrets",
    docker=False,
    help={"name": "Only changes of this secret.", "json": "Print JSON."},
    suggestions={"name": "secrets"},
)
def history(env: "Environment", *, name: str = "", json: bool = False) -> None:
    """Say from git who changed which secrets when, by name, the newest first; needs no key.

    Examples:
      inv secrets.history --env=prod
      inv secrets.history --env=prod --name=SESSION_KEY --json
    """
    from slipway.errors import UsageError
    from slipway.secrets import history as past
    from slipway.show import secrets as show
    from slipway.suggest import nearest

    changes = past.changes(env.secrets_file)
    known = {*env.rules, *(every for each in changes for every in each.names)}
    if name and name not in known:
        raise UsageError(f"--name={name[:60]} never was a secret here{nearest(name, known)}")
    show.history(
        [each for each in changes if not name or name in each.names or each.is_rekeyed],
        "git knows of no change",
        as_json=json,
    )


@command(
    runbook="look-into-secrets",
    docker=False,
    help={
        "from_": "The environment that has the values.",
        "to": "The environment that gets them.",
        "names": "The secrets, with commas.",
        "replace": "Also where there is another value already.",
    },
    choices={"from_": environments, "to": environments},
)
def copy(*, from_: str, to: str, names: str, replace: bool = False) -> None:
    """Give an environment values of another one: those of a provider that knows only one account.

    Never from production to where more people read, nor what each environment generates for itself.

    Example: inv secrets.copy --from=staging --to=prod --names=SMTP_PASSWORD,MAPS_TOKEN
    """
    from slipway.environments import environment
    from slipway.secrets import copying
    from slipway.show import commit_offer, writer

    target = environment.load(to)
    chosen = [name for name in names.replace(",", " ").split() if name]
    copied = copying.copy(environment.load(from_), target, chosen, replace=replace)
    file = f"secrets/{target.secrets_file.name}"
    writer.say(f"{file} has now {', '.join(copied)} of {from_}; commit and deploy")
    commit_offer.offer([file], f"Take {', '.join(copied)} of {from_} over into {to}")


@command(
    name="import",
    runbook="look-into-secrets",
    docker=False,
    help={
        "file": "The .env file; it is read, and left as it is.",
        "replace": "Also where there is another value already.",
    },
)
def import_(env: "Environment", *, file: str, replace: bool = False) -> None:
    """Take the secrets of a .env file over, all or none of them; say which names are plain.

    What programs read differently (quotes, $, comments behind a value) is refused, with its line.

    Example: inv secrets.import --env=staging --file=.env
    """
    from pathlib import Path

    from slipway.scaffold.importing import dotenv_file
    from slipway.secrets import creation
    from slipway.show import commit_offer, writer

    parts = dotenv_file.read(env, Path(file))
    names = creation.take_over(env, parts.secrets, replace=replace)
    target = f"secrets/{env.secrets_file.name}"
    writer.say(
        f"{target} has now {', '.join(names)}; commit and deploy"
        if names
        else f"{file} has no secret that compose/settings.yml knows; nothing was changed"
    )
    for name in parts.plain:
        writer.say(f"! {name} is a plain setting: it belongs in compose/{env.name}.env")
    if names:
        writer.say(f"{file} still holds the values in the open: remove it when nothing needs it")
        commit_offer.offer([target], f"Take {', '.join(names)} of {env.name} over")
