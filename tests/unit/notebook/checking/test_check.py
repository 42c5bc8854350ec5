"""`inv runbook.check`: what a runbook says is held against what there is, and nothing is run."""

from datetime import date
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from slipway.notebook.checking.check import blocking_errors, check, documents
from slipway.notebook.reading.parse import read
from tests.fakes.checked_texts import AFTER, BEFORE, FRONT, TASKS, TODAY, complaints, of_cell
from tests.fakes.task_list import TaskList


def test_a_good_runbook_is_told_nothing(tmp_path: Path) -> None:
    assert of_cell('inv deploy --env="$ENV" --plan', tmp_path) == []


def test_a_cell_that_destroys_needs_a_way_back(tmp_path: Path) -> None:
    text = FRONT + BEFORE + "## Drop it\n\n```sh {destructive}\ntrue\n```\n\n" + AFTER
    (said,) = complaints(text, tmp_path)
    assert said.startswith('deploy.md:19: "drop-it" destroys and there is no section ## Roll back')
    back = "## Roll back\n\nThere is no way back.\n\n## Escalate"
    assert complaints(text.replace("## Escalate", back), tmp_path) == []


def test_what_a_runbook_lacks_is_a_warning(tmp_path: Path) -> None:
    text = "---\nlast_tested: 2026-01-01\n---\n\n# T\n\n## Verify\n\nLook.\n\n"
    text += "## Go\n\n```sh\ntrue\n```\n"
    assert [
        line.partition("warning: ")[2].partition(":")[0] for line in complaints(text, tmp_path)
    ] == [
        "it has no owner",
        "there is no section ## Before you start",
        "there is no section ## Escalate",
        "it was last tested 325 days ago (2026-01-01)",
        '"Go" runs before "Verify"',
    ]


def test_a_step_with_nothing_to_do_is_a_warning_and_impact_is_no_step(tmp_path: Path) -> None:
    text = FRONT + "## Impact\n\nNone.\n\n" + BEFORE + "## Think\n\nHard.\n\n" + AFTER
    assert complaints(text, tmp_path) == [
        'deploy.md:21: warning: "Think" has nothing to do: add a cell, a box to tick or a link'
    ]


def test_a_real_run_keeps_a_runbook_fresh_and_the_future_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "deploy.md"
    path.write_text(FRONT.replace("2026-11-01", "2026-01-01") + BEFORE + AFTER)
    assert len(check([path], TASKS, today=TODAY)) == 1
    assert check([path], TASKS, today=TODAY, last_runs={"deploy": date(2026, 11, 1)}) == []
    (problem,) = check([path], TASKS, today=date(2025, 1, 1))
    assert problem.severity == "error" and "in the future" in problem.text


def test_a_task_that_is_awaited_is_a_warning_until_it_exists(tmp_path: Path) -> None:
    text = FRONT.replace("owner:", "awaits: [moon.land, deploy]\nowner:") + BEFORE
    text += "## Go\n\n```sh\ninv moon.land --env=$ENV --softly\n```\n\n" + AFTER
    waits = "inv moon.land does not exist yet; `awaits` in the front matter says so"
    assert complaints(text, tmp_path) == [
        "deploy.md:3: inv deploy exists now: take it out of `awaits`",
        f"deploy.md:21: warning: {waits}",
    ]


def collection(folder: Path, **tasks: str) -> list[Path]:
    """Write runbooks by name, each with its `task:` and a cell that says so."""
    for name, task in tasks.items():
        head = FRONT.replace("task: deploy\n", f"task: {task}\n" if task else "")
        head = head.replace(" with `inv deploy`", "")
        step = f"## Go\n\n```sh\n{f'inv {task}' if task else 'true'}\n```\n\n"
        (folder / f"{name}.md").write_text(
            f"{head}## Before you start\n\nBreathe.\n\n{step}{AFTER}"
        )
    return sorted(folder.glob("*.md"))


def test_tasks_and_runbooks_have_each_other(tmp_path: Path) -> None:
    paths = collection(tmp_path, ship="ship", again="ship", alone="", moor="ship")
    tasks = TaskList({"ship": "ship", "sail": "", "sink": "snik", "row": "moor"})
    said = [str(each).removeprefix(f"{tmp_path}/") for each in check(paths, tasks, today=TODAY)]
    name_one = 'name one where it is made, @command(runbook="...")'
    write_one = "write task: deploy, or what it is about, into the front matter"
    begin_one = "there is no such runbook, which the help of inv sink names"
    begin_one += "; begin it: inv runbook.new --name=snik"
    twice = "inv ship has a runbook already, ship.md: join them, or name what else this one "
    twice += "is about (task: [ship, ...])"
    assert said == [
        f"README.md:1: warning: inv sail has no runbook: {name_one}",
        f"again.md:2: warning: {twice}",
        f"alone.md:1: warning: it has no task: {write_one}",
        "moor.md:1: the help of inv row names this runbook, which never says inv row",
        f"moor.md:2: warning: {twice}",
        f"snik.md:1: {begin_one}",
    ]


