"""Where each value of an environment comes from: a file, a default, its secrets; never a secret."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from slipway import secret_signs
from slipway.environments import envfile
from slipway.environments.environment import Environment

HIDDEN = "***"


@dataclass(frozen=True)
class Origin:
    """One setting or secret; its source is empty where it has no value."""

    key: str
    value: str
    source: str


def read(env: Environment, secrets: Collection[str]) -> Iterator[Origin]:
    """Yield all that the rules know, in their order; `secrets` names those that the file has."""
    files = [
        (f"compose/{path.name}", envfile.examine(path)[0])
        for path in (env.compose / f"{env.name}.env", env.compose / "common.env")
    ]
    for key, rule in env.rules.items():
        if rule.secret:
            yield _secret(env, key, secrets)
            continue
        default = "default" if rule.default is not None else ""
        source = next((name for name, values in files if key in values), default)
        value = env.settings.get(key, "")
        is_open = rule.is_plain or not (
            secret_signs.ADDRESS.search(value) or secret_signs.NAME.search(key)
        )
        yield Origin(key, value if is_open or not value else HIDDEN, source)


def _secret(env: Environment, key: str, secrets: Collection[str]) -> Origin:
    if key in secrets:
        return Origin(key, HIDDEN, f"secrets/{env.secrets_file.name}")
    composed = env.rules[key].composed
    return Origin(key, HIDDEN if composed else "", f"composed: {composed}" if composed else "")
