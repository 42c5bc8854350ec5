"""The crontab of an environment for Debian's cron: `python -m slipway.backups.schedule.crontab`.

Times are UTC, so no night has an hour twice or not at all.
"""

import contextlib
import json
import os
import re
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

SCHEDULE = "SCHEDULE"  # the setting of the schedule's container: policy and recipients, as JSON
CATCH_UP, SETTLE = "catch-up", "settle"
USER = "slipway"
# What Debian's cron takes; the evaluator knows more (`L`, `#`, seconds).
FIELD = re.compile(r"[0-9A-Za-z*,/-]+")
WORDS = re.compile(
    r"\b(SUN|MON|TUE|WED|THU|FRI|SAT|JAN|FEB|MAR|APR|MAY|JUN|JUL|AUG|SEP|OCT|NOV|DEC)\b"
)


def complaint(expression: str) -> str:
    """Say what is wrong with a cron expression; nothing when it is right."""
    from cronsim import CronSim, CronSimError

    fields = expression.split()
    if len(fields) != 5:
        return "is not a cron expression of five fields"
    plain = (WORDS.sub("", field.upper()) for field in fields)
    if any(re.search("[A-Z]", field) for field in plain) or not all(map(FIELD.fullmatch, fields)):
        return "is not a cron expression that cron understands"
    try:
        next(CronSim(expression, datetime(2024, 1, 1, tzinfo=UTC)))
    except CronSimError as error:
        return f"is not a cron expression ({str(error).removeprefix('Bad ')} is wrong)"
    except StopIteration:
        return "names a time that never comes"
    return ""


def next_time(expression: str, now: datetime) -> datetime:
    """Return when an expression is due next, after `now`."""
    from cronsim import CronSim

    return next(CronSim(expression, now))


def last_time(expression: str, now: datetime) -> datetime:
    """Return when an expression was due last, `now` included."""
    from cronsim import CronSim

    return next(CronSim(expression, now.replace(microsecond=1), reverse=True))


def longest_gap(expression: str, firings: int = 500) -> float:
    """Return the longest time between two firings of an expression, in seconds.

    Looks at so many firings, and where they come often, at all in two weeks.
    """
    from cronsim import CronSim

    begin = datetime(2024, 1, 1, tzinfo=UTC)
    longest, last = 0.0, None
    with contextlib.suppress(OverflowError):  # of what comes so seldom that the years end
        for number, time in enumerate(CronSim(expression, begin)):
            if number >= firings and time - begin > timedelta(weeks=2):
                break
            longest = max(longest, (time - (last or time)).total_seconds())
            last = time
    return longest


def write(when: Mapping[str, str], path: str) -> str:
    """Write the crontab; `path` is the PATH that jobs get.

    File 3 is the log of the container: cron itself would send what a job says by mail.
    """
    lines = [f"PATH={path}", "SHELL=/bin/sh", 'MAILTO=""']
    for at, job in [("@reboot", CATCH_UP), *((at, job) for job, at in when.items())]:
        lines.append(f"{at} {USER} /srv/schedule {job} >&3 2>&1")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    schedule = json.loads(os.environ[SCHEDULE])
    sys.stdout.write(write(schedule["policy"]["when"], os.environ["PATH"]))
