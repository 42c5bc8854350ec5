"""What a person has typed in an editor becomes the smallest change of a file of secrets."""

from collections.abc import Mapping

from slipway.environments.environment import Environment
from slipway.environments.setting_rules import file_in
from slipway.errors import ConfigError, Refused, listing
from slipway.secrets import change, edit_text, encrypted_file
from slipway.secrets.secret import Secret
from slipway.suggest import nearest


def check(env: Environment, text: str) -> dict[str, Secret]:
    """Read a text that was edited. Raises ConfigError with all that the rules say against it."""
    values = edit_text.read(text)
    names = [rule.key for rule in env.rules.values() if rule.secret]
    settings = f"compose/{file_in(env.compose).name}"
    problems = [
        f"{name} is no secret of {settings}{nearest(name, names)}"
        for name in values
        if name not in names
    ]
    required = (rule for rule in env.rules.values() if rule.secret and rule.is_required(env.name))
    problems += [
        f"{rule.key} is missing, and {env.name} must have it"
        for rule in required
        if rule.key not in values and not rule.composed
    ]
    if problems:
        raise ConfigError(listing(problems))
    change.check_values(env, values)
    return values


def write(
    env: Environment, before: bytes, old: Mapping[str, Secret], new: Mapping[str, Secret]
) -> list[str]:
    """Write what differs; return the names. `before` is the file that was shown.

    Raises Refused where somebody gave one of these another value meanwhile.
    """
    values = {name: value for name, value in new.items() if old.get(name) != value}
    removed = sorted(old.keys() - new.keys())
    names = sorted([*values, *removed])
    shown = encrypted_file.parse(before.decode(), env.secrets_file)
    present = encrypted_file.lint(env.secrets_file)
    if lost := [name for name in names if shown.get(name) != present.get(name)]:
        raise Refused(
            f"{', '.join(lost)} of {env.name} got another value while you edited; nothing was "
            "changed, look at it again with: inv secrets.edit --env=" + env.name
        )
    if names:
        change.apply(env, values, removed)
    return names
