"""Fabric's connection with host keys checked on every hop; imported only when a host is reached."""

import base64
import logging
import shlex
import socket
from collections.abc import Mapping, Sequence
from pathlib import Path

import fabric  # type: ignore[import-untyped]  # noqa: TID253  only here
import paramiko  # noqa: TID253
from paramiko.pkey import UnknownKeyType  # noqa: TID253

from slipway import child_environment
from slipway.errors import Unreachable
from slipway.hosts import known_hosts, ssh_config
from slipway.hosts.known_hosts import HostKey, place
from slipway.hosts.ssh_config import Jump, SshConfig
from slipway.hosts.ssh_keys import OwnKeys
from slipway.hosts.ssh_route import SshRoute

CONNECT_SECONDS = 10
MOST_JUMPS = 8
SILENCE_SECONDS = 30  # a host that acknowledges nothing for so long is gone

# Paramiko prints tracebacks of its own threads; what matters is raised as well.
logging.getLogger("paramiko").setLevel(logging.CRITICAL)


class KeyRefused(paramiko.SSHException):
    """A hop showed a host key that its known_hosts file does not vouch for."""

    def __init__(self, hop: str, shown: paramiko.PKey, expected: str | None) -> None:
        super().__init__(f"{hop} shows {shown.fingerprint}")
        self.hop = hop  # as known_hosts spells it: `host` or `[host]:port`
        self.shown = HostKey(shown.get_name(), shown.get_base64())
        self.expected = expected  # None: the hop is unknown


class HopFailed(paramiko.SSHException):
    """A jump host was not reached; the cause says why."""

    def __init__(self, hop: fabric.Connection, cause: BaseException) -> None:
        super().__init__(str(cause))
        self.hop = hop
        self.cause = cause


class RefuseKey(paramiko.MissingHostKeyPolicy):
    """Refuses; also tells a host nobody knows from one known by a key of another type."""

    def missing_host_key(
        self, client: paramiko.SSHClient, hostname: str, key: paramiko.PKey
    ) -> None:
        keys = client.get_host_keys().lookup(hostname)
        other = next(iter(keys.values()), None) if keys else None
        expected = other.fingerprint if other is not None else None
        raise KeyRefused(hostname, key, expected)


class Connection(fabric.Connection):  # type: ignore[misc]  # Fabric has no types
    """Fabric trusts every host key by default (fabric/fabric#2071); this one only the file's."""

    known_hosts: Path
    alias: str  # what it was typed as; the person's ssh_config may lead it to another address
    keys: OwnKeys | None = None  # of the person, where those count
    gateway: fabric.Connection | str | bool | None = None  # as Fabric has it

    def open(self) -> object:
        if self.is_connected:
            return None
        address = place(str(self.host), int(self.port))
        known = self.client.get_host_keys()
        known.clear()
        trusted = [key for each in self._trusted() if (key := _loaded(each))]
        for key in trusted:
            if key.get_name() not in (known.lookup(address) or {}):
                known.add(address, key.get_name(), key)
        self.client.set_missing_host_key_policy(RefuseKey())
        try:
            result = self._open_with_any(address, trusted)
        except paramiko.BadHostKeyException as error:
            hop, expected = address, error.expected_key.fingerprint
            raise KeyRefused(hop, error.key, expected) from None
        _tune(self.transport)
        return result

    def _open_with_any(self, address: str, trusted: Sequence[paramiko.PKey]) -> object:
        """Open; of several keys of one kind Paramiko compares one alone, and ssh all."""
        try:
            return super().open()
        except paramiko.BadHostKeyException as error:
            if error.key not in trusted:
                raise
            self.client.close()
            self.client.get_host_keys().add(address, error.key.get_name(), error.key)
            return super().open()

    def open_gateway(self) -> object:
        if isinstance(self.gateway, str):  # Fabric would run it without a shell
            less = [word for name in child_environment.withheld("ssh") for word in ("-u", name)]
            line = ["env", *less, "sh", "-c", f"exec {self.gateway}"]
            return paramiko.ProxyCommand(shlex.join(line))
        try:
            self.gateway.open()  # type: ignore[union-attr]  # it is one: Fabric has looked
        except (KeyRefused, HopFailed):
            raise
        except (OSError, EOFError, paramiko.SSHException) as error:
            raise HopFailed(self.gateway, error) from error
        return super().open_gateway()

    @property
    def key_name(self) -> str:
        """By which name the file vouches for it: what was typed, else where that leads."""
        name = self.alias if self._keys_of(self.alias) else str(self.host)
        return place(name, int(self.port))

    def _trusted(self) -> list[HostKey]:
        """The keys of the name that was typed count for the address that it leads to."""
        return self._keys_of(self.alias) or self._keys_of(str(self.host))

    def _keys_of(self, name: str) -> list[HostKey]:
        return known_hosts.pinned(self.known_hosts, name, int(self.port))


