"""A policy is checked before the night on which it counts; results and notices keep their place."""

import json
import re
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from slipway.backups import crontab, notice, policy, runs
from slipway.backups.policy import Keep
from slipway.errors import ConfigError
from slipway.project import ROOT
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
    assert found.keep == Keep(30, 5, 12, 3)
    assert found.stale_after == 48 * 3600
    assert read(tmp_path, DEFAULTS + own, "staging").keep.daily == 7


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "the file must hold names and values"),
        ("defaults: [", "is not YAML (line"),
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
        (
            DEFAULTS.replace("15 2 * * *", "15 2 * *"),
            "defaults.when.backup is no cron expression of",
        ),
        (DEFAULTS.replace("15 2 * * *", "61 2 * * *"), "(minute is wrong)"),
        (
            DEFAULTS.replace("15 2 * * *", "0 0 31 2 *"),
            "defaults.when.backup is no cron expression",
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
    assert lines[0].endswith("""job --given '{"job": "catch-up"}' >&3 2>&1""")
    assert "PATH=/opt/python/bin:/bin" in text
    assert "%" not in text  # cron would make it a line end


def test_a_time_is_due_last_and_next_where_cron_says() -> None:
    assert crontab.last_time("15 2 * * *", NOW) == NOW
    assert crontab.next_time("15 2 * * *", NOW) == NOW.replace(day=23)
    assert crontab.last_time("0 3 * * 0", NOW) == NOW.replace(day=15, hour=3, minute=0)


def test_the_last_run_is_known_also_when_the_store_did_not_take_it(tmp_path: Path) -> None:
    store, folder = FolderStore(tmp_path / "store", "store"), tmp_path / "volume"
    folder.mkdir()
    good = runs.ended(runs.begun("backup", NOW, None), "ok", NOW, "20261122T021500Z-1f3a")
    assert runs.keep(store, good, folder) == ""
    later = runs.begun("backup", NOW.replace(day=23), good)
    blocked = FolderStore(tmp_path / "store" / "runs" / "backup.json", "elsewhere")
    failed = runs.ended(later, "failed", NOW.replace(day=23), "no store")
    assert "could not be kept" in runs.keep(blocked, failed, folder)
    found = runs.read(store, "backup", folder)
    assert found == failed
    assert found.good == "2026-11-22T02:15:00Z"
    assert runs.read(store, "backup", tmp_path / "nowhere") == good


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"job": "backup", "state": "ok", "began": "x"}'])
def test_a_result_that_is_none_is_no_result(tmp_path: Path, text: str) -> None:
    store = FolderStore(tmp_path / "store", "store")
    store.put("runs/backup.json", [text.encode()])
    assert runs.read(store, "backup", tmp_path) is None


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
    assert notice.tell("prod: “quoted” failed", tmp_path) == ""
    assert notice.beat(tmp_path) == ""
    (method, path, body), (beat, _, nothing) = handler.heard
    assert (method, path, beat, nothing) == ("POST", "/hooks/top-secret", "GET", b"")
    assert json.loads(body) == {"text": "prod: “quoted” failed"}


def test_without_an_endpoint_nobody_is_told_and_nothing_is_wrong(tmp_path: Path) -> None:
    assert notice.tell("failed", tmp_path) == ""
    assert notice.beat(tmp_path) == ""


def test_an_endpoint_that_is_down_is_a_sentence_without_its_url(
    tmp_path: Path, ear: tuple[type[Ear], str]
) -> None:
    handler, url = ear
    handler.answer = 500
    said = []
    for wrong in (url, "http://127.0.0.1:1/top-secret", "file:///top-secret", "http://top secret"):
        (tmp_path / "BACKUP_HEARTBEAT").write_text(wrong)
        said.append(notice.beat(tmp_path))
    assert said[0] == "BACKUP_HEARTBEAT answered 500"
    assert "could not be reached" in said[1]
    assert "no http(s) URL" in said[2]
    assert all(said)
    assert not re.search("top.secret", "".join(said))