def test_a_task_of_the_front_matter_is_spoken_of_and_exists(tmp_path: Path) -> None:
    text = FRONT.replace("task: deploy", "task: [deploy, rolback]") + BEFORE
    text += "## Go\n\n```sh\ninv deploy --env=$ENV\n```\n\n" + AFTER
    assert [line.split(":", 2)[2][:40] for line in complaints(text, tmp_path)] == [
        " warning: `task` names rolback, and the ",
        ' there is no task "rolback" (did you mea',
    ]


def test_only_what_a_cell_would_stumble_over_keeps_a_runbook_from_being_run(
    tmp_path: Path,
) -> None:
    path = tmp_path / "night.md"
    prose = "# Night\n\nSee [nowhere](nowhere.md) and `inv deplyo --env=prod`.\n\n"
    path.write_text(f"{prose}```sh\ninv status --env=prod\n```\n")
    assert blocking_errors(*read(path), TASKS) == []
    assert len(check([path], TASKS, today=TODAY)) > 3
    path.write_text(f"{prose}```sh\n\ninv stauts --env=prod\n```\n")
    (only,) = blocking_errors(*read(path), TASKS)
    assert (only.line, "did you mean status?" in only.text) == (7, True)


def test_what_cannot_be_read_is_one_problem_among_the_others(tmp_path: Path) -> None:
    gone, folder, wrong = (tmp_path / f"{name}.md" for name in ("gone", "folder", "wrong"))
    gone.symlink_to(tmp_path / "nowhere.md")
    folder.mkdir()
    wrong.write_text("# T\n\n`inv deplyo --env=prod`\n")
    found = check([gone, wrong], TASKS, today=TODAY, documents=[folder])
    said = [str(each).removeprefix(f"{tmp_path}/") for each in found]
    assert "gone.md:1: this file cannot be read: No such file or directory" in said
    assert "folder.md:1: this file cannot be read: Is a directory" in said
    assert "wrong.md:3: there is no task 'deplyo' (did you mean deploy?)" in said


def test_an_editors_own_files_are_no_documents(tmp_path: Path) -> None:
    for place in ("docs", "docs/.trash"):
        (tmp_path / place).mkdir()
        (tmp_path / place / "a.md").write_text("# A\n")
        (tmp_path / place / ".#a.md").symlink_to("anna@laptop.1234")
    (tmp_path / ".#b.md").symlink_to("anna@laptop.1234")
    assert documents(tmp_path) == [tmp_path / "docs" / "a.md"]


def test_all_problems_come_in_one_pass_sorted(tmp_path: Path) -> None:
    text = "# T\n\n```sh {tymeout=5s}\ninv deplyo\n```\n\n[x](gone.md)\n\n"
    text += "```sh\nif\n```\n\n```sh\ntrue\n"
    path = tmp_path / "README.md"
    path.write_text(text)
    found = check([path], TASKS, today=TODAY)
    assert found == sorted(found)
    assert [problem.line for problem in found if problem.severity == "error"] == [3, 4, 7, 10, 13]


PIECES = [
    *(
        "---",
        "task: x",
        "# a",
        "## Verify",
        "```sh {check}",
        "```sh",
        "```",
        "- [ ] y",
        "> [!NOTE]",
    ),
    *("inv ", "$(", "`inv", "'", '"', "<<E", "${X", "|", "\t", "\\", "[a](b#c)", "\N{SNOWMAN}"),
]


@settings(max_examples=60, suppress_health_check=list(HealthCheck))
@given(st.lists(st.sampled_from(PIECES), max_size=25), st.sampled_from(["\n", " "]))
def test_no_text_makes_the_check_stumble(tmp_path: Path, parts: list[str], glue: str) -> None:
    text, path = glue.join(parts), tmp_path / "any.md"
    path.write_text(text)
    lines = max(len(text.splitlines()), 1)
    for problem in check([path], TASKS, today=TODAY):
        assert 1 <= problem.line <= lines + 1
