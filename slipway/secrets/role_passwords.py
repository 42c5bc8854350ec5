"""The passwords of the database's roles: which there are, and which an environment has not."""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping

from slipway.environments.environment import Environment
from slipway.secrets import encrypted_file
from slipway.secrets.secret import Secret

PARTS = ("migrator", "reader", "backup")
ROUNDS = 4096  # as PostgreSQL itself


def key(part: str) -> str:
    """Name the secret of a part of the work."""
    return f"DATABASE_{part.upper()}_PASSWORD"


KEYS = tuple(map(key, PARTS))


def undeclared(env: Environment) -> list[str]:
    """Name those that the rules of the project's settings do not know yet."""
    return [name for name in KEYS if name not in env.rules]


def missing(env: Environment) -> list[str]:
    """Name those that the environment's file of secrets lacks; needs no key."""
    if not env.secrets_file.is_file():
        return list(KEYS)
    document = encrypted_file.lint(env.secrets_file)
    return [name for name in KEYS if name not in document]


def advice(env: Environment) -> str:
    """Say that one role does everything, where that is so and can be changed; else nothing."""
    if undeclared(env) or not missing(env):
        return ""
    return (
        f"{env.settings['DATABASE_USER']} does everything in the database, as its superuser or "
        f"owner; give each part of the work a role of its own: inv db.roles --env={env.name}"
    )


def verifiers(env: Environment, values: Mapping[str, Secret]) -> dict[str, str]:
    """Return by role what a server keeps in place of a password, which does not let anybody in."""
    user = env.settings["DATABASE_USER"]
    return {f"{user}_{part}": _verifier(values[key(part)]) for part in PARTS}


def _verifier(password: Secret) -> str:
    """Hash a password as SCRAM-SHA-256 does (RFC 5803)."""
    salt = secrets.token_bytes(16)
    salted = hashlib.pbkdf2_hmac("sha256", password.reveal().encode(), salt, ROUNDS)
    stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    server = hmac.digest(salted, b"Server Key", "sha256")
    encoded = (base64.b64encode(part).decode() for part in (salt, stored, server))
    return "SCRAM-SHA-256${}:{}${}:{}".format(ROUNDS, *encoded)
