"""Commands and files over SSH to a real sshd, and what becomes of them when it goes."""

import contextlib
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import paramiko
import pytest

from slipway.errors import CommandFailed, HostError, SlipwayError, Unreachable
from slipway.hosts import parallel
from slipway.hosts.local import LocalHost
from slipway.hosts.ssh import SshHost
from slipway.hosts.ssh_route import SshRoute
from slipway.machines import copying
from tests.integration.sshd import SshServer, docker, running

pytestmark = pytest.mark.engine
# What a key agent is asked, and what one without keys answers.
WHICH_KEYS, NONE = b"\0\0\0\x01\x0b", b"\0\0\0\x05\x0c\0\0\0\0"


@pytest.fixture
def host(sshd: SshServer) -> Iterator[SshHost]:
    made = sshd.host()
    yield made
    made.close()


@pytest.fixture
def mortal(tmp_path: Path) -> Iterator[SshServer]:
    """A sshd that a test may end."""
    with running(tmp_path) as made:
        yield made


def test_commands_are_lists_and_nothing_in_them_is_interpreted(host: SshHost) -> None:
    tricky = ["$(id)", "; rm -rf /", "two words", "", "'", "ä"]
    done = host.run(["printf", "%s|", *tricky])
    assert done.out == "".join(f"{word}|" for word in tricky)


def test_codes_and_both_outputs_come_back_apart(host: SshHost) -> None:
    done = host.run(["sh", "-c", "echo out; echo err >&2; exit 7"], check=False)
    assert (done.code, done.out, done.err) == (7, "out\n", "err\n")
    with pytest.raises(CommandFailed, match="ended with 7: err"):
        host.run(["sh", "-c", "echo err >&2; exit 7"])


