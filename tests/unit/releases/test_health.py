"""Waiting for services that stay: a start that the engine failed is tried again, a bad one not."""

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest

from slipway.cluster.node import MACHINE_LABEL, Node
from slipway.hosts.host import CommandResult
from slipway.progress import SILENT
from slipway.releases import health, stack_watch
from slipway.releases.health import HealthWatch, LaneReporter, NotHealthy
from slipway.releases.stack_watch import StackState
from slipway.releases.task_failures import Task
from tests.fakes.host import FakeHost
from tests.fakes.reporter import RecordingReporter

ENGINE = "starting container failed: unable to remount dir as readonly: device or resource busy"
PROGRAM = "task: non-zero exit (2)"
NODE = Node("1", "", "", "manager", "ready", "active", True, True, "", {})
RUNS = ""
STARTS = "another service that is not up yet"
Seen = tuple[str, Sequence[str]]  # how the update stands; of each task its error, or that it runs
BEFORE: Seen = ("", [RUNS])  # and with a failure of an earlier day
FAILED: Seen = ("", [PROGRAM, RUNS])


class Swarm(FakeHost):
    """A service of one task, as it is at one look after another, and from then on."""

    def __init__(self, *seen: Seen) -> None:
        super().__init__("m1")
        self._seen: Iterator[Seen] = iter(seen)
        self._now: Seen = ("", ())
        self.answers("sh").answers("timeout")  # what it says of a container that is gone
        look = stack_watch.UPDATES + stack_watch.WATCH
        self.reacts("sh", "-euc", look, by=self._look)

    def _look(self, argv: Sequence[str], _: bytes) -> CommandResult:
        self._now = next(self._seen, self._now)
        service = json.dumps({"Replicas": "1/1"})
        lines = [f'update\t{self._now[0]} "now"', f"service\t{service}"]
        for number, error in enumerate(self._now[1]):
            state, desired = ("Failed", "Shutdown") if error else ("Running", "Running")
            task = {"Name": "a_db.1", "Node": "m1", "ID": str(number), "Error": error}
            task |= {"CurrentState": f"{state} now", "DesiredState": desired}
            if error == STARTS:
                task |= {"Name": "a_other.1", "CurrentState": "Starting", "DesiredState": "Running"}
            lines.append("task\t" + json.dumps(task))
        return CommandResult(self.name, tuple(argv), 0, "\n".join(lines), "")


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "POLL", 0.0)


@pytest.mark.parametrize(
    "seen",
    [
        [BEFORE, ("completed", [RUNS])],
        [BEFORE, ("paused", [ENGINE]), ("paused", [ENGINE, RUNS])],
        [FAILED, ("paused", [PROGRAM, ENGINE, RUNS])],
        [FAILED, ("paused", [PROGRAM, ENGINE]), ("paused", [PROGRAM, ENGINE, RUNS])],
        [BEFORE, ("updating", [PROGRAM]), ("completed", [PROGRAM, RUNS])],
        [BEFORE, ("", [STARTS, *[PROGRAM] * 4]), ("", [RUNS, *[PROGRAM] * 4])],
    ],
)
def test_a_service_settles_also_where_its_first_start_failed(seen: list[Seen]) -> None:
    swarm = Swarm(*seen)
    health.settle(swarm, "a", 60, stack_watch.look(swarm, "a"))


@pytest.mark.parametrize(
    ("seen", "reason"),
    [
        ([BEFORE, ("paused", [PROGRAM])], r"non-zero exit \(2\)"),
        (
            [BEFORE, ("paused", [ENGINE, PROGRAM, RUNS])],
            "ended as paused",
        ),
        (
            [BEFORE, ("rollback_completed", [ENGINE, RUNS])],
            "rollback_completed",
        ),
        ([BEFORE, ("paused", [RUNS])], "ended as paused"),
        ([BEFORE, ("paused", [ENGINE] * 3)], "device or resource busy"),
        ([BEFORE, ("", [STARTS, *[PROGRAM] * 3]), ("", [RUNS, *[PROGRAM] * 6])], r"exit \(2\)"),
    ],
)
def test_what_does_not_come_up_by_itself_is_not_waited_for(seen: list[Seen], reason: str) -> None:
    with pytest.raises(NotHealthy, match=reason):
        swarm = Swarm(*seen)
        health.settle(swarm, "a", 60, stack_watch.look(swarm, "a"))


def test_a_service_of_each_machine_is_not_up_before_it_has_its_tasks() -> None:
    """A Swarm says that there are to be none, until it has decided where they go."""
    swarm = Global(0, 1, 2, 3)
    HealthWatch("a", 60, SILENT).wait(swarm, least=3)
    assert swarm.counts == []


