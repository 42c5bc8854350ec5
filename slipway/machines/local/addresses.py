"""The seat of a rehearsal machine: an address and ports that stay its own for its life."""

import socket
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

Container = Mapping[str, Any]  # what `docker inspect` says of one
LOOPBACK = "127.0.0.1"
FIRST_ADDRESS = 11
PORTS = range(21000, 29000)  # below those the kernel hands out by itself
TRIES = 5


@dataclass(frozen=True)
class Address:
    """An address in the network of the machines, and three ports on this computer."""

    address: str
    ssh: int
    http: int
    https: int


NOWHERE = Address("", 0, 0, 0)


def of(container: Container) -> Address:
    """The seat of a container, running or not, from what `docker inspect` says."""
    (network,) = container["NetworkSettings"]["Networks"].values()
    ports = _published(container)
    address = network["IPAMConfig"]["IPv4Address"]
    return Address(address, ports["22/tcp"], ports["80/tcp"], ports["443/tcp"])


def free(name: str, network: str, others: Iterable[Container]) -> Iterator[Address]:
    """A few free seats, the same for the same name; `network` is `10.199.7`."""
    known = list(others)
    addresses = {of(each).address for each in known}
    candidates = (f"{network}.{last}" for last in range(FIRST_ADDRESS, 250))
    address = next(each for each in candidates if each not in addresses)
    taken = {port for each in known for port in _published(each).values()}
    ports = _free_ports(zlib.crc32(name.encode()) % len(PORTS), taken)
    for _ in range(TRIES):
        ssh, http, https = islice(ports, 3)
        yield Address(address, ssh, http, https)


def _free_ports(start: int, taken: set[int]) -> Iterator[int]:
    for offset in range(len(PORTS)):
        port = PORTS[(start + offset) % len(PORTS)]
        if port not in taken and _is_free(port):
            yield port


def _published(container: Container) -> dict[str, int]:
    bindings = container["HostConfig"]["PortBindings"] or {}
    return {port: int(bound[0]["HostPort"]) for port, bound in bindings.items()}


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True
