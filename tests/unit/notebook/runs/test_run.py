"""The loop of a run, with a person who answers from a list and a shell that plays along."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from slipway.notebook.cells.mask import Mask
from slipway.notebook.document import Runbook
from slipway.notebook.reading import parse
from slipway.notebook.records.event import Outcome
from slipway.notebook.records.record import Record
from slipway.notebook.runs.context import RunContext
from slipway.notebook.runs.interfaces import Location
from slipway.notebook.runs.options import Mode, RunOptions
from slipway.notebook.runs.plan import plan_run
from slipway.notebook.runs.run import Run
from tests.fakes.runners import (
    CTRL_C,
    CTRL_D,
    NoLock,
    RecordingDisplay,
    ScriptedPrompter,
    ScriptedShell,
)

SECRET = "s3cr3t-of-prod"
TEXT = """\
# Deploy

## Before you start

```sh
true
```

## Back up

```sh
inv db.backup
```

- [ ] Tell the others

## Swap

```sh {confirm="Deploy $RELEASE to $ENV?"}
inv deploy
```

## Verify

```sh {retry=2 every=0.01s}
inv verify
```

## Roll back

```sh
inv rollback
```

## Escalate

Call somebody.
"""
NO_WAY_BACK = TEXT.replace("## Roll back", "## More")
WIPE = "# Wipe\n\n## Wipe it\n\n```sh {destructive}\nrm -r x\n```\n\n## Roll back\n\nNo way back.\n"
FAILS: dict[str, list[Outcome]] = {"wipe-it": ["failed"]}


class PlayedRun:
    """One run of a text, played; `result` is the exit code."""

    def __init__(  # noqa: PLR0913  a test names the one or two that it is about
        self,
        folder: Path,
        answers: Sequence[str] = (),
        *,
        text: str = TEXT,
        options: RunOptions = RunOptions(),  # noqa: B008  frozen
        ends: dict[str, list[Outcome]] | None = None,
        person: bool = True,
        resumed: bool = False,
    ) -> None:
        self.prompter = ScriptedPrompter(*answers)
        self.display = RecordingDisplay()
        runbook = book(text)
        values = {"ENV": "prod", "RELEASE": SECRET}
        if resumed:
            self.record = Record.open(next((folder / "runs").iterdir()))
        else:
            begin = {"runbook": "deploy", "path": "deploy.md", "env": "prod", "user": "anna"}
            self.record = Record.create("deploy", text, begin, folder / "runs")
        self.shell = ScriptedShell(self.record.folder, ends)
        self.run = Run(
            RunContext(
                runbook=runbook,
                plan=plan_run(runbook, options),
                options=options,
                mode=Mode(attended=person),
                location=Location("prod", "laptop", is_real=True),
                user="anna",
                values=values,
                record=self.record,
                shell=self.shell,
                lock=NoLock(),
                mask=Mask([SECRET]),
                prompter=self.prompter,
                display=self.display,
                previous=self.record.progress() if resumed else None,
            )
        )
        self.result = self.run.execute()
        assert self.prompter.answers == []

    def events(self, *kinds: str) -> list[dict[str, Any]]:
        return [dict(e.data) for e in self.record.events if e.kind in kinds]


def book(text: str) -> Runbook:
    found, problems = parse.parse(text, Path("deploy.md"))
    assert [str(each) for each in problems if each.severity == "error"] == []
    return found


ALL = ["before-you-start", "back-up", "swap", "verify"]
YES = ["run", "done", "yes"]


def test_a_run_to_which_all_is_answered_well_is_done(tmp_path: Path) -> None:
    stage = PlayedRun(tmp_path, YES)
    assert (stage.result, stage.shell.ran) == (0, ALL)
    assert stage.events("manual")[0]["by"] == "anna"
    assert stage.events("finish")[0]["result"] == "done"
    assert [each["by"] for each in stage.events("start")] == ["", "anna", "anna", ""]
    assert "Call somebody." not in [getattr(each, "text", "") for each in stage.display.blocks]


def test_a_question_holds_the_parameters_and_no_secret(tmp_path: Path) -> None:
    stage = PlayedRun(tmp_path, YES)
    assert "Deploy *** to prod?" in stage.prompter.questions
    assert {place.env for place in stage.prompter.locations} == {"prod"}


def test_no_at_a_confirmation_runs_nothing_and_says_who_declined(tmp_path: Path) -> None:
    stage = PlayedRun(tmp_path, ["run", "done", "no"])
    assert (stage.result, stage.shell.ran) == (3, ALL[:2])
    assert stage.events("decline") == [{"cell": "swap", "by": "anna"}]
    assert "declined by anna at swap; it was not run" in stage.display.notes


@pytest.mark.parametrize("end", ["quit", CTRL_C, CTRL_D])
def test_leaving_at_a_prompt_stops_the_run(tmp_path: Path, end: str) -> None:
    stage = PlayedRun(tmp_path, [end])
    assert (stage.result, stage.shell.ran) == (3, ALL[:1])
    assert stage.events("finish")[0] | {"seconds": 0} == {
        "result": "stopped",
        "seconds": 0,
        "cell": "back-up",
    }


def test_what_is_skipped_needs_a_reason_which_is_kept(tmp_path: Path) -> None:
    stage = PlayedRun(tmp_path, ["skip", "", "skip", "have one", "skip", "nobody is here", "yes"])
    assert stage.shell.ran == ["before-you-start", "swap", "verify"]
    assert stage.events("skip") == [{"cell": "back-up", "reason": "have one", "by": "anna"}]
    assert stage.events("manual")[0]["reason"] == "nobody is here"


def test_a_shell_leads_back_to_the_question(tmp_path: Path) -> None:
    stage = PlayedRun(tmp_path, ["shell", *YES])
    assert (stage.result, stage.shell.shells) == (0, 1)
    assert "anna opened a shell" in stage.events("note")[0]["text"]


def test_a_failed_cell_can_be_run_again_after_mending(tmp_path: Path) -> None:
    stage = PlayedRun(
        tmp_path, ["run", "shell", "again", "done", "yes"], ends={"back-up": ["failed"]}
    )
    assert (stage.result, stage.shell.ran) == (0, [ALL[0], "back-up", "back-up", "swap", "verify"])
    assert [each["outcome"] for each in stage.events("end")][1:3] == ["failed", "passed"]


def test_a_run_left_at_a_failed_cell_failed_and_says_whom_to_call(tmp_path: Path) -> None:
    stage = PlayedRun(tmp_path, ["run", "quit"], ends={"back-up": ["failed"]})
    assert stage.result == 1
    assert stage.prompter.offered[-1] == ("again", "skip", "shell", "roll back", "quit")
    assert "Call somebody." in [getattr(each, "text", "").strip() for each in stage.display.blocks]


def test_a_second_ctrl_c_at_the_menu_stops_an_interrupted_run(tmp_path: Path) -> None:
    stage = PlayedRun(tmp_path, ["run", CTRL_C], ends={"back-up": ["interrupted"]})
    assert stage.result == 3
    assert stage.events("finish")[0]["cell"] == "back-up"


def test_without_a_person_a_failure_ends_the_run_and_rolls_nothing_back(tmp_path: Path) -> None:
    options = RunOptions(yes=True, manual_done=True)
    stage = PlayedRun(tmp_path, person=False, options=options, ends={"swap": ["failed"]})
    assert (stage.result, stage.shell.ran) == (1, ALL[:3])
    assert stage.events("start")[2]["by"] == "anna, --yes"


def test_roll_back_is_offered_only_where_there_is_one(tmp_path: Path) -> None:
    stage = PlayedRun(tmp_path, ["run", "quit"], text=NO_WAY_BACK, ends={"back-up": ["failed"]})
    assert stage.prompter.offered[-1] == ("again", "skip", "shell", "quit")


def test_a_roll_back_that_works_ends_with_4_and_is_a_part_of_its_own(tmp_path: Path) -> None:
    stage = PlayedRun(tmp_path, [*YES, "roll back", "run"], ends={"verify": ["failed"] * 3})
    assert (stage.result, stage.shell.ran[-1]) == (4, "roll-back")
    part = {"section": "roll back", "reason": "at verify", "by": "anna"}
    assert stage.events("part") == [part]
    assert stage.events("finish")[0]["result"] == "rolled back"


def test_a_roll_back_that_fails_ends_with_1_and_keeps_both_outputs(tmp_path: Path) -> None:
    ends: dict[str, list[Outcome]] = {"swap": ["failed"], "roll-back": ["failed"]}
    stage = PlayedRun(tmp_path, [*YES, "roll back", "run", "quit"], ends=ends)
    assert stage.result == 1
    assert "Call somebody." in [getattr(each, "text", "").strip() for each in stage.display.blocks]
    logs = sorted(path.read_text() for path in (stage.record.folder / "cells").iterdir())
    assert "roll-back says failed\n" in logs and "swap says failed\n" in logs


def test_a_check_is_tried_until_it_passes(tmp_path: Path) -> None:
    stage = PlayedRun(tmp_path, YES, ends={"verify": ["failed", "failed"]})
    assert stage.result == 0
    assert stage.display.attempts == [(2, 3), (3, 3)]
    assert stage.display.ends[-1] == ("verify", "passed")
    assert [each["attempt"] for each in stage.events("start") if each["cell"] == "verify"] == [
        1,
        2,
        3,
    ]


def test_destroying_wants_the_name_of_the_environment(tmp_path: Path) -> None:
    answers = ["staging", "again", "yes", "again", "prod"]
    stage = PlayedRun(tmp_path, answers, text=WIPE, options=RunOptions(yes=True))
    assert (stage.result, stage.shell.ran) == (0, ["wipe-it"])
    stage = PlayedRun(tmp_path / "b", ["", "no"], text=WIPE)
    assert (stage.result, stage.shell.ran) == (3, [])


def test_destroying_once_more_wants_the_name_once_more(tmp_path: Path) -> None:
    answers = ["prod", "again", "staging", "again", "prod"]
    stage = PlayedRun(tmp_path / "a", answers, text=WIPE, ends=FAILS)
    assert (stage.result, stage.shell.ran) == (0, ["wipe-it", "wipe-it"])
    stage = PlayedRun(tmp_path / "b", ["prod", "again", "", "quit"], text=WIPE, ends=FAILS)
    assert (stage.result, stage.shell.ran) == (1, ["wipe-it"])


def test_destroying_what_may_be_destroyed_already_wants_the_name_again(tmp_path: Path) -> None:
    stage = PlayedRun(tmp_path, ["", "no"], text=WIPE)
    stage.record.append("start", cell="wipe-it", n=1)
    stage.record.close()
    stage = PlayedRun(tmp_path, ["again", "yes", "quit"], text=WIPE, resumed=True)
    assert (stage.result, stage.shell.ran) == (3, [])
    assert stage.prompter.questions[0] == '"wipe-it" may have run: look first.'
    stage = PlayedRun(tmp_path, ["again", "prod"], text=WIPE, resumed=True)
    assert (stage.result, stage.shell.ran) == (0, ["wipe-it"])


def test_a_cell_whose_condition_is_false_or_that_is_only_shown_is_skipped(tmp_path: Path) -> None:
    text = '# A\n\n```sh {when="false"}\na\n```\n\n```sh {skip}\nb\n```\n\n```sh\nc\n```\n'
    stage = PlayedRun(tmp_path, ["run"], text=text)
    assert stage.shell.ran == ["a-2"]
    assert [each["reason"] for each in stage.events("skip")] == [
        "false is false",
        "shown only, {skip}",
    ]


def test_a_cell_that_needs_a_task_of_tomorrow_is_not_run(tmp_path: Path) -> None:
    text = "---\nawaits: [db.upgrade]\n---\n# A\n\n```sh\ninv db.upgrade\n```\n"
    stage = PlayedRun(tmp_path, ["quit"], text=text)
    assert (stage.result, stage.shell.ran) == (3, [])
    assert stage.prompter.questions == ["inv db.upgrade does not exist yet, so this cannot run."]
    assert "run" not in stage.prompter.offered[0]


def test_a_resumed_run_looks_again_and_goes_on_where_it_failed(tmp_path: Path) -> None:
    PlayedRun(tmp_path, ["run", "done", "yes", "quit"], ends={"swap": ["failed"]})
    stage = PlayedRun(tmp_path, ["yes"], resumed=True)
    assert (stage.result, stage.shell.ran) == (0, ["before-you-start", "swap", "verify"])
    assert stage.shell.loaded == [2]  # the state of the last cell that passed, not of the check


def test_a_cell_that_was_cut_off_is_asked_about(tmp_path: Path) -> None:
    stage = PlayedRun(tmp_path, ["run", "done", "no"])
    stage.record.append("start", cell="swap", n=3)
    stage.record.close()
    stage = PlayedRun(tmp_path, ["again"], resumed=True)
    assert (stage.result, stage.shell.ran) == (0, ["before-you-start", "swap", "verify"])
    assert '"swap" may have run: look first.' in stage.prompter.questions


def test_what_is_left_out_is_said_and_written_down(tmp_path: Path) -> None:
    stage = PlayedRun(tmp_path, options=RunOptions(from_="verify"))
    assert stage.shell.ran == ["verify"]
    assert stage.display.notes[0].startswith("left out, before --from verify: before-you-start, ")
    assert {each["reason"] for each in stage.events("skip")} == {"before --from verify"}


def test_a_variable_whose_cell_was_skipped_is_explained_where_it_is_needed(tmp_path: Path) -> None:
    text = (
        "# A\n\n```sh {when=false capture=OLD}\na\n```\n\n```sh {capture=NEW}\nb\n```\n\n"
        '```sh\necho "$NEW"; echo "${OLD:-none}"\n```\n\n```sh {when=\'test "$OLD"\'}\nc\n```\n'
    )
    stage = PlayedRun(tmp_path, ["skip", "no need", "run", "run"], text=text)
    assert stage.shell.ran == ["a-2", "a-3"]
    assert [note for note in stage.display.notes if "is not set" in note] == [
        "NEW is not set: a-1, which sets it, was skipped: no need",
        "OLD is not set: a, which sets it, was skipped: false is false",
    ]
