"""The command line of a real `ssh` that trusts exactly what our own connections trust."""

import shlex
from pathlib import Path

from slipway.hosts.ssh_route import SshRoute
from slipway.hosts.ssh_watchdog import BEAT, BEATS
from slipway.hosts.strict_fabric import CONNECT_SECONDS, Connection, hops


def command(connection: Connection, route: SshRoute, *flags: str) -> list[str]:
    """Everything up to the remote command; the connection need not be open.

    Each host is called as it was typed: under that name ssh_config speaks of it.
    """
    options = _options(route.known_hosts, route.identity)
    proxy: list[str] = []
    for hop in hops(connection):
        # -J would check the jump host against the person's own files, not against ours.
        via = ["ssh", *options, *proxy, "-W", "[%h]:%p", *_place(hop)]
        proxy = ["-o", f"ProxyCommand={shlex.join(via)}"]
    return ["ssh", *flags, *options, *proxy, *_place(connection)]


def _place(connection: Connection) -> list[str]:
    name = ["-o", f"HostKeyAlias={connection.key_name}"]
    return [*name, "-p", str(connection.port), "-l", str(connection.user), "--", connection.alias]


def _options(known_hosts: Path, identity: Path | None) -> list[str]:
    options = {
        "UserKnownHostsFile": f'"{known_hosts}"',
        "GlobalKnownHostsFile": "/dev/null",
        "KnownHostsCommand": "none",
        "StrictHostKeyChecking": "yes",
        "UpdateHostKeys": "no",
        "VerifyHostKeyDNS": "no",
        "ControlPath": "none",  # a person's shared connection was checked against other files
        "ForwardAgent": "no",
        "BatchMode": "yes",
        "ConnectTimeout": str(CONNECT_SECONDS),
        "ServerAliveInterval": f"{BEAT:.0f}",
        "ServerAliveCountMax": str(BEATS),
        "LogLevel": "ERROR",
    }
    own: list[str] = []
    if identity is not None:
        options |= {"IdentitiesOnly": "yes", "IdentityAgent": "none"}
        own = ["-F", "none", "-i", str(identity)]
    return own + [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
