"""Resuming a run: what it shows, what it refuses, and what an edit in between moves about."""

import getpass
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from slipway.notebook.records import history
from slipway.notebook.records.record import EVENTS
from slipway.notebook.runs import progress
from tests.fakes.runbook_runner import RunbookRunner, RunbookServer
from tests.fakes.served_terminal import ServedTerminal

TEXT = """\
---
params:
  DIARY: {help: Where to write.}
---

# Cook

## Before you start

```sh
true
```

## Boil

```sh
echo one >>"$DIARY"
```

```sh
echo two >>"$DIARY"
test -e "$DIARY.salt"
```

## Verify

```sh
echo verify >>"$DIARY"
```

## Roll back

```sh
echo back >>"$DIARY"
```
"""
INSERTED = TEXT.replace("## Boil\n", '## Boil\n\n```sh\necho new >>"$DIARY"\n```\n')


@pytest.fixture
def runner(tmp_path: Path, runbook_server: RunbookServer) -> RunbookRunner:
    """Return a runner whose run failed at `boil-1`."""
    found = RunbookRunner(tmp_path, runbook_server, TEXT)
    found.runs.mkdir()
    assert found.run(set=[f"diary={found.diary}"]) == 1
    assert found.lines == ["one", "two"]
    return found


def salt(runner: RunbookRunner) -> None:
    runner.diary.with_name("diary.salt").touch()


def summary(runner: RunbookRunner) -> history.RunSummary:
    (found,) = history.runs(runner.runs)
    return found


def test_a_dry_run_of_what_is_left_shows_it_and_runs_nothing(runner: RunbookRunner) -> None:
    before = (runner.folder / EVENTS).read_bytes()
    assert runner.run(resume="", options={"dry_run": True}) == 0
    assert "▸ boil-1" in runner.output and "▸ verify" in runner.output
    assert f"DIARY={runner.diary}" in runner.output
    assert "echo one" not in runner.output
    assert runner.lines == ["one", "two"]
    assert (runner.folder / EVENTS).read_bytes() == before


def test_a_cell_that_another_was_put_above_is_not_run_again(runner: RunbookRunner) -> None:
    runner.path.write_text(INSERTED)
    salt(runner)
    assert runner.run(resume="") == 3
    assert "it would resume at boil." in runner.output and "--from=boil" in runner.output
    assert runner.run(resume="", options={"from_": "boil-2"}) == 0
    assert runner.lines == ["one", "two", "two", "verify"]
    assert summary(runner).scope == "--from=boil-2"  # the new cell was left out


def test_a_person_is_told_where_it_goes_on_and_the_inserted_cell_is_run(
    runner: RunbookRunner, runbook_server: RunbookServer
) -> None:
    runner.path.write_text(INSERTED)
    salt(runner)
    asked = {"name": "", "runs": str(runner.runs), "resume": ""}
    with ServedTerminal(runbook_server, asked) as seen:
        seen.wait("it would resume at boil.")
        seen.say("y")
        for times in (1, 2):
            seen.wait("Enter run", times)
            seen.say("")
        assert seen.end() == 0
    assert runner.lines == ["one", "two", "new", "two", "verify"]
    assert summary(runner).proves


@pytest.mark.parametrize(
    ("old", "new", "same"),
    [
        ({"a": "1", "a-1": "2"}, {"a": "0", "a-1": "1", "a-2": "2"}, {"a-1": "a", "a-2": "a-1"}),
        ({"a": "1", "b": "1"}, {"a": "0", "b": "1"}, {"a": "a", "b": "b"}),
        ({"a": "1", "b": "2"}, {"b": "2", "c": "1"}, {"b": "b", "c": "a"}),
        ({"a": "1", "b": "2"}, {"a": "1", "b": "3", "c": "4"}, {"a": "a", "b": "b"}),
    ],
)
def test_an_action_is_known_by_its_text_then_by_its_id(
    old: dict[str, str], new: dict[str, str], same: dict[str, str]
) -> None:
    assert progress.match_actions(old, new) == same


