"""The test suite runs every part, says what was left out and why, and never hides a failure."""

import sys

import pytest

from slipway.checks import suite
from slipway.checks.suite import Part
from slipway.errors import Refused, UsageError
from tests.fakes.host import FakeHost

PYTHON = sys.executable
LINT = Part("lint", [("ruff", "check"), ("ruff", "format")])


def test_a_part_passes_when_all_of_it_does() -> None:
    host = FakeHost(otherwise=0)
    assert suite.run(LINT, host).result == "passed"
    assert len(host.asked) == 2


def test_a_failure_keeps_nothing_else_from_running_and_is_named() -> None:
    host = FakeHost(otherwise=0).answers(PYTHON, "-m", "ruff", "check", code=1)
    result = suite.run(LINT, host)
    assert result.failed
    assert "ruff check" in result.note
    assert host.ran(PYTHON, "-m", "ruff", "format")


def test_a_part_that_cannot_run_here_says_why_and_is_no_failure() -> None:
    host = FakeHost()
    result = suite.run(Part("e2e", [("pytest",)], why_not=lambda: "there is no engine"), host)
    assert (result.result, result.note, result.failed) == ("left out", "there is no engine", False)
    assert not host.asked


def test_parts_are_chosen_by_name_and_keep_their_order() -> None:
    assert [part.name for part in suite.chosen("unit, lint")] == ["lint", "unit"]
    assert suite.chosen("") == suite.PARTS
    with pytest.raises(UsageError, match="did you mean unit"):
        suite.chosen("unti")


def test_a_computer_that_cannot_be_made_ready_is_no_end() -> None:
    def prepare() -> None:
        raise Refused("no root and no engine")

    assert suite.made_ready(prepare) == "no root and no engine"
