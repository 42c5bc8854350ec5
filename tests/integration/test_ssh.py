"""SSH to a real sshd: what is trusted, what is refused and how, what happens when it breaks."""

import contextlib
import socket
import subprocess
import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import pytest

from slipway.errors import CommandFailed, Unreachable
from slipway.hosts import known_hosts, parallel
from slipway.hosts.local import LocalHost
from slipway.hosts.ssh import SshHost
from slipway.machines import copying
from slipway.machines.local import image

pytestmark = pytest.mark.engine
SSHD = "mkdir -p /run/sshd; ssh-keygen -A >/dev/null; exec /usr/sbin/sshd -D"


def docker(*words: str) -> str:
    done = subprocess.run(["docker", *words], capture_output=True, text=True, check=True)
    return done.stdout.strip()


@dataclass(frozen=True)
class Server:
    """A container with nothing but an sshd."""

    container: str
    port: int
    address: str
    known: Path
    identity: Path

    def host(
        self, known: Path | None = None, identity: Path | None = None, port: int = 0
    ) -> SshHost:
        file, key = known or self.known, identity or self.identity
        return SshHost("m1", "127.0.0.1", "deploy", port or self.port, file, key)

    def behind(self, gateway: "Server", known: Path) -> SshHost:
        via = f"deploy@127.0.0.1:{gateway.port}"
        return SshHost("m1", self.address, "deploy", 22, known, self.identity, via)

    @property
    def key(self) -> known_hosts.HostKey:
        public = docker("exec", self.container, "cat", "/etc/ssh/ssh_host_ed25519_key.pub")
        return known_hosts.parse(public)


def make_key(path: Path) -> Path:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)], check=True)
    return path


@contextlib.contextmanager
def running(folder: Path, *options: str) -> Iterator[Server]:
    name = f"slipway-test-{uuid.uuid4().hex[:8]}"
    identity = make_key(folder / "id")
    reference = image.ensure(LocalHost())
    publish = ["--label", "slipway.test=ssh", "-p", "127.0.0.1::22"]
    docker("run", "-d", "--name", name, *publish, *options, reference, "sh", "-c", SSHD)
    try:
        admit(name, identity)
        port = int(docker("port", name, "22").rpartition(":")[2])
        address = docker("inspect", "-f", "{{.NetworkSettings.IPAddress}}", name)
        server = Server(name, port, address, folder / "known_hosts", identity)
        key = wait_for_key(port)
        assert key == server.key
        known_hosts.pin(server.known, "127.0.0.1", port, [key])
        yield server
    finally:
        docker("rm", "-f", "-v", name)


def admit(container: str, identity: Path) -> None:
    text = "install -d -m 700 -o deploy ~deploy/.ssh; cat >> ~deploy/.ssh/authorized_keys"
    argv = ["docker", "exec", "-i", container, "sh", "-c", text]
    subprocess.run(argv, input=identity.with_suffix(".pub").read_bytes(), check=True)


def wait_for_key(port: int) -> known_hosts.HostKey:
    for _ in range(50):
        try:
            return known_hosts.scan("m1", "127.0.0.1", port)[0]
        except Unreachable:
            time.sleep(0.2)
    raise AssertionError("no sshd")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("server")) as made:
        yield made


@pytest.fixture
def mortal(tmp_path: Path) -> Iterator[Server]:
    """A server that a test may end."""
    with running(tmp_path) as made:
        yield made


@pytest.fixture
def host(server: Server) -> Iterator[SshHost]:
    made = server.host()
    yield made
    made.close()


def test_commands_are_lists_and_nothing_in_them_is_interpreted(host: SshHost) -> None:
    tricky = ["$(id)", "; rm -rf /", "two words", "", "'", "ä"]
    done = host.run(["printf", "%s|", *tricky])
    assert done.out == "".join(f"{word}|" for word in tricky)