def test_what_an_edit_moved_stays_known_at_the_next_sitting(runner: RunbookRunner) -> None:
    runner.path.write_text(INSERTED)
    assert runner.run(resume="", options={"from_": "boil-2"}) == 1  # no salt yet
    salt(runner)
    runner.path.write_text(INSERTED.replace("echo new", "echo newer"))
    assert runner.run(resume="") == 3
    assert "it would resume at boil-2." in runner.output
    assert "not run again: boil." in runner.output  # somebody left it out, as it was then


@pytest.mark.parametrize(("from_", "proves"), [("boil-1", True), ("verify", False)])
def test_a_run_proves_something_when_nothing_was_left_out_on_the_way(
    runner: RunbookRunner, from_: str, proves: bool
) -> None:
    salt(runner)
    assert runner.run(resume="", options={"from_": from_}) == 0
    assert (summary(runner).result, summary(runner).proves) == ("done", proves)
    left_out = [event.cell for event in runner.events("skip")]
    assert left_out == ([] if proves else ["boil-1"])


def test_going_on_at_the_way_back_is_rolling_back(runner: RunbookRunner) -> None:
    assert runner.run(resume="", options={"from_": "roll-back"}) == 4
    assert runner.lines == ["one", "two", "back"]
    assert (summary(runner).result, summary(runner).proves) == ("rolled back", False)
    assert runner.events("part") and not runner.events("skip")


@pytest.mark.parametrize(
    ("asked", "complaint"),
    [
        ({"env": "dev"}, "is a run on no environment, not on dev"),
        ({"name": "bake"}, "is a run of greet, not of bake"),
    ],
)
def test_a_run_that_is_not_of_what_else_was_given_is_not_gone_on_with(
    runner: RunbookRunner, asked: dict[str, Any], complaint: str
) -> None:
    salt(runner)
    for run in (runner.folder.name, "2"):
        assert runner.run(resume=run, **asked) == 2
        assert complaint in runner.output
    assert runner.lines == ["one", "two"]
    assert runner.run(resume=runner.folder.name) == 0


def test_a_way_back_of_prose_is_shown_and_nobody_told_that_it_is_done(
    tmp_path: Path, runbook_server: RunbookServer
) -> None:
    text = "# A\n\n## Do\n\n```sh\ntrue\n```\n\n## Roll back\n\nAsk for the old disk.\n"
    runner = RunbookRunner(tmp_path, runbook_server, text)
    assert runner.run(options={"section": "roll-back"}) == 4
    assert "Ask for the old disk." in runner.output
    assert "there is nothing to run here: read it and do it by hand" in runner.output
    assert "done" not in runner.output and not runner.runs.exists()


def test_half_a_name_does_not_pick_the_run_of_another(runner: RunbookRunner) -> None:
    path = runner.folder / EVENTS
    text = path.read_text()
    path.write_text(text.replace(f'"user": "{getpass.getuser()}"', '"user": "berta"'))
    salt(runner)
    assert text != path.read_text()
    assert runner.run(resume="2") == 2
    assert "a run of berta; nothing was run" in runner.output
    assert runner.run(resume=runner.folder.name) == 0


def test_what_a_cell_left_running_keeps_nobody_from_going_on(
    tmp_path: Path, runbook_server: RunbookServer
) -> None:
    loop = "(while sleep 0.1; do :; done) >/dev/null 2>&1 &\necho $! >loop"
    text = f"# A\n\n## Loop\n\n```sh\ncd {tmp_path}\n{loop}\n```\n\n## Die\n\n```sh {{check}}\n"
    text += "test -e alive || kill -9 $PPID\nsleep 0.3\n```\n"
    runner = RunbookRunner(tmp_path, runbook_server, text)
    assert runner.run() == -9
    try:
        (tmp_path / "alive").touch()
        code = runner.run(resume="")
        while code == 75 and "die is still running" in runner.output and "bash" in runner.output:
            code = runner.run(resume="")  # the cell itself, for its last moment
        assert code == 0, runner.output
    finally:
        os.kill(int((tmp_path / "loop").read_text()), signal.SIGKILL)
