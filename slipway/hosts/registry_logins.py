"""Logins of private registries for the time of a command, where a person's own docker has none.

They lie in a folder in memory that nobody else reads; docker's own configuration stays as it is.
"""

import base64
import contextlib
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from slipway import shell_scripts, whole_file
from slipway.errors import UNREADABLE, ConfigError
from slipway.hosts.host import MINUTES, CommandResult, Host
from slipway.hosts.local import LocalHost

HUB = ("docker.io", "index.docker.io")
HUB_KEY = "https://index.docker.io/v1/"
MEMORY = Path("/dev/shm")  # noqa: S108  of nobody else in the folder that is made there
LINKED = ("contexts", "buildx", "cli-plugins", "trust")
RUN = shell_scripts.read(__file__, "registry_login.sh")

Logins = Mapping[str, str]  # by registry, what docker calls its `auth`

_lent: list[str] = []  # the configuration in force, as a line of JSON


def parse(text: str, where: str) -> Logins:
    """Read lines `registry user password`. Raises ConfigError with the number of a line alone."""
    logins: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        words = line.split(None, 2)
        if not words or words[0].startswith("#"):
            continue
        if len(words) != 3 or "://" in words[0] or ":" in words[1]:
            raise ConfigError(f"{where}: line {number}: write registry.example.com, user, password")
        auth = base64.b64encode(f"{words[1]}:{words[2].strip()}".encode()).decode()
        logins[HUB_KEY if words[0] in HUB else words[0].rstrip("/")] = auth
    return logins


@contextlib.contextmanager
def in_force(logins: Logins) -> Iterator[None]:
    """Have what docker does in a block, here and by `run` elsewhere, use these logins."""
    if not logins:
        yield
        return
    auths = {registry: {"auth": auth} for registry, auth in logins.items()}
    before = os.environ.get("DOCKER_CONFIG")
    own = Path(before or Path("~/.docker").expanduser())
    place = MEMORY if os.access(MEMORY, os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="slipway.", dir=place) as name:
        folder = Path(name)
        for linked in LINKED:
            if (own / linked).exists():
                (folder / linked).symlink_to((own / linked).resolve())
        config = json.dumps(_beside(_read(own / "config.json"), auths))
        whole_file.write(folder / "config.json", config, mode=0o600)
        os.environ["DOCKER_CONFIG"] = name
        _lent.append(json.dumps({"auths": auths}))
        try:
            yield
        finally:
            _lent.pop()
            if before is None:
                del os.environ["DOCKER_CONFIG"]
            else:
                os.environ["DOCKER_CONFIG"] = before


def run(
    host: Host,
    argv: list[str],
    *,
    stdin: bytes = b"",
    timeout: float = 2 * MINUTES,
    check: bool = True,
) -> CommandResult:
    """Run a command of docker with the logins that are in force, wherever the host is."""
    if not _lent or isinstance(host, LocalHost):
        return host.run(argv, stdin=stdin, timeout=timeout, check=check)
    whole = f"{_lent[-1]}\n".encode() + stdin
    return host.run(["sh", "-euc", RUN, "sh", *argv], stdin=whole, timeout=timeout, check=check)


def registries() -> list[str]:
    """Name the registries that a command has logins for."""
    return sorted(json.loads(_lent[-1])["auths"]) if _lent else []


def _beside(config: dict[str, Any], auths: Mapping[str, Any]) -> dict[str, Any]:
    """Add logins to a person's configuration, past the credential helpers that it names."""
    helpers = {**(config.get("credHelpers") or {}), **dict.fromkeys(auths, "")}
    merged = {**(config.get("auths") or {}), **auths}
    return {**config, "auths": merged, "credHelpers": helpers}


def _read(path: Path) -> dict[str, Any]:
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, *UNREADABLE):
        return {}
    return config if isinstance(config, dict) else {}
