"""A policy is checked before its night; results are recorded and notices are sent."""

import json
import re
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from slipway.backups.schedule import crontab, job_results, notify, policy
from slipway.backups.schedule.job_results import JobResult
from slipway.backups.schedule.policy import Retention
from slipway.backups.schedule.summary import BackupSummary, LastDrill, NewestBackup
from slipway.environments import environment
from slipway.errors import ConfigError
from slipway.project import ROOT
from slipway.releases import backup_status
from slipway.releases.backup_status import Backups
from slipway.storage.folder import FolderStore

ENVIRONMENTS = ("dev", "testing", "staging", "prod")
NOW = datetime(2026, 11, 22, 2, 15, tzinfo=UTC)
DEFAULTS = """
defaults:
  when: {backup: "15 2 * * *", drill: "15 3 * * 0", prune: "45 4 * * *"}
  keep: {daily: 7, weekly: 5, monthly: 12, yearly: 3}
  stale_after: 26h
"""


def read(folder: Path, text: str, environment: str = "prod") -> policy.Policy:
    path = folder / "policy.yml"
    path.write_text(text)
    return policy.read(path, environment, ENVIRONMENTS)


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_the_policy_that_comes_with_the_kit_holds(environment: str) -> None:
    found = policy.read(ROOT / policy.NAME, environment, ENVIRONMENTS)
    assert set(found.when) == {"backup", "drill", "prune"}
    assert policy.Policy.from_json(json.loads(json.dumps(found.to_json()))) == found


def test_an_environment_says_only_what_differs(tmp_path: Path) -> None:
    own = "environments: {prod: {when: {drill: off}, keep: {daily: 30}, stale_after: 2d}}"
    found = read(tmp_path, DEFAULTS + own)
    assert found.when == {"backup": "15 2 * * *", "prune": "45 4 * * *"}
    assert found.keep == Retention(30, 5, 12, 3)
    assert found.stale_after == 48 * 3600
    assert read(tmp_path, DEFAULTS + own, "staging").keep.daily == 7


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "the file must hold names and values"),
        ("defaults: [", "is not YAML: line 1: "),
        ("defaults: {}", "defaults.when.backup is missing"),
        (DEFAULTS + "environments: {prd: {}}", "'environments.prd' is not known"),
        (
            DEFAULTS + "environments: {staging: {keep: {dayly: 1}}}",
            "'environments.staging.keep.day",
        ),
        (DEFAULTS.replace("daily: 7", "daily: -1"), "defaults.keep.daily must be a whole number"),
        (DEFAULTS.replace("daily: 7", "daily: true"), "defaults.keep.daily must be a whole number"),
        (DEFAULTS.replace("26h", "26"), "defaults.stale_after must be a length of time"),
        (DEFAULTS.replace("26h", "23h"), "stale_after is shorter than the 24 h"),
        (DEFAULTS.replace("15 2 * * *", "*/5 8-18 * * 1-5"), "shorter than the 61.0833 h"),
        (
            DEFAULTS.replace("15 2 * * *", "15 2 * *"),
            "defaults.when.backup is not a cron expression of",
        ),
        (DEFAULTS.replace("15 2 * * *", "61 2 * * *"), "(minute is wrong)"),
        (
            DEFAULTS.replace("15 2 * * *", "0 0 31 2 *"),
            "defaults.when.backup is not a cron expression",
        ),
        (DEFAULTS.replace("15 2 * * *", "0 0 L * *"), "cron understands"),
        (DEFAULTS.replace("15 2 * * *", "0 0 * * *%"), "cron understands"),
        (re.sub(r"\d+(?=[,}])", "0", DEFAULTS), "keep is 0 of everything"),
    ],
)
def test_a_mistake_is_named_with_file_and_key(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, text)
    assert str(caught.value).startswith("backups/policy.yml")
    assert complaint in str(caught.value)


def test_the_crontab_has_a_line_for_each_job_and_one_for_what_was_missed() -> None:
    text = crontab.write({"backup": "15 2 * * *", "drill": "15 3 * * 0"}, "/opt/python/bin:/bin")
    lines = [line for line in text.splitlines() if "slipway" in line]
    assert [line.split(" slipway ")[0] for line in lines] == ["@reboot", "15 2 * * *", "15 3 * * 0"]
    assert lines[1] == "15 2 * * * slipway /srv/schedule backup >&3 2>&1"
    assert "PATH=/opt/python/bin:/bin" in text
    assert "%" not in text  # cron would make it a line end


def test_a_time_is_due_last_and_next_where_cron_says() -> None:
    assert crontab.last_time("15 2 * * *", NOW) == NOW
    assert crontab.next_time("15 2 * * *", NOW) == NOW.replace(day=23)
    assert crontab.last_time("0 3 * * 0", NOW) == NOW.replace(day=15, hour=3, minute=0)


def test_the_last_run_is_known_also_when_the_store_did_not_take_it(tmp_path: Path) -> None:
    store, folder = FolderStore(tmp_path / "store", "store"), tmp_path / "volume"
    folder.mkdir()
    good = job_results.ended(
        job_results.begun("backup", NOW, None), "ok", NOW, "20261122T021500Z-1f3a"
    )
    assert job_results.keep(store, good, folder) == ""
    later = job_results.begun("backup", NOW.replace(day=23), good)
    blocked = FolderStore(tmp_path / "store" / "runs" / "backup.json", "elsewhere")
    failed = job_results.ended(later, "failed", NOW.replace(day=23), "no store")
    assert "could not be kept" in job_results.keep(blocked, failed, folder)
    found = job_results.read(store, "backup", folder)
    assert found == failed
    assert found.good == "2026-11-22T02:15:00Z"
    assert job_results.read(store, "backup", tmp_path / "nowhere") == good


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"job": "backup", "state": "ok", "began": "x"}'])
def test_a_result_that_is_none_is_no_result(tmp_path: Path, text: str) -> None:
    store = FolderStore(tmp_path / "store", "store")
    store.put("runs/backup.json", [text.encode()])
    assert job_results.read(store, "backup", tmp_path) is None


