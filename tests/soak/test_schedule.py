"""Hours of an environment's schedule within minutes: cron has a clock that runs fast."""

import json
import time

import pytest

from slipway.backups.schedule.policy import Policy, Retention
from tests import base_images
from tests.integration import postgres_stack
from tests.integration.docker_sandbox import IMAGES
from tests.integration.schedule_clock import RECIPIENTS, NoticeReceiver, ScheduleClock
from tests.soak.rows import Rows

pytestmark = pytest.mark.engine
SPEED = 90  # so an hour takes 40 seconds, in which a backup and a drill have their time
HOURLY = {"backup": "0 * * * *", "drill": "30 */6 * * *", "prune": "20 */4 * * *"}
KEEP = 7
# Only cron itself reads the fast clock: it hands none of its environment on to the jobs.
DOCKERFILE = f"""
FROM {postgres_stack.OPS}
USER root
RUN apt-get update && apt-get install -y --no-install-recommends faketime \
 && mv /usr/sbin/cron /usr/sbin/cron.true \
 && printf '#!/bin/sh\\nexec faketime -f "+0 x{SPEED}" cron.true "$@"\\n' >/usr/sbin/cron \
 && chmod 755 /usr/sbin/cron
USER 10001:10001
"""


def test_every_job_of_many_hours_runs_once_and_what_is_too_old_goes(
    clock: ScheduleClock, outside: NoticeReceiver, rows: Rows, size: dict[str, float]
) -> None:
    hours = round(size["SOAK_HOURS"])
    image = base_images.build(f"{IMAGES}/fast", "-", text=DOCKERFILE)
    policy = Policy(HOURLY, Retention(KEEP, 0, 0, 0), 26 * 3600.0, 7 * 86400.0)
    schedule = {"policy": policy.to_json(), "recipients": RECIPIENTS, "smoke": ""}
    options = (*clock.options, "--env", f"SCHEDULE={json.dumps(schedule)}")
    with rows.measure("jobs by cron with a fast clock", f"{hours} hours") as row:
        clock.container = clock.place.corner.run(image, "/srv/schedule", options=options)
        clock.said("caught up on missed jobs: backup")
        began, caught_up = time.monotonic(), count(clock, "backup")
        while (backups := count(clock, "backup") - caught_up) < hours:
            passed = (time.monotonic() - began) * SPEED / 3600
            row.result = f"{backups} backups after {passed:.1f} hours"
            assert passed < hours + 3, clock.log()
            time.sleep(2)
        drills, prunings = count(clock, "drill"), count(clock, "prune")
        assert abs(drills - hours / 6) <= 1 and abs(prunings - hours / 4) <= 1, clock.log()
        assert "error:" not in clock.log() and "warning:" not in clock.log()
        assert outside.notices == []
        row.result = f"{hours} backups, {drills} drills, {prunings} prunings"
        row.result += f"; {len(clock.manifests())} backups are left"


def count(clock: ScheduleClock, job: str) -> int:
    """Return how many runs of a job have ended well, as the log has them."""
    return sum(f" {job}: " in line for line in clock.log().splitlines())
