"""Which cells a run does and leaves out, and what it would have to ask with nobody there."""

from pathlib import Path

import pytest

from slipway.errors import UsageError
from slipway.notebook.document import Runbook
from slipway.notebook.reading import parse
from slipway.notebook.runs.gates import closed_gates
from slipway.notebook.runs.options import Mode, RunOptions
from slipway.notebook.runs.plan import plan_run

ALONE, PERSON = Mode(attended=False), Mode(attended=True)
TEXT = """\
# Deploy

Ships it.

## Before you start

Look first.

```sh
true
```

- [ ] Tell the others

## Back up

```sh
inv db.backup
```

## Deploy

Takes a minute.

```sh {confirm}
inv deploy
```

```sh {destructive}
inv db.reset
```

Careful from here on.

## Verify

```sh {retry=3}
inv verify
```

```sh {when="false"}
true
```

## Roll back

```sh
inv rollback
```

```sh
inv verify
```

## Escalate

Call somebody.

## Afterwards

- [ ] Write it down
"""


def runbook(text: str = TEXT) -> Runbook:
    found, problems = parse.parse(text, Path("deploy.md"))
    assert [str(each) for each in problems if each.severity == "error"] == []
    return found


def ids(options: RunOptions) -> list[str]:
    return [action.id for action in plan_run(runbook(), options).actions]


ALL = [
    "before-you-start",
    "before-you-start-todo-1",
    "back-up",
    "deploy-1",
    "deploy-1-1",
    "verify",
    "verify-1",
    "afterwards-todo-1",
]


def test_a_run_goes_from_the_checks_to_the_boxes_at_the_end_and_not_back() -> None:
    assert ids(RunOptions()) == ALL


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        (RunOptions(from_="verify"), ["verify", "verify-1", "afterwards-todo-1"]),
        (RunOptions(from_="back-up"), ALL[2:]),
        (RunOptions(only="verify"), ["verify"]),
        (RunOptions(only="verify-1"), ["verify-1"]),
        (RunOptions(section="roll-back"), ["roll-back", "roll-back-1"]),
        (RunOptions(section="Roll back"), ["roll-back", "roll-back-1"]),
        (RunOptions(from_="roll-back-1"), ["roll-back-1"]),
        (RunOptions(section="deploy-1"), ["deploy-1", "deploy-1-1"]),
        (RunOptions(checks_only=True), ["before-you-start", "verify", "verify-1"]),
        (RunOptions(from_="verify", checks_only=True), ["verify", "verify-1"]),
    ],
)
def test_a_part_of_a_runbook_can_be_wished_for(options: RunOptions, wanted: list[str]) -> None:
    assert ids(options) == wanted


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (RunOptions(from_="verfy"), 'there is no cell "verfy" (did you mean "verify"?)'),
        (RunOptions(from_="deploy"), '(did you mean "deploy-1"?)'),  # the title has that anchor
        (RunOptions(only="verify-11"), 'there is no cell "verify-11" (did you mean "verify-1"?)'),
        (RunOptions(section="rollback"), '(did you mean "roll-back"?)'),
        (RunOptions(only="verify", from_="back-up"), "give one of --from, --only and --section"),
        (RunOptions(from_="escalate"), "Escalate, which is read and never run; nothing was run"),
        (RunOptions(only="escalate"), "Escalate, which is read and never run; nothing was run"),
    ],
)
def test_a_part_that_is_not_there_is_refused_with_the_nearest(
    options: RunOptions, complaint: str
) -> None:
    text = TEXT.replace("Call somebody.\n", "Call somebody.\n\n```sh\npager\n```\n")
    with pytest.raises(UsageError) as caught:
        plan_run(runbook(text), options)
    assert complaint in str(caught.value)


def test_what_is_left_out_has_its_reason() -> None:
    left = plan_run(runbook(), RunOptions(from_="verify")).left_out
    assert list(left) == ALL[:5]
    assert set(left.values()) == {"before --from verify"}


