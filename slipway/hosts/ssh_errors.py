"""What can go wrong on the way to a host, as one sentence that says what to do next."""

import socket
from dataclasses import replace
from pathlib import Path

from slipway.errors import Unreachable
from slipway.hosts import known_hosts
from slipway.hosts.ssh_route import SshRoute
from slipway.hosts.strict_fabric import CONNECT_SECONDS, Connection, HopFailed, KeyRefused


def translate(
    error: BaseException, route: SshRoute, connection: Connection, took: float
) -> Unreachable:
    """The sentence for a connection that did not come about in `took` seconds."""
    import paramiko

    if isinstance(error, HopFailed):
        hop = replace(route, user=error.hop.user, address=error.hop.host, port=int(error.hop.port))
        return translate(error.cause, hop, error.hop, took)
    if isinstance(error, KeyRefused):
        return Unreachable(route.name, _about_key(error, route))
    if isinstance(error, paramiko.AuthenticationException):
        return Unreachable(route.name, _about_login(route, connection))
    if isinstance(error, paramiko.ChannelException):
        return Unreachable(route.name, f"the jump host cannot reach {route.place}: {error.text}")
    if isinstance(error, paramiko.ssh_exception.NoValidConnectionsError | ConnectionRefusedError):
        return Unreachable(
            route.name, f"{route.place} refuses the connection; is the machine up, and sshd on it?"
        )
    if isinstance(error, socket.gaierror):
        return Unreachable(route.name, f"the name {route.address} cannot be resolved")
    if isinstance(error, TimeoutError):
        return Unreachable(
            route.name,
            f"no answer from {route.place} within {CONNECT_SECONDS} s; is the machine up, and does "
            "its firewall let you in?",
        )
    # Paramiko has one text for a host that says nothing and for one that hangs up.
    if took >= CONNECT_SECONDS:
        return Unreachable(
            route.name,
            f"{route.place} accepts the connection and says nothing for {CONNECT_SECONDS} s; "
            "is the machine frozen or overloaded?",
        )
    if isinstance(error, EOFError) or "banner" in str(error):
        return Unreachable(
            route.name,
            f"{route.place} closed the connection before the SSH banner; is it sshd, and does it "
            "refuse this address for some minutes (PerSourcePenalties, fail2ban)?",
        )
    return Unreachable(route.name, f"no connection to {route.place}: {error}")


def _about_key(error: KeyRefused, route: SshRoute) -> str:
    name, _, port = error.hop.removeprefix("[").partition("]:")
    file, key = _shown(route.known_hosts), error.shown
    if key in known_hosts.revoked(route.known_hosts, name, int(port or 22)):
        return (
            f"the host key of {error.hop} is revoked ({file} says so of {key.kind} "
            f"{key.fingerprint}); someone may be intercepting the connection with a stolen key"
        )
    # To scan once more would trust whoever answers then.
    add = f"echo '{error.hop} {key.kind} {key.text}' >> {file}"
    if error.expected is None:
        return (
            f"the host key of {error.hop} is unknown ({key.kind} {key.fingerprint} is not in "
            f"{file}); compare it with the machine's console, then type `{add}`"
        )
    return (
        f"THE HOST KEY OF {error.hop} CHANGED: {file} says {error.expected}, the machine shows "
        f"{key.fingerprint}; someone may be intercepting the connection. Only if its console shows "
        f"the same, type `ssh-keygen -R '{error.hop}' -f {file}`, then `{add}`"
    )


def _about_login(route: SshRoute, connection: Connection) -> str:
    tried = ", ".join(_keys(route, connection)) or "none"
    return (
        f"{route.place} refuses {route.user}; keys tried: {tried}. "
        f"Is one of them in ~{route.user}/.ssh/authorized_keys there?"
    )


def _keys(route: SshRoute, connection: Connection) -> list[str]:
    if connection.keys is not None:
        return connection.keys.tried
    return [_shown(route.identity)] if route.identity else []


def _shown(path: Path) -> str:
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)
