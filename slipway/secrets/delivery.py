"""Secrets on their way to the Swarm: versioned names, made once, removed when nothing needs them.

A version is named by the ciphertext in the committed file: it changes with the value, it can be
compared without a key, and it tells nothing about a short password.
"""

import base64
import hashlib
from collections.abc import Collection

from slipway import shell_scripts
from slipway.environments.environment import Environment
from slipway.environments.protection import DISPOSABLE
from slipway.errors import ConfigError, Refused
from slipway.hosts.host import Host
from slipway.progress import Reporter
from slipway.secrets import authorship, composition, encrypted_file, sops
from slipway.secrets.encrypted_file import SIZE_LIMIT

NAME_LIMIT = 64
# What people sign backups with, sign in to registries with, and tell others with, where they are.
KEPT_HERE = ("BACKUP_OPERATOR_KEY", "REGISTRY_LOGINS", "DEPLOY_NOTICES")
PITR = ("BACKUP_S3_KEY", "BACKUP_S3_SECRET", "BACKUP_PITR_PASSPHRASE")

CREATE = shell_scripts.read(__file__, "delivery_create.sh")


def versions(env: Environment) -> dict[str, str]:
    """Map each secret of the environment to the name its present value has in the Swarm."""
    path = env.secrets_file
    if not path.is_file():
        raise Refused(
            f"secrets/{path.name} is missing; create it: inv secrets.create --env={env.name}"
        )
    document = encrypted_file.lint(path)
    if lost := [key for key in PITR if key not in document and env.settings.get("PITR") == "on"]:
        raise ConfigError(
            f"secrets/{path.name}: PITR=on needs {', '.join(lost)}; add each with: "
            f"inv secrets.set --env={env.name} --name={lost[0]}"
        )
    own = {key: value for key, value in document.items() if key not in ("sops", *KEPT_HERE)}
    texts = own | composition.versions(env, own)
    return {key: _name(env, key, value) for key, value in texts.items()}


def try_key(env: Environment, reporter: Reporter) -> None:
    """Open the secrets, as delivering them will; report with which key, and who wrote them."""
    sops.read(env)
    if env.name not in DISPOSABLE:
        reporter.note(authorship.describe(env.secrets_file))
    if key := sops.opened_by(env):
        reporter.note(f"secrets/{env.secrets_file.name} is opened with {key}")


def deliver(
    host: Host, env: Environment, needed: Collection[str], present: Collection[str]
) -> list[str]:
    """Create the needed secrets that the Swarm does not hold yet; return their names."""
    names = set(needed).difference(present)
    missing = {key: name for key, name in versions(env).items() if name in names}
    if not missing:
        return []
    values = sops.read(env)
    values |= composition.values(env, values)
    lines = []
    for key, name in missing.items():
        data = env.rules[key].data(values[key].reveal())
        if not 0 < len(data) <= SIZE_LIMIT:
            raise ConfigError(f"secrets/{env.secrets_file.name}: {key} holds {len(data)} bytes")
        lines.append(f"{name} {base64.b64encode(data).decode()}\n".encode())
    host.run(["sh", "-euc", CREATE, "sh", env.prefix], stdin=b"".join(lines), timeout=60)
    return sorted(missing.values())


def _name(env: Environment, key: str, ciphertext: str) -> str:
    version = hashlib.sha256(ciphertext.encode()).hexdigest()[:12]
    name = f"{env.prefix}.{key}.{version}"
    if len(name) > NAME_LIMIT:
        raise ConfigError(f"secrets/{env.secrets_file.name}: {key} is too long a name for a Swarm")
    return name
