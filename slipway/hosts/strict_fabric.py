"""Fabric's connection with host keys checked on every hop; imported only when a host is reached."""

import logging
import socket
from pathlib import Path

import fabric  # type: ignore[import-untyped]  # noqa: TID253  only here
import paramiko  # noqa: TID253

from slipway.hosts.ssh_route import SshRoute

CONNECT_SECONDS = 10
KEEPALIVE_SECONDS = 10
SILENCE_SECONDS = 30  # a host that acknowledges nothing for so long is gone

# Paramiko prints tracebacks of its own threads; what matters is raised as well.
logging.getLogger("paramiko").setLevel(logging.CRITICAL)


class KeyRefused(paramiko.SSHException):
    """A hop showed a host key that its known_hosts file does not vouch for."""

    def __init__(self, hop: str, shown: str, kind: str, expected: str | None) -> None:
        super().__init__(f"{hop} shows {shown}")
        self.hop = hop  # as known_hosts spells it: `host` or `[host]:port`
        self.shown = shown
        self.kind = kind
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
        raise KeyRefused(hostname, key.fingerprint, key.get_name(), expected)


class Connection(fabric.Connection):  # type: ignore[misc]  # Fabric has no types
    """Fabric trusts every host key by default (fabric/fabric#2071); this one only the file's."""

    known_hosts: Path | None = None
    gateway: fabric.Connection | str | bool | None = None  # as Fabric has it

    def open(self) -> object:
        if self.is_connected:
            return None
        if self.known_hosts is not None and self.known_hosts.exists():
            self.client.load_host_keys(str(self.known_hosts))
        self.client.set_missing_host_key_policy(RefuseKey())
        try:
            result = super().open()
        except paramiko.BadHostKeyException as error:
            raise KeyRefused(
                error.hostname,
                error.key.fingerprint,
                error.key.get_name(),
                error.expected_key.fingerprint,
            ) from None
        self.transport.set_keepalive(KEEPALIVE_SECONDS)
        _tune(self.transport)
        return result

    def open_gateway(self) -> object:
        # Fabric makes the hops of ssh_config itself, as connections that trust everybody.
        if isinstance(self.gateway, fabric.Connection):
            self.gateway = self._strict(self.gateway)
            try:
                self.gateway.open()
            except (KeyRefused, HopFailed):
                raise
            except (OSError, EOFError, paramiko.SSHException) as error:
                raise HopFailed(self.gateway, error) from error
        return super().open_gateway()

    def _strict(self, hop: fabric.Connection) -> "Connection":
        if isinstance(hop, Connection):
            return hop
        inner = self._strict(hop.gateway) if isinstance(hop.gateway, fabric.Connection) else None
        strict = Connection(
            hop.original_host,
            user=hop.user,
            port=hop.port,
            gateway=inner or hop.gateway or False,
            config=hop.config.clone(),
            connect_timeout=CONNECT_SECONDS,
            connect_kwargs=dict(self.connect_kwargs),
        )
        strict.known_hosts = self.known_hosts
        return strict


def new_connection(route: SshRoute) -> Connection:
    """Return a connection that is not open yet."""
    keys: dict[str, object] = {
        "banner_timeout": CONNECT_SECONDS,
        "auth_timeout": 2 * CONNECT_SECONDS,
        "channel_timeout": 2 * CONNECT_SECONDS,
    }
    if route.identity is None:
        config = fabric.Config()
    else:
        config = fabric.Config(ssh_config=paramiko.SSHConfig())
        own = {"key_filename": [str(route.identity)], "allow_agent": False, "look_for_keys": False}
        keys |= own
    hop = fabric.Connection(route.gateway, config=config.clone()) if route.gateway else None
    strict = Connection(
        route.address,
        user=route.user or None,
        port=route.port or None,
        gateway=hop,
        config=config,
        connect_timeout=CONNECT_SECONDS,
        connect_kwargs=keys,
    )
    strict.known_hosts = route.known_hosts
    return strict


def hops(connection: Connection) -> list[tuple[str, str, int]]:
    """User, host and port of each jump host, the nearest to this computer first."""
    route: list[tuple[str, str, int]] = []
    hop = connection.gateway
    while isinstance(hop, fabric.Connection):
        route.insert(0, (hop.user, hop.host, hop.port))
        hop = hop.gateway
    return route


def _tune(transport: paramiko.Transport) -> None:
    if not isinstance(transport.sock, socket.socket):
        return
    # Nagle's algorithm and delayed acknowledgements together cost 40 ms a command.
    transport.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    # A keepalive alone never fails: TCP would go on for a quarter of an hour.
    option = getattr(socket, "TCP_USER_TIMEOUT", None)
    if option is not None:
        transport.sock.setsockopt(socket.IPPROTO_TCP, option, SILENCE_SECONDS * 1000)