def test_an_answer_without_end_is_ended_before_it_fills_the_memory(
    host: SshHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("slipway.hosts.ssh.LARGEST_ANSWER", 1 << 20)
    with pytest.raises(CommandFailed, match="its answer is larger than"):
        host.run(["yes"], timeout=60)
    assert host.run(["echo", "on"]).out == "on\n"


def test_much_output_on_both_sides_and_input_that_nobody_reads_do_not_hang(host: SshHost) -> None:
    loud = "yes e | head -c 3000000 >&2; yes o | head -c 3000000"
    done = host.run(["sh", "-c", loud], stdin=b"x" * 200_000, timeout=120)
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
    host.run(["sh", "-c", "while pgrep -f '^sleep 4711'; do sleep 0.1; done"], timeout=120)


def test_a_command_answers_question_after_question_over_the_same_connection(host: SshHost) -> None:
    session = "$(ps -o ppid= -p $PPID)"
    script = f"while read -r word; do echo $word {session}; done; echo ended >/tmp/dialled"
    parents = set()
    for _ in range(2):
        with host.dial(["sh", "-c", script], timeout=20) as dialogue:
            for word in ("one", "two"):
                dialogue.write(f"{word}\n".encode())
                said, parent = dialogue.read(64).decode().split()
                assert said == word
                parents.add(parent)
        host.run(["sh", "-c", "until rm /tmp/dialled; do sleep 0.1; done"], timeout=60)
    assert len(parents) == 1
    with host.dial(["sleep", "60"], timeout=0.5) as dialogue, pytest.raises(TimeoutError):
        dialogue.read(1)
    with host.dial(["true"], timeout=20) as dialogue:
        assert dialogue.read(1) == b""


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
    thread.join(60)
    assert failures
    host.run(["sh", "-c", "while pgrep -f '^sleep 4712'; do sleep 0.1; done"], timeout=120)


def test_closing_ends_a_stream_that_is_still_being_sent(host: SshHost) -> None:
    sent = threading.Event()

    def endless() -> Iterator[bytes]:
        while True:
            yield bytes(1 << 20)
            sent.set()

    def send() -> None:
        with contextlib.suppress(SlipwayError):
            host.run(["sh", "-c", "cat >/dev/null"], stdin=endless())

    sending = threading.Thread(target=send, daemon=True)
    sending.start()
    assert sent.wait(60)
    host.close()
    sending.join(60)
    assert not sending.is_alive()


def test_many_commands_at_once_share_one_connection(host: SshHost) -> None:
    several = "until [ $(wc -l </tmp/here) -ge 4 ]; do sleep 0.05; done"
    script = f"echo >>/tmp/here; {several}; ps -o ppid= -p $PPID"
    parents = parallel.each([host] * 24, lambda one: one.run(["sh", "-c", script]).out, 24)
    assert len(parents) == 24 and len(set(parents)) == 1


def test_sessions_that_are_refused_at_once_wait_and_cost_nobody_the_connection(
    mortal: SshServer,
) -> None:
    docker(
        "exec", mortal.container, "sh", "-c", "echo MaxSessions 1 >/etc/ssh/sshd_config.d/1.conf"
    )
    docker("kill", "--signal=HUP", mortal.container)
    with contextlib.closing(mortal.host()) as host:
        script = "sleep 0.2; ps -o ppid= -p $PPID"
        parents = parallel.each([host] * 12, lambda one: one.run(["sh", "-c", script]).out, 12)
    assert len(parents) == 12 and len(set(parents)) == 1


def test_what_is_sent_late_to_a_command_that_has_ended_costs_no_other_its_connection(
    host: SshHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    transport: Any = paramiko.Transport  # how it sends is private
    send = transport._send_user_message

    def send_late(own: paramiko.Transport, message: paramiko.Message) -> None:
        if threading.current_thread() is not own:  # a thread that had to wait for its turn
            time.sleep(0.1)
        send(own, message)

    host.run(["true"])
    monkeypatch.setattr(transport, "_send_user_message", send_late)
    assert len(parallel.each([host] * 12, lambda one: one.run(["true"]), 12)) == 12
    assert len(parallel.each([host] * 12, lambda one: one.run(["true"], stdin=b"x"), 12)) == 12
    with host.dial(["true"], timeout=10) as dialogue:
        assert dialogue.read(1) == b""
        dialogue.write(b"x")
        assert host.run(["echo", "on"]).out == "on\n"


def test_a_connection_that_broke_between_commands_is_made_anew(host: SshHost) -> None:
    host.run(["true"])
    with pytest.raises(Unreachable, match="lost"):
        host.run(["sh", "-c", "kill -9 $(ps -o ppid= -p $PPID)"])
    assert host.run(["echo", "back"]).out == "back\n"


def test_a_connection_that_its_server_closed_since_it_was_idle_is_made_anew(
    mortal: SshServer,
) -> None:
    """As after a quarter of an hour in which images were built here."""
    limit = "echo UnusedConnectionTimeout 1 >/etc/ssh/sshd_config.d/1.conf"
    docker("exec", mortal.container, "sh", "-c", limit)
    docker("kill", "--signal=HUP", mortal.container)
    with contextlib.closing(mortal.host()) as host:
        parent = ["sh", "-c", "ps -o ppid= -p $PPID"]
        before = host.run(parent).out
        assert host.run(parent).out == before
        time.sleep(3)
        assert before not in parallel.each([host] * 12, lambda one: one.run(parent).out, 12)


def test_a_warm_command_takes_a_fraction_of_a_connection(host: SshHost) -> None:
    def taken() -> float:
        started = time.monotonic()
        host.run(["true"])
        return time.monotonic() - started

    cold, warm = [], []
    for _ in range(5):
        host.close()
        cold.append(taken())
        warm += [taken(), taken(), taken()]
    assert min(warm) < min(cold) / 2


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
    host.run(["sh", "-c", "while pgrep -x cat; do sleep 0.1; done"], timeout=120)


def test_a_socket_that_cannot_be_made_here_is_told(host: SshHost, tmp_path: Path) -> None:
    with pytest.raises(Unreachable, match="lost"), host.forward(tmp_path / "no" / "s", "/x"):
        pytest.fail("nothing was forwarded")


def test_files_and_folders_go_there_and_back_whole(host: SshHost, tmp_path: Path) -> None:
    (tmp_path / "site" / "deep er").mkdir(parents=True)
    (tmp_path / "site" / "large").write_bytes(bytes(range(256)) * 20_000)
    (tmp_path / "site" / "deep er" / "run").write_text("x")
    (tmp_path / "site" / "deep er" / "run").chmod(0o750)
    side = copying.Endpoint(host)
    assert copying.put(tmp_path / "site", side, "/tmp/").path == "/tmp/site"
    assert host.run(["stat", "-c", "%a", "/tmp/site/deep er/run"]).out == "750\n"
    copying.get(side, "/tmp/site", tmp_path / "back")
    same = ["diff", "--recursive", str(tmp_path / "site"), str(tmp_path / "back")]
    assert LocalHost().run(same).out == ""
    copying.put(tmp_path / "site" / "large", side, "large copy")
    there = host.run(["sha256sum", "large copy"]).out.split()[0]
    assert copying.get(side, "~/large copy", tmp_path / "large").sum == there
    assert ".slipway" not in host.run(["ls", "-A", "/tmp", "."]).out


def test_a_file_comes_back_from_a_host_whose_shell_has_something_to_say(
    mortal: SshServer, tmp_path: Path
) -> None:
    chatty = (
        "f=/home/deploy/.bashrc; { echo 'echo hello there >&2'; cat $f; } >$f.new; mv $f.new $f"
    )
    docker("exec", mortal.container, "sh", "-c", chatty)
    host = mortal.host()
    assert "hello there" in host.run(["true"]).err
    host.run(["mkdir", "/tmp/site"])
    host.write(PurePosixPath("/tmp/site/large"), b"x" * 1_000_000)
    side = copying.Endpoint(host)
    assert copying.get(side, "/tmp/site/large", tmp_path / "large").size == 1_000_000
    copying.get(side, "/tmp/site", tmp_path / "site")
    assert (tmp_path / "site" / "large").read_bytes() == b"x" * 1_000_000
    with pytest.raises(HostError, match="/tmp/none is not there"):
        copying.get(side, "/tmp/none", tmp_path / "none")


def test_a_closed_port_and_an_unknown_name_are_told_apart(sshd: SshServer) -> None:
    with pytest.raises(Unreachable, match="refuses the connection"):
        sshd.host(port=1).run(["true"])
    nowhere = SshRoute("m1", "nowhere.invalid", "deploy", 22, sshd.known, sshd.identity)
    with pytest.raises(Unreachable, match=r"nowhere\.invalid cannot be resolved"):
        SshHost(nowhere).run(["true"])


def test_a_host_that_goes_in_the_middle_of_a_command_is_told_as_that(mortal: SshServer) -> None:
    host = mortal.host()
    host.run(["true"])
    threading.Timer(0.5, docker, ["kill", mortal.container]).start()
    with pytest.raises(Unreachable, match="may or may not have finished"):
        host.run(["sleep", "600"], timeout=500)
    with pytest.raises(Unreachable, match="refuses the connection"):
        host.run(["true"])


def test_a_host_that_freezes_is_given_up_on_and_found_again(mortal: SshServer) -> None:
    """Its kernel goes on acknowledging, and accepts connections."""
    host = mortal.host()
    host.run(["true"])
    freezing = threading.Timer(0.5, docker, ["pause", mortal.container])
    freezing.start()
    began = time.monotonic()
    with pytest.raises(Unreachable, match=r"nothing came back for 15 s, is it frozen\?; .*may not"):
        host.run(["sleep", "600"], timeout=100)
    assert time.monotonic() - began < 40
    waited = time.monotonic()
    for _ in range(3):
        with pytest.raises(Unreachable, match="accepts the connection and says nothing for 10 s"):
            host.run(["true"])
    assert time.monotonic() - waited < 20
    docker("unpause", mortal.container)
    while time.monotonic() - began < 200:
        with contextlib.suppress(Unreachable):
            assert host.run(["echo", "back"]).out == "back\n"
            return
        time.sleep(0.2)
    pytest.fail("a host that is back was not found again")


def test_a_long_output_and_a_long_silence_of_a_command_are_no_silence_of_its_host(
    host: SshHost,
) -> None:
    assert host.run(["sh", "-c", "sleep 20; echo done"]).out == "done\n"


def test_all_hosts_that_fail_are_named_in_one_error(sshd: SshServer) -> None:
    hosts = [sshd.host(), sshd.host(port=1), sshd.host(port=2)]
    with pytest.raises(parallel.HostsFailed, match="2 of 3 hosts failed") as caught:
        parallel.each(hosts, lambda host: host.run(["true"]))
    assert str(caught.value).count("refuses the connection") == 2
