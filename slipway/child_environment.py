"""What a child finds in its environment: all but the secrets that it has no need of.

Every child is started with what `made` returns. Only a person's own shell, and the cells of a
runbook, which stand in its place, have what the person has.
"""

import os
import re
from collections.abc import Mapping

from slipway import secret_signs

PLACES = re.compile(r"_(FILE|SOCK|DIR|PATH)$")  # where a secret is, and not the secret
PROXY = re.compile(r"(?i)\w+_proxy")  # has a password where it wants one, and all need it
KEY = re.compile(r"AGE-SECRET-KEY-1|PRIVATE KEY-----")
CLOUDS = r"AWS_\w+|AZURE_\w+|GOOGLE_\w+|CLOUDSDK_\w+"
# Who needs which. sops gets those of a cloud only where a rule names its keys. docker asks
# credential helpers, and Compose reads what is meant for the hacking loop; ssh starts what a
# ProxyCommand names; python starts pip.
NEEDS: Mapping[str, str] = {
    "sops": rf"{CLOUDS}|(SOPS|VAULT)_\w+",
    "docker": rf"{CLOUDS}|(DOCKER|BUILDKIT|BUILDX|HACKING)_\w+",
    "docker-compose": rf"{CLOUDS}|(DOCKER|BUILDKIT|BUILDX|HACKING)_\w+",
    "ssh": CLOUDS,
    "pip": r"PIP_\w+",
    "python": r"PIP_\w+",
}


def made(program: str, environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return the environment for a program, named as it is called: `docker`, `/usr/bin/ssh`."""
    name = program.rpartition("/")[2]
    needs = re.compile(NEEDS.get("python" if name.startswith("python") else name, "(?!)"))
    return {
        key: value
        for key, value in environ.items()
        if not _is_secret(key, value) or needs.fullmatch(key)
    }


def withheld(program: str) -> list[str]:
    """Return the names that a program is not given of this process's environment."""
    return sorted(os.environ.keys() - made(program).keys())


def _is_secret(key: str, value: str) -> bool:
    if KEY.search(value) or (secret_signs.ADDRESS.search(value) and not PROXY.fullmatch(key)):
        return True
    return secret_signs.NAME.search(key.upper()) is not None and not PLACES.search(key)
