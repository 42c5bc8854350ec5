"""A .env file whose secrets an environment takes over: nothing is guessed, and nothing is lost."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from slipway.environments import envfile
from slipway.environments.environment import Environment
from slipway.environments.setting_rules import KEY, file_in
from slipway.errors import ConfigError, listing
from slipway.scaffold.importing.variables import is_secret
from slipway.secrets.secret import Secret


@dataclass(frozen=True)
class Sorted:
    """The names of a .env file by what becomes of them."""

    secrets: Mapping[str, Secret]
    plain: Mapping[str, str]  # settings, which belong in the environment's env file


def read(env: Environment, file: Path) -> Sorted:
    """Sort a file's names by the rules of the project's settings.

    Raises ConfigError with every line that is not clear and every name that no rule knows, with the
    rule that it could have; never with a value.
    """
    values = {key: value for key, value in envfile.read(file).items() if value}
    problems = envfile.comments_behind_values(file)
    problems += [
        f"{file.name}: {key[:60]!a} must be capital letters, digits and underscores"
        for key in values
        if not KEY.fullmatch(key)
    ]
    unknown = [key for key in values if KEY.fullmatch(key) and key not in env.rules]
    problems += [_proposal(env, file, key, values[key]) for key in unknown]
    if problems:
        raise ConfigError(f"{listing(problems)}\nnothing was taken over")
    secrets = {key: Secret(value) for key, value in values.items() if env.rules[key].secret}
    return Sorted(secrets, {key: value for key, value in values.items() if key not in secrets})


def _proposal(env: Environment, file: Path, key: str, value: str) -> str:
    looks, rule = ("secret", "secret: true") if is_secret(key, value) else ("plain", "type: text")
    settings = f"compose/{file_in(env.compose).name}"
    return f"{file.name}: {key} is not in {settings}; it looks {looks}, so add: {key}: {{{rule}}}"
