"""The colour that served before: for how long it is kept, and when it takes over at once."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from slipway.cluster import node as nodes
from slipway.cluster import observed
from slipway.cluster.node import Node
from slipway.cluster.observed import Observed
from slipway.environments.environment import Environment
from slipway.machines.connect import Cluster
from slipway.releases import old_colour, plans, preview, stack, warm, warm_memory
from slipway.releases.application import Service
from slipway.releases.deployment import Deployment
from slipway.releases.draft import Draft
from slipway.releases.release import Release
from slipway.releases.shared_services import ROLES
from tests.fakes.host import FakeHost
from tests.fakes.reporter import RecordingReporter
from tests.unit.releases.running_swarm import ENV as DEV
from tests.unit.releases.running_swarm import RELEASE, describe, line

ENV = replace(DEV, settings={**DEV.settings, "RUNS_ON": "machines"})
MB = 1 << 20


def service(
    name: str, memory: str = "", labels: Mapping[str, str] | None = None, **deploy: Any
) -> Service:
    limits = {"resources": {"limits": {"memory": memory}}} if memory else {}
    spec = {"deploy": {"labels": labels or {}, **limits, **deploy}}
    port = 8000 if name == "api" else 0
    return Service(name, "colour", spec, "/*" if port else "", port)


def release(*services: Service, number: int = 2) -> Release:
    images = {each.name: f"sha256:{each.name}" for each in (*RELEASE.services, *services)}
    rest = tuple(each for each in RELEASE.services if each.role != "colour")
    return Release(number, "beef", images, images, images, {}, (*rest, *services))


def machine(name: str, megabytes: int) -> Node:
    state = ("worker", "ready", "active")
    return Node(name, name, "10.0.0.1", *state, False, True, "29", {}, megabytes * MB)


API, WORKER = service("api", "268435456", replicas=2), service("worker", "128M")
BEFORE = release(API, WORKER)


@pytest.mark.parametrize(
    ("settings", "machines", "services", "minutes", "reason"),
    [
        ({}, [2048], [API, WORKER], 10, ""),  # half of it would be the worker's, which is stopped
        ({}, [2047], [API, WORKER], 0, "a has too little memory: it would take 512 MB of 2047"),
        ({}, [4096, 1024], [API], 10, ""),  # one on each
        ({}, [4096, 1000], [API], 0, "b has too little memory: it would take 256 MB of 1000"),
        (
            {},
            [9000],
            [API, service("web", labels={"slipway.warm": "keep"})],
            0,
            "web has no limit of memory",
        ),
        ({}, [], [API], 0, "no machine takes work"),
        ({"KEEP_WARM": "0"}, [9000], [API], 0, ""),
        ({"KEEP_WARM": "45"}, [100], [API], 45, ""),
        ({"KEEP_WARM": "45", "RUNS_ON": "this-computer"}, [9000], [API], 0, ""),
    ],
)
def test_a_colour_is_kept_by_itself_where_it_takes_a_quarter_of_each_machine_at_most(
    settings: dict[str, str],
    machines: list[int],
    services: list[Service],
    minutes: int,
    reason: str,
) -> None:
    env = replace(ENV, settings={**ENV.settings, **settings})
    members = [machine(name, size) for name, size in zip("abc", machines, strict=False)]
    time = warm_memory.decide(env, members, release(*services))
    assert (time.minutes, time.reason) == (minutes, reason)


def test_what_works_without_being_asked_is_stopped_unless_its_label_says_otherwise() -> None:
    others = [
        service("queue", labels={"slipway.warm": "keep"}),
        replace(service("search"), port=9200),
        replace(API, name="hooks", spec={"deploy": {"labels": {"slipway.warm": "stop"}}}),
    ]
    assert warm.stopped(release(API, WORKER, *others)) == ["worker", "hooks"]


def swarm(
    label: Mapping[str, str] | None = None, running: str = "1/1", other: str = "", **changes: str
) -> Observed:
    """Release 3 serves in blue; green runs release 2 but for its worker, perhaps with changes.

    `other` is a role that stands as another release described it.
    """
    green = stack.colour_stack(ENV, BEFORE, "green")
    del green["services"]["worker-green"]
    green["services"]["api-green"] |= changes
    stacks: dict[str, stack.Stack] = {
        role: stack.fingerprinted(ENV, BEFORE, role) for role in ROLES
    }
    for spec in stacks[other]["services"].values() if other else ():
        spec["deploy"]["labels"]["slipway.fingerprint"] = "another"
    stacks |= {"blue": stack.colour_stack(ENV, RELEASE, "blue"), "green": green}
    labels = {"slipway.colour": "green", "slipway.release": "2", "slipway.until": "1790000400"}
    labels |= {"slipway.warm": ENV.prefix, **(label or {})}
    lines = [*describe(ENV, stacks), line("config", 9, f"{ENV.prefix}.warm", labels)]
    lines.append(line("count", {"ID": "api-green", "Replicas": running}))
    return observed.parse("\n".join(lines))


class Returning:
    """A rollback to release 2, whose services answer that they are ready, or do not."""

    def __init__(self, seen: Observed, env: Environment = ENV, *, code: int = 0) -> None:
        self.reporter = RecordingReporter()
        self.manager = FakeHost("m1", otherwise=code)
        self.manager.answers("docker", "config", "inspect", out=RELEASE.to_json())
        cluster = Cluster(self.manager, {"m1": self.manager})
        draft = Draft(BEFORE, {}, {}, is_recorded=True)
        self.deployment = Deployment(env, cluster, seen, draft, self.reporter)
        self.deployment.is_warm_return = old_colour.is_ready(self.deployment)

    @property
    def steps(self) -> list[str]:
        both = plans.rollback(self.deployment), plans.tidy_up(self.deployment)
        return [step.name for plan in both for step in plan.steps]


def test_a_return_to_the_warm_colour_moves_the_edges_and_fills_nothing() -> None:
    returning = Returning(swarm())
    assert returning.steps == ["check", "take back", "cut over", "settle", "hand over"]
    assert returning.reporter.notes == []


@pytest.mark.parametrize(
    ("other", "before"), [("ops", []), ("edge", ["wait", "data", "edge", "stand in"])]
)
def test_operations_that_were_others_follow_once_the_edges_have_moved(
    other: str, before: list[str]
) -> None:
    returning = Returning(swarm(other=other))
    expected = ["check", "take back", *before, "cut over", "settle", "hand over"]
    assert returning.steps == expected
    last = plans.tidy_up(returning.deployment).steps[-1].describe
    assert ("start operations as that release has them" in last) == (other == "ops")


@pytest.mark.parametrize(
    ("seen", "code", "reason"),
    [
        (
            swarm(image="sha256:other"),
            0,
            "api-green runs with another image than release 2 (beef) has",
        ),
        (swarm(running="1/2"), 0, "api: 1 of 2 healthy"),
        (swarm(), 9, "it does not answer that it is ready"),
    ],
    ids=["somebody changed it", "a replica is missing", "it does not answer"],
)
def test_a_colour_that_cannot_take_over_at_once_is_ended_and_filled(
    seen: Observed, code: int, reason: str
) -> None:
    returning = Returning(seen, code=code)
    assert returning.reporter.notes == [f"green is warm, and is started anew: {reason}"]
    names = returning.steps
    assert names.index("make room") + 1 == names.index("fill")
    assert "take back" not in names


def test_the_plan_of_a_return_says_whether_it_fills_and_why() -> None:
    planned = preview.of_rollback(Returning(swarm()).deployment)
    assert "fill" not in names_of(planned) and planned.starts == [] and planned.notes == []
    planned = preview.of_rollback(Returning(swarm(), code=1).deployment)
    assert "fill" in names_of(planned) and "api" in planned.starts
    assert planned.notes == [
        "green is warm, and is started anew: it does not answer that it is ready"
    ]


def names_of(planned: preview.Preview) -> list[str]:
    return [step.name for plan in planned.plans for step in plan.steps]


def test_a_rollback_to_another_release_than_the_warm_one_ends_that_and_says_so() -> None:
    returning = Returning(swarm({"slipway.release": "1"}))
    step = next(
        each for each in plans.rollback(returning.deployment).steps if each.name == "make room"
    )
    assert step.describe.startswith("end green, warm as release 1: from here on a rollback starts")
    assert "fill" in returning.steps and returning.reporter.notes == []


def test_without_a_warm_colour_a_rollback_is_as_it_was() -> None:
    seen = swarm({"slipway.until": "soon"})
    returning = Returning(seen, replace(ENV, settings={**ENV.settings, "KEEP_WARM": "0"}))
    assert "make room" not in returning.steps and "fill" in returning.steps
    assert returning.steps[-1] == "drain" and returning.reporter.notes == []


def test_the_memory_of_a_machine_is_read_of_its_node() -> None:
    document = {
        "ID": "1",
        "Description": {"Hostname": "m1", "Engine": {}, "Resources": {"MemoryBytes": 5}},
        "Spec": {"Role": "worker", "Availability": "active"},
        "Status": {"State": "ready"},
    }
    assert nodes.read(document).memory == 5
