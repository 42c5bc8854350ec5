"""An encrypted file of secrets as it lies in git, read without any key."""

import functools
import re
from pathlib import Path
from typing import Any

from slipway.environments.setting_rules import KEY
from slipway.errors import ConfigError
from slipway.secrets.cloud_keys import CloudKey, of_file
from slipway.text_file import read_utf8
from slipway.yaml_file import parse_yaml

ENCRYPTED = re.compile(r"ENC\[AES256_GCM,data:[^,\]]+,iv:[^,\]]+,tag:[^,\]]+,type:str\]")
# Whoever holds one of these reads the values too, and no rule of ours sees it.
OTHER_KEYS = ("pgp", "azure_kv", "hckms")
SIZE_LIMIT = 500_000  # bytes of one value; a Swarm secret holds less than 512,000
LARGEST_FILE = 32 << 20
PUBLIC_KEY_FILE = "dev.agekey"  # lies in the repository on purpose: dev and testing hold no secret


def recipients(path: Path) -> list[str]:
    """Return the public age keys that a file is encrypted to; needs no key."""
    names: list[str] = []
    for group in _groups(lint(path)["sops"]):
        entries = group.get("age") or []
        if not isinstance(entries, list) or not all(
            isinstance(each, dict) and "recipient" in each for each in entries
        ):
            raise ConfigError(f"secrets/{path.name}: sops.age must list recipients")
        names += [str(each["recipient"]) for each in entries]
    return names


def cloud_keys(path: Path) -> list[CloudKey]:
    """Return the keys in a cloud or a Vault that a file is encrypted to; needs no key."""
    groups = _groups(lint(path)["sops"])
    return [key for group in groups for key in of_file(group)]


def lint(path: Path) -> dict[str, Any]:
    """Return the encrypted document; needs no key.

    Raises ConfigError for what sops would accept, or answer with a value in its error text.
    """
    if path.is_symlink():
        raise ConfigError(f"secrets/{path.name}: is a symbolic link")
    if not path.exists():
        raise FileNotFoundError(path)
    if path.stat().st_size > LARGEST_FILE:
        raise ConfigError(f"secrets/{path.name}: is larger than {LARGEST_FILE >> 20} MB")
    return parse(read_utf8(path, f"secrets/{path.name}"), path)


def parse(text: str, path: Path) -> dict[str, Any]:
    """Return the encrypted document of a version of a file; needs no key. Raises as `lint`."""
    return dict(_parse(text, path.name))


@functools.lru_cache(maxsize=8)
def _parse(text: str, name: str) -> dict[str, Any]:
    """Read a version once: a command looks at one file from several sides."""

    def refuse(what: str) -> ConfigError:
        return ConfigError(f"secrets/{name}: {what}")

    try:
        document = parse_yaml(text, f"secrets/{name}")
    except ConfigError as error:
        advice = (
            f"a merge gone wrong? inv secrets.edit --env={name.partition('.')[0]} says how it ends"
        )
        raise ConfigError(f"{error} ({advice})") from None
    if not isinstance(document, dict) or not isinstance(document.get("sops"), dict):
        raise refuse("is not encrypted with sops")
    groups = _groups(document["sops"])
    if others := [kind for kind in OTHER_KEYS if any(each.get(kind) for each in groups)]:
        raise refuse(
            f"is encrypted to {', '.join(others)} too; here it is to age keys, and those of AWS, "
            "Google and Vault"
        )
    for key, value in document.items():
        if key == "sops":
            continue
        if not KEY.fullmatch(str(key)):
            raise refuse(f"{key!a} must be capital letters, digits and underscores")
        if not isinstance(value, str) or not ENCRYPTED.fullmatch(value):
            raise refuse(
                f"{key} is not an encrypted text; take the line out, or the last good version from "
                f"git, and give the value with: inv secrets.set --env={name.partition('.')[0]}"
                f" --name={key}"
            )
    return document


def comments(path: Path) -> list[int]:
    """Return the lines of comments in plain text, which sops neither encrypts nor vouches for."""
    lines = path.read_bytes().decode(errors="replace").splitlines()
    own = (number for number, line in enumerate(lines, 1) if line.startswith("#"))
    return [number for number in own if not lines[number - 1].startswith("#ENC[")]


def _groups(metadata: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the places where keys may stand: at the top, and in groups."""
    groups = metadata.get("key_groups")
    within = groups if isinstance(groups, list) else []
    return [metadata, *(each for each in within if isinstance(each, dict))]
