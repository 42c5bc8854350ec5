"""Encrypted networks: who gets them, what refuses, how an environment moves to them and back."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from slipway.cluster import observed
from slipway.environments import environment
from slipway.environments.environment import Environment
from slipway.errors import Refused
from slipway.machines.connect import Cluster
from slipway.releases import changes, network_encryption, networks, prune, stack
from slipway.releases.application import Service
from slipway.releases.draft import Draft
from slipway.releases.release import ENCRYPTED, Release
from slipway.releases.shared_services import SharedServices
from tests.fakes.host import FakeHost
from tests.unit.releases.running_swarm import RELEASE, describe, standing

PROD = environment.load("prod")
BOTH = {"edge": None, "data": None}
ON_NETWORKS = {"db": {"data": None}, "ops": BOTH, "edge": {"edge": None}, "api": BOTH}
OPEN = replace(
    RELEASE,
    services=tuple(
        Service(each.name, each.role, {**each.spec, "networks": ON_NETWORKS[each.name]})
        for each in RELEASE.services
    ),
)
CLOSED = replace(OPEN, number=4, settings={ENCRYPTED: "on"})


def prod(setting: str) -> Environment:
    return replace(PROD, settings={**PROD.settings, network_encryption.SETTING: setting})


def cluster(machines: int, *, able: bool = True, is_rehearsal: bool = False) -> Cluster:
    said = "" if able else "RTNETLINK answers: Protocol not supported"
    hosts = [FakeHost(f"m{n}").answers("sh", code=int(not able), err=said) for n in range(machines)]
    return Cluster(hosts[0], {host.name: host for host in hosts}, is_rehearsal=is_rehearsal)


@pytest.mark.parametrize(
    ("setting", "machines", "live", "encrypted"),
    [
        ("auto", cluster(3), None, True),
        ("auto", cluster(1), None, True),
        ("auto", cluster(1, able=False), None, False),
        ("auto", cluster(3, able=False), None, True),  # and is refused
        ("auto", cluster(3, is_rehearsal=True), None, False),
        ("auto", cluster(3), OPEN, False),
        ("auto", cluster(1, able=False), CLOSED, True),
        ("on", cluster(3, is_rehearsal=True), OPEN, True),
        ("off", cluster(3), CLOSED, False),
    ],
)
def test_the_first_release_decides_and_after_it_only_the_setting(
    setting: str, machines: Cluster, live: Release | None, encrypted: bool
) -> None:
    draft = network_encryption.settle(prod(setting), machines, Draft(OPEN, {}, {}), live)
    assert draft.release.encrypts_networks is encrypted


def test_a_project_whose_files_encrypt_keeps_its_networks() -> None:
    about = {"definition": {"driver_opts": {"encrypted": ""}}}
    service = Service("api", "colour", {"networks": {"edge": about, "data": about}})
    release = replace(OPEN, services=(service,))
    draft = network_encryption.settle(prod("on"), cluster(3), Draft(release, {}, {}), None)
    assert not draft.release.encrypts_networks
    assert network_encryption.complaint(prod("on"), cluster(3), release) == ""


def test_where_a_kernel_cannot_encrypt_nothing_is_begun_and_the_machine_is_named() -> None:
    network_encryption.check(PROD, cluster(2, able=False), OPEN)
    network_encryption.check(PROD, cluster(2), CLOSED)
    with pytest.raises(Refused, match=r"m1: .*not supported.*NETWORK_ENCRYPTION=off in compose/pr"):
        network_encryption.check(PROD, cluster(2, able=False), CLOSED)


@pytest.mark.parametrize(
    ("setting", "machines", "live", "advice"),
    [
        ("auto", cluster(3), OPEN, "set NETWORK_ENCRYPTION=on in compose/prod.env and deploy"),
        ("on", cluster(3), OPEN, "inv deploy --env=prod"),
        ("auto", cluster(1), OPEN, ""),
        ("auto", cluster(3, is_rehearsal=True), OPEN, ""),
        ("auto", cluster(3), CLOSED, ""),
        ("off", cluster(3), OPEN, ""),
    ],
)
def test_an_environment_that_speaks_openly_between_machines_is_told_what_to_type(
    setting: str, machines: Cluster, live: Release, advice: str
) -> None:
    text = network_encryption.complaint(prod(setting), machines, live)
    assert advice in text and bool(text) is bool(advice)


def test_what_is_encrypted_changes_every_fingerprint_and_is_said_in_the_plan() -> None:
    draft = network_encryption.settle(prod("on"), cluster(3), Draft(OPEN, {}, {}), OPEN)
    assert draft.release.fingerprint not in ("", stack.digest(PROD, OPEN, "colour"))
    said = "networks: encrypted between machines; database and edges start once more"
    assert said in changes.sentences(changes.between(OPEN, draft.release))


def on(description: Mapping[str, Any], service: str) -> set[str]:
    """The networks that a service of a stack file is on, as the engine calls them."""
    names = {key: each.get("name", key) for key, each in description["networks"].items()}
    return {names[key] for key in description["services"][service]["networks"]}


@pytest.mark.parametrize(("before", "after"), [(OPEN, CLOSED), (CLOSED, OPEN)])
def test_database_and_edges_are_on_both_networks_until_the_old_colour_has_drained(
    before: Release, after: Release
) -> None:
    running = observed.parse("\n".join(describe(PROD, standing(PROD, before))))
    moving = SharedServices(PROD, cluster(1), running, after, before)
    data, edge = ({f"logbook-prod-{n}", f"logbook-prod-{n}-encrypted"} for n in ("data", "edge"))
    assert on(moving.describe("data"), "db") == data
    assert on(moving.describe("edge"), "edge") == edge
    new, old = stack.colour_stack(PROD, after, "green"), stack.colour_stack(PROD, before, "blue")
    assert on(moving.describe("ops"), "ops") == on(new, "api-green") < data | edge
    assert on(new, "api-green").isdisjoint(on(old, "api-blue"))
    moved = SharedServices(PROD, cluster(1), running, after, after)
    assert on(moved.describe("data"), "db") == on(new, "api-green") & data


def test_networks_of_the_other_kind_are_removed_when_nobody_is_on_them() -> None:
    specs = [service.spec for service in CLOSED.services]
    assert networks.shared("app", specs, is_encrypted=True) == {
        "app-edge-encrypted": ["--opt", "encrypted=true"],
        "app-data-encrypted": ["--opt", "encrypted=true"],
    }
    names = ("edge", "data", "edge-encrypted", "data-encrypted")
    lines = [f'network\t"{PROD.prefix}-{name}"' for name in names]
    seen = observed.parse("\n".join(['swarm\t"active true"', "now\t1000", *lines]))
    host = FakeHost("m1").answers("sh")
    prune.run(PROD, Cluster(host, {"m1": host}), seen, CLOSED)
    (removal,) = [argv for argv in host.ran("sh") if argv[2] == prune.OBJECTS]
    assert removal[4:] == (f"network {PROD.prefix}-data", f"network {PROD.prefix}-edge")
