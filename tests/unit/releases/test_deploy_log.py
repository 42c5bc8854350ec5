"""The log of a deploy: written as it happens, read back after any end, shown as a page."""

import contextlib
import json
import re
from pathlib import Path

import pytest

from slipway.errors import ConfigError
from slipway.plan import Plan, Step
from slipway.releases import deploy_log, deploy_page
from slipway.releases.deploy_log import DeployLog, LoggedDeploy
from tests.fakes.reporter import RecordingReporter

FACTS = {
    "command": "deploy",
    "env": "prod",
    "release": 7,
    "commit": "c0ffee" * 6,
    "by": "anna@laptop",
    "machines": ["m1", "m2"],
    "changes": ["api: LEVEL <b>info</b> → debug"],
    "commits": ["+ c0ffee1 Log more (Anna)"],
}


def fail() -> str:
    raise OSError("the colour is not healthy")


def logged(path: Path, *steps: Step, **end: object) -> LoggedDeploy:
    log = DeployLog(path, RecordingReporter())
    log.write("begin", **FACTS)
    with contextlib.suppress(OSError):
        Plan("deploy", steps).run(log)
    if end:
        log.write("end", **end)
    log.close()
    return deploy_log.read(path)


def test_a_deploy_is_logged_with_its_steps_notes_and_end(tmp_path: Path) -> None:
    reporter = RecordingReporter()
    log = DeployLog(tmp_path / "new" / "log.jsonl", reporter)
    log.note("continuing without m3")  # while it is read what there is
    log.write("begin", **FACTS)

    def build() -> str:
        log.note("layer 1 of 2")
        return "2 built"

    Plan("deploy", [Step("build", "build api", build)]).run(log)
    log.write("end", result="live", cutover_seconds=0.2)
    log.close()
    deploy = deploy_log.read(log.path)
    assert [(step.name, step.result, step.text) for step in deploy.steps] == [
        ("build", "done", "2 built")
    ]
    notes = [("", "continuing without m3"), ("build", "layer 1 of 2")]
    assert [(step, text) for _, step, text in deploy.notes] == notes
    assert (deploy.end["result"], deploy.facts["release"]) == ("live", 7)
    assert [kind for kind, _ in reporter.events] == ["note", "started", "note", "finished"]
    assert log.path.stat().st_mode & 0o777 == 0o600


def test_a_step_that_failed_and_those_undone_are_told_apart(tmp_path: Path) -> None:
    deploy = logged(
        tmp_path / "log.jsonl",
        Step("data", "keep data", lambda: "as described", lambda: None),
        Step("fill", "start green", fail, lambda: None),
        result="rolled back",
        reason="not healthy",
    )
    assert [(step.name, step.result, step.is_undone) for step in deploy.steps] == [
        ("data", "done", True),
        ("fill", "failed", True),
    ]


def test_a_log_that_a_kill_cut_off_is_read_up_to_there(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    logged(path, Step("build", "build api", lambda: "done"))
    with path.open("a") as file:
        file.write(json.dumps({"at": 2e9, "event": "started", "step": "fill", "describe": "x"}))
        file.write('\n{"at": 2e9, "event": "fini')
    deploy = deploy_log.read(path)
    assert [(step.name, step.result) for step in deploy.steps] == [
        ("build", "done"),
        ("fill", "unfinished"),
    ]
    assert "the log ends before it did" in deploy_page.make(deploy)


def test_what_is_no_log_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    for text in ("", "{}", "[1]\n", "no json\n", '{"at": "x", "event": "begin"}'):
        path.write_text(text)
        with pytest.raises(ConfigError, match="is no log of a deploy, or is damaged"):
            deploy_log.read(path)


def test_a_log_that_cannot_be_written_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    reporter = RecordingReporter()
    log = DeployLog(tmp_path / "file" / "log.jsonl", reporter)
    Plan("deploy", [Step("build", "build api", lambda: "done")]).run(log)
    assert [note for note in reporter.notes if note.startswith("no log is written")]
    assert ("finished", "build") in reporter.events


def test_the_page_shows_what_happened_and_runs_nothing(tmp_path: Path) -> None:
    counted = {"requests": 900, "errors": 3, "within": {"0.1": 800, "0.5": 890, "Infinity": 900}}
    deploy = logged(
        tmp_path / "log.jsonl",
        Step("fill", "start green", lambda: "healthy for 5 s"),
        Step("cut over", "move every edge", lambda: "2 acknowledged in 80 ms"),
        result="live",
        cutover_seconds=0.08,
        figures={"before": counted, "since": counted},
    )
    page = deploy_page.make(deploy)
    assert "<h1>deploy of release 7 to prod</h1>" in page
    assert "80 ms until every edge had acknowledged" in page
    assert "LEVEL &lt;b&gt;info&lt;/b&gt; → debug" in page
    assert page.count('<rect class="bar done"') == 2
    assert '<line class="cutover"' in page
    assert "900" in page and "longer" in page
    assert not re.search(r"<script|src=|https?://(?!www.w3.org/2000/svg)", page)
