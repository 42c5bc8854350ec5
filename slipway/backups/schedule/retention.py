"""Which backups are kept: of days, weeks, months and years the newest; a pure decision.

A mistake here cannot be undone, so it leans to keeping: the newest backup and the newest that
was proven stay whatever the policy says, and nothing goes while backups fail or stay away.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from slipway.backups.schedule.policy import Retention

AHEAD = timedelta(hours=1)  # a clock that is further ahead cannot say what is old


@dataclass(frozen=True)
class DatedBackup:
    """One whole backup."""

    ident: str
    created: datetime
    proven: bool


@dataclass(frozen=True)
class Decision:
    """What stays, each with its reasons, and what goes, oldest first.

    `held` says why nothing goes although something could.
    """

    keep: tuple[tuple[str, str], ...]
    drop: tuple[str, ...]
    held: str = ""


def decide(
    backups: Sequence[DatedBackup],
    keep: Retention,
    now: datetime,
    stale_after: float,
    failed: str = "",
) -> Decision:
    """Decide over all whole backups of one database; `failed` says that the last run failed."""
    ordered = sorted(backups, key=lambda backup: (backup.created, backup.ident), reverse=True)
    held = failed or _why_not(ordered, now, stale_after)
    reasons = {backup.ident: [*_reasons(backup, ordered)] for backup in ordered}
    for span, (count, period) in _rules(keep).items():
        for ident in _newest_of(ordered, count, period):
            reasons[ident].append(span)
    if held:
        return Decision(tuple((backup.ident, "held back") for backup in ordered), (), held)
    return Decision(
        keep=tuple(
            (backup.ident, ", ".join(reasons[backup.ident]))
            for backup in ordered
            if reasons[backup.ident]
        ),
        drop=tuple(backup.ident for backup in reversed(ordered) if not reasons[backup.ident]),
    )


def _why_not(ordered: Sequence[DatedBackup], now: datetime, stale_after: float) -> str:
    if not ordered:
        return "there is no backup"
    newest = ordered[0].created
    if newest - now > AHEAD:
        return f"the newest backup is from the future ({newest:%Y-%m-%d %H:%M} UTC); set the clock"
    age = now - newest
    if age > timedelta(seconds=stale_after):
        hours = int(age.total_seconds() // 3600)
        return f"the newest backup is {hours} h old; take one before old ones go"
    return ""


def _reasons(backup: DatedBackup, ordered: Sequence[DatedBackup]) -> list[str]:
    reasons = []
    if backup is ordered[0]:
        reasons.append("newest")
    if backup is next((older for older in ordered if older.proven), None):
        reasons.append("newest proven")
    return reasons


def _rules(keep: Retention) -> dict[str, tuple[int, Callable[[datetime], object]]]:
    return {
        "daily": (keep.daily, lambda at: at.date()),
        "weekly": (keep.weekly, lambda at: tuple(at.isocalendar())[:2]),
        "monthly": (keep.monthly, lambda at: (at.year, at.month)),
        "yearly": (keep.yearly, lambda at: at.year),
    }


def _newest_of(
    ordered: Sequence[DatedBackup], count: int, period: Callable[[datetime], object]
) -> list[str]:
    """Name the newest of each of the last `count` periods that have a backup at all."""
    newest: dict[object, str] = {}
    for backup in ordered:
        newest.setdefault(period(backup.created.astimezone(UTC)), backup.ident)
    return list(newest.values())[:count]
