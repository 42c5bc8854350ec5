"""What is seen to serve, with machines that are lost; a plan that continues without them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import cast

import pytest

from slipway.edge.outside import Entrance
from slipway.environments import environment
from slipway.errors import HostError, Unreachable
from slipway.hosts.host import CommandResult
from slipway.hosts.parallel import HostsFailed
from slipway.machines.connect import Cluster
from slipway.plan import Plan, Step
from slipway.releases import lost_machines
from slipway.releases.deploy import DeployResult
from slipway.releases.deployment import Deployment
from slipway.releases.serving import Serving, Sight
from slipway.show import output
from tests.compose import has_compose
from tests.fakes.front_door import FrontDoor, front_door
from tests.fakes.host import FakeHost
from tests.fakes.reporter import RecordingReporter
from tests.unit.releases.compose_project import release

FROZEN = Unreachable("m1", "is it frozen?")
NOWHERE = Entrance("127.0.0.1", 1, 1)  # so each edge is asked by its own machine


def frozen() -> FakeHost:
    return FakeHost("m1").answers("sh", raises=FROZEN)


def edge(name: str, shows: str) -> FakeHost:
    return FakeHost(name).answers("sh", out=f"{shows}\n")


def look(*hosts: FakeHost, **doors: FrontDoor) -> Sight:
    """Look at edges; those without a door cannot be reached from here."""
    entrances = {host.name: NOWHERE for host in hosts}
    entrances |= {name: door.entrance for name, door in doors.items()}
    cluster = Cluster(hosts[0], {host.name: host for host in hosts}, entrances=entrances)
    return Serving(environment.load("prod"), cluster, release("prod"), "blue").look()


def ident() -> str:
    return Serving(
        environment.load("prod"), Cluster(FakeHost(), {}), release("prod"), "blue"
    ).routing.ident


@pytest.mark.skipif(not has_compose(), reason="docker compose is not installed")
def test_a_frozen_machine_hides_neither_what_serves_nor_what_does_not() -> None:
    sight = look(frozen(), edge("m2", ident()), edge("m3", ident()))
    assert (sight.problems, sight.seen, sight.inside) == ([], [], ["m2", "m3"])
    assert sight.unreachable == ["m1: is it frozen?"]
    sight = look(frozen(), edge("m2", "release-1-green-x"), edge("m3", ident()))
    assert (sight.problems, sight.seen) == (["the edge on m2 serves release-1-green-x"], [])


@pytest.mark.skipif(not has_compose(), reason="docker compose is not installed")
def test_only_what_was_seen_from_outside_counts_as_seen_from_outside() -> None:
    with front_door(ident()) as door:
        sight = look(edge("m1", ident()), edge("m2", ident()), m1=door)
    assert (sight.problems, sight.seen, sight.inside) == ([], ["m1"], ["m2"])
    assert sight.describe("release 3", "inv rollback") == (
        "release 3 serves as before on m1\nnot seen from outside: m2"
    )
    sight = look(edge("m1", ident()), edge("m2", ident()))
    assert sight.describe("release 3", "inv rollback") == (
        "release 3 serves as before, as its own machines say\nnot seen from outside: m1, m2"
    )


@pytest.mark.skipif(not has_compose(), reason="docker compose is not installed")
def test_an_edge_that_users_find_to_serve_something_else_is_not_believed() -> None:
    with front_door("release-1-green-x") as door:
        sight = look(edge("m1", ident()), m1=door)
    assert (sight.seen, sight.inside) == ([], [])
    assert sight.problems == [
        f"asked from here, m1 answers release-1-green-x, and its own edge serves {ident()}"
    ]
    with front_door("release-1-green-x", ident()) as door:  # it has just come up
        assert look(edge("m1", ident()), m1=door).seen == ["m1"]


def test_a_machine_without_a_known_entrance_is_not_seen_from_outside() -> None:
    serving = Serving(environment.load("prod"), Cluster(FakeHost(), {}), None, "none")
    host = edge("m1", serving.routing.ident)
    sight = replace(serving, cluster=Cluster(host, {"m1": host})).look()
    assert (sight.seen, sight.inside) == ([], ["m1"])


@pytest.mark.parametrize(
    ("sight", "text"),
    [
        (Sight([], [], ["m1", "m2"]), "release 3 serves as before"),
        (Sight([], ["m2: frozen?"], ["m1"]), "release 3 serves as before on m1\nnot seen: m2: f"),
        (
            Sight([], ["m1: frozen?"], []),
            "release 3 should serve, and no machine answers\nnot seen",
        ),
        (Sight(["it is ill"], [], []), "release 3 should serve, but it is ill\nreturn to it with"),
        (Sight(["it is ill"], ["m1: frozen?"], []), "release 3 should serve, but it is ill\nnot s"),
    ],
)
def test_the_last_line_says_what_was_seen_to_serve(sight: Sight, text: str) -> None:
    assert sight.describe("release 3", "inv rollback").startswith(text)


class Cut:
    """As much of a deploy as a plan needs to lose machines."""

    def __init__(self, *, is_lenient: bool, **hosts: FakeHost) -> None:
        self.cluster = Cluster(next(iter(hosts.values())), hosts, is_lenient=is_lenient)
        self.reporter = RecordingReporter()
        self.told: list[str] = []

    continue_without = Deployment.continue_without

    def tell(self) -> str:
        failures = [FROZEN] if "m1" in self.cluster.hosts else []
        if failures:
            raise HostsFailed(failures, len(self.cluster.hosts))
        self.told += self.cluster.hosts
        return f"{len(self.told)} acknowledged"


def run(cut: Cut) -> Mapping[str, float]:
    plan = Plan("move", [Step("cut over", "move every edge", cut.tell)])
    return lost_machines.continuing(plan, cast(Deployment, cut)).run(cut.reporter)


def test_a_step_is_run_again_without_a_machine_that_was_lost_where_that_is_allowed() -> None:
    hosts = {name: FakeHost(name) for name in ("m1", "m2", "m3")}
    cut = Cut(is_lenient=True, **hosts)
    run(cut)
    assert cut.told == ["m2", "m3"]
    assert cut.reporter.notes == [
        "continuing without m1: 1 of 3 hosts failed:\n  m1: is it frozen?"
    ]
    with pytest.raises(HostsFailed):
        run(Cut(is_lenient=False, **hosts))
    with pytest.raises(HostsFailed):  # the last one
        run(Cut(is_lenient=True, m1=hosts["m1"]))


def test_only_lost_machines_are_continued_without() -> None:
    refused = HostError("m2", "the edge did not accept the new routes")
    assert lost_machines.lost(HostsFailed([FROZEN, refused], 3)) == set()
    assert lost_machines.lost(refused) == set()
    assert lost_machines.lost(FROZEN) == {"m1"}


@pytest.mark.skipif(not has_compose(), reason="docker compose is not installed")
def test_an_edge_that_ends_as_it_is_told_is_told_again() -> None:
    """Its machine has just come back, so the Swarm starts its edge anew."""
    serves = ["release-1-green-x"]

    def answer(argv: Sequence[str], stdin: bytes) -> CommandResult:
        if "tell" in argv:
            code = 1 if len(serves) == 1 else 0
            serves.append(ident())
            return CommandResult("m1", tuple(argv), code, "", "exec failed")
        return CommandResult("m1", tuple(argv), 0, serves[0] if len(serves) < 3 else ident(), "")

    host = FakeHost("m1").reacts("sh", by=answer)
    cluster = Cluster(host, {"m1": host})
    Serving(environment.load("prod"), cluster, release("prod"), "blue").bring_up(5)
    assert len([argv for argv in host.ran("sh") if "tell" in argv]) == 2


def test_a_deploy_says_where_it_was_not_seen_from_outside(
    capsys: pytest.CaptureFixture[str],
) -> None:
    result = DeployResult("prod", True, 3, "c0ffee", "blue", not_seen_from_outside=["m2", "m3"])
    output.show_report(environment.load("prod"), result)
    assert capsys.readouterr().out.splitlines() == [
        "prod serves release 3 (c0ffee) in blue",
        "not seen from outside: m2, m3",
    ]
    output.show_report(environment.load("prod"), result, as_json=True)
    assert json.loads(capsys.readouterr().out)["not_seen_from_outside"] == ["m2", "m3"]
