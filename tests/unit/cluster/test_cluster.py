"""What the Swarm says, read: services and nodes, the ledger's order, who holds the lease."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.cluster import lease_holder, ledger, observed, process
from slipway.cluster.lease_holder import LeaseHolder
from slipway.cluster.node import LIST
from slipway.cluster.observed import Observed
from slipway.errors import HostError
from slipway.hosts.local import LocalHost
from tests.fakes.host import FakeHost

APP = "demo-prod"


def line(word: str, *parts: Any) -> str:
    return "\t".join([word, *(json.dumps(part) for part in parts)])


def world(*lines: str, swarm: str = "active true") -> Observed:
    """Read lines as OBSERVE prints them."""
    return observed.parse("\n".join([line("swarm", swarm), line("now", 1000), *lines]))


def event(index: int, release: int, result: str = "live", at: str = "") -> str:
    labels = {"slipway.release": str(release), "slipway.result": result, "slipway.at": at}
    return line("config", index, f"{APP}.event.{at or index:>05}", labels)


def record(index: int, number: int, **needs: str) -> str:
    labels = {f"slipway.{what}": names for what, names in needs.items()}
    return line("config", index, f"{APP}.release.{number:05d}", labels)


def service(name: str, **container: Any) -> dict[str, Any]:
    labels = {"slipway.service": "api", "slipway.role": "colour"}
    labels["com.docker.stack.namespace"] = f"{APP}-blue"
    template = {"ContainerSpec": {"Image": "sha256:1", **container}}
    return {
        "ID": f"{name}0123456789abcdef",
        "Spec": {"Name": name, "Labels": labels, "TaskTemplate": template},
    }


def test_a_service_is_read_with_its_counts_and_colour() -> None:
    found = world(
        line("count", {"ID": "api0123456", "Replicas": "1/2 (max 1 per node)"}),
        line("service", service("api", Env=["COLOUR=blue", "URL=a=b", "EMPTY="])),
    )
    (api,) = found.stack(f"{APP}-blue")
    assert (api.running, api.desired, api.is_healthy, api.colour) == (1, 2, False, "blue")
    assert api.environment["URL"] == "a=b"
    assert found.stack("other") == ()


def test_a_service_that_is_not_counted_yet_runs_nothing() -> None:
    (api,) = world(line("service", service("api"))).services
    assert (api.running, api.desired, api.environment) == (0, 0, {})


def test_a_worker_and_a_leader_are_told_apart() -> None:
    def node(name: str, **more: Any) -> str:
        role = "manager" if "ManagerStatus" in more else "worker"
        spec = {"Availability": "active", "Role": role, "Labels": more.pop("labels", None)}
        about = {"ID": name, "Description": {"Hostname": name, "Engine": {}}, "Spec": spec}
        return line("node", about | {"Status": {"State": "ready", "Addr": "10.0.0.1"}} | more)

    m1, w1 = world(
        node("w1"),
        node("m1", ManagerStatus={"Leader": True}, labels={"slipway.data": "true"}),
    ).nodes
    assert (m1.hostname, m1.is_manager, m1.leader, m1.holds_data) == ("m1", True, True, True)
    assert (w1.hostname, w1.is_manager, w1.leader, w1.holds_data) == ("w1", False, False, False)


def test_an_engine_outside_a_swarm_is_read_as_such() -> None:
    assert not world(swarm="inactive false").is_manager


def test_an_engine_that_does_not_answer_is_named() -> None:
    host = FakeHost("m1").answers("sh", code=1, err="Cannot connect to the Docker daemon")
    try:
        observed.observe(host, APP)
    except HostError as error:
        assert str(error) == "m1: the Docker engine does not answer: " + (
            "Cannot connect to the Docker daemon"
        )
    else:
        raise AssertionError("no error")


def test_the_ledger_follows_the_store_and_not_the_clocks_of_people() -> None:
    # Anna's clock is an hour ahead: her deploy was first all the same.
    events = ledger.entries(
        world(event(8, 2, at="2026-01-01T11"), event(5, 1, at="2026-01-01T12")), APP
    )
    assert [each.release for each in events] == [1, 2]
    now = ledger.live(events)
    assert now is not None and now.release == 2


def test_a_failed_release_does_not_serve() -> None:
    events = ledger.entries(world(event(1, 1), event(2, 2, "failed")), APP)
    now = ledger.live(events)
    assert now is not None and now.release == 1
    assert ledger.previous(events) is None
    assert ledger.live(()) is None


def test_the_release_to_return_to_is_older_even_after_a_rollback() -> None:
    events = ledger.entries(world(event(1, 1), event(2, 2), event(3, 3), event(4, 2)), APP)
    before = ledger.previous(events)
    assert before is not None and before.release == 1


@given(st.lists(st.integers(1, 9), max_size=12), st.integers(0, 5), st.sets(st.integers(1, 9)))
def test_pruning_keeps_the_serving_release_and_those_before_it(
    lived: list[int], keep: int, gone: set[int]
) -> None:
    on_record = {*range(1, 10)} - gone | {*lived[-1:]}  # a smaller KEEP_RELEASES pruned the others
    lines = [record(100 + number, number) for number in on_record]
    lines += [event(200 + index, number) for index, number in enumerate(lived)]
    found = world(*lines)
    kept = ledger.kept(found, APP, keep)
    assert len(kept) == min(len(set(lived) & on_record), keep + 1)
    ledger.needed(found, kept, "tags")  # of records that are there, or it would fail
    if lived:
        assert f"{APP}.release.{lived[-1]:05d}" in kept
    assert not kept & set(ledger.obsolete(found, APP, keep))


def test_pruning_spares_what_kept_records_need_and_drops_the_oldest_events() -> None:
    lines = [record(1, 1, tags="a b", secrets="s.1"), record(2, 2, tags="b c", secrets="s.2")]
    lines += [event(10 + index, 2) for index in range(ledger.EVENTS_KEPT + 3)]
    found = world(*lines, line("config", 500, "demo-testing.release.00001", {}))
    records = ledger.kept(found, APP, 0)
    assert ledger.needed(found, records, "tags") == {"b", "c"}
    assert ledger.needed(found, records, "secrets") == {"s.2"}
    gone = ledger.obsolete(found, APP, 0)
    assert gone == [f"{APP}.release.00001", *(f"{APP}.event.{n:05d}" for n in (10, 11, 12))]


def holder(now: int, beats: list[str], **labels: str) -> LeaseHolder | None:
    given = {"at": "100", "token": "t1", "owner": "anna@laptop", "reason": "deploy"} | labels
    spec = {"Labels": {f"slipway.{key}": value for key, value in given.items()}}
    return lease_holder.parse([str(now), json.dumps({"ID": "id1", "Spec": spec}), *beats])


def test_a_holder_is_as_silent_as_its_last_own_heartbeat() -> None:
    found = holder(200, ["app.beat.t1.150", "app.beat.t1.180", "app.beat.other.199"])
    assert found is not None
    assert (found.id, found.owner, found.age, found.silence) == ("id1", "anna@laptop", 100, 20)
    assert not found.is_gone(60)
    assert found.is_gone(19)


def test_a_holder_that_never_beat_is_silent_since_it_began() -> None:
    found = holder(131, [])
    assert found is not None and found.silence == 31


def test_a_lease_given_back_meanwhile_has_no_holder() -> None:
    assert lease_holder.parse(["100"]) is None
    assert lease_holder.parse(["100", "app.beat.t1.99"]) is None


def test_a_holder_on_this_computer_whose_process_lives_is_not_gone() -> None:
    found = holder(110, [], process=process.name())
    assert found is not None and not found.is_gone(60)


def test_a_holder_on_this_computer_whose_process_ended_is_gone_at_once() -> None:
    computer, pid, _ = process.name().rsplit(":", 2)
    found = holder(110, [], process=f"{computer}:{pid}:1")  # the same pid, begun at another time
    assert found is not None and found.is_gone(60)


def test_a_holder_on_another_computer_is_judged_by_its_silence_alone() -> None:
    found = holder(110, [], process="other-boot:pid:[1]:1:1")
    assert found is not None and not found.is_gone(60)


@pytest.mark.parametrize(
    ("answers", "code", "out", "err"),
    [
        ("echo 'WARNING: no blkio' >&2; echo n1; echo n2", 0, "n1 n2", ""),
        ("echo 'Error: This node is not a swarm manager.' >&2; exit 1", 1, "", "not a swarm"),
        ("[ -e led ] && echo n1 && exit; echo 'no leader' >&2; : >led; exit 1", 0, "n1", ""),
    ],
)
def test_nodes_are_listed_whatever_the_client_warns_of(
    tmp_path: Path, answers: str, code: int, out: str, err: str
) -> None:
    docker = tmp_path / "docker"
    docker.write_text(f"#!/bin/sh\n{answers}\n")
    docker.chmod(0o755)
    env = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    argv = ["sh", "-euc", f"{LIST}\necho $nodes"]
    done = LocalHost(env=env, cwd=tmp_path).run(argv, check=False)
    assert (done.code, done.out.strip()) == (code, out)
    assert err in done.err
