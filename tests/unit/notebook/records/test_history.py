"""Past runs: the newest first, each as it ended, and only one's own to resume."""

import datetime
import json
import subprocess
import sys
from pathlib import Path

import pytest

from slipway.errors import SlipwayError, UsageError
from slipway.notebook.reading import titles
from slipway.notebook.records import history
from slipway.notebook.records.record import EVENTS, Record
from slipway.project import ROOT
from slipway.show import runs as show
from tests.fakes.past_runs import BEGAN, HOST, PastRuns


@pytest.fixture
def past(tmp_path: Path) -> PastRuns:
    return PastRuns(tmp_path / "runs")


def test_runs_come_newest_first_each_as_it_ended(past: PastRuns) -> None:
    past.run(0, "start:deploy", "end:deploy", "finish:done", commit="c0ffee")
    past.run(1, "start:deploy", "end:deploy", "finish:failed")
    past.run(2, "start:deploy")
    past.run(3)
    found = history.runs(past.folder)
    told = [(run.result, run.cell, run.seconds) for run in found]
    assert told == [
        *(("unfinished", "", 0), ("unfinished", "deploy", 60)),
        *(("failed", "deploy", 180), ("done", "", 180)),
    ]
    assert (found[-1].commit, found[-1].began) == ("c0ffee", BEGAN)


def test_a_run_under_way_is_said_to_be_running(tmp_path: Path) -> None:
    run = Record.create("deploy", "", {"runbook": "deploy", "user": "anna", "host": HOST}, tmp_path)
    assert history.find("", tmp_path).result == "running"
    assert history.unfinished("", None, "anna", folder=tmp_path) == []
    run.close()
    assert history.find("", tmp_path).result == "unfinished"


def test_what_is_no_run_is_named_and_passed_over(past: PastRuns) -> None:
    past.run(0)
    (past.folder / "notes").mkdir()
    broken = past.run(1)
    (broken / EVENTS).write_text("half a li")
    (past.folder / "staging.claim").write_text("")
    store = history.read_store(past.folder)
    assert len(store.runs) == 1
    assert len(store.damaged) == 2
    assert "notes is not a run" in store.damaged[1]
    assert history.runs(past.folder / "nowhere") == []


def test_only_ones_own_unfinished_runs_may_be_gone_on_with(past: PastRuns) -> None:
    past.run(0, "start", "finish:failed")
    past.run(1, "start", user="ben")
    past.run(2, "start", host="another")
    past.run(3, "start", env="prod")
    past.run(4, "start", "finish:rolled back")
    past.run(5, "start", runbook="restore")

    def found(runbook: str = "", env: str | None = None) -> list[tuple[str, str]]:
        own = history.unfinished(runbook, env, "anna", folder=past.folder)
        return [(run.runbook, run.env) for run in own]

    assert found() == [("restore", "staging"), ("deploy", "prod"), ("deploy", "staging")]
    assert found("deploy") == [("deploy", "prod"), ("deploy", "staging")]
    assert found("deploy", "prod") == [("deploy", "prod")]
    assert found("deploy", "") == []


def test_a_run_that_was_resumed_counts_by_its_newest_end(past: PastRuns) -> None:
    past.run(0, "start", "finish:failed", "resume", "start", "end", "finish:done")
    past.run(1, "start", "finish:failed", "resume", env="prod")
    (one,) = history.unfinished("", None, "anna", folder=past.folder)
    assert (one.env, one.result, one.cell) == ("prod", "unfinished", "verify-1")


def test_a_failed_run_is_forgotten_once_the_whole_runbook_has_worked(past: PastRuns) -> None:
    past.run(0, "start", "finish:failed")
    past.run(1, "start", "end", "finish:done", scope="--checks-only")
    assert len(history.unfinished("deploy", "staging", "anna", folder=past.folder)) == 1
    past.run(2, "start", "end", "finish:done")
    assert history.unfinished("deploy", "staging", "anna", folder=past.folder) == []


def test_a_runbook_is_proven_by_whole_runs_that_worked(past: PastRuns) -> None:
    past.run(0, "start", "end", "finish:done")
    past.run(24, "start", "end", "finish:failed")
    past.run(48, "start", "end", "finish:done", scope="--only=verify-1")
    assert history.dates(past.folder) == {"deploy": BEGAN.date()}
    assert history.last_runs(history.runs(past.folder))["deploy"].scope == "--only=verify-1"


def test_a_run_is_found_by_the_beginning_of_its_name(past: PastRuns) -> None:
    first = past.run(0, "finish:done")
    last = past.run(1, "finish:done")
    assert history.find("", past.folder).id == last.name
    assert history.find(first.name, past.folder).id == first.name
    assert history.find("20261122T193", past.folder).id == first.name
    with pytest.raises(UsageError, match="may be any of"):
        history.find("2026", past.folder)
    with pytest.raises(UsageError, match=rf'did you mean "{first.name}"'):
        history.find(first.name.replace("deploy", "deplyo"), past.folder)
    with pytest.raises(UsageError, match="no runbook has been run"):
        history.find("x", past.folder / "nowhere")