def test_codes_and_both_outputs_come_back_apart(host: SshHost) -> None:
    done = host.run(["sh", "-c", "echo out; echo err >&2; exit 7"], check=False)
    assert (done.code, done.out, done.err) == (7, "out\n", "err\n")
    with pytest.raises(CommandFailed, match="ended with 7: err"):
        host.run(["sh", "-c", "echo err >&2; exit 7"])


def test_much_output_on_both_sides_and_input_that_nobody_reads_do_not_hang(host: SshHost) -> None:
    loud = "yes e | head -c 3000000 >&2; yes o | head -c 3000000"
    done = host.run(["sh", "-c", loud], stdin=b"x" * 200_000, timeout=30)
    assert (len(done.out), len(done.err)) == (3_000_000, 3_000_000)


def test_binary_input_arrives_whole_whether_small_large_or_in_chunks(host: SshHost) -> None:
    data = bytes(range(256)) * 4096
    chunks = (data[i : i + 65536] for i in range(0, len(data), 65536))
    inputs: list[tuple[bytes | Iterator[bytes], int]] = [
        (data[:1000], 1000),
        (data, len(data)),
        (chunks, len(data)),
    ]
    for given, size in inputs:
        sums = host.run(["sha256sum"], stdin=given).out
        local = subprocess.run(["sha256sum"], input=data[:size], capture_output=True, check=True)
        assert sums == local.stdout.decode()


def test_a_file_is_put_in_place_with_its_mode_and_no_draft_stays(host: SshHost) -> None:
    path = PurePosixPath("/home/deploy/kept here/a secret")
    for data in (b"\x00\xff" * 10, b"z" * 1_000_000):
        host.write(path, data, mode=0o600)
        assert host.run(["stat", "-c", "%a %s", str(path)]).out == f"600 {len(data)}\n"
    assert host.run(["ls", "-A", str(path.parent)]).out == "a secret\n"


def test_lines_are_followed_as_they_come(host: SshHost) -> None:
    """The second comes only once somebody has answered the first."""
    lines: list[str] = []

    def answer(line: str) -> None:
        lines.append(line)
        host.run(["touch", "/tmp/answered"])

    script = "echo one; until test -e /tmp/answered; do sleep 0.1; done; echo two >&2; exit 3"
    assert host.follow(["timeout", "30", "sh", "-c", script], answer) == 3
    assert lines == ["one", "two"]


def test_a_timeout_ends_the_command_and_its_children_over_there(host: SshHost) -> None:
    with pytest.raises(CommandFailed, match="no end after 1 s"):
        host.run(["sh", "-c", "sleep 4711 & sleep 4711"], timeout=1)
    host.run(["sh", "-c", "while pgrep -f '^sleep 4711'; do sleep 0.1; done"], timeout=20)


def test_closing_ends_what_runs(host: SshHost) -> None:
    failures: list[Unreachable] = []

    def wait() -> None:
        try:
            host.run(["sh", "-c", "sleep 4712 & sleep 4712"])
        except Unreachable as error:
            failures.append(error)

    thread = threading.Thread(target=wait)
    thread.start()
    while host.run(["pgrep", "-f", "^sleep 4712"], check=False).code != 0:
        time.sleep(0.05)
    host.close()
    thread.join(10)
    assert failures
    host.run(["sh", "-c", "while pgrep -f '^sleep 4712'; do sleep 0.1; done"], timeout=20)


def test_many_commands_at_once_share_one_connection(host: SshHost) -> None:
    hosts = [host] * 24
    started = time.monotonic()
    pids = parallel.each(hosts, lambda one: one.run(["sh", "-c", "sleep 0.2; echo ok"]).out, 24)
    assert pids == ["ok\n"] * 24
    assert time.monotonic() - started < 4


def test_a_connection_that_broke_between_commands_is_made_anew(host: SshHost) -> None:
    host.run(["true"])
    with pytest.raises(Unreachable, match="lost"):
        host.run(["sh", "-c", "kill -9 $(ps -o ppid= -p $PPID)"])
    assert host.run(["echo", "back"]).out == "back\n"


