"""A machine over SSH; the only door to SSH.

Three ways through it, all with the same known_hosts file and nothing else trusted:
commands and small input over one kept connection, a stream of bulk data through a real `ssh`
(ten times faster than Paramiko), and a terminal through a real `ssh -t`.

Input that breaks off because the connection does looks like its end over there; what reads a
stream must notice by itself that it is not whole, as tar, `docker load` and pg_restore do.
"""

import contextlib
import itertools
import secrets
import shlex
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from slipway.errors import CommandFailed, Unreachable
from slipway.hosts.host import (
    ENDLESS,
    LARGEST_ANSWER,
    LONGEST_LINE,
    MINUTES,
    SECONDS,
    CommandResult,
    Dialogue,
    Process,
)
from slipway.hosts.local import LocalHost
from slipway.hosts.ssh_connection import SshConnection
from slipway.hosts.ssh_route import SshRoute

if TYPE_CHECKING:
    from paramiko import Channel

# sshd hangs up on all commands of a connection when input arrives for one that has ended already,
# so what one leaves unread is read, until we have sent its end.
DRAIN = '"$@"; code=$?; cat >/dev/null; exit $code'
DRAIN_SILENTLY = '"$@" 2>/dev/null; exec cat >/dev/null 2>&1'
GRACE = 10 * SECONDS  # for the host's own `timeout` to do its work before we hang up
BULK = 256 * 1024  # larger inputs go through a real ssh
ENDED_BY_SIGNAL = 137  # Paramiko does not tell which one; it is KILL nearly always
NOT_CONNECTED = 255  # what ssh itself ends with


class _Over(Exception):
    """What was forwarded for is done."""


class _Endless(Exception):
    """More is said than fits into memory."""


class SshHost:
    """Runs commands on a machine. Several threads may use it at once over its one connection."""

    def __init__(self, route: SshRoute) -> None:
        self._route = route
        self._connection = SshConnection(route)
        self._streams = LocalHost(route.name)  # runs a real ssh for each large input

    @property
    def name(self) -> str:
        return self._route.name

    @property
    def address(self) -> str:
        """Where SSH goes."""
        return self._route.address

    @property
    def user(self) -> str:
        """Who commands run as."""
        return self._route.user

    def run(
        self,
        argv: Sequence[str],
        *,
        stdin: bytes | Iterable[bytes] = b"",
        timeout: float = 2 * MINUTES,
        check: bool = True,
    ) -> CommandResult:
        started = time.monotonic()
        stdin = _whole_if_small(stdin)
        if isinstance(stdin, bytes) and len(stdin) <= BULK:
            code, out, err = self._converse(argv, stdin, timeout)
        else:
            code, out, err = self._stream(argv, stdin, timeout)
        if code in (124, ENDED_BY_SIGNAL) and time.monotonic() - started >= timeout:
            raise CommandFailed(self.name, argv, 124, f"no end after {timeout:.0f} s")
        completed = CommandResult(self.name, tuple(argv), code, out, err)
        return completed.check() if check else completed

    def follow(self, argv: Sequence[str], on_line: Callable[[str], None]) -> int:
        with self._connection.session() as channel:
            channel.set_combine_stderr(True)
            self._exec(channel, f"exec {shlex.join(argv)} </dev/null")
            output = channel.makefile("rb")
            for line in iter(lambda: output.readline(LONGEST_LINE), b""):
                on_line(line.decode(errors="replace").rstrip("\n"))
            return self._code(channel, argv)

    def attach(self, argv: Sequence[str]) -> int:
        command = [shlex.join(argv)] if argv else []
        return LocalHost(self.name).attach([*self._connection.ssh("-t"), *command])

    @contextlib.contextmanager
    def open(self, argv: Sequence[str]) -> Iterator[Process]:
        # A command must end by itself when its input does: that is all that a lost line tells it.
        command = [*self._connection.ssh(), shlex.join(argv)]
        with LocalHost(self.name).open(command) as conversation:
            yield conversation

    @contextlib.contextmanager
    def dial(self, argv: Sequence[str], *, timeout: float) -> Iterator[Dialogue]:
        with self._connection.session() as channel:
            self._exec(channel, f"exec {shlex.join(['sh', '-c', DRAIN_SILENTLY, 'sh', *argv])}")
            channel.settimeout(timeout)
            yield _ChannelDialogue(channel, self._connection.lost)

    @contextlib.contextmanager
    def forward(self, here: Path, there: str) -> Iterator[None]:
        """Let a Unix socket of this computer lead to one of the host, until the block is left."""
        flags = ["-T", "-o", "ExitOnForwardFailure=yes", "-o", "StreamLocalBindMask=0177"]
        # `cat` ends when its input does: nothing stays behind, even if this process is killed.
        command = [*self._connection.ssh(*flags, "-L", f"{here}:{there}"), "echo ready; exec cat"]
        with contextlib.suppress(_Over), LocalHost(self.name).open(command) as conversation:
            if not conversation.read(64):
                raise self._connection.lost(
                    conversation.wait().err.strip() or "no socket was forwarded"
                )
            yield
            raise _Over  # a client left in the background must not keep the line open

    def write(self, path: PurePosixPath, data: bytes, *, mode: int = 0o644) -> None:
        # mv in one move; until then nobody but the owner can read the draft.
        draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        text = (
            'mkdir -p "$(dirname "$1")"; umask 077; trap \'rm -f "$2"\' EXIT; '
            'cat > "$2"; test "$(wc -c < "$2")" = "$4"; chmod "$3" "$2"; mv -fT "$2" "$1"'
        )
        arguments = [str(path), str(draft), f"{mode:o}", str(len(data))]
        self.run(["sh", "-euc", text, "sh", *arguments], stdin=data)

    def close(self) -> None:
        self._streams.close()
        self._connection.close()

    def _converse(self, argv: Sequence[str], data: bytes, timeout: float) -> tuple[int, str, str]:
        deadline = time.monotonic() + timeout + GRACE
        with self._connection.session() as channel:
            drained = ["sh", "-c", DRAIN, "sh", *argv]
            without = f"{_bounded(argv, timeout)} </dev/null"
            self._exec(channel, _bounded(drained, timeout) if data else without)
            err: list[bytes] = []
            reader = _begin(_read_quietly, channel.recv_stderr, err)
            if data:
                _begin(_feed, channel, data)
            out: list[bytes] = []
            channel.settimeout(timeout + GRACE)
            try:
                _read(channel.recv, out)
            except TimeoutError:
                raise self._connection.lost(f"silent for {timeout + GRACE:.0f} s") from None
            except _Endless:
                raise CommandFailed(self.name, argv, ENDED_BY_SIGNAL, ENDLESS) from None
            reader.join(max(0.0, deadline - time.monotonic()))
            return self._code(channel, argv), _text(out), _text(err)

    def _exec(self, channel: "Channel", command: str) -> None:
        import paramiko

        try:
            channel.exec_command(command)
        except (paramiko.SSHException, EOFError, OSError) as error:
            raise self._connection.lost(f"while a command was sent: {error}") from error

    def _code(self, channel: "Channel", argv: Sequence[str]) -> int:
        code = channel.recv_exit_status()
        is_closed = code != 0 and self._connection.is_closed(channel)
        if code >= 0 and not is_closed:
            return code
        transport = channel.get_transport()
        if transport is not None and transport.is_active() and not is_closed:
            return ENDED_BY_SIGNAL
        raise self._connection.lost(
            f"while `{shlex.join(argv)[:60]}` ran; it may or may not have finished"
        )

    def _stream(
        self, argv: Sequence[str], stdin: bytes | Iterable[bytes], timeout: float
    ) -> tuple[int, str, str]:
        command = [*self._connection.ssh(), _bounded(argv, timeout)]
        result = self._streams.run(command, stdin=stdin, timeout=timeout + GRACE, check=False)
        if result.code == NOT_CONNECTED:
            raise self._connection.lost(
                result.err.strip().splitlines()[-1:][0] if result.err.strip() else "ssh"
            )
        return result.code, result.out, result.err


