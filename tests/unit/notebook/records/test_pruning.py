"""Records of runs that nobody needs any more go when a run ends; all others stay."""

import datetime
import json
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from slipway.notebook.records import history, pruning
from slipway.notebook.records.pruning import NEWEST, prune
from slipway.notebook.records.record import EVENTS, exclusive
from slipway.project import ROOT
from tests.fakes.past_runs import BEGAN, PastRuns

DAY = 24.0
NOW = BEGAN + datetime.timedelta(days=365)
RECENT = 365 * DAY - 60 * DAY  # hours after BEGAN
DONE = ("start", "end", "finish:done")
TAKEN_BACK = ("start", "end", "finish:rolled back")


@pytest.fixture
def past(tmp_path: Path) -> PastRuns:
    return PastRuns(tmp_path / "runs")


def names(paths: Iterable[Path]) -> set[str]:
    return {path.name for path in paths}


def test_of_old_runs_the_newest_fifty_of_each_runbook_and_environment_stay(past: PastRuns) -> None:
    old = [past.run(hour, *DONE) for hour in range(NEWEST + 3)]
    others = [past.run(0, *DONE, env="prod"), past.run(0, *DONE, runbook="restore")]
    assert set(prune(past.folder, NOW)) == names(old[:3])
    assert names(past.folder.iterdir()) == names([*old[3:], *others])
    assert prune(past.folder, NOW) == []


def test_of_the_last_ninety_days_every_run_stays(past: PastRuns) -> None:
    for hour in range(NEWEST + 3):
        past.run(RECENT + hour, *DONE)
    before = past.run(0, *DONE)
    assert prune(past.folder, NOW) == [before.name]
    assert len(history.runs(past.folder)) == NEWEST + 3


def test_an_old_run_that_was_gone_on_with_of_late_is_recent(past: PastRuns) -> None:
    late = past.run(0, "start", "finish:failed", "resume", "start", "end", "finish:done")
    text = (late / EVENTS).read_text()
    before, after = text.split('"kind": "resume"')
    moment = f"{NOW - datetime.timedelta(days=1):%Y-%m-%d}"
    (late / EVENTS).write_text(before + '"kind": "resume"' + after.replace("2026-11-22", moment))
    for hour in range(1, NEWEST + 1):
        past.run(hour, *DONE)
    assert late.name not in prune(past.folder, NOW)


@pytest.mark.parametrize("kinds", [("start",), ("start", "finish:failed"), ("finish:stopped",)])
def test_what_somebody_may_go_on_with_stays_until_the_whole_runbook_has_worked(
    past: PastRuns, kinds: tuple[str, ...]
) -> None:
    left = past.run(0, *kinds)
    for hour in range(1, NEWEST + 2):
        past.run(hour, *DONE, user="ben")
    assert left.name not in prune(past.folder, NOW)
    past.run(NEWEST + 2, *DONE)
    assert left.name in prune(past.folder, NOW)


def test_the_last_proof_of_a_runbook_stays_whatever_came_after(past: PastRuns) -> None:
    older, proof = past.run(0, *DONE), past.run(1, *DONE)
    for hour in range(2, NEWEST + 4):
        past.run(hour, *TAKEN_BACK)
    dates = history.dates(past.folder)
    removed = prune(past.folder, NOW)
    assert older.name in removed and proof.name not in removed
    assert history.dates(past.folder) == dates != {}


def test_what_is_being_written_stays(past: PastRuns) -> None:
    old = past.run(0, "start", "finish:failed")
    for hour in range(1, NEWEST + 2):
        past.run(hour, *DONE)
    with exclusive(old):
        assert old.name not in prune(past.folder, NOW)
    assert old.name in prune(past.folder, NOW)


def test_what_is_no_run_is_left_exclusive(past: PastRuns) -> None:
    old = [past.run(hour, *DONE) for hour in range(NEWEST + 2)]
    strange = past.folder / "20200101T000000Z-notes"
    strange.mkdir()
    (past.folder / "staging.claim").touch()
    (old[1] / EVENTS).write_text("half a li")
    assert prune(past.folder, NOW) == [old[0].name]
    assert strange.exists() and old[1].exists()
    assert prune(past.folder / "nowhere", NOW) == []


def test_the_end_of_a_run_removes_what_is_spent(past: PastRuns, tmp_path: Path) -> None:
    long_ago = -3 * 365 * DAY
    old = [past.run(long_ago + hour, *DONE) for hour in range(NEWEST + 1)]
    book = tmp_path / "look.md"
    book.write_text("# Look\n\n## Before you start\n\n```sh\ntrue\n```\n")
    asked = json.dumps({"name": str(book), "runs": str(past.folder)})
    argv = [sys.executable, "-m", "tests.fakes.run_driver", asked]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert str(old[0]) not in done.stderr + done.stdout
    left = {run.id for run in history.runs(past.folder)}
    assert len(left) == NEWEST + 1 and names(old) - left == {old[0].name}


def test_to_decide_needs_no_disk(past: PastRuns) -> None:
    for hour in range(NEWEST + 1):
        past.run(hour, *DONE)
    runs = history.runs(past.folder)
    assert [run.id for run in pruning.expired(runs, NOW)] == [runs[-1].id]
    assert pruning.expired(runs, BEGAN + pruning.AGE) == []
