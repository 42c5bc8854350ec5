"""`inv runbook.check`: what a runbook says is held against what there is, and nothing is run."""

from datetime import date
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from slipway.notebook.checking import command_check
from slipway.notebook.checking.check import blocking_errors, check, documents
from slipway.notebook.reading.parse import read
from tasks.cli import namespace
from tasks.command_index import CommandIndex
from tests.fakes.task_list import TaskList

TODAY = date(2026, 11, 22)
TASKS = CommandIndex(namespace)
FRONT = """---
task: deploy
owner: "@ops"
last_tested: 2026-11-01
---

# Deploy

Brings a release into service with `inv deploy`.

"""
BEFORE = '## Before you start\n\n```sh\ninv status --env="$ENV"\n```\n\n'
AFTER = "## Verify\n\n```sh\ntrue\n```\n\n## Escalate\n\nCall ops.\n"


def complaints(text: str, folder: Path, name: str = "deploy.md") -> list[str]:
    """Return what is said of a text, without the folder before the file's name."""
    path = folder / name
    path.write_text(text)
    return [str(each).removeprefix(f"{folder}/") for each in check([path], TASKS, today=TODAY)]


def of_cell(source: str, folder: Path, info: str = "sh") -> list[str]:
    """Return what is said of a runbook with one step, whose source begins in line 20."""
    step = f"## Go\n\n```{info}\n{source}\n```\n\n"
    return complaints(FRONT + BEFORE + step + AFTER, folder)


def test_a_good_runbook_is_told_nothing(tmp_path: Path) -> None:
    assert of_cell('inv deploy --env="$ENV" --plan', tmp_path) == []


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("deplyo --env=prod", "there is no task 'deplyo' (did you mean deploy?)"),
        ("deploy --env=prod --pln", "deploy has no flag --pln (did you mean --plan?)"),
        ("deploy", "deploy needs --env (one of: dev, testing, staging, prod)"),
        ("deploy --env", "--env needs a value, --env=..."),
        ("deploy --env=stagng", "deploy --env cannot be 'stagng' (did you mean staging?)"),
        (
            "machine.create --env=staging --provider=aws --name=m1",
            "machine.create --provider cannot be 'aws' (one of: local, ssh)",
        ),
        ("rollback --env=prod --release=last", "a number was expected, not 'last'"),
        ("test --only=lint,typs", "test --only cannot be 'typs' (did you mean types?)"),
        ("status --env=prod db.nwe --name=x", "there is no task 'db.nwe' (did you mean db.new?)"),
        ("--help=deplyo", "there is no task 'deplyo' (did you mean deploy?)"),
    ],
)
def test_a_command_that_cannot_work_is_named_with_its_line(
    words: str, sentence: str, tmp_path: Path
) -> None:
    assert of_cell(f"true\ninv {words}", tmp_path) == [f"deploy.md:21: {sentence}"]


@pytest.mark.parametrize(
    "words",
    [
        *("--list", "-l", "--help=deploy", "--help deploy", "deploy --help", "--version", ""),
        'deploy --env="$ENV"',
        "deploy --env $ENV",
        "rollback --env=prod --release=$((NUMBER - 1))",
        'deploy "$@"',
        '"$(cat task)" --anything',
        "status --env=prod db.status --env=staging",
        "runbook.run --name=deploy --set a=1 --set b=2",
    ],
)
def test_a_command_that_may_work_is_left_alone(words: str) -> None:
    for command in command_check.in_shell(f"inv {words}"):
        assert TASKS.complaint(command.words) is None


def test_prose_headings_tables_and_samples_are_read_too(tmp_path: Path) -> None:
    text = """# Read `inv a.b`

First `inv deploy` and
then `inv status --check`, or `inv db.*` and
`inv runbook.run --name=... --set <name>=x`; but `inv deploy --env=prdo`.

| say | do |
|---|---|
| x | `inv nope.*` |

```console
$ inv dploy --env=prod
inv is not run here
```
"""
    assert complaints(text, tmp_path, "README.md") == [
        "README.md:1: there is no task 'a.b'; see inv --list, and give every value with its flag",
        "README.md:5: deploy --env cannot be 'prdo' (did you mean prod?)",
        "README.md:9: there is no task like nope.*; see inv --list",
        "README.md:12: there is no task 'dploy' (did you mean deploy?)",
    ]


