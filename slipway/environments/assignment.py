"""One setting of an environment given a value, in its env file, whose other lines stay."""

import re
import shutil
import tempfile
from pathlib import Path

from slipway import whole_file
from slipway.environments import env_line, envfile, environment, setting_complaints
from slipway.environments.environment import Environment
from slipway.errors import ConfigError, UsageError, listing
from slipway.text_file import read_utf8


def assign(env: Environment, name: str, value: str) -> str:
    """Write it; return the value that it had there, or nothing.

    Raises UsageError or ConfigError for what a deploy would refuse, and then nothing is written.
    """
    path = env.compose / f"{env.name}.env"
    if complaint := setting_complaints.of_value(path, name, value, env.rules):
        rule = env.rules.get(name)
        advice = f"; type: inv secrets.set --env={env.name} --name={name}"
        raise UsageError(
            f"--name={name[:60]}: {name[:60]} {complaint}; nothing was changed"
            + (advice if rule and rule.secret else "")
        )
    if not env_line.is_writable(value):
        raise UsageError(f"--value: an env file cannot hold it for {name}; nothing was changed")
    before = envfile.read(path).get(name, "")
    text = _with(read_utf8(path), name, f"{name}={env_line.quoted(value) if value else ''}")
    _try(env, text)
    whole_file.write(path, text)
    return before


def _with(text: str, name: str, line: str) -> str:
    """Put a line in place of the one that sets this name, or at the end."""
    own = re.compile(rf"^(?:export[ \t]+)?{name}[ \t]*=.*$", re.MULTILINE)
    if own.search(text):
        return own.sub(lambda _: line, text, count=1)
    return f"{text}{'' if text.endswith(chr(10)) or not text else chr(10)}{line}\n"


def _try(env: Environment, text: str) -> None:
    """Read the environment as it would be, in a folder apart."""
    with tempfile.TemporaryDirectory(prefix="slipway-") as name:
        folder = Path(name, "compose")
        folder.mkdir()
        for each in (*env.compose.glob("*.env"), *env.compose.glob("s*.yml")):
            shutil.copy(each, folder)
        whole_file.write(folder / f"{env.name}.env", text)
        _, problems = environment.examine(env.name, folder, env.secrets)
    if problems:
        raise ConfigError(f"{listing(problems)}\nnothing was changed")