class _ChannelDialogue:
    """Questions over a channel, each answered in the time that it allows."""

    def __init__(self, channel: "Channel", lost: Callable[[str], Unreachable]) -> None:
        self._channel, self._lost = channel, lost

    def write(self, data: bytes) -> None:
        try:
            self._channel.sendall(data)
        except OSError as error:
            if self._is_connected():
                raise
            raise self._lost("while it was asked") from error

    def read(self, size: int) -> bytes:
        data = self._channel.recv(size)
        if not data and not self._is_connected():
            raise self._lost("while it was asked")
        return data

    def _is_connected(self) -> bool:
        transport = self._channel.get_transport()
        return transport is not None and transport.is_active()


def _whole_if_small(stdin: bytes | Iterable[bytes]) -> bytes | Iterable[bytes]:
    """Read a stream that fits over the kept connection; of another nothing is lost."""
    if isinstance(stdin, bytes):
        return stdin
    chunks, begun, size = iter(stdin), list[bytes](), 0
    for chunk in chunks:
        begun.append(chunk)
        size += len(chunk)
        if size > BULK:
            return itertools.chain(begun, chunks)
    return b"".join(begun)


def _bounded(argv: Sequence[str], timeout: float) -> str:
    """sshd leaves a command running when its connection drops; `timeout` on the host ends it,
    with its children, at the latest when its time is over."""
    return f"exec timeout --kill-after=5 {timeout:.3f} {shlex.join(argv)}"


def _begin(work: Callable[..., None], *args: object) -> threading.Thread:
    thread = threading.Thread(target=work, args=args, daemon=True)
    thread.start()
    return thread


def _read_quietly(receive: Callable[[int], bytes], into: list[bytes]) -> None:
    # The other output is the one that is waited for.
    with contextlib.suppress(TimeoutError, _Endless):
        _read(receive, into)


def _read(receive: Callable[[int], bytes], into: list[bytes]) -> None:
    room = LARGEST_ANSWER
    while chunk := receive(64 * 1024):
        room -= len(chunk)
        if room < 0:
            raise _Endless
        into.append(chunk)


def _feed(channel: "Channel", data: bytes) -> None:
    # A command that ends early closes the channel; its exit code tells why.
    with contextlib.suppress(OSError, EOFError):
        channel.sendall(data)
        channel.shutdown_write()


def _text(chunks: list[bytes]) -> str:
    return b"".join(chunks).decode(errors="replace")
