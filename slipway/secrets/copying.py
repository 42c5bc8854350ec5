"""Secrets that one environment takes over from another: the same value, for other people."""

from collections.abc import Collection

from slipway.environments import protection
from slipway.environments.environment import Environment
from slipway.environments.protection import DISPOSABLE
from slipway.errors import Refused, UsageError
from slipway.secrets import change, creation, encrypted_file, sops
from slipway.suggest import nearest


def copy(
    source: Environment, target: Environment, names: Collection[str], *, replace: bool
) -> list[str]:
    """Give `target` the values of `source`; return the names that changed.

    Raises Refused where others would read a value than until now, where each environment makes a
    value of its own, and without `replace` where there is another value already.
    """
    _check_direction(source, target)
    for name in names:
        creation.check_name(target, name)
        if target.rules[name].generate:
            raise Refused(
                f"{name} is made anew for each environment; a copy would let who breaks into one "
                f"into the other: inv secrets.generate --env={target.name} --name={name}"
            )
    change.read(target)
    values = sops.read_so_far(source)
    if missing := [name for name in names if name not in values]:
        hint = nearest(missing[0], values)
        raise UsageError(f"secrets/{source.secrets_file.name} has no {', '.join(missing)}{hint}")
    existing = [name for name in names if name in encrypted_file.lint(target.secrets_file)]
    if existing and not replace:
        raise Refused(
            f"{target.name} has {', '.join(existing)} already; to have the values of {source.name} "
            "in their place, add --replace"
        )
    change.apply(target, {name: values[name] for name in names})
    return sorted(names)


def _check_direction(source: Environment, target: Environment) -> None:
    if source.name == target.name:
        raise UsageError("--from and --to are one environment")
    if target.name in DISPOSABLE and source.name not in DISPOSABLE:
        raise Refused(
            f"the key of {target.name} lies in the repository, so a value of {source.name} would "
            "be open to whoever has that"
        )
    if protection.is_production(source) and not protection.is_production(target):
        raise Refused(
            f"more people read {target.name} than {source.name}; give it values of its own: "
            f"inv secrets.set --env={target.name} --name=NAME"
        )
