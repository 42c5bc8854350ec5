"""What the worker says about itself over HTTP: /up, /ready and /version, for health checks."""

import json
import threading
import time
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from worker.settings import Release

PORT = 8000
# The loop turns every few seconds; a job or a connection attempt may take its time.
LONGEST_SILENCE = 60.0


class Status:
    """Written by the loop, read by the server's threads."""

    def __init__(self, release: Release, migration_head: str) -> None:
        self._release = release
        self._wanted_head = migration_head
        self._last_beat = time.monotonic()
        self._reason = "not connected to the database yet"

    def beat(self) -> None:
        """The loop turned."""
        self._last_beat = time.monotonic()

    def connected(self, head: str) -> None:
        """The database answers; it is at this migration."""
        behind = bool(self._wanted_head) and head < self._wanted_head
        self._reason = (
            f"the database is at migration {head or 'none'}; this release needs {self._wanted_head}"
            if behind
            else ""
        )

    def disconnected(self, reason: str) -> None:
        """The database does not answer."""
        self._reason = reason

    def answer(self, path: str) -> tuple[HTTPStatus, dict[str, object]]:
        """Return what a request gets."""
        if path == "/up":
            up = time.monotonic() - self._last_beat < LONGEST_SILENCE
            return _status(up), {"up": up}
        if path == "/ready":
            reason = self._reason
            return _status(not reason), {"ready": not reason, "reason": reason}
        if path == "/version":
            return HTTPStatus.OK, dict(self._release.as_json())
        return HTTPStatus.NOT_FOUND, {"error": "There is nothing at this address."}

    def serve(self) -> None:
        """Answer in a thread that ends with the process."""
        server = ThreadingHTTPServer(("", PORT), self._handler())
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, name="status", daemon=True).start()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        status = self

        class Handler(BaseHTTPRequestHandler):
            timeout = 5
            wbufsize = -1  # head and body in one packet

            def do_GET(self) -> None:
                code, answer = status.answer(self.path)
                body = json.dumps(answer).encode()
                self.send_response(code)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Probes are no news."""

        return Handler


def _status(good: bool) -> HTTPStatus:
    return HTTPStatus.OK if good else HTTPStatus.SERVICE_UNAVAILABLE
