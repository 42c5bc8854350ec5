"""Every variable of a cell comes from somewhere: a parameter, an earlier cell, what is sourced."""

from pathlib import Path

import pytest

from slipway.notebook.checking.check import blocking_errors
from slipway.notebook.reading.parse import read
from tests.fakes.checked_texts import AFTER, BEFORE, FRONT, TASKS, complaints, of_cell


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
