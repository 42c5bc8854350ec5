"""What a project was made from: the answers of whoever made it, kept in its kit.yml."""

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

from slipway import yaml_file
from slipway.environments.domains import complaint
from slipway.errors import ConfigError, Refused, UsageError

FILE = "kit.yml"
NAME = re.compile(r"[a-z](?:[a-z0-9-]{0,28}[a-z0-9])?")
FORGES = ("github", "gitlab", "none")
HEAD = """\
# What this project was made from. `inv kit.upgrade` reads it, to tell your changes from Slipway's.
"""


@dataclass(frozen=True)
class Answers:
    """What a project is called and where it lives; every shared file is made from these alone."""

    version: str  # of Slipway
    name: str
    domain: str = ""
    forge: str = "github"

    @property
    def database(self) -> str:
        """The name as PostgreSQL takes it without quotes."""
        return self.name.replace("-", "_")

    def at(self, version: str) -> "Answers":
        return replace(self, version=version)


def check(answers: Answers) -> Answers:
    """Return the answers. Raises UsageError for one that no project could have."""
    if not NAME.fullmatch(answers.name):
        raise UsageError(
            f"--name={answers.name[:40]!a}: a project's name has small letters, digits and dashes, "
            "at most 30, a letter first"
        )
    if answers.domain and (why := complaint(answers.domain)):
        raise UsageError(f"--domain: {why}")
    if answers.forge not in FORGES:
        raise UsageError(f"--forge is one of {', '.join(FORGES)}")
    return answers


def text(answers: Answers) -> str:
    """Write the answers as kit.yml has them."""
    lines = (f"{key}: {value!r}".replace("'", '"') for key, value in asdict(answers).items())
    return HEAD + "\n".join(lines) + "\n"


def read(project: Path) -> Answers:
    """Read the answers of a project. Raises ConfigError where they are not as they were written."""
    path = project / FILE
    if (project / "slipway").is_dir():
        raise Refused("this is a checkout of Slipway itself; git tells what you changed of it")
    try:
        document = yaml_file.read_yaml(path, FILE)
    except FileNotFoundError:
        raise ConfigError(f"{FILE} is missing; bring it back from git") from None
    names = {each.name for each in fields(Answers)}
    if not isinstance(document, dict) or not {"version", "name"} <= document.keys() <= names:
        raise ConfigError(f"{FILE} must hold {', '.join(sorted(names))}, and nothing else")
    if not all(isinstance(value, str) for value in document.values()):
        raise ConfigError(f"{FILE}: every value must be a text")
    try:
        return check(Answers(**document))
    except UsageError as error:
        raise ConfigError(f"{FILE}: {error}") from None


def pairs(words: Sequence[str]) -> dict[str, str]:
    """Read `key=value` words. Raises UsageError for one that is none."""
    for word in words:
        if not word.partition("=")[0] or "=" not in word:
            raise UsageError(f"--set={word[:40]!a} is no answer; write --set KEY=VALUE")
    return dict(word.split("=", 1) for word in words)
