"""The test suite runs every part, says what was left out and why, and never hides a failure."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

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


def test_a_part_fails_at_once_and_once_for_what_it_cannot_do_without() -> None:
    host = FakeHost()
    part = Part("services", [("deploy",), ("verify",)], lacks=lambda: "there is no engine")
    result = suite.run(part, host)
    assert (result.note, result.failed) == ("there is no engine", True)
    assert not host.asked


class Shown:
    """A display that remembers."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def begin(self, part: Part) -> None:
        self.lines.append(part.name)

    def quote(self, log: Path) -> None:
        self.lines += log.read_text().splitlines()


def test_a_part_that_runs_beside_the_others_is_shown_at_its_end_and_counts() -> None:
    waits = "import pathlib, time\nwhile not pathlib.Path('{}').exists(): time.sleep(0.01)\n"
    with tempfile.TemporaryDirectory() as folder:
        meeting = Path(folder) / "both-run"
        aside = Part(
            "aside",
            [("timeit", "-n1", "-r1", waits.format(meeting)), ("no_such_module",)],
            beside=True,
        )
        opens = f"open('{meeting}', 'w').close()"
        first = Part("first", [("timeit", "-n1", "-r1", opens)])
        shown = Shown()
        results = suite.run_all([aside, first], shown)
    assert [(each.part, each.result) for each in results] == [
        ("aside", "failed"),
        ("first", "passed"),
    ]
    assert shown.lines[:2] == ["first", "aside"]
    assert "No module named no_such_module" in "\n".join(shown.lines)


def test_parts_are_chosen_by_name_and_keep_their_order() -> None:
    assert [part.name for part in suite.chosen("unit, lint")] == ["lint", "unit"]
    usual = [part.name for part in suite.chosen("")]
    assert usual == ["lint", "types", "unit", "integration", "e2e"]
    assert [part.name for part in suite.chosen("soak")] == ["soak"]
    with pytest.raises(UsageError, match="did you mean unit"):
        suite.chosen("unti")


def test_a_part_is_narrowed_to_the_tests_that_are_its_own() -> None:
    unit, lint = suite.chosen("unit")[0], suite.chosen("lint")[0]
    narrowed = suite.narrowed(unit, ["tests/unit/test_plan.py", "tests/e2e/test_dev.py"])
    assert [words[-1] for words in narrowed.commands] == ["tests/unit/test_plan.py"]
    nothing = suite.narrowed(unit, ["tests/e2e/test_dev.py"])
    assert suite.run(nothing, FakeHost()).note == "no test of it can break"
    assert suite.narrowed(lint, ["tests/unit/test_plan.py"]) == lint


def test_a_computer_that_cannot_be_made_ready_is_no_end() -> None:
    def prepare() -> None:
        raise Refused("no root and no engine")

    assert suite.made_ready(prepare) == "no root and no engine"


GROUPED = """
import os, time, pytest
pytestmark = pytest.mark.xdist_group("{0}")
@pytest.mark.parametrize("number", range(6))
def test(number, worker_id):
    time.sleep(0.05)
    open("{0}", "a").write(worker_id + " ")
    if "{0}" == "b" and number == {1}:
        os.abort()
"""


def share(folder: Path, dies_at: int = -1) -> subprocess.CompletedProcess[str]:
    """Run three files of tests as integration tests are run."""
    for group in "abc":
        (folder / f"test_{group}.py").write_text(GROUPED.format(group, dies_at))
    argv = [sys.executable, "-m", "pytest", "-p", "xdist.plugin", "-p", "no:cacheprovider"]
    # Three processes that each load every plugin there is would take longer than all the rest.
    alone = os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    return subprocess.run(
        [*argv, *suite.shared_by(2), "."],
        cwd=folder,
        env=alone,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_tests_that_share_something_stay_on_one_worker(tmp_path: Path) -> None:
    assert share(tmp_path).returncode == 0
    workers = [(tmp_path / group).read_text().split() for group in "abc"]
    assert [(len(ran), len(set(ran))) for ran in workers] == [(6, 1)] * 3


def test_a_worker_that_dies_is_a_failure_and_no_endless_wait(tmp_path: Path) -> None:
    done = share(tmp_path, dies_at=2)
    assert done.returncode == 1
    assert "crashed while running 'test_b.py::test[2]" in done.stdout
