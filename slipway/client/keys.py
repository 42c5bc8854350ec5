"""The keys of backups, opened on a person's computer with that person's own key.

What opens the secrets of an environment opens its backups, looked for where sops looks for it.
"""

import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from slipway.backups.format.encryption import IDENTITY, Key
from slipway.environments.environment import Environment
from slipway.errors import Refused
from slipway.hosts.local import LocalHost
from slipway.secrets import sops

ARGV = ["age", "--decrypt", "--identity"]
SECONDS_FOR_A_PASSPHRASE = 120


@dataclass(frozen=True)
class OpenedKey:
    """One place where a private key may be: a file, or a text that goes nowhere but to age."""

    name: str
    path: Path | None = None
    text: str = field(default="", repr=False)


def unlock(
    env: Environment,
    sealed: str,
    recipients: Sequence[str],
    *,
    environ: Mapping[str, str] = os.environ,
    home: Path | None = None,
) -> Key:
    """Open the key of one backup. Raises Refused, naming who can, when this person cannot."""
    has_ssh = any(recipient.startswith("ssh-") for recipient in recipients)
    places = list(identities(environ, home or Path.home(), sops.key_file(env), ssh=has_ssh))
    with tempfile.TemporaryDirectory(prefix="slipway-") as folder:
        path = Path(folder, "key.age")  # sealed: it is public
        path.write_text(sealed)
        for place in places:
            key = _try(place, path)
            if key is not None:
                return key
    tried = ", ".join(place.name for place in places) or "there is none here"
    raise Refused(
        f"no key on this computer opens this backup (tried: {tried}); it is encrypted to "
        f"{', '.join(recipients)}: ask one of them to do this; nothing was changed"
    )


def identities(
    environ: Mapping[str, str], home: Path, repository: Path | None, *, ssh: bool = False
) -> Iterator[OpenedKey]:
    """Say where private keys may be, the likeliest first."""
    if repository is not None:
        yield OpenedKey(f"secrets/{repository.name}", repository)
    if text := environ.get("SOPS_AGE_KEY", "").strip():
        yield OpenedKey("SOPS_AGE_KEY", text=text)
    config = Path(environ.get("XDG_CONFIG_HOME") or home / ".config")
    files = [Path(environ["SOPS_AGE_KEY_FILE"])] if environ.get("SOPS_AGE_KEY_FILE") else []
    files += [config / "sops/age/keys.txt"]
    files += [home / "Library/Application Support/sops/age/keys.txt"]
    if ssh:
        own = environ.get("SOPS_AGE_SSH_PRIVATE_KEY_FILE")
        files += [Path(own)] if own else []
        files += [home / ".ssh/id_ed25519", home / ".ssh/id_rsa"]
    for path in dict.fromkeys(files):
        if path.is_file():
            yield OpenedKey(str(path), path)


def _try(identity: OpenedKey, sealed: Path) -> Key | None:
    host = LocalHost()
    where = "-" if identity.path is None else str(identity.path)
    result = host.run(
        [*ARGV, where, str(sealed)],
        stdin=identity.text.encode(),
        timeout=SECONDS_FOR_A_PASSPHRASE,
        check=False,
    )
    match = IDENTITY.search(result.out) if result.code == 0 else None
    return Key(match[0]) if match else None
