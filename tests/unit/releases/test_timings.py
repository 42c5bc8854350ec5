"""Each step of a deploy is told what it took, and nothing is counted twice or lost."""

import time

import pytest

from slipway.hosts.counted import CountedHost, Traffic
from slipway.plan import Plan, Step
from slipway.progress import SILENT
from slipway.releases import timings
from slipway.releases.deploy import DeployResult
from slipway.releases.timings import Stopwatch
from slipway.show import output
from tests.fakes.host import FakeHost


def deploy_something() -> Stopwatch:
    """Ask m1 once before the first step, both machines in it, m2 after the last."""
    traffic = Traffic()
    m1, m2 = (CountedHost(FakeHost(name, otherwise=0), traffic) for name in ("m1", "m2"))
    watch = Stopwatch(SILENT)
    watch.count(traffic)
    m1.run(["who"])

    def fill() -> None:
        m1.run(["fill"])
        m2.run(["fill"], stdin=b"x" * 1000)
        time.sleep(0.01)

    steps = [Step("fill", "start green", fill), Step("settle", "write it down", lambda: None)]
    Plan("deploy", steps).run(watch)
    m2.run(["look"])
    return watch


def test_commands_are_counted_with_the_step_that_began_them_and_by_machine() -> None:
    rows = {timing.step: timing for timing in deploy_something().timings()}
    assert list(rows) == ["read", "fill", "settle", "look"]
    assert rows["read"].commands == {"m1": 1}
    assert rows["fill"].commands == {"m1": 1, "m2": 1}
    assert rows["settle"].commands == {}
    assert rows["look"].commands == {"m2": 1}
    assert rows["fill"].sent >= 1000 > rows["look"].sent > 0


def test_the_sum_is_that_of_all_steps(capsys: pytest.CaptureFixture[str]) -> None:
    began = time.monotonic()
    rows = deploy_something().timings()
    whole = timings.together(rows)
    assert whole.commands == {"m1": 2, "m2": 2}
    assert 0.01 <= whole.seconds <= time.monotonic() - began + 0.01
    output.show_timings(DeployResult("dev", True, 7, "c0ffee", "blue", timings=rows))
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].split() == ["STEP", "SECONDS", "M1", "M2", "COMMANDS", "QUESTIONS", "SENT"]
    assert [line.split()[0] for line in lines[1:]] == ["read", "fill", "settle", "look", "together"]
    assert lines[-1].split()[2:5] == ["2", "2", "4"]