def judged(name: str = "staging", *, scheduled: bool = True, **seen: Any) -> Backups:
    env = environment.load(name)
    schedule_policy = policy.read(ROOT / policy.NAME, name, ENVIRONMENTS)
    summary = BackupSummary("s3://b", **seen)
    return backup_status.judge(env, schedule_policy, summary, scheduled=scheduled)


def taken(hours: float) -> NewestBackup:
    moment = "2026-11-22T02:15:00Z"
    return NewestBackup("20261122T021500Z-1f3a", moment, hours * 3600, 1, 1.0, 7, "1", False, None)


def test_a_backup_that_is_too_old_is_a_problem_where_it_matters() -> None:
    assert judged(newest=taken(25)).problems == ()
    overdue = judged(newest=taken(27))
    assert overdue.overdue
    assert overdue.problems[0].startswith("the newest backup is 27 h old (more than 26 h)")
    assert judged("prod", scheduled=False, newest=taken(27)).overdue
    assert not judged("testing", scheduled=False, newest=taken(27)).overdue


def test_no_backup_at_all_is_a_problem_for_prod_and_for_a_schedule() -> None:
    assert "no backup" in judged("prod", scheduled=False).problems[0]
    assert "no backup" in judged().problems[0]
    assert judged(scheduled=False).problems == ()
    first = {"backup": job_results.begun("backup", NOW, None)}
    assert judged(runs=first).problems == ()


def test_a_job_that_failed_is_a_problem_until_a_newer_backup_settles_it() -> None:
    def failed(job: str, at: datetime) -> dict[str, JobResult]:
        run = job_results.ended(job_results.begun(job, at, None), "failed", at, "no store")
        return {job: run}

    later, earlier = NOW.replace(hour=3), NOW.replace(hour=1)
    told = "the last backup failed at 2026-11-22T03:15:00Z: no store"
    assert judged(newest=taken(1), runs=failed("backup", later)).problems == (told,)
    assert judged(newest=taken(1), runs=failed("backup", earlier)).problems == ()
    assert len(judged(newest=taken(1), runs=failed("drill", earlier)).problems) == 1


def test_what_cannot_be_seen_is_told_and_not_called_overdue() -> None:
    found = judged(unknown="the store does not answer")
    assert found.problems == (
        "the backups of the database cannot be listed: the store does not answer",
    )


def test_keys_that_may_only_write_are_no_problem() -> None:
    found = judged("prod", unlisted="s3://b may not be listed with these keys")
    assert found.problems == ()
    assert "may not be listed" in found.unknown


def test_the_time_a_restore_takes_is_that_of_the_last_good_drill() -> None:
    drill = LastDrill("drill", "2026-11-22T02:15:00Z", 41.5, True, {}, "", "", "")
    assert judged(newest=taken(1), drill=drill).recovery_seconds == 41.5
    assert judged(newest=taken(1), drill=replace(drill, ok=False)).recovery_seconds is None


class Ear(BaseHTTPRequestHandler):
    """Hears what is posted and answers what it is told to."""

    heard: list[tuple[str, str, bytes]]
    answer = 200

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.heard.append((self.command, self.path, body))
        self.send_response(self.answer)
        self.end_headers()

    do_GET = do_POST  # noqa: N815  the library's name

    def log_message(self, *_: object) -> None:
        """Tests stay silent."""


@pytest.fixture
def ear() -> Iterator[tuple[type[Ear], str]]:
    handler = type("Ear", (Ear,), {"heard": []})
    with HTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield handler, f"http://127.0.0.1:{server.server_port}/hooks/top-secret"
        server.shutdown()


def test_a_notice_is_posted_as_json_and_a_heartbeat_is_asked(
    tmp_path: Path, ear: tuple[type[Ear], str]
) -> None:
    handler, url = ear
    for name in ("BACKUP_NOTICE", "BACKUP_HEARTBEAT"):
        (tmp_path / name).write_text(url + "\n")
    assert notify.tell("prod: “quoted” failed", tmp_path) == ""
    assert notify.beat(tmp_path) == ""
    (method, path, body), (beat, _, nothing) = handler.heard
    assert (method, path, beat, nothing) == ("POST", "/hooks/top-secret", "GET", b"")
    assert json.loads(body) == {"text": "prod: “quoted” failed"}


def test_without_an_endpoint_nobody_is_told_and_nothing_is_wrong(tmp_path: Path) -> None:
    assert notify.tell("failed", tmp_path) == ""
    assert notify.beat(tmp_path) == ""


def test_an_endpoint_that_is_down_is_a_sentence_without_its_url(
    tmp_path: Path, ear: tuple[type[Ear], str]
) -> None:
    handler, url = ear
    handler.answer = 500
    said = []
    for wrong in (url, "http://127.0.0.1:1/top-secret", "file:///top-secret", "http://top secret"):
        (tmp_path / "BACKUP_HEARTBEAT").write_text(wrong)
        said.append(notify.beat(tmp_path))
    assert said[0] == "BACKUP_HEARTBEAT answered 500"
    assert "could not be reached" in said[1]
    assert "not an http(s) URL" in said[2]
    assert all(said)
    assert not re.search("top.secret", "".join(said))
