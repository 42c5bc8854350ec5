"""What a person's own ssh reaches by its configuration, ours reaches: over both of our ways."""

import contextlib
import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from slipway.errors import Unreachable
from slipway.hosts import known_hosts, parallel
from slipway.hosts.ssh import SshHost
from slipway.hosts.ssh_route import SshRoute
from tests.integration.sshd import SshServer, admit, make_key, running

pytestmark = pytest.mark.engine
Reach = Callable[..., SshHost]


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, sshd: SshServer) -> Iterator[SshServer]:
    with running(tmp_path_factory.mktemp("gateway")) as made:
        admit(made.container, sshd.identity)
        yield made


class Person:
    """Somebody with an ssh_config; their `ssh` reads it, as it reads ~/.ssh/config elsewhere."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.known = folder / "known_hosts"
        self.log = folder / "log"
        self.config = folder / "config"
        self.bin = folder / "bin"
        self.bin.mkdir()
        ssh = self.bin / "ssh"
        real = shutil.which("ssh")
        ssh.write_text(f'#!/bin/sh\necho "$@" >>{self.log}\nexec {real} -F {self.config} "$@"\n')
        ssh.chmod(0o755)

    def writes(self, text: str, file: str = "config") -> None:
        (self.folder / file).write_text(text)

    def reach(self, name: str, *, user: str = "deploy", port: int = 0) -> SshHost:
        return SshHost(SshRoute("m1", name, user, port, self.known))

    def questions(self) -> list[str]:
        """The lines in which ssh was asked for its configuration."""
        return [line for line in self.log.read_text().splitlines() if "-G" in line]


@pytest.fixture
def person(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Person:
    made = Person(tmp_path)
    monkeypatch.setenv("PATH", f"{made.bin}:{os.environ['PATH']}")
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    return made


def echo(host: SshHost) -> None:
    """Both ways: over the kept connection, and a stream through a real ssh."""
    try:
        assert host.run(["cat"], stdin=b"small").out == "small"
        assert host.run(["cat"], stdin=iter([b"a ", b"stream"])).out == "a stream"
    finally:
        host.close()


def test_an_alias_in_an_included_file_with_its_own_port_and_key(
    person: Person, sshd: SshServer
) -> None:
    person.writes(f"Include {person.folder}/more/*\nHost *\n  IdentitiesOnly yes\n")
    (person.folder / "more").mkdir()
    person.writes(
        f"Host web-a\n  HostName 127.0.0.1\n  Port {sshd.port}\n  User deploy\n"
        f"  IdentityFile {sshd.identity.parent}/%i%h-none\n  IdentityFile {sshd.identity}\n",
        "more/web",
    )
    known_hosts.pin(person.known, "web-a", sshd.port, [sshd.key])
    echo(person.reach("web-a", user=""))
    known_hosts.forget(person.known, "web-a", sshd.port)
    known_hosts.pin(person.known, "127.0.0.1", sshd.port, [sshd.key])
    echo(person.reach("web-a"))
    assert len([line for line in person.questions() if "-- web-a" in line]) == 2  # by user


def test_a_host_that_is_trusted_by_its_alias_must_still_show_that_key(
    person: Person, sshd: SshServer
) -> None:
    person.writes(
        f"Host web-b\n  HostName 127.0.0.1\n  Port {sshd.port}\n  IdentityFile {sshd.identity}\n"
    )
    other = known_hosts.parse(make_key(person.folder / "o").with_suffix(".pub").read_text())
    known_hosts.pin(person.known, "web-b", sshd.port, [other])
    with pytest.raises(Unreachable, match="CHANGED"):
        person.reach("web-b").run(["true"])


def test_a_jump_host_for_all_but_the_host_that_says_none(
    person: Person, sshd: SshServer, gateway: SshServer
) -> None:
    person.writes(
        f"Host gate\n  HostName 127.0.0.1\n  Port {gateway.port}\n  User deploy\n"
        f"  ProxyJump none\nHost inner\n  HostName {sshd.address}\n  Port 22\n"
        f"Host direct\n  HostName 127.0.0.1\n  Port {sshd.port}\n  ProxyJump none\n"
        f"Host *\n  ProxyJump gate\n  IdentityFile {sshd.identity}\n"
    )
    known_hosts.pin(person.known, "inner", 22, [sshd.key])
    known_hosts.pin(person.known, "direct", sshd.port, [sshd.key])
    echo(person.reach("direct"))
    stranger = person.reach("inner")
    with pytest.raises(Unreachable, match=rf"\[127.0.0.1\]:{gateway.port} is unknown"):
        stranger.run(["true"])
    known_hosts.pin(person.known, "gate", gateway.port, [gateway.key])
    echo(person.reach("inner"))


def test_the_keys_of_a_host_are_shown_over_its_jump_host(
    person: Person, sshd: SshServer, gateway: SshServer
) -> None:
    known_hosts.pin(person.folder / "theirs", "127.0.0.1", gateway.port, [gateway.key])
    person.writes(
        f"Host gate-h\n  HostName 127.0.0.1\n  Port {gateway.port}\n  User deploy\n"
        f"  IdentityFile {sshd.identity}\n  UserKnownHostsFile {person.folder}/theirs\n"
        f"Host inner-h\n  HostName {sshd.address}\n  ProxyJump gate-h\n"
        f"Host alias-h\n  HostName 127.0.0.1\n  Port {sshd.port}\n"
    )
    keys = known_hosts.scan("m1", "inner-h", user="deploy")
    assert [key.kind for key in keys] == list(known_hosts.KINDS)
    assert keys[0] == sshd.key
    assert known_hosts.scan("m1", "alias-h")[0] == sshd.key


def test_a_jump_that_leads_to_itself_ends(person: Person) -> None:
    person.writes("Host ring-a\n  ProxyJump ring-b\nHost ring-b\n  ProxyJump ring-a\n")
    with pytest.raises(Unreachable, match=r"ProxyJump of ring-\w in ssh_config never ends"):
        person.reach("ring-a").run(["true"])
    person.writes("Host *\n  ProxyJump self-c\n")
    with pytest.raises(Unreachable, match="jumphost loop via self-c"):  # as ssh itself says
        person.reach("inner-c").run(["true"])


def test_a_proxy_command_with_words_of_the_shell(
    person: Person, sshd: SshServer, gateway: SshServer
) -> None:
    known_hosts.pin(person.folder / "theirs", "127.0.0.1", gateway.port, [gateway.key])
    via = (
        f"ssh -F none -i {sshd.identity} -o UserKnownHostsFile={person.folder}/theirs "
        f"-p {gateway.port} -W %h:%p deploy@127.0.0.1 2>/dev/null && true"
    )
    person.writes(
        f"Host inner-d\n  HostName {sshd.address}\n  ProxyCommand {via}\n"
        f"  IdentityFile {sshd.identity}\n"
    )
    known_hosts.pin(person.known, sshd.address, 22, [sshd.key])
    echo(person.reach("inner-d"))


def test_an_agent_that_is_named_and_only_the_key_that_is_meant(
    person: Person, sshd: SshServer
) -> None:
    agent = person.folder / "agent.sock"
    process = subprocess.Popen(["ssh-agent", "-D", "-a", str(agent)], stdout=subprocess.DEVNULL)
    try:
        while not agent.exists():
            assert process.poll() is None
        for n in range(8):  # more than sshd would let anybody try
            key = make_key(person.folder / f"other{n}")
            subprocess.run(["ssh-add", "-q", key], env={"SSH_AUTH_SOCK": str(agent)}, check=True)
        environ = {"SSH_AUTH_SOCK": str(agent)}
        subprocess.run(["ssh-add", "-q", sshd.identity], env=environ, check=True)
        shutil.copy(sshd.identity.with_suffix(".pub"), person.folder / "mine.pub")
        person.writes(
            f"Host web-e\n  HostName 127.0.0.1\n  Port {sshd.port}\n  IdentityAgent {agent}\n"
            f"  IdentitiesOnly yes\n  IdentityFile {person.folder}/mine.pub\n"
        )
        known_hosts.pin(person.known, "web-e", sshd.port, [sshd.key])
        echo(person.reach("web-e"))
    finally:
        process.terminate()
        process.wait()


def test_the_keys_that_were_tried_are_named_and_a_locked_one_as_such(
    person: Person, sshd: SshServer
) -> None:
    wrong, locked = make_key(person.folder / "wrong"), person.folder / "locked"
    argv = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "a phrase", "-f", str(locked)]
    subprocess.run(argv, check=True)
    person.writes(f"Host *\n  IdentityFile {locked}\n  IdentityFile {wrong}\n")
    known_hosts.pin(person.known, "127.0.0.1", sshd.port, [sshd.key])
    said = rf"refuses deploy; keys tried: {locked} \(locked with a passphrase.*\), {wrong}\."
    with pytest.raises(Unreachable, match=said):
        person.reach("127.0.0.1", port=sshd.port).run(["true"])


def test_an_address_of_ipv6(person: Person, sshd: SshServer) -> None:
    with on_ipv6(sshd.port) as port:
        person.writes(f"Host *\n  IdentityFile {sshd.identity}\n")
        known_hosts.pin(person.known, "::1", port, [sshd.key])
        assert known_hosts.scan("m1", "::1", port)[0] == sshd.key
        echo(person.reach("::1", port=port))
        with pytest.raises(Unreachable, match=r"\[::1\]:1 refuses the connection"):
            person.reach("::1", port=1).run(["true"])


def test_ssh_is_asked_once_for_a_host_however_many_threads_want_to_know(
    person: Person, sshd: SshServer
) -> None:
    person.writes(
        f"Host web-f\n  HostName 127.0.0.1\n  Port {sshd.port}\n  IdentityFile {sshd.identity}\n"
    )
    known_hosts.pin(person.known, "web-f", sshd.port, [sshd.key])
    hosts = [person.reach("web-f") for _ in range(4)]
    parallel.each(hosts, lambda host: host.run(["true"]))
    assert len(person.questions()) == 1
    for host in hosts:
        host.close()


def test_a_damaged_configuration_and_a_missing_ssh_are_named(
    person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    person.writes("Hots x\n")
    with pytest.raises(Unreachable, match=r"m1: ssh: .*config.*1 bad configuration options"):
        person.reach("web-g").run(["true"])
    monkeypatch.setenv("PATH", str(person.folder))
    with pytest.raises(Unreachable, match=r"m1: there is no `ssh` on this computer"):
        person.reach("web-g").run(["true"])


@contextlib.contextmanager
def on_ipv6(port: int) -> Iterator[int]:
    """Let a port of ::1 lead to one of 127.0.0.1."""
    try:
        server = socket.create_server(("::1", 0), family=socket.AF_INET6)
    except OSError as error:
        pytest.skip(f"no IPv6 here: {error.strerror}")

    def pump(source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = server.accept()
                there = socket.create_connection(("127.0.0.1", port))
                for pair in ((client, there), (there, client)):
                    threading.Thread(target=pump, args=pair, daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    with server:
        yield server.getsockname()[1]
