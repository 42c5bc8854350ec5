"""Host keys in a known_hosts file."""

import subprocess
from pathlib import Path

import pytest

from slipway.hosts import known_hosts
from slipway.hosts.known_hosts import HostKey

OLD = "AAAAC3NzaC1lZDI1NTE5AAAAIE5vdGhpbmcgaXMga25vd24gb2YgdGhpcyBrZXkgMTIz"


@pytest.fixture
def key(tmp_path: Path) -> HostKey:
    path = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)], check=True)
    return known_hosts.parse(path.with_suffix(".pub").read_text())


def test_a_fingerprint_is_the_one_ssh_keygen_shows(tmp_path: Path, key: HostKey) -> None:
    shown = subprocess.run(
        ["ssh-keygen", "-lf", str(tmp_path / "key.pub")], capture_output=True, text=True, check=True
    )
    assert key.fingerprint == shown.stdout.split()[1]


def test_a_pinned_key_is_found_under_its_host_and_port_alone(tmp_path: Path, key: HostKey) -> None:
    path = tmp_path / "known_hosts"
    known_hosts.pin(path, "m1", 2222, [key])
    assert known_hosts.pinned(path, "m1", 2222) == [key]
    assert known_hosts.pinned(path, "m1", 22) == []


def test_pinning_again_replaces_and_forgetting_spares_the_others(
    tmp_path: Path, key: HostKey
) -> None:
    path = tmp_path / "known_hosts"
    known_hosts.pin(path, "m1", 22, [HostKey("ssh-ed25519", "AAAA")])
    known_hosts.pin(path, "m2", 22, [key])
    known_hosts.pin(path, "m1", 22, [key])
    assert path.read_text().count("m1 ") == 1
    known_hosts.forget(path, "m1", 22)
    assert known_hosts.pinned(path, "m2", 22) == [key]
    known_hosts.forget(path, "m2", 22)
    assert not path.exists()


def test_pinning_finds_what_openssh_finds_and_leaves_what_is_said_of_others(
    tmp_path: Path, key: HostKey
) -> None:
    path, old = tmp_path / "known_hosts", "ssh-ed25519 " + OLD
    path.write_text(f"m1 {old}\n")
    subprocess.run(["ssh-keygen", "-q", "-H", "-f", str(path)], check=True, capture_output=True)
    stays = [f"m2\t{old} of two", f"* {old}", f"@revoked m1 {old}", f"@cert-authority m1 {old}"]
    with path.open("a") as file:
        file.write("# ours\n" + f"m1,m2\t{old} of two\n" + "\n".join(stays[1:]) + "\n")
    known_hosts.pin(path, "m1", 22, [key])
    assert path.read_text().splitlines() == ["# ours", *stays, known_hosts.line("m1", 22, key)]
    assert known_hosts.pinned(path, "m1", 22) == [key]
    assert known_hosts.revoked(path, "m1", 22) == [HostKey("ssh-ed25519", OLD)]