def test_a_warm_command_takes_less_than_30_ms(host: SshHost) -> None:
    host.run(["true"])
    times = []
    for _ in range(15):
        started = time.monotonic()
        host.run(["true"])
        times.append(time.monotonic() - started)
    assert sorted(times)[7] < 0.03


# What a key agent is asked, and what one without keys answers.
WHICH_KEYS, NONE = b"\0\0\0\x01\x0b", b"\0\0\0\x05\x0c\0\0\0\0"


def test_a_socket_here_leads_to_one_there_until_the_block_is_left(
    host: SshHost, tmp_path: Path
) -> None:
    host.run(["ssh-agent", "-a", "/tmp/agent.sock"])
    here = tmp_path / "here.sock"
    with host.forward(here, "/tmp/agent.sock"):
        assert here.stat().st_mode & 0o777 == 0o600
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(here))
            client.sendall(WHICH_KEYS)
            assert client.recv(64) == NONE
    with socket.socket(socket.AF_UNIX) as client, pytest.raises(OSError, match=r"refused|No such"):
        client.connect(str(here))
    host.run(["sh", "-c", "while pgrep -x cat; do sleep 0.1; done"], timeout=20)


def test_a_socket_that_cannot_be_made_here_is_told(host: SshHost, tmp_path: Path) -> None:
    with pytest.raises(Unreachable, match="lost"), host.forward(tmp_path / "no" / "s", "/x"):
        pytest.fail("nothing was forwarded")


def test_files_and_folders_go_there_and_back_whole(host: SshHost, tmp_path: Path) -> None:
    (tmp_path / "site" / "deep er").mkdir(parents=True)
    (tmp_path / "site" / "large").write_bytes(bytes(range(256)) * 20_000)
    (tmp_path / "site" / "deep er" / "run").write_text("x")
    (tmp_path / "site" / "deep er" / "run").chmod(0o750)
    side = copying.Side(host)
    assert copying.put(tmp_path / "site", side, "/tmp/").path == "/tmp/site"
    assert host.run(["stat", "-c", "%a", "/tmp/site/deep er/run"]).out == "750\n"
    copying.get(side, "/tmp/site", tmp_path / "back")
    same = ["diff", "--recursive", str(tmp_path / "site"), str(tmp_path / "back")]
    assert LocalHost().run(same).out == ""
    copying.put(tmp_path / "site" / "large", side, "large copy")
    there = host.run(["sha256sum", "large copy"]).out.split()[0]
    assert copying.get(side, "~/large copy", tmp_path / "large").sum == there
    assert ".slipway" not in host.run(["ls", "-A", "/tmp", "."]).out


# -- what is not trusted ----------------------------------------------------------------------


def test_an_unknown_host_key_is_refused_with_what_to_type(server: Server, tmp_path: Path) -> None:
    with pytest.raises(Unreachable, match=r"host key of .* is unknown") as caught:
        server.host(known=tmp_path / "none").run(["true"])
    assert server.key.fingerprint in str(caught.value)
    assert f"ssh-keyscan -p {server.port} 127.0.0.1" in str(caught.value)


@pytest.mark.parametrize("bulk", [False, True])
def test_a_changed_host_key_is_refused_loudly(server: Server, tmp_path: Path, bulk: bool) -> None:
    other = known_hosts.parse(make_key(tmp_path / "other").with_suffix(".pub").read_text())
    known_hosts.pin(tmp_path / "known", "127.0.0.1", server.port, [other])
    stdin = iter([b"data"]) if bulk else b""
    with pytest.raises(Unreachable, match="CHANGED") as caught:
        server.host(known=tmp_path / "known").run(["true"], stdin=stdin)
    assert other.fingerprint in str(caught.value)
    assert server.key.fingerprint in str(caught.value)


