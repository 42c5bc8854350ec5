"""The status of an environment: only what was seen, how old that is, and whether all is well."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from slipway.cluster import lease
from slipway.cluster.ledger import LedgerEntry
from slipway.cluster.observed import OBSERVE
from slipway.edge import edges
from slipway.environments import environment
from slipway.errors import DifferenceFound, Unreachable
from slipway.hosts import sudo
from slipway.hosts.host import CommandResult
from slipway.machines.connect import Cluster
from slipway.releases import stack, status
from slipway.releases.serving import Serving
from slipway.releases.status import MachineState, ServiceState, Status, check
from slipway.show import status as display
from tests.fakes.host import FakeHost
from tests.unit.releases.running_swarm import RELEASE, describe, line, node, standing

LIVE = LedgerEntry(7, "live", "blue", "1f0c2ab", "anna", "2026-11-22T19:30:00Z")
PROD = environment.load("prod")
# The backups are asked for where the agent runs, and none runs here.
SETTINGS = {"BACKUP_STORE": "s3://backups/shop", "NETWORK_ENCRYPTION": "off"}
ENV = replace(PROD, settings={**PROD.settings, **SETTINGS})
STACKS = {**standing(ENV), "blue": stack.colour_stack(ENV, RELEASE, "blue")}
IDENT = Serving(ENV, Cluster(FakeHost(), {}), RELEASE, "blue").routing.ident
QUORUM = "Error response from daemon: rpc error: The swarm does not have a leader."


def counts(**services: str) -> list[str]:
    numbers = {"db": "1/1", "ops": "1/1", "edge": "3/3", "api-blue": "2/2"} | services
    return [line("count", {"ID": name, "Replicas": each}) for name, each in numbers.items()]


NODES = (node("m1"), node("m2"), node("m3"))
SWARM = (*describe(ENV, STACKS), *counts())


def machine(
    name: str,
    *lines: str,
    tasks: str | None = "",
    serves: str = IDENT,
    firewall: str = "same\nkept\n",
) -> FakeHost:
    """A manager that says these lines of the Swarm, or that it has no leader."""
    said = {lease.READ: "1000\n", edges.ASK: f"{serves}\n", OBSERVE: "\n".join(lines)}
    said[sudo.CLIMB] = firewall

    def answer(argv: Sequence[str], stdin: bytes) -> CommandResult:
        text = said.get(argv[2], "")
        is_leaderless = argv[2] == OBSERVE and not lines
        out = 'swarm\t"active true"\nnow\t1000\n' if is_leaderless else text
        return CommandResult(name, tuple(argv), int(is_leaderless), out, QUORUM)

    host = FakeHost(name).reacts("sh", by=answer)
    host.answers("docker", "config", "inspect", out=RELEASE.to_json())
    code = 1 if tasks is None else 0
    return host.answers("docker", "service", "ps", code=code, out=tasks or "", err="timed out")


def task(name: str, on: str) -> str:
    return json.dumps({"Name": name, "Node": f"host-{on}", "CurrentState": "Running 2 hours ago"})


def look(manager: FakeHost, *others: FakeHost, missing: Sequence[str] = ()) -> Status:
    hosts = {host.name: host for host in (manager, *others)}
    times = iter((1_790_000_000.0, 1_790_000_007.4))
    return status.look(ENV, Cluster(manager, hosts, missing), lambda: next(times))


def services(report: Status) -> Mapping[str, tuple[str, str]]:
    return {each.service: (each.running, each.health) for each in report.services}


def problems(report: Status) -> list[str]:
    """What is wrong, but for the backups, which nobody here can list."""
    return [text for text in report.problems if "backups" not in text]


def test_what_was_seen_of_an_environment_where_all_is_well_says_how_old_it_is() -> None:
    report = look(machine("m1", *SWARM, *NODES), machine("m2"), machine("m3"))
    assert problems(report) == []
    assert report.live and report.live.release == 3
    assert set(services(report).values()) == {("1/1", "ok"), ("2/2", "ok"), ("3/3", "ok")}
    assert [m.edge_serves for m in report.machines] == [IDENT] * 3
    assert (report.seen_at, report.seen_by, report.age) == ("2026-09-21T14:13:20Z", "m1", 7.4)


def test_what_the_swarm_believes_of_a_machine_that_does_not_answer_is_not_shown_as_seen() -> None:
    tasks = f"{task('logbook-prod-data_db.1', 'm3')}\n{task('logbook-prod-edge_edge.x', 'm3')}\n"
    manager = machine("m1", *SWARM, *NODES, tasks=tasks)
    report = look(manager, machine("m2"), missing=["m3: is it on?"])
    assert services(report)["db"] == ("0/1", "not seen")
    assert services(report)["edge"] == ("2/3", "not seen")
    assert services(report)["api"] == ("2/2", "ok")
    m3 = report.machines[2]
    assert (m3.state, m3.edge_serves, m3.is_reached) == ("not reached", "", False)
    assert problems(report) == [
        "m3: is it on?",
        "m3 is not reached: runbooks/host-lost.md",
        "db: 0/1 running",
        "edge: 2/3 running",
    ]


def test_a_machine_that_freezes_while_it_is_asked_is_a_problem_and_no_failure() -> None:
    frozen = FakeHost("m3").answers("sh", raises=Unreachable("m3", "is it frozen?"))
    tasks = task("logbook-prod-data_db.1", "m3")
    report = look(machine("m1", *SWARM, *NODES, tasks=tasks), machine("m2"), frozen)
    assert report.machines[2].state == "not reached"
    assert services(report)["db"] == ("0/1", "not seen")
    assert "m3: is it frozen?" in problems(report)


def test_a_machine_that_a_new_leader_has_not_heard_yet_is_not_lost_while_it_answers() -> None:
    tasks = f"{task('logbook-prod-edge_edge.x', 'm2')}\n{task('logbook-prod-edge_edge.y', 'm3')}\n"
    nodes = (node("m1"), node("m2", "unknown"), node("m3", "unknown"))
    report = look(machine("m1", *SWARM, *nodes, tasks=tasks), machine("m2"), missing=["m3: on?"])
    assert services(report)["edge"] == ("2/3", "not seen")
    assert problems(report) == [
        "m3: on?",
        "m2 answers, and the new leader has not heard it yet: ask again",
        "m3 is unknown: runbooks/host-lost.md",
        "edge: 2/3 running",
    ]


def test_nothing_is_called_well_where_it_cannot_be_read_which_tasks_were_lost() -> None:
    manager = machine("m1", *SWARM, *NODES[:2], node("m3", "down"), tasks=None)
    report = look(manager, machine("m2"))
    assert {health for _, health in services(report).values()} == {"not seen"}
    assert "ended with 1: timed out" in " ".join(problems(report))


def test_without_a_quorum_the_edges_are_shown_and_the_runbook_is_named() -> None:
    frozen = FakeHost("m3").answers("sh", raises=Unreachable("m3", "is it frozen?"))
    report = look(machine("m1"), machine("m2"), frozen, missing=["m4: is it on?"])
    assert [(m.machine, m.state, m.edge_serves) for m in report.machines] == [
        ("m1", "answers", IDENT),
        ("m2", "answers", IDENT),
        ("m3", "not reached", ""),
    ]
    assert "runbooks/lost-quorum.md" in report.unknown
    assert report.problems == ("m4: is it on?", "m3: is it frozen?", report.unknown)
    assert report.services == () and report.age == 7.4


def test_a_complete_idle_colour_is_shown_and_said() -> None:
    idle = {**STACKS, "green": stack.colour_stack(ENV, RELEASE, "green")}
    lines = [*describe(ENV, idle), *counts(**{"api-green": "2/2"}), *NODES]
    report = look(machine("m1", *lines), machine("m2"), machine("m3"))
    assert [each.colour for each in report.services if each.service == "api"] == ["blue", "green"]
    assert problems(report) == [
        "green still runs beside blue; inv deploy fixes it, or inv rollback --env=prod --release=3"
    ]


@pytest.mark.parametrize(
    ("running", "note"),
    [
        (
            "2/2",
            "green is warm until 14:13 UTC: inv rollback --env=prod --release=2 is one cutover",
        ),
        (
            "1/2",
            "green is warm until 14:13 UTC and not healthy: inv rollback --env=prod --release=2",
        ),
    ],
)
def test_a_colour_that_is_kept_warm_is_noted_and_no_problem(running: str, note: str) -> None:
    both = {**STACKS, "green": stack.colour_stack(ENV, RELEASE, "green")}
    labels = {"slipway.colour": "green", "slipway.release": "2", "slipway.until": "1790000000"}
    lines = [*describe(ENV, both), *counts(**{"api-green": running}), *NODES]
    lines.append(line("config", 9, f"{ENV.prefix}.warm", labels))
    report = look(machine("m1", *lines), machine("m2"), machine("m3"))
    assert problems(report) == []
    assert report.warm and report.warm.release == 2
    assert [text for text in report.notes if text.startswith(note)]


@pytest.mark.parametrize(
    ("serves", "problem"),
    [
        ("release-2-green-1f0c", "the edges disagree"),
        ("", "the edge on m2 does not answer"),
    ],
)
def test_an_edge_that_serves_something_else_or_nothing_is_a_problem(
    serves: str, problem: str
) -> None:
    report = look(machine("m1", *SWARM, *NODES), machine("m2", serves=serves), machine("m3"))
    (text,) = problems(report)
    assert text.startswith(problem)


@pytest.mark.parametrize(
    ("firewall", "problem"),
    [
        ("none\nlone\n", "m2 has no firewall for the Swarm's ports"),
        ("other\nkept\n", "m2 has another firewall for the Swarm's ports than its peers of today"),
        ("same\nlone\n", "m2 has a firewall that nothing loads again when it is flushed"),
        ("", "m2 has another firewall"),
    ],
)
def test_a_firewall_that_is_not_ours_any_more_is_a_problem_with_the_command_that_loads_it(
    firewall: str, problem: str
) -> None:
    m2 = machine("m2", firewall=firewall)
    report = look(machine("m1", *SWARM, *NODES), m2, machine("m3"))
    (text,) = problems(report)
    assert text.startswith(problem)
    assert text.endswith(": inv machine.provision --env=prod --name=m2")


def test_what_is_shown_says_when_it_was_read_and_what_was_not_seen(
    capsys: pytest.CaptureFixture[str],
) -> None:
    machines = (
        MachineState("m1", "ready", "leader", IDENT),
        MachineState("m2", "ready", "manager", ""),
        MachineState("m3", "not reached", "manager", "", is_reached=False),
    )
    db = ServiceState("db", "", "0/1", "not seen", "sha256:db")
    report = Status(
        "prod", LIVE, machines, (db,), (), (), None, "", "2026-11-29T19:30:04Z", "m1", 75
    )
    display.show(report)
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert " ".join(lines[1]) == "seen 75 s ago (2026-11-29T19:30:04Z), as m1 says"
    assert ["m2", "ready", "manager", "nothing"] in lines
    assert ["m3", "not", "reached", "manager", "not", "seen"] in lines
    display.show(replace(report, seen_by=""))
    assert "seen 75 s ago (2026-11-29T19:30:04Z)\n" in capsys.readouterr().out
    display.show(report, as_json=True)
    document: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert (document["seen_at"], document["age"]) == ("2026-11-29T19:30:04Z", 75)


def status_of(*texts: str, live: LedgerEntry | None = LIVE) -> Status:
    return Status("prod", live, (), (), (), texts)


def test_what_serves_without_a_problem_passes_the_check() -> None:
    check(status_of())


def test_a_problem_fails_the_check_and_the_first_is_named() -> None:
    with pytest.raises(DifferenceFound, match="not as it should be: m2 is down, and 1 more"):
        check(status_of("m2 is down", "api blue: 1/2 running"))


def test_an_environment_with_nothing_deployed_fails_the_check() -> None:
    with pytest.raises(DifferenceFound, match="prod: nothing is deployed yet"):
        check(status_of(live=None))