@pytest.mark.parametrize(
    ("source", "line", "sentence"),
    [
        ("for x in a; do\n  echo", 21, "something that is opened here is never closed"),
        ("echo 'a\necho b", 20, "nothing closes the ' that is opened here"),
        ("cat <<END\na\nEND2", 20, "nothing ends the heredoc; END has to stand alone on a line"),
        ("echo a\n}", 21, "near unexpected token `}'"),
        ("shopt -s extglob; echo !(a)\n)", 21, "near unexpected token `)'"),
        ('"$(' * 5000, 20, "it is nested too deeply, or ends in the middle"),
        ("true &&", 20, "something that is opened here is never closed"),
    ],
)
def test_shell_that_bash_cannot_read_is_named_with_its_line(
    source: str, line: int, sentence: str, tmp_path: Path
) -> None:
    (said,) = of_cell(source, tmp_path)
    assert said.startswith(f"deploy.md:{line}: bash cannot read this: {sentence}")


def test_python_that_python_cannot_read_is_named_with_its_line(tmp_path: Path) -> None:
    said = of_cell("x = 1\nif x\n    pass", tmp_path, "python")
    assert said == ["deploy.md:21: Python cannot read this: expected ':'"]


def test_nothing_of_a_cell_is_run_however_it_tries(tmp_path: Path) -> None:
    trap = tmp_path / "trap"
    for source in (
        f"touch {trap}",
        f"set +n; set +o noexec\ntouch {trap}",
        f"}}; touch {trap}",
        f"(\ntouch {trap}",
        f"x=$(touch {trap}) <<E",
        f"')\ntouch {trap}",
        f"\0touch {trap}",
    ):
        of_cell(source, tmp_path)
    of_cell(f"open({str(trap)!r}, 'w')", tmp_path, "python")
    assert not trap.exists()


def test_a_variable_that_nothing_sets_is_told_with_what_was_looked_at(tmp_path: Path) -> None:
    source = 'echo "$HOME $ENV ${DEFAULT:-x} $TAG"\nMADE=1\necho "$MADE" "$TAG"'
    assert of_cell(source, tmp_path) == [
        "deploy.md:20: $TAG is set nowhere: no cell before sets it and inv deploy has no --tag"
    ]


def test_a_name_in_braces_before_a_redirection_is_set_by_it(tmp_path: Path) -> None:
    source = 'exec {lock}>/tmp/l; flock "$lock"\nexec {both}<>/tmp/b; echo "$both"'
    assert of_cell(source, tmp_path) == []


@pytest.mark.parametrize("sourcing", ["set -a; . ./.env; set +a", "source ./l", 'eval "$(env)"'])
def test_what_sourcing_may_have_set_is_a_warning_there_and_later(
    sourcing: str, tmp_path: Path
) -> None:
    before, *after = of_cell(f'echo "$A"\n{sourcing}\necho "$ENVV"', tmp_path)
    assert before.startswith("deploy.md:20: $A is set nowhere: no cell before sets it")
    said = "warning: $ENVV is set by no cell before: only what ., source or eval brings in"
    assert after == [f'deploy.md:22: {said} can set it (did you mean "ENV"?)']
    text = f"{FRONT}{BEFORE}## Go\n\n```sh\n{sourcing}\n```\n\n{AFTER}"
    path = tmp_path / "later.md"
    path.write_text(text.replace("## Verify\n\n```sh\ntrue", '## Verify\n\n```sh\necho "$DB"'))
    assert blocking_errors(*read(path), TASKS) == []


def test_a_variable_set_later_in_the_run_comes_too_late(tmp_path: Path) -> None:
    text = (
        FRONT
        + BEFORE
        + "## Use\n\n```sh\necho $OLD $NEW\n```\n\n"
        + "## Set\n\n```sh {capture=NEW}\ndate\n```\n\n"
        + "## Verify\n\n```sh\nOLD=1\n```\n\n"
        + "## Roll back\n\n```sh\necho $OLD $NEW\n```\n\n"
        + "## Escalate\n\nCall ops.\n"
    )
    why = "is used before anything sets it: move what sets it up"
    assert complaints(text, tmp_path) == [
        f"deploy.md:20: $NEW {why}",
        f"deploy.md:20: $OLD {why}",
    ]


def test_a_parameter_of_the_front_matter_is_known(tmp_path: Path) -> None:
    text = FRONT.replace("owner:", "params:\n  WAIT: {help: How long.}\nowner:")
    assert (
        complaints(text + BEFORE + "## Go\n\n```sh\nsleep $WAIT\n```\n\n" + AFTER, tmp_path) == []
    )


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


def test_a_command_typed_over_lines_is_read_as_one(tmp_path: Path) -> None:
    def sample(typed: str) -> list[str]:
        said = complaints(f"{FRONT}{BEFORE}```console\n{typed}\n```\n\n{AFTER}", tmp_path)
        return [line for line in said if "needs" in line or "no task" in line]

    assert sample("$ inv deploy \\\n    --env=dev\ndone") == []
    assert sample("$ inv deploy \\\n>   --env=dev\n> more") == []
    (said,) = sample("$ true && \\\n  inv deploy\n$ inv status --env=dev \\")
    assert said.startswith("deploy.md:19: deploy needs --env")


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
