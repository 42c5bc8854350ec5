"""The policy of an environment: when its backups are taken and how long they are kept."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from slipway.backups.schedule import crontab
from slipway.errors import ConfigError
from slipway.yaml_file import read_yaml

NAME = "backups/policy.yml"
JOBS = ("backup", "drill", "prune")
SPANS = ("daily", "weekly", "monthly", "yearly")
UNITS = {"m": 60, "h": 3600, "d": 24 * 3600}
LENGTH = re.compile(r"(\d{1,4})([mhd])")
MOST = 1000


@dataclass(frozen=True)
class Retention:
    """Of how many days, weeks, months and years the newest backup is kept."""

    daily: int
    weekly: int
    monthly: int
    yearly: int


@dataclass(frozen=True)
class Policy:
    """What holds for one environment; `when` has no entry for a job that is off. In seconds."""

    when: Mapping[str, str]
    keep: Retention
    stale_after: float
    keep_replaced: float

    def to_json(self) -> dict[str, object]:
        """Return what travels into the environment."""
        return asdict(self) | {"when": dict(self.when)}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> "Policy":
        """Read what `to_json` made."""
        return cls(
            when=dict(document["when"]),
            keep=Retention(**document["keep"]),
            stale_after=float(document["stale_after"]),
            keep_replaced=float(document["keep_replaced"]),
        )


def read(path: Path, environment: str, environments: Sequence[str]) -> Policy:
    """Read the policy of one environment, of those that are known. Raises ConfigError."""
    try:
        document = read_yaml(path, NAME)
    except FileNotFoundError:
        raise ConfigError(f"{NAME} is missing") from None
    sections = _table(document, "", ("defaults", "environments"))
    own = _table(sections.get("environments") or {}, "environments", environments)
    tables = {}
    for name, table in {"": sections.get("defaults"), **own}.items():
        # Every environment is checked, so that a mistake is not found on the night it counts.
        where = f"environments.{name}" if name else "defaults"
        tables[name] = _flat(table or {}, where)
    return _policy(tables[""] | tables.get(environment, {}))


def _flat(value: object, where: str) -> dict[str, object]:
    """Check one table; return its values under dotted names."""
    table = _table(value, where, ("when", "keep", "stale_after", "keep_replaced"))
    flat: dict[str, object] = {}
    when = _table(table.get("when") or {}, f"{where}.when", JOBS)
    for job, expression in when.items():
        flat[f"when.{job}"] = _expression(expression, f"{where}.when.{job}")
    keep = _table(table.get("keep") or {}, f"{where}.keep", SPANS)
    for span, count in keep.items():
        flat[f"keep.{span}"] = _count(count, f"{where}.keep.{span}")
    for name in ("stale_after", "keep_replaced"):
        if name in table:
            flat[name] = _seconds(table[name], f"{where}.{name}")
    return flat


def _policy(flat: Mapping[str, Any]) -> Policy:
    for name in [*(f"when.{j}" for j in JOBS), *(f"keep.{s}" for s in SPANS), "stale_after"]:
        if name not in flat:
            raise ConfigError(f"{NAME}: defaults.{name} is missing")
    keep = Retention(**{span: flat[f"keep.{span}"] for span in SPANS})
    if keep == Retention(0, 0, 0, 0):
        raise ConfigError(f"{NAME}: keep is 0 of everything; at least one must be kept")
    when = {job: flat[f"when.{job}"] for job in JOBS if flat[f"when.{job}"]}
    gap = crontab.longest_gap(when["backup"]) if "backup" in when else 0.0
    if flat["stale_after"] < gap:
        raise ConfigError(
            f"{NAME}: stale_after is shorter than the {gap / 3600:g} h that can lie between two "
            "backups, so every backup would be overdue; make it longer"
        )
    return Policy(
        when=when,
        keep=keep,
        stale_after=flat["stale_after"],
        keep_replaced=flat.get("keep_replaced", 7.0 * UNITS["d"]),
    )


def _table(value: object, where: str, names: Sequence[str]) -> dict[str, object]:
    if not isinstance(value, dict):
        raise ConfigError(f"{NAME}: {where or 'the file'} must hold names and values")
    for key in value:
        if key not in names:
            path = f"{where}.{key}" if where else str(key)
            raise ConfigError(f"{NAME}: {path[:60]!a} is not known (one of: {', '.join(names)})")
    return value


def _expression(value: object, where: str) -> str:
    if value is False or value == "off":  # YAML reads a bare `off` as false
        return ""
    text = value if isinstance(value, str) else ""
    if complaint := crontab.complaint(text):
        raise ConfigError(
            f"{NAME}: {where} {complaint}; write minute hour day month weekday, "
            '"15 2 * * *", or off'
        )
    return " ".join(text.split())


def _count(value: object, where: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MOST:
        raise ConfigError(f"{NAME}: {where} must be a whole number from 0 to {MOST}")
    return value


def _seconds(value: object, where: str) -> float:
    match = LENGTH.fullmatch(value) if isinstance(value, str) else None
    if match is None or int(match[1]) == 0:
        raise ConfigError(f"{NAME}: {where} must be a length of time: 90m, 26h or 7d")
    return float(int(match[1]) * UNITS[match[2]])
