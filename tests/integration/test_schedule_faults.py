"""Scheduled backups that fail: each failure is recorded, notified once, and caught up on."""

import json
import re
import socket
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from slipway.agent.messages.jobs import BackupSummaryRequest
from slipway.backups.schedule import job_results
from slipway.client import call
from slipway.client.container import Container
from slipway.errors import SlipwayError
from slipway.hosts.local import LocalHost
from tests.fakes.reporter import RecordingReporter
from tests.integration.schedule_clock import NEVER, NoticeReceiver, ScheduleClock, prune

pytestmark = pytest.mark.engine


def test_a_failure_is_told_once_kept_and_followed_by_no_heartbeat(
    clock: ScheduleClock, outside: NoticeReceiver
) -> None:
    (clock.secrets / "DATABASE_PASSWORD").write_text("wrong\n")
    clock.start(backup=NEVER)
    run = clock.wait_for("backup", "failed")
    assert "does not let logbook in" in run.text
    log = clock.said("error: ")
    assert "Traceback" not in log
    assert clock.manifests() == []
    outside.hear(notices=1)
    (told,) = outside.notices
    assert told["text"].startswith("testing: the scheduled backup failed: the database logbook")
    assert "inv status --env=testing" in told["text"]
    pruned = prune(clock, plan=False).pruned
    assert pruned and pruned.held.startswith("the last scheduled backup failed")
    assert pruned.removed == ()


def test_a_store_that_is_gone_is_a_failure_that_the_volume_remembers(
    clock: ScheduleClock, outside: NoticeReceiver
) -> None:
    (clock.secrets / "BACKUP_S3_SECRET").write_text("wrong\n")
    clock.start(backup=NEVER)
    log = clock.said("error: ")
    assert "warning: the result of backup could not be kept" in log
    kept = clock.place.corner.docker(
        "exec", clock.container, "cat", "/var/lib/slipway/runs/backup.json"
    )
    assert json.loads(kept)["state"] == "failed"
    outside.hear(notices=1)


def test_a_backup_that_was_killed_is_made_up_for_on_the_next_machine(
    clock: ScheduleClock, outside: NoticeReceiver
) -> None:
    with clock.place.server.connect() as other, other.transaction():
        other.execute("lock table people in access exclusive mode")  # pg_dump waits for it
        clock.start(backup=NEVER)
        clock.wait_for("backup", "running")
        time.sleep(2)
        clock.remove()
    assert clock.manifests() == []
    clock.start(backup=NEVER)
    run = clock.wait_for("backup", "ok")
    assert clock.manifests() == [f"{run.backup}.json"]
    clock.said("backup was missed; running it now")


def test_a_job_that_is_killed_beside_a_living_cron_is_a_failure_that_is_told(
    clock: ScheduleClock, outside: NoticeReceiver
) -> None:
    docker = clock.place.corner.docker
    with clock.place.server.connect() as other, other.transaction():
        other.execute("lock table people in access exclusive mode")
        clock.start(backup=NEVER)
        clock.wait_for("backup", "running")
        time.sleep(1)
        killing = ("pkill", "-9", "-f", "^python -m slipway.agent job")
        docker("exec", "--user", "10001:10001", clock.container, *killing)
        run = clock.wait_for("backup", "failed")
    assert "it was killed" in run.text
    outside.hear(notices=1)
    left = docker("exec", clock.container, "pgrep", "-xc", "pg_dump|age", check=False)
    assert left == "0"
    assert clock.manifests() == []


def test_a_drill_that_finds_the_backup_wanting_is_a_failure(
    clock: ScheduleClock, outside: NoticeReceiver
) -> None:
    before = job_results.begun("drill", datetime.now(UTC) - timedelta(hours=1), None)
    job_results.keep(clock.store, before, Path("/nowhere"))
    clock.start(smoke="select count(*) = 7 from people", backup=NEVER, drill=NEVER)
    run = clock.wait_for("drill", "failed")
    assert "not every answer is true" in run.text
    outside.hear(notices=1)
    pruned = prune(clock, plan=False).pruned
    assert pruned and pruned.held.startswith("the last drill failed")


def test_a_store_that_is_silent_does_not_hold_up_a_status(
    clock: ScheduleClock, outside: NoticeReceiver
) -> None:
    with socket.create_server(("0.0.0.0", 0)) as silent:  # noqa: S104  containers ask it
        port = silent.getsockname()[1]
        form = re.compile(r"^(BACKUP_S3_ENDPOINT=http://[^:]+):\d+$")
        clock.options = tuple(form.sub(rf"\1:{port}", word) for word in clock.options)
        clock.start(backup=NEVER)
        with pytest.raises(SlipwayError, match="the store does not answer within 20 s"):
            place = Container(LocalHost("here"), clock.container, "testing")
            call.call(place, BackupSummaryRequest(), RecordingReporter())
