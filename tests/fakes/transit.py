"""A Vault with the two calls of its transit engine that sops makes, and the tokens it was shown."""

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PREFIX = "vault:v1:"


@dataclass
class Transit:
    """Where it listens, and who came. Without the right token it refuses as Vault does."""

    url: str = ""
    token: str = "its-token"
    tokens: list[str] = field(default_factory=list)

    def key(self, name: str) -> str:
        """Return the address of a key, as a rule names it."""
        return f"{self.url}/v1/transit/keys/{name}"


@contextmanager
def running() -> Iterator[Transit]:
    """Serve on a port of its own."""
    transit = Transit()

    class Handler(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:  # as Vault's own client writes
            size = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(size) or b"{}")
            transit.tokens.append(self.headers.get("X-Vault-Token", ""))
            _, _, verb, key = self.path.removeprefix("/v1").split("/")
            if transit.tokens[-1] != transit.token:
                self.answer(403, {"errors": ["permission denied"]})
            elif verb == "encrypt":
                sealed = f"{key}.{body['plaintext']}".encode()
                text = PREFIX + base64.b64encode(sealed).decode()
                self.answer(200, {"data": {"ciphertext": text, "key_version": 1}})
            else:
                sealed = base64.b64decode(body["ciphertext"].removeprefix(PREFIX))
                owner, _, plain = sealed.decode().partition(".")
                assert owner == key
                self.answer(200, {"data": {"plaintext": plain}})

        def answer(self, status: int, document: object) -> None:
            data = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        transit.url = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield transit
        finally:
            server.shutdown()
