"""What a person reads while steps run, where no terminal is."""

import re

import pytest

from slipway.plan import Plan, Step
from slipway.show.progress import TerminalReporter


def plan(reporter: TerminalReporter, error: Exception | None = None) -> Plan:
    def work() -> str:
        reporter.note("a table is large")
        if error:
            raise error
        return "3 kB"

    outer = Step("back up", "keep it", lambda: run(Plan("", [Step("dump", "", work)]), reporter))
    return Plan("p", [outer])


def run(inner: Plan, reporter: TerminalReporter) -> str:
    inner.run(reporter)
    return "kept"


def lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """What was written, whatever the seconds are that it took."""
    return re.sub(r"\d+\.\d s", "N s", capsys.readouterr().err).splitlines()


def test_each_step_is_a_line_and_what_is_said_names_its_step(
    capsys: pytest.CaptureFixture[str],
) -> None:
    reporter = TerminalReporter()
    plan(reporter).run(reporter)
    reporter.note("all done")
    assert lines(capsys) == [
        "· dump       a table is large",
        "✓ dump       3 kB  N s",
        "✓ back up    kept  N s",
        "all done",
    ]


def test_quietly_only_what_somebody_must_know_is_written(
    capsys: pytest.CaptureFixture[str],
) -> None:
    reporter = TerminalReporter(quiet=True)
    plan(reporter).run(reporter)
    assert capsys.readouterr().err == "a table is large\n"
    with pytest.raises(OSError, match="full"):
        plan(reporter, OSError("disk full")).run(reporter)
    assert lines(capsys)[1:] == [
        "✗ dump       failed after N s",
        "✗ back up    failed after N s",
    ]