def test_text_is_read_before_what_it_leads_up_to_and_left_out_with_it() -> None:
    def read(options: RunOptions) -> str:
        steps = plan_run(runbook(), options).steps
        return " ".join(getattr(b, "text", "") for step in steps for b in step.reading)

    assert "Look first." in read(RunOptions()) and "Careful from here on." in read(RunOptions())
    assert "Call somebody." not in read(RunOptions())
    only = read(RunOptions(only="deploy-1-1"))
    assert only == "Deploy"  # the heading says where one is


@pytest.mark.parametrize(
    ("section", "read"),
    [("roll-back", ["Roll back", "Ask for the old disk."]), ("escalate", ["Escalate"])],
)
def test_a_section_in_which_nothing_runs_is_for_reading(section: str, read: list[str]) -> None:
    cells = "```sh\ninv rollback\n```\n\n```sh\ninv verify\n```"
    text = TEXT.replace(cells, "Ask for the old disk.").replace("Call somebody.\n", "")
    (step,) = plan_run(runbook(text), RunOptions(section=section)).steps
    assert step.action is None
    assert [getattr(block, "text", "").strip() for block in step.reading] == read


def test_a_resumed_run_keeps_to_the_part_that_was_wished_for() -> None:
    for options in (
        RunOptions(),
        RunOptions(only="a"),
        RunOptions(from_="b c", checks_only=True),
        RunOptions(section="x"),
    ):
        assert RunOptions(yes=True).within(options.scope) == RunOptions(
            options.from_, options.only, options.section, options.checks_only, yes=True
        )


def test_every_closed_gate_is_named_with_its_line_and_the_flag_that_opens_it() -> None:
    found = closed_gates(runbook(), plan_run(runbook(), RunOptions()), RunOptions(), ALONE, "prod")
    assert [str(each) for each in found] == [
        'deploy.md:13: "before-you-start-todo-1" is done by hand; add --manual-done',
        'deploy.md:25: "deploy-1" asks to be confirmed; add --yes',
        'deploy.md:29: "deploy-1-1" destroys; add --yes-destroy=prod',
        'deploy.md:61: "afterwards-todo-1" is done by hand; add --manual-done',
    ]


@pytest.mark.parametrize(
    ("options", "closed"),
    [
        (RunOptions(yes=True, manual_done=True), ["deploy-1-1"]),  # --yes never destroys
        (RunOptions(yes=True, manual_done=True, yes_destroy="staging"), ["deploy-1-1"]),
        (RunOptions(yes=True, manual_done=True, yes_destroy="prod"), []),
        (
            RunOptions(yes=True, yes_destroy="prod"),
            ["before-you-start-todo-1", "afterwards-todo-1"],
        ),
        (RunOptions(checks_only=True), []),
        (RunOptions(only="back-up"), []),
    ],
)
def test_gates_open_only_to_their_own_flags(options: RunOptions, closed: list[str]) -> None:
    found = closed_gates(runbook(), plan_run(runbook(), options), options, ALONE, "prod")
    assert [each.text.split('"')[1] for each in found] == closed


def test_with_a_person_there_no_gate_is_closed_beforehand() -> None:
    assert (
        closed_gates(runbook(), plan_run(runbook(), RunOptions()), RunOptions(), PERSON, "prod")
        == []
    )


@pytest.mark.parametrize(
    "text",
    [
        "---\nawaits: [db.upgrade]\n---\n# A\n\n```sh\ninv db.upgrade --env=$ENV\n```\n",
        "# A\n\n```sh {interactive}\nvi x\n```\n",
    ],
)
def test_what_cannot_run_without_a_person_is_a_closed_gate_too(text: str) -> None:
    book = runbook(text)
    assert len(closed_gates(book, plan_run(book, RunOptions()), RunOptions(), ALONE, "")) == 1
