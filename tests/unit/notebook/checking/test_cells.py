"""Cells are held against the commands and shells that there are; nothing of them is run."""

from pathlib import Path

import pytest

from slipway.notebook.checking import command_check
from tests.fakes.checked_texts import AFTER, BEFORE, FRONT, TASKS, complaints, of_cell


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


def test_a_command_typed_over_lines_is_read_as_one(tmp_path: Path) -> None:
    def sample(typed: str) -> list[str]:
        said = complaints(f"{FRONT}{BEFORE}```console\n{typed}\n```\n\n{AFTER}", tmp_path)
        return [line for line in said if "needs" in line or "no task" in line]

    assert sample("$ inv deploy \\\n    --env=dev\ndone") == []
    assert sample("$ inv deploy \\\n>   --env=dev\n> more") == []
    (said,) = sample("$ true && \\\n  inv deploy\n$ inv status --env=dev \\")
    assert said.startswith("deploy.md:19: deploy needs --env")