class Global(FakeHost):
    """A service of each machine, which has so many tasks at one look after another."""

    def __init__(self, *counts: int) -> None:
        super().__init__("m1")
        self.counts = list(counts)
        self.reacts("sh", "-euc", stack_watch.UPDATES + stack_watch.WATCH, by=self._look)

    def _look(self, argv: Sequence[str], _: bytes) -> CommandResult:
        count = self.counts.pop(0)
        lines = ["service\t" + json.dumps({"Replicas": f"{count}/{count}"})]
        task = {"Node": "m1", "Error": "", "CurrentState": "Running now"}
        for number in range(count):
            name = {"Name": f"a_edge.{number}", "ID": str(number), "DesiredState": "Running"}
            lines.append("task\t" + json.dumps(task | name))
        return CommandResult(self.name, tuple(argv), 0, "\n".join(lines), "")


def test_a_task_that_fails_between_two_looks_begins_the_seconds_again_and_is_seen_with_users() -> (
    None
):
    watch = HealthWatch("a", 60, SILENT)
    swarm = Swarm(BEFORE, FAILED)
    watch.wait(swarm)
    began = time.monotonic()
    watch.wait(swarm, steady=0.2)  # a task failed meanwhile
    assert time.monotonic() - began >= 0.2
    watch.begin()
    watch.hold(swarm, 0)
    with pytest.raises(NotHealthy, match="it was healthy, then "):
        watch.hold(Swarm(("", [PROGRAM, PROGRAM, RUNS])), 0)


def test_seconds_that_passed_with_something_else_are_not_waited_again() -> None:
    watch = HealthWatch("a", 60, SILENT)
    swarm = Swarm(BEFORE)
    watch.wait(swarm)
    time.sleep(0.3)
    began = time.monotonic()
    watch.wait(swarm, steady=0.3)
    assert time.monotonic() - began < 0.25


@pytest.mark.parametrize(
    "early",
    [
        "cannot create a swarm scoped network when swarm is not active",
        "no configured subnet or ip-range contain the IP address 10.201.6.7",
    ],
)
def test_tasks_that_came_too_early_for_their_machine_are_no_fault_of_theirs(early: str) -> None:
    swarm = Swarm(("", [early] * 5), ("", [*[early] * 5, STARTS]), ("", [*[early] * 5, RUNS]))
    HealthWatch("a", 60, SILENT).wait(swarm)
    with pytest.raises(NotHealthy, match=r"exit \(2\)"):
        HealthWatch("a", 60, SILENT).wait(Swarm(("", [early, *[PROGRAM] * 3])))


def test_machines_are_reported_when_they_got_further_and_when_they_lost_something() -> None:
    def state(*tasks: tuple[str, str, str]) -> StackState:
        made = [
            Task(f"s-green_{name}-green", node, how, "Running", "") for name, node, how in tasks
        ]
        gone = Task("s-green_api-green", "m2", "Failed", "Shutdown", "")
        return StackState(0, len(made), (*made, gone))

    def lanes(*tasks: tuple[str, str, str]) -> list[tuple[str, str, int, int]]:
        return [
            (each.machine, each.doing, each.current, each.total) for each in state(*tasks).lanes
        ]

    api, web = ("api", "m1", "Running"), ("web", "m1", "Starting")
    assert lanes(api, web, ("api", "m2", "Preparing"), ("api", "", "Pending")) == [
        ("m1", "starts web", 1, 2),
        ("m2", "starts api", 0, 1),
    ]
    assert lanes(api) == [("m1", "healthy", 1, 1)]
    reporter = RecordingReporter()
    node = replace(NODE, hostname="m1", labels={MACHINE_LABEL: "shop-1"})
    watch = HealthWatch("a", 60, reporter, [node])
    watch.wait(Swarm(("", [STARTS]), ("", [RUNS]), ("", [RUNS])))
    expected = [("shop-1", "starts other", 0), ("shop-1", "healthy", 1)]
    assert [(lane.machine, lane.doing, lane.current) for lane in reporter.lanes] == expected

    reporter = RecordingReporter()
    swarm = Swarm(BEFORE, ("updating", [STARTS]), ("completed", [RUNS]))
    settled = LaneReporter(reporter, [node])
    health.settle(swarm, "a", 60, stack_watch.look(swarm, "a"), settled)
    assert [(lane.machine, lane.doing, lane.current) for lane in reporter.lanes] == expected
