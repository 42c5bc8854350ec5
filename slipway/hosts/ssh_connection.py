"""One kept SSH connection to a host: opened when it is needed, shared by threads, made anew."""

import contextlib
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from slipway.errors import Unreachable
from slipway.hosts import ssh_watchdog
from slipway.hosts.host import SECONDS
from slipway.hosts.ssh_route import SshRoute
from slipway.hosts.ssh_watchdog import SILENCE

if TYPE_CHECKING:
    from paramiko import Channel

    from slipway.hosts.strict_fabric import Connection

SESSIONS = 8  # at once over one connection; sshd allows 10 (MaxSessions)
PATIENCE = 10 * SECONDS  # with an sshd that opens no more sessions
# For its answer, however busy it is: on one that says nothing at all the watchdog hangs up before.
LONGEST = 4 * SILENCE
PAUSE = 0.05 * SECONDS
FROZEN_FOR = 5 * SECONDS  # so long a host that was seen to be frozen is not tried again
PAUSES = (0.3, 1.0)  # between tries while a host refuses: sshd restarts, MaxStartups
SSH_MSG_CHANNEL_REQUEST = b"\x62"  # RFC 4254, section 6.9: signals


class SshConnection:
    """The way to a host, and the connection over it while there is one."""

    def __init__(self, route: SshRoute) -> None:
        self._route = route
        self._open: Connection | None = None
        self._opening = threading.Lock()
        self._sessions = threading.BoundedSemaphore(SESSIONS)
        self._running: set[Channel] = set()
        self._closed: WeakSet[Channel] = WeakSet()  # whose commands `close` has ended
        self._silent_at: float | None = None  # when a connection was given up on
        self._frozen: tuple[float, Unreachable] | None = None  # when a new one was, and why

    def connected(self) -> "Connection":
        """The connection, opened now if need be. Raises Unreachable with a sentence."""
        with self._opening:
            if self._open is None or not self._open.is_connected:
                self._open = self._connect_unless_frozen()
            return self._open

    @contextlib.contextmanager
    def session(self) -> Iterator["Channel"]:
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

    def close(self) -> None:
        """End what runs and hang up; the next session opens a new connection."""
        with self._opening:
            connection, self._open = self._open, None
        if connection is None:
            return
        running = list(self._running)
        self._closed.update(running)
        for channel in running:
            _end(channel)
        with contextlib.suppress(Exception):  # it is thrown away; how it ends is of no interest
            connection.close()

    def is_closed(self, channel: "Channel") -> bool:
        """Whether `close` ended what a channel ran, which may still have told its end."""
        return channel in self._closed

    def lost(self, what: str) -> Unreachable:
        """The error for a connection that broke."""
        if self._silent_at is not None and time.monotonic() - self._silent_at < SILENCE:
            what = f"nothing came back for {SILENCE:.0f} s, is it frozen?; {what}"
        return Unreachable(self._route.name, f"the connection was lost ({what})")

    def ssh(self, *flags: str) -> list[str]:
        """The command line of a real `ssh` that goes the same way and trusts the same keys."""
        from slipway.hosts import openssh

        return openssh.command(self.connected(), self._route, *flags)

    def _connect_unless_frozen(self) -> "Connection":
        """Connect; those who wait for a host that says nothing do not each wait in turn."""
        if self._frozen and time.monotonic() - self._frozen[0] < FROZEN_FOR:
            raise self._frozen[1]
        from slipway.hosts.strict_fabric import CONNECT_SECONDS

        began = time.monotonic()
        try:
            return self._connect()
        except Unreachable as error:
            is_frozen = time.monotonic() - began >= CONNECT_SECONDS
            self._frozen = (time.monotonic(), error) if is_frozen else None
            raise

    def _connect(self) -> "Connection":
        import paramiko

        from slipway.hosts import ssh_errors
        from slipway.hosts.strict_fabric import CONNECT_SECONDS, new_connection

        for pause in (*PAUSES, None):
            connection, began = new_connection(self._route), time.monotonic()
            try:
                connection.open()
                ssh_watchdog.watch(connection.transport, self._note_silence)
                return connection
            except (OSError, EOFError, paramiko.SSHException) as error:
                with contextlib.suppress(Exception):
                    connection.close()
                took = time.monotonic() - began
                if pause is None or took >= CONNECT_SECONDS or not _transient(error):
                    route = self._route_of(connection)
                    raise ssh_errors.translate(error, route, connection, took) from error
                time.sleep(pause)
        raise AssertionError("unreachable")

    def _note_silence(self) -> None:
        self._silent_at = time.monotonic()

    def _route_of(self, connection: "Connection") -> SshRoute:
        """The route as ssh_config completed it."""
        user, address, port = connection.user, connection.host, int(connection.port)
        return replace(self._route, user=user, address=address, port=port)

    def _channel(self) -> "Channel":
        """Nothing has been sent when opening a channel fails, so trying again is safe."""
        import paramiko

        deadline = time.monotonic() + PATIENCE
        is_fresh = False
        while True:
            connection = self.connected()
            transport = connection.transport
            try:
                return transport.open_session(timeout=LONGEST)  # type: ignore[no-any-return]
            except (paramiko.SSHException, EOFError, OSError) as error:
                if transport.is_active():
                    # sshd still counts sessions that ended a moment ago; the connection is good,
                    # and others use it. Not only where Paramiko says ChannelException: it keeps
                    # one reason for all threads, so of two refusals at once one comes without.
                    if time.monotonic() > deadline:
                        raise self.lost(f"sshd opens no session: {error}") from error
                    time.sleep(PAUSE)
                    continue
                if is_fresh:
                    raise self.lost(f"no session: {error}") from error
                is_fresh = True
                self._drop(connection)

    def _drop(self, connection: "Connection") -> None:
        with self._opening:
            if self._open is connection:
                self._open = None
        with contextlib.suppress(Exception):  # it is broken already
            connection.close()


def _transient(error: BaseException) -> bool:
    import paramiko

    from slipway.hosts.strict_fabric import HopFailed

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
        transport: Any = channel.get_transport()  # what it needs is private
        with channel.lock:  # sshd hangs up on everybody when this comes for one that has ended
            if not channel.closed:
                transport._send_user_message(message)
