"""Joining, balancing and leaving a Swarm, on hosts that answer from a script."""

import json
from collections.abc import Sequence
from typing import Any

import pytest

from slipway.cluster import swarm
from slipway.cluster.node import DATA_LABEL, MACHINE_LABEL
from slipway.errors import HostError, Refused
from slipway.hosts.host import CommandResult
from tests.fakes.host import FakeHost

INFO = ("docker", "info")
TOKEN = "SWMTKN-1-secret"


def place(state: str, node: str = "", *, manager: bool = False) -> str:
    return json.dumps(
        {
            "LocalNodeState": state,
            "NodeID": node,
            "NodeAddr": "10.0.0.1",
            "ControlAvailable": manager,
            "RemoteManagers": [{"NodeID": "n1", "Addr": "10.0.0.1:2377"}] if manager else None,
        }
    )


class FakeSwarm:
    """A manager that knows its nodes and obeys promote and demote."""

    def __init__(self, **roles: str) -> None:
        self.roles = roles
        self.labels: dict[str, dict[str, str]] = {"m1": {DATA_LABEL: "true"}}
        self.down: set[str] = set()
        self.host = FakeHost("m1")
        self.host.answers(*INFO, out=place("active", "id-m1", manager=True))
        self.host.reacts("sh", by=self._nodes)
        self.host.reacts("docker", "node", "promote", by=self._set("manager"))
        self.host.reacts("docker", "node", "demote", by=self._set("worker"))
        self.host.reacts("docker", "node", "inspect", by=self._status)
        self.host.answers("docker", "swarm", "join-token", out=f"{TOKEN}\n")

    def join(self, name: str) -> None:
        self.roles[name] = "worker"

    def _node(self, name: str) -> dict[str, Any]:
        manager = {"Addr": f"10.0.0.{name[1]}:2377", "Leader": name == "m1"}
        return {
            "ID": f"id-{name}",
            "Description": {"Hostname": name, "Engine": {"EngineVersion": "26.1.5"}},
            "Spec": {
                "Role": self.roles[name],
                "Availability": "active",
                "Labels": self.labels.get(name, {}),
            },
            "Status": {"State": "down" if name in self.down else "ready", "Addr": "0.0.0.0"},  # noqa: S104  a lost node's
            "ManagerStatus": manager if self.roles[name] == "manager" else None,
        }

    def _nodes(self, argv: Sequence[str], stdin: bytes) -> CommandResult:
        text = "\n".join(json.dumps(self._node(name)) for name in self.roles)
        return CommandResult("m1", tuple(argv), 0, text, "")

    def _set(self, role: str) -> Any:
        def change(argv: Sequence[str], stdin: bytes) -> CommandResult:
            self.roles[argv[-1].removeprefix("id-")] = role
            return CommandResult("m1", tuple(argv), 0, "", "")

        return change

    def _status(self, argv: Sequence[str], stdin: bytes) -> CommandResult:
        status = self._node(argv[3].removeprefix("id-"))["ManagerStatus"]
        return CommandResult("m1", tuple(argv), 0, json.dumps(status), "")


def test_the_third_machine_makes_all_three_managers() -> None:
    cluster = FakeSwarm(m1="manager", m2="worker", m3="worker")
    assert swarm.balance(cluster.host) == ["m2 is a manager now", "m3 is a manager now"]
    assert swarm.balance(cluster.host) == []


