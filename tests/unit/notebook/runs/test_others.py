"""A run of a runbook that was never written for it leads a person through, from top to bottom."""

from pathlib import Path

import pytest

from slipway.notebook.records.record import read
from tests.fakes.runbook_runner import RunbookRunner, RunbookServer
from tests.fakes.served_terminal import ServedTerminal

TEXT = """\
---
title: Stuck
weight: 3
---

## Verify

```bash
$ echo "looking at" node/<node-name>
looking at node/m1
```

## PromQL

```bash
sum by (pod) (rate(errors[5m]))
```

## Mitigation

```bash
echo "$NAMESPACE has '<node-name>'"
echo '<critical|warning>'
```

## Rollback

```bash
echo back
```
"""


@pytest.fixture
def runner(tmp_path: Path, runbook_server: RunbookServer) -> RunbookRunner:
    return RunbookRunner(tmp_path, runbook_server, TEXT)


def test_a_person_fills_in_what_it_leaves_open(
    tmp_path: Path, runbook_server: RunbookServer
) -> None:
    path, runs = tmp_path / "stuck.md", tmp_path / "runs"
    path.write_text(TEXT)
    asked = {"name": str(path), "runs": str(runs)}
    with ServedTerminal(runbook_server, asked) as seen:
        seen.wait("<node-name>? Enter for other options.")
        seen.say("m1; date")
        seen.wait("Enter run · c change values")  # *Verify* is theirs, and not ours to run unasked
        seen.say("c")
        seen.wait("<node-name>? Enter keeps m1; date.")
        seen.say("m2's")
        seen.wait("c change values", 2)
        seen.say("")
        seen.wait("looking at node/m2's")
        seen.wait("this cannot run as it stands: line 16: bash cannot read this")
        seen.wait("Enter continue")
        seen.say("")
        seen.wait("<critical|warning> (critical, warning)? Enter for other options.")
        seen.say("wrong")
        seen.wait("'wrong' is none of critical, warning")
        seen.wait("(critical, warning)? Enter for other options.", 2)
        seen.say("warning")
        seen.wait("$NAMESPACE? Enter for other options.")
        seen.say("")
        seen.wait("It is not filled in.")
        seen.say("a")
        seen.wait("$NAMESPACE? Enter for other options.", 2)  # what was typed is kept
        seen.say("shop")
        seen.wait("c change values", 3)
        seen.say("")
        assert seen.end() == 0
    assert "shop has 'm2's'" in seen.text and "✓ mitigation" in seen.text
    assert "back" not in seen.text.replace("roll back", "").replace("Rollback", "")
    (run,) = runs.iterdir()
    transcript = (run / "transcript.md").read_text()
    assert "<node\\-name> is m2's: typed by" in transcript or "node-name" in transcript
    assert [event.data["native"] for event in read(run) if event.kind == "begin"] == [False]


def test_with_nobody_there_its_errors_are_named_and_nothing_runs(runner: RunbookRunner) -> None:
    assert runner.run() == 2
    assert f"{runner.path}:16: bash cannot read this" in runner.output


def test_with_nobody_there_everything_is_to_be_given(runner: RunbookRunner) -> None:
    runner.path.write_text(TEXT.replace("sum by (pod) (rate(errors[5m]))", "true"))
    assert runner.run() == 2
    for name in ("node-name", "namespace", "critical-warning"):
        assert f"--set {name}=…" in runner.output
    values = ["node-name=m 1", "namespace=shop", "critical-warning=warning"]
    assert runner.run(set=values) == 0
    assert "looking at node/m 1\n" in runner.output and "shop has 'm 1'\n" in runner.output


def test_what_is_to_be_typed_elsewhere_needs_a_person_and_never_runs_here(
    runner: RunbookRunner, runbook_server: RunbookServer, tmp_path: Path
) -> None:
    runner.path.write_text("# A\n\n```sh\nsh\necho 'and h'ere\n```\n")
    assert runner.run() == 4
    assert '"a" opens a shell to type in: it needs a person at a terminal' in runner.output
    asked = {"name": str(runner.path), "runs": str(tmp_path / "others")}
    with ServedTerminal(runbook_server, asked) as seen:
        seen.wait("opens a shell: what is dim below is typed there")
        seen.wait("Enter run")
        seen.say("")
        while not seen.text.rstrip().endswith(("#", "$")):  # the prompt of sh
            assert seen.read(), seen.text
        seen.say("exit")
        assert seen.end() == 0
    assert "and here" not in seen.text


def test_a_dry_run_says_what_will_be_asked(runner: RunbookRunner) -> None:
    runner.path.write_text(TEXT.replace("sum by (pod) (rate(errors[5m]))", "true"))
    assert runner.run(options={"dry_run": True}, set=["node-name=m1"]) == 0
    assert "  <node-name>=m1\n" in runner.output
    assert "  NAMESPACE=(asked for when the run comes to it)\n" in runner.output


def test_its_way_back_is_a_section_of_its_own(runner: RunbookRunner) -> None:
    runner.path.write_text("# A\n\n```sh\ntrue\n```\n\n## Rolling back\n\n```sh\necho back\n```\n")
    assert runner.run(options={"section": "roll-back"}) == 0
    assert "\nback\n" in runner.output
