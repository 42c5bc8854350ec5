"""Scheduled backups: a real cron beside a real database, with a real S3 server to keep them."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from slipway.backups.schedule import job_results, summary
from slipway.backups.take import lock
from slipway.client import activity
from slipway.errors import Busy
from slipway.hosts.local import LocalHost
from slipway.progress import SILENT
from tests.integration.schedule_clock import EVERY_MINUTE, NEVER, NoticeReceiver, ScheduleClock
from tests.waiting import wait_until

pytestmark = pytest.mark.engine


def test_the_first_start_takes_a_backup_and_a_restart_misses_nothing(
    clock: ScheduleClock, outside: NoticeReceiver
) -> None:
    clock.start(backup=NEVER)
    run = clock.wait_for("backup", "ok")
    (name,) = clock.manifests()
    assert run.backup == name.removesuffix(".json")
    log = clock.said("caught up on missed jobs: backup")
    assert f"backup {run.backup} of logbook is in s3://" in log
    outside.hear(beats=1)
    assert outside.beats == [[name]]  # when the manifest was there
    seen = summary.summarize(clock.store, run.at)
    assert seen.newest and seen.newest.release == 7
    assert seen.runs["backup"].state == "ok"

    clock.remove()
    clock.start(backup=NEVER)
    clock.said("nothing was missed")
    assert clock.manifests() == [name]


# Of a process without a capability that can get none.
AS_A_USER = {"Uid:" + "\t10001" * 4, "NoNewPrivs:\t1"}
AS_A_USER |= {f"Cap{name}:\t{'0' * 16}" for name in ("Inh", "Prm", "Eff", "Amb")}


def test_the_clock_runs_a_job_as_a_user_who_can_do_nothing_else(
    clock: ScheduleClock, outside: NoticeReceiver
) -> None:
    docker = clock.place.corner.docker
    with clock.place.server.connect() as other, other.transaction():
        other.execute("lock table people in access exclusive mode")
        clock.start(backup=EVERY_MINUTE)
        clock.wait_for("backup", "running")
        # Two where the minute was over before: the second waits for the first.
        pids = docker("exec", clock.container, "pgrep", "-f", "^python -m slipway.agent job")
        statuses = [
            docker("exec", clock.container, "cat", f"/proc/{pid}/status", check=False)
            for pid in pids.split()
        ]
    users = [line for status in statuses for line in status.splitlines() if line in AS_A_USER]
    assert set(users) == AS_A_USER
    assert len(users) == len(AS_A_USER) * sum(bool(status) for status in statuses)
    clock.wait_for("backup", "ok")
    first = clock.manifests()
    wait_until("a second backup", lambda: len(clock.manifests()) >= 2, clock.log)
    assert clock.manifests()[0] == first[0]
    run = clock.wait_for("backup", "ok")
    line = f"{run.began} backup: backup {run.backup} of logbook is in s3://"
    assert clock.said(line).count(line) == 1


def test_no_secret_is_in_the_crontab_the_settings_or_the_log(
    clock: ScheduleClock, outside: NoticeReceiver
) -> None:
    outside.answer = 500
    clock.start(backup=NEVER)
    clock.wait_for("backup", "ok")
    log = clock.said("warning: BACKUP_HEARTBEAT answered 500")
    docker = clock.place.corner.docker
    crontab = docker("exec", clock.container, "cat", "/etc/cron.d/backups")
    settings = docker("exec", clock.container, "cat", "/run/settings")
    shown = docker("inspect", clock.container)
    secrets = [path.read_text().strip() for path in clock.secrets.iterdir() if path.is_file()]
    assert len(secrets) >= 5
    for secret in secrets:
        assert secret not in log + crontab + settings + shown


def test_a_drill_by_the_clock_takes_a_backup_and_restores_it(
    clock: ScheduleClock, outside: NoticeReceiver
) -> None:
    before = job_results.begun("drill", datetime.now(UTC) - timedelta(hours=1), None)
    job_results.keep(
        clock.store, before, Path("/nowhere")
    )  # the machine was lost in the middle of it
    clock.start(smoke="select count(*) = 1000 from people", backup=NEVER, drill=NEVER)
    run = clock.wait_for("drill", "ok")
    assert clock.manifests() == [f"{run.backup}.json"]
    outside.hear(beats=1)
    assert outside.beats == [clock.manifests()]
    seen = summary.summarize(clock.store, datetime.now(UTC))
    assert seen.newest and seen.newest.verified
    assert seen.drill and seen.drill.ok and seen.drill.backup == run.backup
    assert 0 < seen.drill.seconds < 60
    assert "rows and everything else match the backup" in run.text


def test_a_job_that_runs_is_seen_from_outside_and_waited_for(clock: ScheduleClock) -> None:
    hosts, app = [LocalHost("here")], clock.place.corner.app
    with lock.held(clock.place.server):
        clock.start(backup=NEVER)
        clock.said("waiting: a backup is already running")
        with pytest.raises(Busy, match=r"^a backup has been running in schedule for \d+ s"):
            activity.wait(hosts, app, ("schedule",), SILENT, patience=0)
    activity.wait(hosts, app, ("schedule",), SILENT)
    assert clock.run_of("backup") is not None
    assert clock.wait_for("backup", "ok").backup
