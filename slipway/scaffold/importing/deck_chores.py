"""Jobs by a schedule that labels for deck-chores describe."""

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence

from slipway.scaffold.importing import schedules
from slipway.scaffold.importing.classification import OldService
from slipway.scaffold.importing.schedules import ScheduledJob

LABEL = re.compile(r"deck-chores\.(?P<name>[^.]+)\.(?P<word>command|cron|interval|date)$")
NAMED = {
    "weekly": "@weekly",
    "daily": "@daily",
    "hourly": "@hourly",
    "every minute": "* * * * *",
}
FIELDS = 8  # year, month, day, week, weekday, hour, minute, second
DIGITS = re.compile(r"(?<![\d/])\d(?!\d)")


def labelled(services: Sequence[OldService]) -> Iterator[ScheduledJob]:
    """Read what labels of services say."""
    for service in services:
        jobs: dict[str, dict[str, str]] = {}
        for key, value in (service.spec.get("labels") or {}).items():
            if match := LABEL.match(str(key)):
                jobs.setdefault(match["name"], {})[match["word"]] = str(value)
        for name, about in jobs.items():
            if "command" in about:
                written = about.get("cron") or about.get("interval") or about.get("date", "")
                words = shlex.split(about["command"])
                yield ScheduledJob(name, service.name, words, schedule(about), written)


def schedule(about: Mapping[str, str]) -> str:
    """Write a cron or an interval of deck-chores as cron has it; "" for what cron cannot say."""
    if "cron" in about:
        return _flipped(about["cron"].split())
    text = about.get("interval", "").strip()
    if text in NAMED:
        return schedules.five_fields(NAMED[text])
    numbers = re.split(r"[.:/ ]", text)
    if not all(number.isdecimal() for number in numbers) or len(numbers) > 5:
        return ""
    weeks, days, hours, minutes, seconds = map(int, [*["0"] * (5 - len(numbers)), *numbers])
    every = f"{(weeks * 7 + days) * 24 + hours}h{minutes}m"
    return "" if seconds else schedules.five_fields(f"@every {every}")


def _flipped(fields: Sequence[str]) -> str:
    """Turn round fields that begin with the year; those left out on the left are stars."""
    if not 0 < len(fields) <= FIELDS:
        return ""
    all_fields = [*["*"] * (FIELDS - len(fields)), *fields]
    year, month, day, week, weekday, hour, minute, second = all_fields
    if (year, week) != ("*", "*") or not second.isdecimal() or "*/" in weekday:
        return ""
    # Its week begins on Monday, with 0.
    weekday = DIGITS.sub(lambda match: str(int(match[0]) + 1), weekday)
    return schedules.five_fields(f"{minute} {hour} {day} {month} {weekday}")
