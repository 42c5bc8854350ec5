"""A machine over SSH; the only door to SSH.

Three ways through it, all with the same known_hosts file and nothing else trusted:
commands and small input over one kept connection, a stream of bulk data through a real `ssh`
(several times faster than Paramiko), and a terminal through a real `ssh -t`.
"""

import contextlib
import secrets
import shlex
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from slipway.errors import CommandFailed, Unreachable
from slipway.hosts.host import MINUTES, SECONDS, Completed
from slipway.hosts.local import LocalHost

if TYPE_CHECKING:
    from paramiko import Channel

    from slipway.hosts.connection import Connection
    from slipway.hosts.trouble import Way

SESSIONS = 8  # at once over one connection; sshd allows 10 (MaxSessions)
GRACE = 10 * SECONDS  # for the host's own `timeout` to do its work before we hang up
SESSION_PAUSE = 0.05 * SECONDS
PAUSES = (0.3, 1.0)  # between tries while a host refuses: sshd restarts, MaxStartups
BULK = 256 * 1024  # larger inputs go through a real ssh
ENDED_BY_SIGNAL = 137  # Paramiko does not tell which one; it is KILL nearly always
SSH_MSG_CHANNEL_REQUEST = b"\x62"  # RFC 4254, section 6.9: signals
NOT_CONNECTED = 255  # what ssh itself ends with


class SshHost:
    """Runs commands on a machine. Several threads may use it at once over its one connection."""

    def __init__(
        self,
        name: str,
        address: str,
        user: str,
        port: int,
        known_hosts: Path,
        identity: Path | None = None,
        gateway: str | None = None,
    ) -> None:
        self._name = name
        self._address = address
        self._user = user
        self._port = port
        self._known_hosts = known_hosts
        self._identity = identity
        self._gateway = gateway
        self._open: Connection | None = None
        self._opening = threading.Lock()
        self._sessions = threading.BoundedSemaphore(SESSIONS)
        self._running: set[Channel] = set()

    @property
    def name(self) -> str:
        return self._name

    @property
    def address(self) -> str:
        """Where SSH goes."""
        return self._address

    @property
    def user(self) -> str:
        """Who commands run as."""
        return self._user

    def run(
        self,
        argv: Sequence[str],
        *,
        stdin: bytes | Iterable[bytes] = b"",
        timeout: float = 2 * MINUTES,
        check: bool = True,
    ) -> Completed:
        started = time.monotonic()
        if isinstance(stdin, bytes) and len(stdin) <= BULK:
            code, out, err = self._converse(argv, stdin, timeout)
        else:
            code, out, err = self._stream(argv, stdin, timeout)
        if code in (124, ENDED_BY_SIGNAL) and time.monotonic() - started >= timeout:
            raise CommandFailed(self._name, argv, 124, f"no end after {timeout:.0f} s")
        completed = Completed(self._name, tuple(argv), code, out, err)
        return completed.check() if check else completed

    def follow(self, argv: Sequence[str], on_line: Callable[[str], None]) -> int:
        with self._session() as channel:
            channel.set_combine_stderr(True)
            self._exec(channel, f"exec {shlex.join(argv)} </dev/null")
            for line in channel.makefile("rb"):
                on_line(line.decode(errors="replace").rstrip("\n"))
            return self._code(channel, argv)

    def attach(self, argv: Sequence[str]) -> int:
        self._connection()  # its complaints are sentences, those of ssh are not
        command = [shlex.join(argv)] if argv else []
        return LocalHost(self._name).attach([*self._ssh("-t"), *command])

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
        with self._opening:
            connection, self._open = self._open, None
        if connection is None:
            return
        for channel in list(self._running):
            _end(channel)
        with contextlib.suppress(Exception):  # it is thrown away; how it ends is of no interest
            connection.close()

    # -- one kept connection ------------------------------------------------------------------

    def _connection(self) -> "Connection":
        with self._opening:
            if self._open is None or not self._open.is_connected:
                self._open = self._connect()
            return self._open

    def _connect(self) -> "Connection":
        import paramiko

        from slipway.hosts import trouble

        for pause in (*PAUSES, None):
            made = self._made()
            try:
                made.open()
                return made
            except (OSError, EOFError, paramiko.SSHException) as error:
                with contextlib.suppress(Exception):
                    made.close()
                if pause is None or not _transient(error):
                    raise trouble.translate(error, self._way(made)) from error
                time.sleep(pause)
        raise AssertionError("unreachable")

    def _made(self) -> "Connection":
        from slipway.hosts.connection import connection

        return connection(
            self._address,
            user=self._user or None,
            port=self._port or None,
            known_hosts=self._known_hosts,
            identity=self._identity,
            gateway=self._gateway,
        )

    def _way(self, made: "Connection") -> "Way":
        from slipway.hosts.trouble import Way

        return Way(
            self._name, made.user, made.host, int(made.port), self._known_hosts, self._identity
        )

    @contextlib.contextmanager
    def _session(self) -> Iterator["Channel"]:
        """A channel on the kept connection; what it runs is ended when the block is left early."""
        with self._sessions:
            channel = self._channel()
            self._running.add(channel)
            try:
                yield channel
            except BaseException:
                _end(channel)
                raise
            finally:
                self._running.discard(channel)
                channel.close()

    def _channel(self) -> "Channel":
        """Nothing has been sent when opening a channel fails, so trying again is safe."""
        import paramiko

        deadline = time.monotonic() + GRACE
        is_fresh = False
        while True:
            connection = self._connection()
            try:
                return connection.transport.open_session(timeout=GRACE)  # type: ignore[no-any-return]
            except paramiko.ChannelException as error:
                # sshd still counts sessions that ended a moment ago; the connection is good.
                if time.monotonic() > deadline:
                    raise self._lost(f"sshd opens no session: {error.text}") from error
                time.sleep(SESSION_PAUSE)
            except (paramiko.SSHException, EOFError, OSError) as error:
                if is_fresh:
                    raise self._lost(f"no session: {error}") from error
                is_fresh = True
                self._drop(connection)

    def _drop(self, connection: "Connection") -> None:
        with self._opening:
            if self._open is connection:
                self._open = None
        with contextlib.suppress(Exception):  # it is broken already
            connection.close()

    def _converse(self, argv: Sequence[str], data: bytes, timeout: float) -> tuple[int, str, str]:
        deadline = time.monotonic() + timeout + GRACE
        with self._session() as channel:
            self._exec(channel, _bounded(argv, timeout))
            err: list[bytes] = []
            threads = [threading.Thread(target=_read, args=(channel.recv_stderr, err), daemon=True)]
            if data:
                threads.append(threading.Thread(target=_feed, args=(channel, data), daemon=True))
            else:
                channel.shutdown_write()
            for thread in threads:
                thread.start()
            out: list[bytes] = []
            channel.settimeout(timeout + GRACE)
            try:
                _read(channel.recv, out)
            except TimeoutError:
                raise self._lost(f"silent for {timeout + GRACE:.0f} s") from None
            threads[0].join(max(0.0, deadline - time.monotonic()))
            return self._code(channel, argv), _text(out), _text(err)

    def _exec(self, channel: "Channel", command: str) -> None:
        import paramiko

        try:
            channel.exec_command(command)
        except (paramiko.SSHException, EOFError, OSError) as error:
            raise self._lost(f"while a command was sent: {error}") from error

    def _code(self, channel: "Channel", argv: Sequence[str]) -> int:
        code = channel.recv_exit_status()
        if code >= 0:
            return code
        transport = channel.get_transport()
        if transport is not None and transport.is_active():
            return ENDED_BY_SIGNAL
        raise self._lost(
            f"while `{shlex.join(argv)[:60]}` ran; it may or may not have done its work"
        )

    def _lost(self, what: str) -> Unreachable:
        return Unreachable(self._name, f"the connection was lost ({what})")

    # -- a real ssh ---------------------------------------------------------------------------

    def _stream(
        self, argv: Sequence[str], stdin: bytes | Iterable[bytes], timeout: float
    ) -> tuple[int, str, str]:
        self._connection()  # its complaints are sentences, those of ssh are not
        command = [*self._ssh(), _bounded(argv, timeout)]
        done = LocalHost(self._name).run(command, stdin=stdin, timeout=timeout + GRACE, check=False)
        if done.code == NOT_CONNECTED:
            raise self._lost(done.err.strip().splitlines()[-1:][0] if done.err.strip() else "ssh")
        return done.code, done.out, done.err

    def _ssh(self, *flags: str) -> list[str]:
        from slipway.hosts import openssh

        made = self._open or self._made()
        return openssh.command(made, self._known_hosts, self._identity, *flags)