def new_connection(route: SshRoute) -> Connection:
    """Return a connection that is not open yet. Raises Unreachable where ssh_config is damaged."""
    if route.identity is None:
        target = ssh_config.resolve(route.name, route.address, route.user, route.port)
        return _as_configured(route, target)
    keys = {"key_filename": [str(route.identity)], "allow_agent": False, "look_for_keys": False}
    jump = ssh_config.read_jump(route.gateway) if route.gateway else None
    gateway = _connection(route, jump, keys) if jump else None
    return _connection(route, Jump(route.address, route.user, route.port), keys, gateway)


def hops(connection: Connection) -> list[Connection]:
    """Return each jump host, the nearest to this computer first."""
    route: list[Connection] = []
    hop = connection.gateway
    while isinstance(hop, Connection):
        route.insert(0, hop)
        hop = hop.gateway
    return route


def _as_configured(
    route: SshRoute, target: SshConfig, behind: Connection | None = None, depth: int = 0
) -> Connection:
    """Return a connection as the person's ssh_config has it, or `behind` a host named before it."""
    if depth > MOST_JUMPS:
        raise Unreachable(route.name, f"ProxyJump of {target.alias} in ssh_config never ends")
    hop = behind
    for jump in target.jumps if behind is None else ():
        config = ssh_config.resolve(route.name, jump.address, jump.user, jump.port)
        hop = _as_configured(route, config, hop, depth + 1)
    keys = OwnKeys(target)
    to = Jump(target.address, target.user, target.port)
    strict = _connection(route, to, {"auth_strategy": keys}, hop or target.proxy_command or None)
    strict.alias, strict.keys = target.alias, keys
    return strict


def _connection(
    route: SshRoute,
    to: Jump,
    keys: Mapping[str, object],
    gateway: Connection | str | None = None,
) -> Connection:
    # Of Fabric's and Invoke's own files of settings none is read: ssh_config says all.
    strict = Connection(
        to.address,
        user=to.user or None,
        port=to.port or None,
        gateway=gateway or False,
        config=fabric.Config(ssh_config=paramiko.SSHConfig(), lazy=True),
        connect_timeout=CONNECT_SECONDS,
        connect_kwargs={
            "banner_timeout": CONNECT_SECONDS,
            "auth_timeout": 2 * CONNECT_SECONDS,
            "channel_timeout": 2 * CONNECT_SECONDS,
            **keys,
        },
    )
    strict.known_hosts, strict.alias = route.known_hosts, to.address
    return strict


def _loaded(key: HostKey) -> paramiko.PKey | None:
    """Read a key; none of a kind that Paramiko does not know."""
    try:
        return paramiko.PKey.from_type_string(key.kind, base64.b64decode(key.text))
    except (ValueError, paramiko.SSHException, UnknownKeyType):
        return None


def _tune(transport: paramiko.Transport) -> None:
    if not isinstance(transport.sock, socket.socket):
        return
    # Nagle's algorithm and delayed acknowledgements together cost 40 ms a command.
    transport.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    # A keepalive alone never fails: TCP would go on for a quarter of an hour.
    option = getattr(socket, "TCP_USER_TIMEOUT", None)
    if option is not None:
        transport.sock.setsockopt(socket.IPPROTO_TCP, option, SILENCE_SECONDS * 1000)
