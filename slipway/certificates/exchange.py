"""The bundle on its way: served to edges, and asked of them, by TLS in which both sides show one
certificate that only they have."""

import http.client
import http.server
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from slipway.certificates import pem
from slipway.certificates.bundle import BY_CADDY, LARGEST, Bundle
from slipway.certificates.places import CHALLENGE_PORT, EDGE, EDGE_PORT, IDENTITY, NAME, PORT

TIMEOUT = 5.0


def trusting(purpose: ssl.Purpose, identity: Path = IDENTITY) -> ssl.SSLContext:
    """Trust whoever shows the very certificate that is shown to them, and nobody else."""
    context = ssl.SSLContext(
        ssl.PROTOCOL_TLS_SERVER if purpose is ssl.Purpose.CLIENT_AUTH else ssl.PROTOCOL_TLS_CLIENT
    )
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_cert_chain(identity)
    context.load_verify_locations(identity)
    return context


def from_edges(names: Sequence[str], trust: ssl.SSLContext) -> tuple[list[Bundle], int]:
    """Return what each edge has that answers, and how many edges there are.

    What an edge has that has nothing yet is empty.
    """
    try:
        records = socket.getaddrinfo(EDGE, EDGE_PORT, socket.AF_INET, socket.SOCK_STREAM)
    except OSError:
        return [], 0
    addresses = sorted({str(each[4][0]) for each in records})
    bundles = [bundle for address in addresses for bundle in _from_edge(address, names, trust)]
    return bundles, len(addresses)


def _from_edge(address: str, names: Sequence[str], trust: ssl.SSLContext) -> Iterator[Bundle]:
    try:
        data = _get(address, "/bundle.tar", trust)
        if data is not None:
            yield Bundle.from_tar(data)
            return
        # What its Caddy had obtained by itself, before there was an issuer.
        files = {pem.file_of(name): _get(address, f"/{pem.file_of(name)}", trust) for name in names}
        yield Bundle(BY_CADDY if any(files.values()) else 0, {k: v for k, v in files.items() if v})
    except (OSError, http.client.HTTPException, ValueError):
        return


def _get(address: str, path: str, trust: ssl.SSLContext) -> bytes | None:
    connection = http.client.HTTPConnection(NAME, EDGE_PORT, timeout=TIMEOUT)
    try:
        plain = socket.create_connection((address, EDGE_PORT), timeout=TIMEOUT)
        connection.sock = trust.wrap_socket(plain, server_hostname=NAME)
        connection.request("GET", path)
        response = connection.getresponse()
        data = response.read(LARGEST)
        if response.status not in (200, 404):
            raise OSError(f"{address} answers {response.status}")
        return data if response.status == 200 else None
    finally:
        connection.close()


def serve_bundle(current: Callable[[], Bundle], trust: ssl.SSLContext) -> None:
    """Serve the bundle to edges, in a thread; 503 while there is none."""

    class Handler(_Quiet):
        def do_GET(self) -> None:
            bundle = current()
            self.answer(200 if bundle.number else 503, bundle.to_tar() if bundle.number else b"")

    server = http.server.ThreadingHTTPServer(("", PORT), Handler)
    plain = server.socket
    server.socket = trust.wrap_socket(plain, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever, daemon=True).start()


def serve_challenges(webroot: Path) -> None:
    """Serve what the authority asks for, which edges send here; in a thread."""
    folder = webroot / ".well-known" / "acme-challenge"

    class Handler(_Quiet):
        def do_GET(self) -> None:
            file = folder / self.path.rpartition("/")[2]
            is_there = self.path.startswith("/.well-known/acme-challenge/") and file.is_file()
            self.answer(200 if is_there else 404, file.read_bytes() if is_there else b"")

    server = http.server.ThreadingHTTPServer(("", CHALLENGE_PORT), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()


class _Quiet(http.server.BaseHTTPRequestHandler):
    timeout = TIMEOUT

    def answer(self, status: int, body: bytes) -> None:
        self.send_response_only(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Nobody reads that each edge asks each minute."""