def test_the_real_ssh_that_carries_bulk_data_trusts_the_same_file_alone(
    server: Server, tmp_path: Path
) -> None:
    host = server.host()
    host.run(["true"])  # the kept connection is good; only then the file is spoilt
    other = known_hosts.parse(make_key(tmp_path / "other").with_suffix(".pub").read_text())
    spoilt = server.host(known=tmp_path / "known")
    known_hosts.pin(tmp_path / "known", "127.0.0.1", server.port, [server.key])
    spoilt.run(["true"])
    known_hosts.pin(tmp_path / "known", "127.0.0.1", server.port, [other])
    with pytest.raises(Unreachable, match="lost"):
        spoilt.run(["cat"], stdin=iter([b"data"]))
    host.close()
    spoilt.close()


def test_a_wrong_user_key_is_told_with_the_keys_that_were_tried(
    server: Server, tmp_path: Path
) -> None:
    wrong = make_key(tmp_path / "wrong")
    with pytest.raises(Unreachable, match=r"refuses deploy; keys tried: .*wrong"):
        server.host(identity=wrong).run(["true"])


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, server: Server) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("gateway")) as made:
        admit(made.container, server.identity)
        yield made


@pytest.mark.parametrize("bulk", [False, True])
def test_a_jump_host_is_checked_like_the_host_behind_it(
    server: Server, gateway: Server, tmp_path: Path, bulk: bool
) -> None:
    known = tmp_path / "known"
    known_hosts.pin(known, server.address, 22, [server.key])
    stranger = server.behind(gateway, known)
    with pytest.raises(Unreachable, match=rf"\[127.0.0.1\]:{gateway.port} is unknown"):
        stranger.run(["true"], stdin=iter([b""]) if bulk else b"")
    known_hosts.pin(known, "127.0.0.1", gateway.port, [gateway.key])
    host = server.behind(gateway, known)
    stdin = iter([b"over two hops"]) if bulk else b"over two hops"
    assert host.run(["cat"], stdin=stdin).out == "over two hops"
    host.close()


def test_the_host_behind_a_known_jump_host_must_be_known_too(
    server: Server, gateway: Server, tmp_path: Path
) -> None:
    known_hosts.pin(tmp_path / "known", "127.0.0.1", gateway.port, [gateway.key])
    with pytest.raises(Unreachable, match=rf"{server.address} is unknown"):
        server.behind(gateway, tmp_path / "known").run(["true"])


def test_a_jump_host_that_does_not_answer_is_the_one_that_is_named(server: Server) -> None:
    via = SshHost(
        "m1", server.address, "deploy", 22, server.known, server.identity, "deploy@127.0.0.1:1"
    )
    with pytest.raises(Unreachable, match=r"127\.0\.0\.1:1 refuses the connection"):
        via.run(["true"])


# -- what breaks ------------------------------------------------------------------------------


def test_a_closed_port_and_an_unknown_name_are_told_apart(server: Server) -> None:
    with pytest.raises(Unreachable, match="refuses the connection"):
        server.host(port=1).run(["true"])
    nowhere = SshHost("m1", "nowhere.invalid", "deploy", 22, server.known, server.identity)
    with pytest.raises(Unreachable, match=r"nowhere\.invalid cannot be resolved"):
        nowhere.run(["true"])


def test_a_host_that_goes_in_the_middle_of_a_command_is_told_as_that(mortal: Server) -> None:
    host = mortal.host()
    host.run(["true"])
    threading.Timer(0.5, docker, ["kill", mortal.container]).start()
    started = time.monotonic()
    with pytest.raises(Unreachable, match="may or may not have done its work"):
        host.run(["sleep", "60"])
    assert time.monotonic() - started < 10
    with pytest.raises(Unreachable, match="refuses the connection"):
        host.run(["true"])


def test_all_hosts_that_fail_are_named_in_one_error(server: Server) -> None:
    hosts = [server.host(), server.host(port=1), server.host(port=2)]
    with pytest.raises(parallel.HostsFailed, match="2 of 3 hosts failed") as caught:
        parallel.each(hosts, lambda host: host.run(["true"]))
    assert str(caught.value).count("refuses the connection") == 2
