"""The frozen Environment: what one of dev, testing, staging or prod is, checked as it is read."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from slipway.environments import envfile, production_rules, setting_complaints, setting_rules
from slipway.errors import ConfigError, UsageError, listing
from slipway.project import COMPOSE, SECRETS
from slipway.suggest import nearest

NAME = re.compile(r"[a-z][a-z0-9-]{0,15}")


@dataclass(frozen=True)
class Environment:
    """One environment; `settings` holds every plain setting, defaults filled in."""

    name: str
    settings: Mapping[str, str]
    rules: setting_rules.Rules
    compose: Path = COMPOSE
    secrets: Path = SECRETS

    @property
    def project(self) -> str:
        return self.settings["PROJECT"]

    @property
    def prefix(self) -> str:
        """What everything of this environment in Docker is called by: `logbook-prod`."""
        return f"{self.project}-{self.name}"

    @property
    def is_local(self) -> bool:
        """Whether it runs on this computer's engine."""
        return self.settings["RUNS_ON"] == "this-computer"

    @property
    def is_throwaway(self) -> bool:
        """Whether it is recreated for each run of tests, so that nobody misses what it held."""
        return self.name == "testing"

    @property
    def secrets_file(self) -> Path:
        return self.secrets / f"{self.name}.sops.yaml"

    def number(self, key: str, default: int | None = None) -> int:
        """Return a number; `default` is for settings that an older project does not declare."""
        return int(self.settings[key] if default is None else self.settings.get(key, default))

    def switch(self, key: str) -> bool:
        return self.settings[key] == "on"


def names(compose: Path = COMPOSE) -> list[str]:
    """List the environments: every env file next to compose.yml but common.env."""
    stems = {path.stem for path in compose.glob("[!.]*.env")} - {"common"}
    order = ["dev", "testing", "staging", "prod"]
    return [name for name in order if name in stems] + sorted(stems - set(order))


def load(name: str | None, compose: Path = COMPOSE, secrets: Path = SECRETS) -> Environment:
    """Read and check an environment.

    Raises UsageError for its name, and ConfigError with all that is wrong in files, a line each.
    """
    env, problems = examine(name, compose, secrets)
    if problems:
        raise ConfigError(listing(problems))
    return env


def examine(
    name: str | None, compose: Path = COMPOSE, secrets: Path = SECRETS
) -> tuple[Environment, list[str]]:
    """Read an environment as far as it can be read, and say all that is wrong in its files."""
    known = names(compose)
    if not name:
        raise UsageError(f"--env is required (one of: {', '.join(known)})")
    if name in known and not NAME.fullmatch(name):
        raise ConfigError(
            f"compose/{name}.env: {_printable(name)} is no name for an environment: small letters, "
            "digits and dashes, at most 16, a letter first; rename the file"
        )
    if name not in known:
        known = [each for each in known if NAME.fullmatch(each)]
        hint = nearest(name.lower()[:40], known) or f" (one of: {', '.join(known)})"
        raise UsageError(f"there is no environment {_printable(name)}{hint}")
    rules, rule_problems = _rules(compose, known)
    settings: dict[str, str] = {
        rule.key: rule.default for rule in rules.values() if rule.default is not None
    }
    problems, is_whole = list(rule_problems), True
    for path in (compose / "common.env", compose / f"{name}.env"):
        try:
            values, unclear = envfile.examine(path)
        except ConfigError as error:
            values, unclear, is_whole = {}, [str(error)], False
        problems += unclear
        if not rule_problems:
            problems += setting_complaints.of_file(path, values, rules, known)
        settings |= values
    env = Environment(name, MappingProxyType(settings), rules, compose, secrets)
    if is_whole and not rule_problems:
        problems += setting_complaints.of_all(name, settings, rules, compose, known)
        problems += production_rules.complaints(env, rules)
    return env, problems


def _rules(compose: Path, known: Sequence[str]) -> tuple[setting_rules.Rules, list[str]]:
    try:
        rules = setting_rules.load(compose)
    except ConfigError as error:
        return {}, [str(error)]
    file = setting_rules.file_in(compose)
    return rules, list(setting_complaints.of_rules(file, rules, known))


def _printable(name: str) -> str:
    return ascii(name[:40])
