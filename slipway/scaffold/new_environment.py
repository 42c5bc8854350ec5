"""One more environment, made after another: its files, and what is left for a person to write."""

import re
from pathlib import Path

from slipway import whole_file
from slipway.environments import envfile, environment
from slipway.environments.environment import NAME, Environment
from slipway.errors import Refused, UsageError
from slipway.secrets.rules import TEAM
from slipway.text_file import read_utf8

PORTS = ("HTTP_PORT", "HTTPS_PORT")
# What two environments must not share; written as a comment, for a person to fill in.
OWN = ("DOMAIN", "DATABASE_HOST", "DATABASE_NAME")
HEAD = re.compile(r"\A(?:#[^\n]*\n)*")


def create(like: Environment, name: str) -> list[Path]:
    """Write the env file and the overlay of a new environment; return what was written.

    Raises UsageError for a name that is none, Refused for one that is taken.
    """
    if not NAME.fullmatch(name) or name in ("common", "override"):
        raise UsageError(
            f"--name={name[:40]!a} is no name for an environment: small letters, digits and "
            "dashes, at most 16, a letter first"
        )
    texts = {like.compose / f"{name}.env": _settings(like, name)}
    overlay = like.compose / f"compose.{like.name}.yml"
    if overlay.is_file():
        new = like.compose / f"compose.{name}.yml"
        texts[new] = _headed(read_utf8(overlay), f"# What {name} has that the base does not.\n")
    if taken := [path.name for path in texts if path.exists()]:
        raise Refused(f"compose/{taken[0]} is there already; nothing was written")
    for path, text in texts.items():
        whole_file.create(path, text)
    return list(texts)


def left(like: Environment, name: str) -> list[str]:
    """Say what the new environment still needs, as commands where one does it."""
    _, problems = environment.examine(name, like.compose, like.secrets)
    settings = envfile.read(like.compose / f"{like.name}.env")
    steps = [f"inv env.set --env={name} --name={key} --value=…" for key in OWN if key in settings]
    steps += [f"inv secrets.create --env={name}"]
    if (like.compose.parent / TEAM).is_file():
        steps += [f"inv team.add --name=NAME --environments={name}"]
    where = "this computer" if like.is_local else "machines"
    if where == "machines":
        steps += [f"inv machine.create --env={name} --provider=ssh --name=m1 --host=USER@ADDRESS"]
    lists = [r.key for r in like.rules.values() if r.required not in (True, False)]
    needed = [key for key in lists if like.rules[key].is_required(like.name)]
    if needed:
        steps += [f"add {name} to `required` of {', '.join(needed)} in compose/settings.yml"]
    return [*problems, *steps]


def _settings(like: Environment, name: str) -> str:
    text = _headed(
        read_utf8(like.compose / f"{like.name}.env"),
        f"# Settings of {name}, which began as {like.name}; they win over common.env.\n",
    )
    lines = {key: f"# {key}=  (not that of {like.name})" for key in OWN}
    if like.is_local:
        lines |= {key: f"{key}={_port(like, key)}" for key in PORTS}
    for key, line in lines.items():
        text = re.sub(rf"^{key}[ \t]*=.*$", line, text, flags=re.MULTILINE)
    return text


def _headed(text: str, head: str) -> str:
    """Put another first comment in the place of a file's own."""
    return head + text[len(HEAD.match(text)[0]) :]  # type: ignore[index]  # it matches nothing too


def _port(like: Environment, key: str) -> int:
    """Return a port that no environment of this computer has."""
    common = envfile.examine(like.compose / "common.env")[0]
    used = set()
    for other in environment.names(like.compose):
        values = common | envfile.examine(like.compose / f"{other}.env")[0]
        used |= {values.get(port, "") for port in PORTS}
    port = like.number(key) + 1
    while str(port) in used:
        port += 1
    return port
