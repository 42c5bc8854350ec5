"""The edges asked from this computer, as a user's browser reaches them."""

import http.client
import socket
import ssl
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from slipway.edge import headers
from slipway.environments import domains

TIMEOUT = 5.0


@dataclass(frozen=True)
class Entrance:
    """Where this computer reaches one machine's edge."""

    address: str
    http: int
    https: int


def serving(
    entrances: Mapping[str, Entrance], settings: Mapping[str, str], key: str
) -> dict[str, str]:
    """Ask every machine's edge which routes it serves; nothing for one that is not reached."""
    names = domains.split(settings["DOMAIN"])

    def one(entrance: Entrance) -> str:
        try:
            return _ask(entrance, settings["TLS"] != "off", names, key)
        except (OSError, http.client.HTTPException):
            return ""

    with ThreadPoolExecutor(max_workers=max(1, min(8, len(entrances)))) as pool:
        return dict(zip(entrances, pool.map(one, entrances.values()), strict=True))


def _ask(entrance: Entrance, tls: bool, names: Sequence[str], key: str) -> str:
    name = names[0].replace("*", "www") if names else entrance.address
    port = entrance.https if tls else entrance.http
    connection = http.client.HTTPConnection(name, port, timeout=TIMEOUT)
    connection.sock = socket.create_connection((entrance.address, port), timeout=TIMEOUT)
    try:
        if tls:  # what answers is asked here; whether its certificate is right is the browser's
            connection.sock = _any_certificate().wrap_socket(connection.sock, server_hostname=name)
        connection.request("GET", headers.UP, headers={headers.KEY: key})
        response = connection.getresponse()
        text = response.read(200).decode(errors="replace").strip()
        return text if response.status == 200 else f"status {response.status}"
    finally:
        connection.close()


def _any_certificate() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
