"""An audit of a machine: what is found of facts, how bad it is, and that its remedy is told."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from slipway.errors import DifferenceFound, HostError
from slipway.machines.audit import audit as audits
from slipway.machines.audit import facts
from slipway.machines.audit.audit import Audit
from slipway.machines.audit.finding import Finding, Severity
from slipway.show import audits as shown
from tests.fakes.host import FakeHost

INFO: dict[str, Any] = {
    "ServerVersion": "26.1.5",
    "SecurityOptions": ["name=seccomp,profile=builtin", "name=apparmor", "name=no-new-privileges"],
    "LoggingDriver": "local",
    "Swarm": {
        "ControlAvailable": True,
        "Cluster": {"Spec": {"EncryptionConfig": {"AutoLockManagers": True}}},
    },
}
CONTAINER: dict[str, Any] = {
    "name": "/shop-prod-blue_api.1.x",
    "service": "api",
    "user": "10001:10001",
    "mounts": [{"Type": "volume", "Source": "/var/lib/docker/volumes/x", "RW": True}],
    "Privileged": False,
    "CapAdd": None,
    "CapDrop": ["ALL"],
    "SecurityOpt": None,
    "NetworkMode": "default",
    "PidMode": "",
    "IpcMode": "private",
    "Memory": 1 << 28,
    "PidsLimit": 100,
    "ReadonlyRootfs": True,
}
WELL = (
    *("sshd passwordauthentication no", "sshd kbdinteractiveauthentication no"),
    *("sshd permitrootlogin no", "sshd port 22", "sshd maxauthtries 6", "sshd x11forwarding no"),
    *("sshd macs hmac-sha1-etm@openssh.com,hmac-sha2-256", "sshd ciphers aes256-gcm@openssh.com"),
    *("host-key 600 root /etc/ssh/ssh_host_ed25519_key", "key 256 (ED25519) deploy"),
    *("home 755 deploy /home/deploy deploy", "keys 600 deploy /home/deploy/.ssh/a deploy"),
    *('listens tcp 0.0.0.0:22 users:(("sshd",pid=1,fd=3))', "listens udp 0.0.0.0:4789 "),
    *('listens tcp *:80 users:(("docker-proxy",pid=9,fd=4))', "listens tcp 127.0.0.1:5432 "),
    *('listens tcp *:2377 users:(("dockerd",pid=9,fd=4))', "root root", "docker-member "),
    *(
        "file 644 root /etc/passwd",
        "file 640 root /etc/shadow",
        "file 660 root /var/run/docker.sock",
    ),
    *("sysctl kernel.randomize_va_space 2", "lists-age 3600", "unattended yes"),
)


def machine(*more: str, without: str = "-", info: Any = None, runs: Any = None) -> facts.Facts:
    """A machine with which all is well but for this."""
    lines = [line for line in WELL if not line.startswith(without)] + list(more)
    lines.append(f"engine {json.dumps(INFO | (info or {}))}")
    lines.append(f"container {json.dumps(CONTAINER | (runs or {}))}")
    text = "\n".join(line.replace(" ", "\t", 1) for line in lines)
    return facts.parse(f"same\nkept\n{text}\n")


def judge(seen: facts.Facts) -> list[Finding]:
    return list(audits.judge(seen, {80, 443}, "prod", "m1"))


def test_of_a_machine_that_is_as_it_should_be_nothing_is_found() -> None:
    assert judge(machine()) == []


@pytest.mark.parametrize(
    ("line", "without", "severity", "check"),
    [
        ("", "sshd passwordauth", "high", "ssh.passwords"),
        ("sshd permitemptypasswords yes", "-", "high", "ssh.empty-passwords"),
        ("sshd permitrootlogin without-password", "-", "low", "ssh.root"),
        ("sshd ciphers aes128-ctr,3des-cbc", "-", "medium", "ssh.algorithms"),
        ("sshd x11forwarding yes", "-", "low", "ssh.x11"),
        ("sshd maxauthtries 20", "-", "low", "ssh.tries"),
        ("", "sshd", "medium", "ssh.config"),
        ("host-key 644 root /etc/ssh/ssh_host_rsa_key", "-", "high", "ssh.host-keys"),
        ("keys 666 deploy /home/deploy/.ssh/b deploy", "-", "high", "ssh.keys"),
        ("home 755 eve /home/anna anna", "-", "high", "ssh.keys"),
        ("key 1024 (RSA) anna", "-", "medium", "ssh.weak-key"),
        ('listens tcp *:2375 users:(("dockerd",pid=1,fd=3))', "-", "high", "network.engine"),
        ('listens tcp [::]:6379 users:(("redis",pid=1,fd=3))', "-", "high", "network.data"),
        (
            'listens udp 0.0.0.0:111 users:(("rpcbind",pid=1,fd=3))',
            "-",
            "medium",
            "network.listens",
        ),
        ("listens tcp 10.0.0.5:9100 ", "-", "low", "network.listens"),
        ("root toor", "-", "high", "users.root"),
        ("no-password games", "-", "high", "users.no-password"),
        ("docker-member deploy", "-", "low", "users.docker-group"),
        ("file 644 root /etc/shadow", "-", "high", "users.files"),
        ("file 666 root /var/run/docker.sock", "-", "high", "users.files"),
        ("file 644 eve /etc/docker/daemon.json", "-", "high", "users.files"),
        ("sysctl net.ipv4.conf.all.accept_source_route 1", "-", "medium", "kernel.settings"),
        ("sysctl kernel.kptr_restrict 0", "-", "low", "kernel.settings"),
        ("security-update openssl", "-", "medium", "updates.security"),
        ("", "lists-age", "medium", "updates.unknown"),
        ("lists-age 9999999", "lists-age", "medium", "updates.unknown"),
        ("reboot linux-image-amd64", "-", "medium", "updates.reboot"),
        ("", "unattended", "low", "updates.unattended"),
        ("contained yes", "lists-age", "low", "updates.image"),
    ],
)
def test_each_fault_of_a_machine_is_found_once_with_a_remedy(
    line: str, without: str, severity: str, check: str
) -> None:
    (found,) = judge(machine(line, without=without) if line else machine(without=without))
    assert (found.severity.word, found.check) == (severity, check)
    assert found.finding and found.remedy


@pytest.mark.parametrize(
    ("info", "severity", "check"),
    [
        ({"ServerVersion": ""}, "medium", "engine.answer"),
        ({"ServerVersion": "20.10.1"}, "medium", "engine.version"),
        ({"SecurityOptions": ["name=seccomp", "name=apparmor"]}, "medium", "engine.privileges"),
        ({"LoggingDriver": "json-file"}, "medium", "engine.logs"),
        ({"Debug": True}, "low", "engine.debug"),
        (
            {"RegistryConfig": {"InsecureRegistryCIDRs": ["127.0.0.0/8", "10.0.0.0/8"]}},
            "high",
            "engine.registries",
        ),
        ({"Swarm": {"ControlAvailable": True, "Cluster": {"Spec": {}}}}, "low", "engine.autolock"),
    ],
)
def test_each_fault_of_an_engine_is_found_once_with_a_remedy(
    info: Mapping[str, Any], severity: str, check: str
) -> None:
    (found,) = judge(machine(info=info))
    assert (found.severity.word, found.check) == (severity, check)


def bind(path: str, *, writes: bool) -> dict[str, Any]:
    return {"mounts": [{"Type": "bind", "Source": path, "RW": writes}]}


@pytest.mark.parametrize(
    ("runs", "severity", "check"),
    [
        ({"Privileged": True}, "high", "containers.privileged"),
        (bind("/var/run/docker.sock", writes=True), "high", "containers.socket"),
        (bind("/", writes=True), "high", "containers.mounts"),
        (bind("/etc/ssl", writes=False), "medium", "containers.mounts"),
        ({"CapAdd": ["CAP_SYS_ADMIN"]}, "high", "containers.capabilities"),
        ({"CapAdd": ["NET_ADMIN"]}, "medium", "containers.capabilities"),
        ({"PidMode": "host"}, "high", "containers.namespaces"),
        ({"NetworkMode": "host"}, "medium", "containers.namespaces"),
        ({"SecurityOpt": ["seccomp=unconfined"]}, "high", "containers.unconfined"),
        ({"user": "", "CapDrop": None}, "medium", "containers.root"),
        ({"user": "0:0"}, "low", "containers.root"),
        ({"Memory": 0}, "low", "containers.memory"),
        ({"PidsLimit": None}, "low", "containers.processes"),
        ({"ReadonlyRootfs": False}, "low", "containers.read-only"),
    ],
)
def test_what_a_container_may_do_to_its_machine_is_found(
    runs: Mapping[str, Any], severity: str, check: str
) -> None:
    found = judge(machine(runs=runs))
    assert (severity, check) in {(each.severity.word, each.check) for each in found}
    assert all(each.finding.startswith("api: ") for each in found)


@pytest.mark.parametrize(
    ("first", "severity"),
    [("none\nlone", "high"), ("other\nkept", "high"), ("same\nlone", "medium")],
)
def test_a_firewall_that_is_not_loaded_or_not_kept_is_found_with_the_command_that_mends_it(
    first: str, severity: str
) -> None:
    seen = facts.parse(f"{first}\n")
    (found,) = (each for each in judge(seen) if each.check == "network.firewall")
    assert found.severity.word == severity
    assert found.remedy == "inv machine.provision --env=prod --name=m1"


def test_a_machine_that_says_nothing_is_not_called_safe() -> None:
    assert {"high", "medium"} <= {each.severity.word for each in judge(facts.parse(""))}


@pytest.mark.parametrize(
    "answer",
    ["engine\t[1]", "container\t{}", "listens\ttcp nowhere", "key\tx", "sshd\tmaxauthtries all"],
)
def test_a_machine_that_answers_nonsense_ends_the_audit_in_a_sentence(answer: str) -> None:
    host = FakeHost("m1").answers("sh", out=f"same\nkept\nsshd\tport 22\n{answer}\n")
    with pytest.raises(HostError, match="m1: how it is set up cannot be read"):
        audits.look(host, ["10.0.0.1"], {80}, "prod")


LOW = Finding(Severity.LOW, "engine.debug", "it writes", "take it out", "m1")
HIGH = Finding(Severity.HIGH, "ssh.passwords", "it lets in", "say no", "m2")


def test_only_what_is_above_low_ends_the_command_with_a_difference() -> None:
    audits.check(Audit("prod", 1, [LOW]))
    with pytest.raises(DifferenceFound, match="m2 is not as safe as it should be: it lets in"):
        audits.check(Audit("prod", 2, [HIGH, LOW]))


def test_people_see_a_row_for_each_finding_and_programs_one_for_each_machine(
    capsys: pytest.CaptureFixture[str],
) -> None:
    audit = Audit("prod", 2, [LOW, Finding(**{**vars(LOW), "machine": "m2"})])
    shown.show(audit)
    head, row, _, title, remedy, last = capsys.readouterr().out.splitlines()
    assert head.split() == ["SEVERITY", "MACHINE", "CHECK", "FINDING"]
    assert row.split() == ["low", "m1,", "m2", "engine.debug", "it", "writes"]
    assert (title, remedy) == ("What mends it:", "  engine.debug: take it out")
    assert last == "nothing above low on 2 machines"
    shown.show(audit, as_json=True)
    first, second = json.loads(capsys.readouterr().out)
    assert (first["severity"], first["machine"], second["machine"]) == ("low", "m1", "m2")
