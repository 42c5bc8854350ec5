"""When a job is due, as its labels say it: times in the manner of cron, in UTC."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from slipway.backups.schedule import crontab
from slipway.durations import seconds

SCHEDULE, MISSED, TIMEOUT = "slipway.schedule", "slipway.missed", "slipway.timeout"
USUAL_LIMIT = 3600


@dataclass(frozen=True)
class JobTimes:
    """When a job is due, whether it is made up for when it was missed, and its limit in seconds."""

    expression: str
    is_made_up: bool
    limit: int


def of(labels: Mapping[str, str]) -> JobTimes | None:
    """Read the labels of a job; None for one without times."""
    if not labels.get(SCHEDULE):
        return None
    limit = seconds(labels[TIMEOUT]) if TIMEOUT in labels else USUAL_LIMIT
    return JobTimes(labels[SCHEDULE], labels.get(MISSED, "skip") == "run", limit)


def next_time(expression: str, now: float) -> datetime:
    """Return when a job is due next."""
    return crontab.next_time(expression, datetime.fromtimestamp(now, UTC))


def check(labels: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Find times that cannot be kept."""
    if SCHEDULE not in labels:
        lone = next((name for name in (MISSED, TIMEOUT) if name in labels), "")
        if lone:
            yield lone, f"{lone} is about a job with {SCHEDULE}, which is not there"
        return
    if labels.get("slipway.role") != "job":
        yield SCHEDULE, "only a service with role job runs at times"
    elif "slipway.phase" in labels:
        yield SCHEDULE, "a job of the release phase runs in a deploy; leave one of the two out"
    if complaint := crontab.complaint(labels[SCHEDULE]):
        text = (
            f"{labels[SCHEDULE][:40]!a} {complaint}; write minute, hour, day, month, weekday (UTC)"
        )
        yield SCHEDULE, text
    if labels.get(MISSED, "skip") not in ("run", "skip"):
        yield MISSED, f"{labels[MISSED][:40]!a}: write run, to make up for a missed time, or skip"
    if TIMEOUT in labels and not seconds(labels[TIMEOUT]):
        yield TIMEOUT, f"{labels[TIMEOUT][:40]!a} is no length of time; write 90s, 30m or 2h"


def fields(expression: str) -> dict[str, str]:
    """Write an expression out as labels: whoever looks at a clock has nothing to work out."""
    from cronsim import CronSim

    times = CronSim(expression, datetime.now(UTC))
    weekdays = {day % 7 for day in times.weekdays if isinstance(day, int)}
    sets: Mapping[str, Any] = {
        "minutes": times.minutes,
        "hours": times.hours,
        "days": times.days,
        "months": times.months,
        "weekdays": weekdays,
    }
    written = {f"slipway.{n}": f",{','.join(map(str, sorted(v)))}," for n, v in sets.items()}
    return written | {"slipway.both": "and" if times.day_and else "or"}
