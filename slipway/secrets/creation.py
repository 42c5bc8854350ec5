"""The first secrets of an environment: random values, encrypted to the person who makes them."""

import base64
import os
import re
import secrets
import shutil
from pathlib import Path

from slipway.environments.environment import Environment
from slipway.environments.setting_rules import file_in
from slipway.errors import ConfigError, Refused
from slipway.hosts.local import LocalHost
from slipway.project import ROOT
from slipway.secrets import sops
from slipway.secrets.secret import Secret

POLICY = ROOT / ".sops.yaml"
PUBLIC = re.compile(r"^age1[a-z0-9]{50,}$", re.MULTILINE)


def create(env: Environment) -> list[str]:
    """Write secrets/<env>.sops.yaml with a random value for every secret; return their names.

    A rule for the file, with this person's key, is added to .sops.yaml where there is none.
    Raises Refused when the file is there already: values are never overwritten.
    """
    if env.secrets_file.exists():
        raise Refused(
            f"secrets/{env.secrets_file.name} already exists; change it with: sops "
            f"secrets/{env.secrets_file.name}"
        )
    rules = [rule for rule in env.rules.values() if rule.secret]
    by_hand = [rule.key for rule in rules if rule.is_required(env.name) and not rule.generate]
    if by_hand:
        file = file_in(env.compose).name
        raise ConfigError(
            f"{', '.join(by_hand)} cannot be generated (no `generate` in {file}); "
            f"write the file yourself: sops secrets/{env.secrets_file.name}"
        )
    if not _has_rule(env):
        _add_rule(env, public_key())
    values = {rule.key: _random(rule.generate) for rule in rules if rule.generate}
    sops.encrypt(values, env.secrets_file)
    return sorted(values)


def public_key() -> str:
    """Return this person's age key, the public half; makes a pair on first use."""
    path = _key_file()
    keygen = shutil.which("age-keygen")
    if keygen is None:
        raise Refused("age-keygen is not installed; run: inv bootstrap")
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        LocalHost().run([keygen, "-o", str(path)], timeout=20)
        path.chmod(0o600)
    result = LocalHost().run([keygen, "-y", str(path)], timeout=20, check=False)
    keys = PUBLIC.findall(result.out)
    if result.code != 0 or not keys:
        raise ConfigError(f"{path} does not hold an age key")
    return str(keys[0])


def _key_file() -> Path:
    named = os.environ.get("SOPS_AGE_KEY_FILE")
    config = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    return Path(named) if named else config / "sops" / "age" / "keys.txt"


def _has_rule(env: Environment) -> bool:
    import yaml

    policy = yaml.safe_load(POLICY.read_text()) if POLICY.exists() else {}
    path = f"secrets/{env.secrets_file.name}"
    rules = (policy or {}).get("creation_rules") or []
    return any(re.search(str(rule.get("path_regex", "")), path) for rule in rules)


def _add_rule(env: Environment, key: str) -> None:
    """Append to the text, so that comments and order stay."""
    text = POLICY.read_text() if POLICY.exists() else "creation_rules:\n"
    name = re.escape(env.secrets_file.name)
    text += (
        f"  - path_regex: ^secrets/{name}$\n    unencrypted_suffix: __never__\n    age: [{key}]\n"
    )
    POLICY.write_text(text)


def _random(size: int) -> Secret:
    return Secret(base64.urlsafe_b64encode(secrets.token_bytes(size)).decode().rstrip("="))
