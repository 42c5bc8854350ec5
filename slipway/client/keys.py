"""The keys of backups, opened on a person's computer with that person's own key.

What opens the secrets of an environment opens its backups, looked for where sops looks for it.
"""

import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from slipway.backups.format.encryption import IDENTITY, Key
from slipway.environments.environment import Environment
from slipway.errors import Refused
from slipway.hosts.local import LocalHost
from slipway.progress import SILENT, Reporter
from slipway.secrets import programs, sops
from slipway.secrets.identity import Identity, identities

SECONDS_FOR_A_PASSPHRASE = 120


def unlock(
    env: Environment,
    sealed: str,
    recipients: Sequence[str],
    reporter: Reporter = SILENT,
    *,
    environ: Mapping[str, str] = os.environ,
    home: Path | None = None,
) -> Key:
    """Open the key of one backup, and report with which key that was.

    Raises Refused, naming who can, when this person cannot.
    """
    age = programs.find("age")
    if age is None:
        raise Refused("age is not installed; run: inv bootstrap; nothing was changed")
    has_ssh = any(recipient.startswith("ssh-") for recipient in recipients)
    places = list(identities(environ, home or Path.home(), sops.key_file(env), ssh=has_ssh))
    with tempfile.TemporaryDirectory(prefix="slipway-") as folder:
        path = Path(folder, "key.age")  # sealed: it is public
        path.write_text(sealed)
        for place in places:
            key = _try(age, place, path)
            if key is not None:
                reporter.note(f"the backup is opened with {place.name}")
                return key
    tried = ", ".join(place.name for place in places) or "there is none here"
    raise Refused(
        f"no key on this computer opens this backup (tried: {tried}); it is encrypted to "
        f"{', '.join(recipients)}: ask one of them to do this; nothing was changed"
    )


def _try(age: str, identity: Identity, sealed: Path) -> Key | None:
    host = LocalHost()
    where = "-" if identity.path is None else str(identity.path)
    result = host.run(
        [age, "--decrypt", "--identity", where, str(sealed)],
        stdin=identity.text.encode(),
        timeout=SECONDS_FOR_A_PASSPHRASE,
        check=False,
    )
    match = IDENTITY.search(result.out) if result.code == 0 else None
    return Key(match[0]) if match else None