def test_a_run_that_cannot_be_read_is_named_and_never_another_taken_for_it(
    past: PastRuns, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = past.run(0)
    (broken / EVENTS).write_text("half a li\n")
    store = history.read_store(past.folder)
    show.show_history(store, store.runs, hide=[], as_json=True)
    told = capsys.readouterr()
    assert json.loads(told.out) == []
    assert f"{broken / EVENTS} is damaged: its first line is not the start of a run" in told.err
    for name in ("", broken.name, "2026"):
        with pytest.raises(
            SlipwayError, match=r"no run here can be read: .*events\.jsonl is damaged"
        ):
            history.find(name, past.folder)
    past.run(1).rename(past.folder / f"{broken.name}-2")
    with pytest.raises(
        SlipwayError,
        match="is not the start of a run; the runs that can",
    ):
        history.find(broken.name, past.folder)
    assert history.find(f"{broken.name}-2", past.folder).id == f"{broken.name}-2"


def test_a_pause_before_a_run_was_resumed_is_no_part_of_its_minutes(past: PastRuns) -> None:
    folder = past.run(0, "start", "finish:failed", "resume", "end", "finish:done")
    (run,) = history.runs(past.folder)
    assert run.seconds == 4 * 60
    text = (folder / EVENTS).read_text()
    (folder / EVENTS).write_text(text.replace("T19:33:00Z", "T22:33:00Z", 1))
    (run,) = history.runs(past.folder)
    assert run.result == "done"
    assert run.seconds == 0  # a clock that was set back


def test_runs_are_chosen_by_environment_and_runbook(past: PastRuns) -> None:
    past.run(0, "finish:done")
    past.run(1, "finish:done", env="prod")
    found = history.runs(past.folder)
    assert [run.env for run in history.select(found, "prod")] == ["prod"]
    assert len(history.select(found, None, "runbooks/deploy.md")) == 2
    assert history.select(found, "dev", "deploy") == []
    with pytest.raises(UsageError, match='there is no runbook "deplyo"'):
        history.select(found, None, "deplyo")


def test_the_table_tells_when_who_result_and_minutes_in_80_columns(
    past: PastRuns, capsys: pytest.CaptureFixture[str]
) -> None:
    past.run(0, "start", "end", "finish:done")
    past.run(1, "start", "finish:failed", user="b\x1b[31mn")
    store = history.read_store(past.folder)
    show.show_history(store, store.runs, hide=[], as_json=False)
    head, failed, done = capsys.readouterr().out.splitlines()
    assert head.split() == ["RUN", "WHEN", "RUNBOOK", "ENV", "WHO", "RESULT", "MIN", "AT"]
    assert failed.split()[0] == "20261122T203000Z"
    assert "\x1b" not in failed
    assert failed.endswith("failed  2.0  verify-1")
    assert "anna" in done
    assert done.endswith("done    3.0")
    assert max(map(len, (head, done))) <= 80
    show.show_history(store, store.runs[:1], hide=["env"], as_json=True)
    (told,) = json.loads(capsys.readouterr().out)
    assert (told["result"], told["seconds"], told["cell"]) == ("failed", 120, "verify-1")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(5, "just now"), (60, "1 minute ago"), (7300, "2 hours ago"), (3 * 86_400, "3 days ago")],
)
def test_ages_are_read_at_a_glance(seconds: float, text: str) -> None:
    assert show.age(BEGAN, BEGAN + datetime.timedelta(seconds=seconds)) == text


def test_runbooks_are_listed_with_their_last_run(
    past: PastRuns, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    covers = {"deploy": 'risk: medium\ntime: "10m\\e[31m"', "odd": "risk: [", "new": "task: deploy"}
    for name, matter in covers.items():
        text = f"---\n{matter}\n---\n\n# Title of {name}\n\nWhat for.\n\n## Steps\n\n```sh\n"
        (tmp_path / f"{name}.md").write_text(text)
    (tmp_path / "README.md").write_text("# Index\n")
    past.run(0, "start", "end", "finish:done")
    last = history.last_runs(history.runs(past.folder))
    found = titles.read_titles(tmp_path)
    show.show_titles(found, last, as_json=False)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["NAME", "deploy", "new", "odd"]
    assert lines[1].split()[1:3] == ["medium", r"10m\x1b[31m"]
    assert lines[1].endswith("done    3.0  Title of deploy")
    assert "never" in lines[2]
    show.show_titles(found, last, as_json=True)
    told = json.loads(capsys.readouterr().out)
    assert told[0]["last_run"]["result"] == "done"
    assert (told[1]["summary"], told[1]["tasks"], told[1]["last_run"]) == (
        *("What for.", ["deploy"], None),
    )


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_stream_that_came_closed_is_no_failure(closed: str) -> None:
    line = f"{sys.executable} -m invoke runbook.list {closed}"
    done = subprocess.run(["sh", "-c", line], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
