"""What is wrong with the secrets of an environment, as far as it can be seen without a key."""

from collections.abc import Iterator

from slipway.environments.environment import Environment
from slipway.environments.setting_rules import file_in
from slipway.errors import ConfigError
from slipway.secrets import encrypted_file, recipients, sops
from slipway.suggest import nearest


def names(env: Environment) -> list[str]:
    """Return the names that the environment's file has; none without one."""
    if not env.secrets_file.is_file():
        return []
    return [name for name in encrypted_file.lint(env.secrets_file) if name != "sops"]


def problems(env: Environment) -> Iterator[str]:
    """Say what is missing, unknown, damaged, or open to others."""
    path = env.secrets_file
    if not path.is_file():
        if any(rule.secret and rule.is_required(env.name) for rule in env.rules.values()):
            yield f"secrets/{path.name} is missing; create it: inv secrets.create --env={env.name}"
        return
    try:
        present = names(env)
        recipients.check(path)
        sops.demand_required(env, present)
    except ConfigError as error:
        yield from str(error).splitlines()
        return
    known = [rule.key for rule in env.rules.values() if rule.secret]
    for name in present:
        if name not in known:
            yield (
                f"secrets/{path.name}: {name} is not a secret in "
                f"compose/{file_in(env.compose).name}{nearest(name, known)}"
            )