def test_of_two_machines_one_is_a_manager_and_it_is_the_one_with_the_data(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(swarm, "RENEWAL", 0)
    cluster = FakeSwarm(m1="manager", m2="manager")
    assert swarm.balance(cluster.host) == ["m2 is a worker now"]


def test_machines_that_are_down_are_neither_counted_nor_promoted() -> None:
    cluster = FakeSwarm(m1="manager", m2="worker", m3="worker")
    cluster.down.add("m3")
    assert swarm.balance(cluster.host) == []


def test_a_lost_manager_is_removed_after_another_was_told_to_go_on_alone() -> None:
    cluster = FakeSwarm(m1="manager", m2="manager")
    cluster.down.add("m2")
    lost = "Error response from daemon: can't find manager in raft memberlist"
    cluster.host.answers("docker", "node", "demote", err=lost, code=1)
    cluster.host.answers("docker", "node", "update")
    cluster.host.answers("docker", "node", "rm")
    (dead,) = (node for node in swarm.nodes(cluster.host) if node.name == "m2")
    swarm.remove(cluster.host, dead, None)
    assert cluster.host.ran("docker", "node", "rm") == [
        ("docker", "node", "rm", "--force", "id-m2")
    ]


def test_the_token_travels_through_stdin_and_never_through_a_command_line() -> None:
    cluster = FakeSwarm(m1="manager")
    new = FakeHost("m2").answers(*INFO, out=place("inactive"))

    def dial(argv: Sequence[str], stdin: bytes) -> CommandResult:
        cluster.join("m2")
        new.answers(*INFO, out=place("active", "id-m2"))
        return CommandResult("m2", tuple(argv), 0, "HTTP/1.1 200 OK\r\n\r\n", "")

    new.reacts("docker", "system", "dial-stdio", by=dial)
    assert swarm.join(cluster.host, new, "10.0.0.2") is True
    (sent,) = (asked.stdin for asked in new.asked if asked.stdin)
    assert TOKEN.encode() in sent
    assert not any(TOKEN in word for asked in new.asked for word in asked.argv)
    assert swarm.join(cluster.host, new, "10.0.0.2") is False


def test_a_member_of_another_swarm_is_refused_and_left_alone() -> None:
    cluster = FakeSwarm(m1="manager")
    stranger = FakeHost("m2").answers(*INFO, out=place("active", "id-of-another-swarm"))
    with pytest.raises(Refused, match=r"m2: it belongs to another Swarm.*docker swarm leave"):
        swarm.join(cluster.host, stranger, "10.0.0.2")
    with pytest.raises(Refused, match="another Swarm"):
        swarm.ensure_swarm(stranger, "10.0.0.2")
    assert [asked.argv[:2] for asked in stranger.asked] == [INFO, INFO]


def test_what_the_engine_says_against_a_join_is_passed_on() -> None:
    cluster = FakeSwarm(m1="manager")
    refusal = 'HTTP/1.1 503 Service Unavailable\r\n\r\n{"message":"could not connect"}'
    new = FakeHost("m2").answers(*INFO, out=place("inactive"))
    new.answers("docker", "system", "dial-stdio", out=refusal)
    with pytest.raises(HostError, match="could not connect"):
        swarm.join(cluster.host, new, "10.0.0.2")


def test_a_new_swarm_keeps_off_the_network_its_machines_are_in() -> None:
    host = FakeHost("m1").answers(*INFO, out=place("inactive"))
    host.answers("sh", out="default via 10.201.0.1 dev eth0\n10.201.0.0/20 dev eth0\n")
    host.answers("docker", "swarm", "init")
    assert swarm.ensure_swarm(host, "10.201.0.5") is True
    (init,) = host.ran("docker", "swarm", "init")
    assert "10.202.0.0/16" in init


def test_of_two_who_make_a_swarm_at_once_the_slower_finds_it() -> None:
    states = iter(["inactive", "pending", "active"])

    def info(argv: Sequence[str], stdin: bytes) -> CommandResult:
        state = next(states)
        text = place(state, "id-of-m1", manager=state == "active")
        return CommandResult("m1", tuple(argv), 0, text, "")

    host = FakeHost("m1").reacts(*INFO, by=info).answers("sh")
    host.answers("docker", "swarm", "init", code=1, err="This node is already part of a swarm")
    assert swarm.ensure_swarm(host, "127.0.0.1", "127.0.0.1") is False


def test_a_machine_is_known_by_its_own_name_not_by_its_host_name() -> None:
    cluster = FakeSwarm(m1="manager")
    cluster.labels["m1"][MACHINE_LABEL] = "web-1"
    (node,) = swarm.nodes(cluster.host)
    assert (node.name, node.hostname, node.address) == ("web-1", "m1", "10.0.0.1")
