"""One-shot services: what an engine could not start is tried again, what failed is not."""

import json
from collections.abc import Iterator, Sequence

import pytest

from slipway.hosts.host import CommandResult
from slipway.releases import jobs, run_claim
from tests.fakes.host import FakeHost
from tests.unit.releases.running_swarm import ENV, RELEASE

ENGINE = ("Failed", "starting container failed: device or resource busy")
PROGRAM = ("Failed", "task: non-zero exit (2)")
DONE = ("Complete", "")


class Engine(FakeHost):
    """A manager whose job ends, attempt after attempt, as was said."""

    def __init__(self, *ends: tuple[str, str]) -> None:
        super().__init__("m1", otherwise=0)
        self._ends: Iterator[tuple[str, str]] = iter(ends)
        self.reacts("sh", "-euc", jobs.TASK, by=self._end)
        self.answers("sh", "-euc", run_claim.TAKE, out="taken c1\n")

    def _end(self, argv: Sequence[str], _: bytes) -> CommandResult:
        state, error = next(self._ends)
        task = json.dumps({"CurrentState": f"{state} now", "Error": error})
        return CommandResult(self.name, tuple(argv), 0, task, "")


@pytest.mark.parametrize(
    ("ends", "succeeded"),
    [
        ([DONE], True),
        ([ENGINE, DONE], True),
        ([ENGINE, ENGINE, ENGINE], False),
        ([PROGRAM], False),
        ([ENGINE, PROGRAM], False),
    ],
)
def test_only_what_never_ran_is_tried_again(ends: list[tuple[str, str]], succeeded: bool) -> None:
    engine = Engine(*ends)
    job = jobs.Job(RELEASE.services[0])
    assert jobs.run(engine, ENV, RELEASE, job).succeeded == succeeded
    assert len(engine.ran("docker", "stack", "deploy")) == len(ends)
