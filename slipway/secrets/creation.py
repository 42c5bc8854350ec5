"""The secrets of an environment made, and given other values: random ones, or what is typed."""

import base64
import os
import secrets
from collections.abc import Collection, Mapping
from pathlib import Path
from types import MappingProxyType

from slipway import whole_file
from slipway.environments.environment import Environment
from slipway.environments.setting_rules import KEY, file_in
from slipway.errors import ConfigError, Refused, UsageError
from slipway.hosts.local import LocalHost
from slipway.project import ROOT
from slipway.secrets import change, encrypted_file, identity, policy, programs, role_passwords, sops
from slipway.secrets.programs import UntrustedProgram
from slipway.secrets.secret import Secret
from slipway.suggest import nearest

USUAL_SIZE = 32  # bytes of a random value, where no rule says how many


def by_hand(env: Environment) -> list[str]:
    """Name the secrets that an environment must have and nobody can make up."""
    rules = [rule for rule in env.rules.values() if rule.secret and rule.is_required(env.name)]
    return [rule.key for rule in rules if not (rule.generate or rule.composed)]


def create(env: Environment, typed: Mapping[str, Secret] = MappingProxyType({})) -> list[str]:
    """Write secrets/<env>.sops.yaml; return the names in it.

    A secret that has `generate` gets a random value, another one what was typed. A rule for the
    file, with this person's key, is added to .sops.yaml where there is none.
    Raises Refused when the file is there already: values are never overwritten.
    """
    if env.secrets_file.exists():
        raise Refused(
            f"secrets/{env.secrets_file.name} already exists; change a value with: "
            f"inv secrets.set --env={env.name} --name=NAME"
        )
    rules = [rule for rule in env.rules.values() if rule.secret and rule.generate]
    sops.demand_program(env)
    if not policy.has_rule(env):
        policy.add_rule(env, public_key())
    values = {rule.key: random(rule.generate) for rule in rules} | dict(typed)
    _write(env, sops.encrypt(values, env))
    return sorted(values)


def put(env: Environment, name: str, value: Secret) -> bool:
    """Give one secret a value, and leave every other as it is; return whether it had one.

    Raises Refused where there is no file yet.
    """
    check_name(env, name)
    change.read(env)  # whose complaints say more than those of a file that is in conflict
    had_one = name in encrypted_file.lint(env.secrets_file)
    change.apply(env, {name: value})
    return had_one


def check_name(env: Environment, name: str) -> None:
    """Raise what is in the way of giving a secret a value, before anybody types one."""
    names = [rule.key for rule in env.rules.values() if rule.secret]
    if name not in names:
        file, hint = file_in(env.compose).name, nearest(name, names)
        add = f"{name}: {{secret: true}}" if KEY.fullmatch(name) else "NAME: {secret: true}"
        raise UsageError(
            f"--name={name[:60]} is no secret of compose/{file}{hint}; a new one is a line there: "
            f"{add}"
        )
    if not env.secrets_file.is_file():
        raise Refused(
            f"secrets/{env.secrets_file.name} is missing; create it: "
            f"inv secrets.create --env={env.name}"
        )


def add(env: Environment, names: Collection[str] = ()) -> list[str]:
    """Give secrets that have `generate` and are not there a random value; return their names.

    Without `names` it is every one but the passwords of the database's roles, which are a move of
    their own. What is there stays as it is. Raises Refused where there is no file yet.
    """
    values = sops.read_so_far(env)
    generated = [rule.key for rule in env.rules.values() if rule.generate]
    chosen = names or [key for key in generated if key not in role_passwords.KEYS]
    missing = [key for key in generated if key in chosen and key not in values]
    if missing:
        change.apply(env, {key: random(env.rules[key].generate) for key in missing})
    return missing


def generate(env: Environment, name: str, *, replace: bool) -> bool:
    """Give a secret a random value; return whether it had one. Raises Refused without `replace`."""
    check_name(env, name)
    change.read(env)
    had_one = name in encrypted_file.lint(env.secrets_file)
    if had_one and not replace:
        raise Refused(
            f"{name} of {env.name} has a value already; to have another one in its place, and the "
            "old one refused where it was used (runbooks/rotate-secrets.md), add --replace"
        )
    change.apply(env, {name: random(env.rules[name].generate or USUAL_SIZE)})
    return had_one