def _bounded(argv: Sequence[str], timeout: float) -> str:
    """sshd leaves a command running when its connection drops; `timeout` on the host ends it,
    with its children, at the latest when its time is over."""
    return f"exec timeout --kill-after=5 {timeout:.3f} {shlex.join(argv)}"


def _transient(error: BaseException) -> bool:
    import paramiko

    from slipway.hosts.connection import HopFailed

    if isinstance(error, HopFailed):
        return _transient(error.cause)
    refused = paramiko.ssh_exception.NoValidConnectionsError | ConnectionRefusedError
    return isinstance(error, refused | ConnectionResetError | EOFError) or "banner" in str(error)


def _end(channel: "Channel") -> None:
    """Ask sshd (7.9 or later) to end the whole process group of a command."""
    from paramiko import Message

    with contextlib.suppress(Exception):  # the connection may be gone; then `timeout` ends it
        message = Message()
        message.add_byte(SSH_MSG_CHANNEL_REQUEST)
        message.add_int(channel.remote_chanid)
        message.add_string("signal")
        message.add_boolean(False)
        message.add_string("TERM")
        transport: Any = channel.get_transport()
        transport._send_user_message(message)


def _read(receive: Callable[[int], bytes], into: list[bytes]) -> None:
    while chunk := receive(64 * 1024):
        into.append(chunk)


def _feed(channel: Any, data: bytes) -> None:
    # A command that ends early closes the channel; its exit code tells why.
    with contextlib.suppress(OSError, EOFError):
        channel.sendall(data)
        channel.shutdown_write()


def _text(chunks: list[bytes]) -> str:
    return b"".join(chunks).decode(errors="replace")
