"""The inventory of machines, their firewall, and the order of a Swarm."""

from pathlib import Path

import pytest

from slipway.cluster import swarm
from slipway.errors import ConfigError, Refused, UsageError
from slipway.machines import firewall, inventory, survey
from slipway.machines.machine import APP, DATA, Machine, check_name
from slipway.machines.provider import MachineSpec, ProviderContext, provider
from slipway.machines.ssh_provider import agree_on_address
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


def test_containers_are_kept_from_the_swarms_ports_of_every_peer() -> None:
    """Sent for real, between machines, in tests/integration/test_machines_hosts.py."""
    forward = firewall.rules(["10.0.0.1"]).partition("chain forward")[2]
    assert "ip daddr @peers4 jump containers" in forward
    assert "tcp dport { 2377, 7946 } counter drop" in forward
    assert "udp dport { 4789, 7946 } counter drop" in forward


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


def of(*addresses: str, source: str = "", towards: tuple[str, ...] = ()) -> Survey:
    return Survey("m1", 0.0, 50_000, addresses, source or addresses[0], (), towards)


@pytest.mark.parametrize(
    ("survey_of", "reached_at", "chosen"),
    [
        (of("203.0.113.7", "10.0.0.5"), "203.0.113.7", "10.0.0.5"),
        (of("203.0.113.7", "fd00::5", "2001:db8::7"), "203.0.113.7", "fd00::5"),
        (of("203.0.113.7"), "203.0.113.7", "203.0.113.7"),
        (of("10.0.0.5", "192.168.1.5"), "192.168.1.5", "192.168.1.5"),
        (of("10.0.0.5", "192.168.1.5"), "198.51.100.1", "10.0.0.5"),
        (of("203.0.113.7", "10.0.0.5", "10.9.0.5", towards=("10.9.0.5",)), "m", "10.9.0.5"),
        (of("203.0.113.7", "10.0.0.5", towards=("203.0.113.7",)), "10.0.0.5", "203.0.113.7"),
    ],
)
def test_the_machines_talk_over_the_private_network_that_they_share(
    survey_of: Survey, reached_at: str, chosen: str
) -> None:
    assert survey.cluster_address(survey_of, reached_at) == chosen


@pytest.mark.parametrize(
    "survey_of",
    [
        of("203.0.113.7", "10.0.0.5", "10.9.0.5"),
        of("10.0.0.5", "10.9.0.5", source="-", towards=("10.0.0.5", "10.9.0.5")),
    ],
)
def test_of_several_private_addresses_none_is_guessed(survey_of: Survey) -> None:
    with pytest.raises(Refused, match="give it with --address"):
        survey.cluster_address(survey_of, "203.0.113.7")


def test_a_public_address_is_asked_for_or_refused_unless_it_is_given_or_nobody_is_there() -> None:
    alone, beside = of("203.0.113.7"), of("203.0.113.7", towards=("203.0.113.7",))
    questions: list[str] = []

    def refuse(question: str) -> bool:
        questions.append(question)
        return False

    def agree(
        seen: Survey, requested: str = "", *, peers: tuple[str, ...] = ("203.0.113.9",)
    ) -> str:
        return agree_on_address(seen, "203.0.113.7", requested, peers, refuse)

    assert agree(alone, peers=()) == agree(beside, "203.0.113.7") == "203.0.113.7"
    assert questions == []
    with pytest.raises(Refused, match=r"WireGuard.*; if it is meant, --address=203\.0\.113\.7"):
        agree(beside)
    assert "would cross a public network" in questions[0]
    assert agree_on_address(beside, "h", "", ["203.0.113.9"], lambda _: True) == "203.0.113.7"
    with pytest.raises(Refused, match="none of its addresses"):
        agree(beside, "10.0.0.1")


@pytest.mark.parametrize(
    ("address", "private"),
    [("172.31.9.1", True), ("172.32.0.1", False), ("100.100.1.1", True), ("2001:db8::1", False)],
)
def test_a_private_address_is_one_that_the_internet_does_not_lead_to(
    address: str, private: bool
) -> None:
    assert survey.is_private(address) is private


def test_there_is_always_an_odd_number_of_managers() -> None:
    assert [swarm.managers_for(machines) for machines in range(1, 9)] == [1, 1, 3, 3, 5, 5, 5, 5]