def take_over(env: Environment, values: Mapping[str, Secret], *, replace: bool) -> list[str]:
    """Give several secrets values at once; return the names. Raises Refused without `replace`."""
    change.read(env)
    document = encrypted_file.lint(env.secrets_file)
    existing = [name for name in values if name in document]
    if existing and not replace:
        raise Refused(
            f"{env.name} has {', '.join(existing)} already, and nothing was taken over; to have "
            "the values of the file in their place, add --replace"
        )
    if values:
        change.apply(env, values)
    return sorted(values)


def unset(env: Environment, name: str) -> None:
    """Take a secret out of an environment's file. Raises Refused where it must have it."""
    change.read(env)
    document = encrypted_file.lint(env.secrets_file)
    if name not in document or name == "sops":
        hint = nearest(name, [each for each in document if each != "sops"])
        raise UsageError(f"secrets/{env.secrets_file.name} has no {name[:60]}{hint}")
    rule = env.rules.get(name)
    if rule and rule.is_required(env.name) and not rule.composed:
        raise Refused(
            f"{env.name} must have {name}, says compose/{file_in(env.compose).name}; take "
            "`required` out there first, or give it another value with: "
            f"inv secrets.set --env={env.name} --name={name}"
        )
    change.apply(env, removed=[name])


def _write(env: Environment, text: str) -> None:
    """Put the file in place once it is known to open here: else whoever made it were locked out."""
    path = env.secrets_file
    with (
        change.locked(path),
        whole_file.draft(path) as draft,
    ):  # whose name ends alike: sops reads YAML by it
        draft.write_text(text, encoding="utf-8")
        try:
            sops.decrypt(draft, env)
        except UntrustedProgram:
            raise
        except Refused:
            raise Refused(
                f"secrets/{path.name} was not made: the rule for it in .sops.yaml does "
                f"not name your key, so you could not read it (yours: {_own(env)}); add it to the "
                "rule, or let somebody whom it names do this"
            ) from None


def _own(env: Environment) -> str:
    return (
        identity.present(sops.key_file(env))
        or "none; make one: age-keygen -o ~/.config/sops/age/keys.txt"
    )


def public_key() -> str:
    """Return this person's age key, the public half; makes a pair on first use."""
    path, keygen = _key_file(), _keygen()
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        LocalHost().run([keygen, "-o", str(path)], timeout=20)
        path.chmod(0o600)
    result = LocalHost().run([keygen, "-y", str(path)], timeout=20, check=False)
    keys = identity.PUBLIC.findall(result.out)
    if result.code != 0 or not keys:
        raise ConfigError(f"{path} does not hold an age key")
    return str(keys[0])


def make_key(path: Path) -> str:
    """Make an age key for somebody else in a file of its own; return the public half.

    Raises Refused for a file that is there, or that the repository would hold.
    """
    if path.exists():
        raise Refused(f"{path} is there already; nothing was changed")
    if path.resolve().is_relative_to(ROOT):
        raise Refused(f"{path} is in the repository, where a private key is read by others")
    keygen = _keygen()
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(LocalHost().run([keygen], timeout=20).out.encode())
    result = LocalHost().run([keygen, "-y", str(path)], timeout=20)
    return str(identity.PUBLIC.findall(result.out)[0])


def _keygen() -> str:
    keygen = programs.find("age-keygen")
    if keygen is None:
        raise Refused("age-keygen is not installed; run: inv bootstrap")
    return keygen


def _key_file() -> Path:
    named = os.environ.get("SOPS_AGE_KEY_FILE")
    config = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    return Path(named) if named else config / "sops" / "age" / "keys.txt"


def random(size: int) -> Secret:
    """Return a secret of so many random bytes, as text."""
    return Secret(base64.urlsafe_b64encode(secrets.token_bytes(size)).decode().rstrip("="))
