"""Environments: their settings checked, shown, set and compared; one more made."""

from typing import TYPE_CHECKING

from .command import command, environments

if TYPE_CHECKING:
    from slipway.environments.environment import Environment


@command(runbook="environments", docker=False)
def check(env: "Environment | None" = None) -> None:
    """Check settings and secrets: missing, unknown, of a wrong kind, dangerous, overdue.

    It needs no key. It ends with 2 where a deploy would refuse, with 5 where a secret is overdue.

    Examples:
      inv env.check --env=prod
      inv env.check
    """
    from slipway.environments import environment
    from slipway.errors import ConfigError, DifferenceFound, listing
    from slipway.secrets import overview, state
    from slipway.show import writer

    names = [env.name] if env else environments()
    examined = [environment.examine(name) for name in names]
    problems = [line for one, lines in examined for line in (*lines, *state.problems(one))]
    if problems:
        raise ConfigError(listing(list(dict.fromkeys(problems))))
    overdue = [line for one, _ in examined for line in overview.overdue(one)]
    for line in overdue:
        writer.say(line)
    if overdue:
        raise DifferenceFound(f"{len(overdue)} secrets should have another value by now")
    writer.say(f"nothing is wrong with {', '.join(names)}")


@command(
    runbook="environments",
    docker=False,
    help={"name": "Only this setting or secret.", "json": "Print JSON."},
    suggestions={"name": "settings"},
)
def show(env: "Environment", *, name: str = "", json: bool = False) -> None:
    """Show each setting with the file that it comes from; secrets as ***.

    Examples:
      inv env.show --env=prod
      inv env.show --env=prod --name=LOG_LEVEL
    """
    from slipway.environments import origins
    from slipway.errors import UsageError
    from slipway.secrets import state
    from slipway.show import environments as show
    from slipway.suggest import nearest

    if name and name not in env.rules:
        raise UsageError(f"--name={name[:60]} is no setting{nearest(name, env.rules)}")
    values = origins.read(env, state.names(env))
    show.origins((each for each in values if name in ("", each.key)), as_json=json)


@command(
    name="set",
    runbook="environments",
    docker=False,
    help={"name": "The setting, as compose/settings.yml calls it.", "value": "Its value."},
    suggestions={"name": "settings"},
)
def set_(env: "Environment", *, name: str, value: str) -> None:
    """Give a setting a value in the environment's env file; a secret is never given so.

    Example: inv env.set --env=staging --name=LOG_LEVEL --value=debug
    """
    from slipway.environments import assignment
    from slipway.show import commit_offer, writer

    before = assignment.assign(env, name, value)
    file = f"compose/{env.name}.env"
    was = f", and had {before}" if before else ""
    writer.say(f"{name} is {value or 'empty'} in {file}{was}; commit and deploy")
    commit_offer.offer([file], f"Set {name} of {env.name}")


@command(
    runbook="environments",
    docker=False,
    help={
        "with_": "The environment to compare with.",
        "live": "Compare what serves too: commits, migrations, images. It connects to both.",
        "json": "Print JSON.",
    },
    choices={"with_": environments},
)
def diff(env: "Environment", *, with_: str, live: bool = False, json: bool = False) -> None:
    """Compare two environments: settings, images, replicas, schedules, which secrets there are.

    A difference is declared with its reason: `differs` in a rule of compose/settings.yml, or under
    `x-differs` in an overlay. One that is not ends this with 5.

    Examples:
      inv env.diff --env=staging --with=prod
      inv env.diff --env=staging --with=prod --live --json
    """
    from slipway.environments import environment
    from slipway.errors import DifferenceFound
    from slipway.releases import parity
    from slipway.show import environments as show
    from slipway.show import writer

    other = environment.load(with_)
    differences = parity.differences(env, other) + (parity.served(env, other) if live else [])
    show.differences(differences, env.name, other.name, as_json=json)
    undeclared = [each for each in differences if not each.reason]
    if undeclared:
        text = f"{len(undeclared)} differences of {env.name} and {other.name} are not declared"
        raise DifferenceFound(f"{text}: {', '.join(each.name for each in undeclared[:5])}")
    if not json:
        writer.say(f"{env.name} and {other.name} differ in nothing that is not declared")


@command(
    runbook="environments",
    docker=False,
    help={"name": "What it is to be called.", "like": "The environment that it begins as."},
    choices={"like": environments},
)
def new(*, name: str, like: str) -> None:
    """Make one more environment after another: its files, and what is left to do.

    Its secrets are its own, and so is what two environments cannot share.

    Example: inv env.new --name=demo --like=staging
    """
    from slipway.environments import environment
    from slipway.scaffold import new_environment
    from slipway.show import writer

    source = environment.load(like)
    paths = new_environment.create(source, name)
    writer.say(f"written: {', '.join(f'compose/{path.name}' for path in paths)}; what is left:")
    for step in new_environment.left(source, name):
        writer.say(f"  {step}")


@command(runbook="environments", docker=False)
def schema() -> None:
    """Write JSON schemas, by which an editor completes and checks settings.yml and compose files.

    They lie in .slipway/schemas/, made of this project's own rules; files that have none get the
    line that editors look for. Run it again when rules or environments change.

    Example: inv env.schema
    """
    from slipway.project import COMPOSE
    from slipway.releases import editor_schemas
    from slipway.show import writer

    changed = editor_schemas.write(COMPOSE)
    writer.say("written: .slipway/schemas/settings.json, compose.json and env.json")
    if changed:
        writer.say(f"with a line for editors now: {', '.join(changed)} in compose/")
