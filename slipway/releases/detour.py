"""New connections led past an edge that is being replaced, to the one that stands in for it.

A rule of the kernel on each machine: what is open stays where it is, until it is done. The rule
lives as long as the container that it leads to, so nothing has to remember it.
"""

import contextlib
import zlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from slipway import shell_scripts
from slipway.errors import CommandFailed, Refused, SlipwayError, last_line
from slipway.hosts import parallel
from slipway.hosts.host import Host
from slipway.hosts.sudo import as_root

OPEN = shell_scripts.read(__file__, "detour_open.sh")
CLOSE = shell_scripts.read(__file__, "detour_close.sh")


@dataclass(frozen=True, order=True)
class Port:
    """A port of a machine, and that of the edge's container behind it."""

    published: int
    target: int
    protocol: str = "tcp"


class Impassable(SlipwayError):
    """A machine cannot lead connections elsewhere; the text says why."""


def open_(hosts: Sequence[Host], app: str, service: str, ports: Collection[Port]) -> None:
    """Lead new connections to the container of a service, on every machine or on none.

    Raises Impassable.
    """
    words = [f"{each.protocol}/{each.published}/{each.target}" for each in sorted(ports)]

    def one(host: Host) -> None:
        as_root(host, OPEN, chain(app), CLOSE, app, service, *words, timeout=60)

    failures = [each for each in parallel.attempt(hosts, one) if isinstance(each, SlipwayError)]
    if failures:
        parallel.attempt(hosts, lambda host: _close(host, app))
        raise Impassable("; ".join(_reason(each) for each in failures))


def close(hosts: Sequence[Host], app: str) -> None:
    """Lead new connections to the edges themselves again; what is open is finished.

    Where we are not root there is none, or it goes with the container that it leads to.
    """

    def one(host: Host) -> None:
        with contextlib.suppress(Refused):
            _close(host, app)

    parallel.each(hosts, one)


def _close(host: Host, app: str) -> None:
    as_root(host, CLOSE, chain(app), timeout=60)


def chain(app: str) -> str:
    """Name the chains of an environment: iptables takes 28 letters, and each ends with those of a
    container."""
    return f"SLIPWAY-{zlib.crc32(app.encode()):08x}"


def _reason(failure: SlipwayError) -> str:
    if isinstance(failure, CommandFailed):
        return f"{failure.host}: {last_line(failure.stderr)}"
    return str(failure)
