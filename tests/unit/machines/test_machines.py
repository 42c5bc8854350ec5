"""The inventory of machines, their firewall, and the order of a Swarm."""

from pathlib import Path

import pytest

from slipway.cluster import swarm
from slipway.errors import ConfigError, Refused, UsageError
from slipway.machines import firewall, inventory, survey
from slipway.machines.machine import APP, DATA, Machine, check_name
from slipway.machines.provider import MachineSpec, ProviderContext, provider
from slipway.machines.survey import ListeningPort, Survey


def real(name: str, address: str = "10.0.0.1") -> Machine:
    return Machine(name, f"{name}.example.org", 22, "deploy", address)


def rehearsal(name: str) -> Machine:
    return Machine(name, "127.0.0.1", 21022, "deploy", "10.199.0.11", "local", APP, 21080, 21443)


def test_what_is_added_is_loaded_in_the_order_of_joining(tmp_path: Path) -> None:
    inventory.add("prod", real("m2"), tmp_path)
    inventory.add("prod", real("m1"), tmp_path)
    assert [machine.name for machine in inventory.load("prod", tmp_path)] == ["m2", "m1"]
    assert (tmp_path / "compose/prod.machines.yml").exists()


def test_there_is_always_one_machine_for_the_data(tmp_path: Path) -> None:
    inventory.add("prod", real("m1"), tmp_path)
    inventory.add("prod", real("m2"), tmp_path)
    assert [machine.role for machine in inventory.load("prod", tmp_path)] == [DATA, APP]
    inventory.remove("prod", "m1", tmp_path)
    assert [machine.role for machine in inventory.load("prod", tmp_path)] == [DATA]


def test_rehearsal_machines_stay_out_of_the_committed_folder(tmp_path: Path) -> None:
    added = inventory.add("staging", rehearsal("m1"), tmp_path)
    assert inventory.load("staging", tmp_path) == (added,)
    assert added.http_port == 21080
    assert not (tmp_path / "compose").exists()


def test_the_last_machine_takes_the_inventory_with_it(tmp_path: Path) -> None:
    inventory.add("staging", rehearsal("m1"), tmp_path)
    inventory.remove("staging", "m1", tmp_path)
    assert inventory.load("staging", tmp_path) == ()
    assert not inventory.files("staging", "local", tmp_path).machines.exists()


def test_rehearsal_and_real_machines_are_never_mixed(tmp_path: Path) -> None:
    inventory.add("staging", rehearsal("m1"), tmp_path)
    with pytest.raises(Refused, match="never mixed"):
        inventory.add("staging", real("m2"), tmp_path)
    other = inventory.files("staging", "ssh", tmp_path).machines
    other.parent.mkdir()
    other.write_text("m2: {host: m2.example.org}\n")
    with pytest.raises(ConfigError, match="one kind"):
        inventory.load("staging", tmp_path)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("- m1", "must map names to machines"),
        ("m1: here", "m1 must be a mapping"),
        ("m1: {host: a, prot: 22}", "m1.'prot' is unknown"),
        ("m1: {host: a, port: '22'}", "m1.port must be of type int"),
        ("m1: {port: 22}", "m1.host is missing"),
        ("m1: {host: a, role: king}", "m1.role must be data or app"),
        ("M 1: {host: a}", "is not a valid machine name"),
        ("m1: [", "is not YAML"),
    ],
)
def test_a_wrong_inventory_is_named_with_file_and_key(
    tmp_path: Path, text: str, complaint: str
) -> None:
    path = inventory.files("prod", "ssh", tmp_path).machines
    path.parent.mkdir()
    path.write_text(text)
    with pytest.raises(ConfigError, match=r"^compose/prod\.machines\.yml") as caught:
        inventory.load("prod", tmp_path)
    assert complaint in str(caught.value)


@pytest.mark.parametrize("name", ["", "M1", "1m", "m1-", "-m", "m 1", "m1;reboot", "a" * 33])
def test_names_that_could_surprise_a_shell_or_a_dns_are_refused(name: str) -> None:
    with pytest.raises(UsageError):
        check_name(name)


def test_an_unknown_machine_is_answered_with_those_there_are(tmp_path: Path) -> None:
    inventory.add("prod", real("m1"), tmp_path)
    with pytest.raises(UsageError, match="machines: m1"):
        inventory.find("prod", "m2", tmp_path)


def test_an_unknown_provider_is_answered_with_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="one of: local, ssh"):
        provider("azure", ProviderContext("p", "prod", tmp_path), lambda question: False)


@pytest.mark.parametrize("host", ["", "203.0.113.7", "deploy@", "@h", "deploy@-oProxyCommand=x"])
def test_a_host_to_adopt_needs_a_user_and_no_tricks(tmp_path: Path, host: str) -> None:
    adopt = provider("ssh", ProviderContext("p", "prod", tmp_path), lambda question: False)
    with pytest.raises(UsageError, match="--host"):
        adopt.check(MachineSpec("m1", host))


def test_the_firewall_names_every_peer_once_and_sorts_them() -> None:
    text = firewall.rules(["10.0.0.2", "10.0.0.1", "10.0.0.2", "2001:db8::1"])
    assert "{ type ipv4_addr; elements = { 10.0.0.1, 10.0.0.2 }; }" in text
    assert "{ type ipv6_addr; elements = { 2001:db8::1 }; }" in text


def test_a_firewall_without_peers_is_still_one() -> None:
    assert "set peers4 { type ipv4_addr; }" in firewall.rules([])


def test_the_firewall_takes_addresses_only() -> None:
    with pytest.raises(ValueError, match="does not appear to be"):
        firewall.rules(["10.0.0.1; flush ruleset"])


def looked_at(*listeners: ListeningPort, clock: float = 0.0, free: int = 50_000) -> Survey:
    return Survey("m1", clock, free, ("10.0.0.5", "203.0.113.7"), "10.0.0.5", listeners)


def test_an_engine_that_listens_for_everybody_is_refused() -> None:
    with pytest.raises(Refused, match="port 2375"):
        survey.check(looked_at(ListeningPort("[::]", 2375, "dockerd")))


def test_the_swarm_ports_and_loopback_are_no_reason_to_refuse() -> None:
    listeners = (ListeningPort("*", 2377, "dockerd"), ListeningPort("127.0.0.1", 2375, "dockerd"))
    assert survey.check(looked_at(*listeners)) == []


def test_a_taken_port_a_wrong_clock_and_a_full_disk_are_told() -> None:
    nginx = ListeningPort("[::]", 80, "nginx")
    notes = survey.check(looked_at(nginx, clock=-90, free=100))
    assert [word for word in ("-90 s", "100 MB", "nginx") if any(word in n for n in notes)] == [
        "-90 s",
        "100 MB",
        "nginx",
    ]


def test_the_address_for_the_cluster_is_one_the_machine_really_has() -> None:
    assert survey.cluster_address(looked_at(), "203.0.113.7") == "203.0.113.7"
    assert survey.cluster_address(looked_at(), "198.51.100.1") == "10.0.0.5"


def test_there_is_always_an_odd_number_of_managers() -> None:
    assert [swarm.managers_for(machines) for machines in range(1, 9)] == [1, 1, 3, 3, 5, 5, 5, 5]
