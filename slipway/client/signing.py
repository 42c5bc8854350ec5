"""Signatures from the operator's side: whom to trust, and the key that people sign with."""

from collections.abc import Mapping
from pathlib import Path

from slipway.backups import signers as signers_file
from slipway.backups.format.signature import OPERATORS, SigningKey, Trust
from slipway.environments.environment import Environment
from slipway.environments.protection import DISPOSABLE
from slipway.errors import Refused
from slipway.project import ROOT
from slipway.secrets import sops

FILE = ROOT / signers_file.NAME


def signers(env: Environment) -> Mapping[str, str]:
    """Map each public half that an environment trusts to who signs with it."""
    return signers_file.read(FILE, env.name)


def trust(env: Environment) -> Trust:
    """Return whom an environment trusts, to read a store from here."""
    return Trust(signers(env))


def operator_key(env: Environment) -> SigningKey | None:
    """Return the key with which people sign backups; None where nobody is to sign.

    Raises Refused where backups/signers.yml names people, and not this key.
    """
    named = signers(env)
    if OPERATORS not in named.values():
        return None
    name = signers_file.SECRETS[OPERATORS]
    value = sops.read(env).get(name)
    key = SigningKey.parse(value.reveal(), name) if value else None
    if key is None or named.get(key.public) != OPERATORS:
        raise Refused(
            f"{signers_file.NAME} names another key of {env.name} than {name} in "
            f"secrets/{env.secrets_file.name}; bring them together: "
            f"inv secrets.add --env={env.name}"
        )
    return key


def name_signers(env: Environment, path: Path = FILE) -> bool:
    """Write the public halves of the environment's signing keys down; whether that is new.

    Not of dev and testing: whoever has the repository could sign with their keys.
    """
    if env.name in DISPOSABLE:
        return False
    values = sops.read_so_far(env)
    publics = {
        who: SigningKey.parse(values[name].reveal(), name).public
        for who, name in signers_file.SECRETS.items()
        if name in values
    }
    return bool(publics) and signers_file.add(path, env.name, publics)
