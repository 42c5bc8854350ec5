"""Commands of the old project that have a password in them, or migrate before they serve."""

import re
import shlex
from collections.abc import Sequence
from typing import Any

from slipway.scaffold.importing.classification import MIGRATES, OldService
from slipway.scaffold.importing.findings import Draft
from slipway.scaffold.importing.old_secrets import OldSecrets

# What an image starts whose command may be options alone.
PROGRAMS = {
    "redis": "docker-entrypoint.sh redis-server",
    "valkey": "docker-entrypoint.sh valkey-server",
    "mysql": "docker-entrypoint.sh mysqld",
    "mariadb": "docker-entrypoint.sh mariadbd",
}
CHAINED = re.compile(r"\s*(?:&&|;)\s*")
Words = str | Sequence[str]


def without_secrets(
    value: Words, service: OldService, secrets: OldSecrets, draft: Draft
) -> tuple[Any, list[str]]:
    """Have a shell read what is secret; return the command and the secrets' names."""
    words = [value] if isinstance(value, str) else list(value)
    names = secrets.within(" ".join(words))
    if not names:
        return value, []
    start = ""
    if words[0].startswith("-"):
        start = PROGRAMS.get(service.image.name, "")
        if not start:
            text = (
                f"{service.name}: its command has {', '.join(names.values())} in it "
                "and is left out; write one that reads /run/secrets/NAME"
            )
            draft.refuse(text, "services", service.name, "command")
            return None, []
    is_shell = words[:2] in (["sh", "-c"], ["bash", "-c"], ["/bin/sh", "-c"], ["/bin/bash", "-c"])
    line = words[2] if is_shell and len(words) == 3 else shlex.join(words)
    for secret, name in names.items():
        line = line.replace(shlex.quote(secret), secret).replace(
            secret, f'"$$(cat /run/secrets/{name})"'
        )
    prefix = "" if is_shell else "exec "
    return ["sh", "-c", f"{prefix}{start} {line}".replace("exec  ", "exec ").strip()], list(
        names.values()
    )


def parted(value: Any) -> tuple[Any, Any] | None:
    """Part a command that migrates and then serves; None where it is no plain chain of commands."""
    if (
        isinstance(value, list)
        and len(value) == 3
        and value[0].rpartition("/")[2] in ("sh", "bash")
    ):
        shell, line = value[:2], str(value[2])
    else:
        return None
    if re.search(r"\|\||\|(?!\|)|\bif\b|\bwhile\b|[{}()`]", line):
        return None
    parts = [part for part in CHAINED.split(line.strip()) if part]
    migrating = [part for part in parts if MIGRATES.search(part)]
    rest = [part for part in parts if part not in migrating]
    if not migrating or not rest or MIGRATES.search(rest[-1]) or parts[-1] in migrating:
        return None
    return [*shell, " && ".join(migrating)], [*shell, " && ".join(rest)]
