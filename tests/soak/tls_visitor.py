"""A visitor of machines over TLS who trusts one authority, and notes whatever fails."""

import http.client
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import yaml

from slipway.certificates import pem
from tests.e2e.checkout import Checkout


@dataclass
class Watched:
    """What a visitor met: each failure with its moment, and how many requests there were."""

    requests: int = 0
    failures: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Visitor:
    """Asks for names at machines; `ports` are those of HTTPS, by machine.

    By default the edge itself answers, whatever becomes of the services behind it.
    """

    trust: ssl.SSLContext
    names: Sequence[str]
    ports: Mapping[str, int]
    path: str = "/_edge/up"

    @classmethod
    def of(cls, project: Checkout, root: str, names: Sequence[str]) -> "Visitor":
        """Visit the machines of staging, and trust the authority whose certificate `root` is."""
        inventory = yaml.safe_load(project.path(".slipway/staging/machines.yml").read_text())
        ports = {machine: each["https_port"] for machine, each in inventory.items()}
        return cls(ssl.create_default_context(cadata=root), names, ports)

    def serial(self, machine: str, name: str) -> str:
        """Ask for a page on a connection of its own; return whose certificate was shown."""
        with (
            socket.create_connection(("127.0.0.1", self.ports[machine]), timeout=10) as plain,
            self.trust.wrap_socket(plain, server_hostname=name) as secured,
        ):
            data = ssl.DER_cert_to_PEM_cert(secured.getpeercert(binary_form=True) or b"")
            connection = http.client.HTTPConnection(name)
            connection.sock = secured
            connection.request("GET", self.path, headers={"Connection": "close"})
            status = connection.getresponse().status
            if status != 200:
                raise OSError(f"answered {status}")
        return pem.read(data.encode()).serial

    def serials(self, *machines: str) -> set[tuple[str, ...]]:
        """Return what is shown for each name, once for machines that show the same."""
        return {tuple(self.serial(machine, name) for name in self.names) for machine in machines}

    def sees_the_same_everywhere(self) -> bool:
        """Whether every name is answered by every machine, with one certificate for each."""
        try:
            return len(self.serials(*self.ports)) == 1
        except (OSError, http.client.HTTPException):
            return False

    @contextmanager
    def watching(self, machine: str) -> Iterator[Watched]:
        """Ask again and again for a block."""
        watched = Watched()
        is_over = threading.Event()

        def watch() -> None:
            while not is_over.wait(0.1):
                for name in self.names:
                    watched.requests += 1
                    try:
                        self.serial(machine, name)
                    except (OSError, http.client.HTTPException) as error:
                        now = time.strftime("%H:%M:%S", time.gmtime())
                        watched.failures.append(f"{now} {name}: {error!r}")

        thread = threading.Thread(target=watch)
        thread.start()
        try:
            yield watched
        finally:
            is_over.set()
            thread.join(60)
