"""Which secrets an environment has and lacks, and how old they are: from files and git, keyless."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from slipway.environments.environment import Environment
from slipway.environments.setting_rules import Rule
from slipway.secrets import encrypted_file, history
from slipway.secrets.history import Change

State = Literal["set", "missing", "composed", "optional"]


@dataclass(frozen=True)
class Entry:
    """One secret in one environment."""

    environment: str
    rule: Rule
    state: State
    last: Change | None

    def age(self, now: datetime | None = None) -> int | None:
        """Return the days since it got its value; None where git does not tell."""
        if self.last is None:
            return None
        return ((now or datetime.now(UTC)) - self.last.at).days

    def is_overdue(self, now: datetime | None = None) -> bool:
        """Whether it is older than its rule lets it be."""
        age = self.age(now)
        return bool(self.rule.rotate) and age is not None and age > self.rule.rotate


def entries(env: Environment) -> list[Entry]:
    """Return every secret that the rules know, in their order."""
    path = env.secrets_file
    names = encrypted_file.lint(path).keys() if path.is_file() else ()
    last = history.last_changes(path) if names else {}
    rules = (rule for rule in env.rules.values() if rule.secret)
    return [Entry(env.name, rule, _state(env, rule, names), last.get(rule.key)) for rule in rules]


def overdue(env: Environment, now: datetime | None = None) -> Iterator[str]:
    """Say of each secret that is older than its rule lets it be what to type."""
    for each in entries(env):
        if each.is_overdue(now):
            way = "generate --replace" if each.rule.generate else "set"
            command, _, flag = way.partition(" ")
            yield (
                f"secrets/{env.secrets_file.name}: {each.rule.key} is {each.age(now)} days old, "
                f"and compose/settings.yml says {each.rule.rotate}; "
                "see runbooks/rotate-secrets.md, or type: "
                f"inv secrets.{command} --env={env.name} --name={each.rule.key} {flag}".rstrip()
            )


def names_apart(first: Sequence[Entry], second: Sequence[Entry]) -> list[tuple[str, State, State]]:
    """Return the secrets of which one environment has a value and the other has none."""
    states = {each.rule.key: each.state for each in second}
    return [
        (each.rule.key, each.state, states[each.rule.key])
        for each in first
        if (each.state == "set") != (states.get(each.rule.key, each.state) == "set")
    ]


def _state(env: Environment, rule: Rule, names: Sequence[str] | object) -> State:
    if rule.key in names:  # type: ignore[operator]
        return "set"
    if rule.composed:
        return "composed"
    return "missing" if rule.is_required(env.name) else "optional"
