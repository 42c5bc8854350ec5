"""The rules of .sops.yaml: which files each is for, and to whom it encrypts them."""

import re
import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from slipway.errors import ConfigError
from slipway.secrets.cloud_keys import CloudKey, of_rule
from slipway.yaml_file import read_yaml

FILE = ".sops.yaml"
TEAM = "team.yml"  # where a project has it, rules and files of secrets are made to follow it
RULES = "creation_rules"
# By each of these sops leaves values or names in the open, or out of its checksum.
PARTIAL = (
    *("encrypted_regex", "unencrypted_regex", "encrypted_suffix", "mac_only_encrypted"),
    *("encrypted_comment_regex", "unencrypted_comment_regex"),
)


@dataclass(frozen=True)
class Rule:
    """One rule; the first that matches a path counts, and a path is relative to the checkout."""

    number: int
    regex: str
    recipients: tuple[str, ...]
    cloud_keys: tuple[CloudKey, ...] = ()
    partial: tuple[str, ...] = ()

    @property
    def is_anchored(self) -> bool:
        """Whether it says how a path begins and how it ends."""
        return self.regex.startswith("^") and self.regex.endswith("$")

    @property
    def readers(self) -> tuple[str, ...]:
        """All whom it names, people and clouds."""
        return (*self.recipients, *(key.name for key in self.cloud_keys))

    def is_only_for(self, path: str) -> bool:
        """Whether it names this file alone."""
        return self.regex in (f"^{re.escape(path)}$", f"^{path}$")

    def matches(self, path: str) -> bool:
        """Whether it is for a file. Raises ConfigError."""
        try:
            with warnings.catch_warnings():  # of what a later Python may read in another way
                warnings.simplefilter("ignore", FutureWarning)
                return re.search(self.regex, path) is not None
        except re.error as error:
            where = f"{FILE}: rule {self.number} of {RULES}"
            raise ConfigError(f"{where}: path_regex is no regular expression: {error}") from None


def read(secrets: Path) -> list[Rule]:
    """Read the rules for a folder of secrets; none where there is no file. Raises ConfigError."""
    file = secrets.parent / FILE
    document = read_yaml(file, FILE) if file.exists() else None
    return [rule(number, each) for number, each in enumerate(listed(document), 1)]


def first_for(path: str, secrets: Path) -> Rule | None:
    """Return the rule that counts for a file, by its path in the checkout. Raises ConfigError."""
    return next((rule for rule in read(secrets) if rule.matches(path)), None)


def listed(document: object) -> list[Any]:
    """Return the list of rules of a document. Raises ConfigError for what is none."""
    if document is not None and not isinstance(document, dict):
        raise ConfigError(f"{FILE} must be a mapping with {RULES}")
    rules = document.get(RULES) if isinstance(document, dict) else None
    if rules is not None and not isinstance(rules, list):
        raise ConfigError(f"{FILE}: {RULES} must be a list of rules")
    return rules or []


def name_behind(text: str, key: str) -> str:
    """Return the comment behind a key in the text of rules, where people write whose it is."""
    match = re.search(
        rf"^.*{re.escape(key.split()[-1])}[^#\n]*#[ \t]*([^\n]*)$", text, re.MULTILINE
    )
    is_alone = match and match[0].count("age1") + match[0].count("ssh-") == 1
    return match[1].strip() if match and is_alone else ""


def core(key: str) -> str:
    """Return a key without the comment that an SSH key ends with."""
    return " ".join(key.split()[:2])


def without_comments(names: Iterable[str]) -> list[str]:
    """Leave out the comments of SSH keys."""
    return [core(name) for name in names if name.strip()]


def rule(number: int, entry: object) -> Rule:
    """Read one rule of a document. Raises ConfigError."""
    if not isinstance(entry, dict):
        where = f"{FILE}: rule {number} of {RULES}"
        raise ConfigError(f"{where} must be a mapping with path_regex")
    parts = _parts(entry)
    recipients = tuple(name for part in parts for name in _named(part))
    keys = tuple(key for part in parts for key in of_rule(part))
    partial = tuple(name for name in PARTIAL if entry.get(name))
    return Rule(number, str(entry.get("path_regex") or ""), recipients, keys, partial)


def _parts(rule: Mapping[str, object]) -> list[Mapping[str, object]]:
    """Return the places of a rule where sops lets keys stand."""
    groups = rule.get("key_groups")
    within = groups if isinstance(groups, list) else []
    return [rule, *(each for each in within if isinstance(each, dict))]


def _named(part: Mapping[str, object]) -> Iterator[str]:
    keys = part.get("age")
    names = keys.split(",") if isinstance(keys, str) else keys if isinstance(keys, list) else ()
    yield from without_comments(str(name) for name in names)
