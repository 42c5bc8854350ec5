"""An edge as it is seen from outside: answers each request with the next of some texts."""

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from slipway.edge.outside import Entrance


class FrontDoor(http.server.ThreadingHTTPServer):
    """Says its texts one after the other, and the last one for ever."""

    def __init__(self, *texts: str) -> None:
        self.texts = list(texts)
        super().__init__(("127.0.0.1", 0), _Answer)

    @property
    def entrance(self) -> Entrance:
        return Entrance("127.0.0.1", self.server_port, self.server_port)


class _Answer(http.server.BaseHTTPRequestHandler):
    server: FrontDoor

    def do_GET(self) -> None:
        texts = self.server.texts
        text = texts.pop(0) if len(texts) > 1 else texts[0]
        self.send_response(200)
        self.end_headers()
        self.wfile.write(f"{text}\n".encode())

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def front_door(*texts: str) -> Iterator[FrontDoor]:
    """Answer on a port of this computer."""
    with FrontDoor(*texts) as door:
        thread = threading.Thread(target=door.serve_forever, args=[0.01], daemon=True)
        thread.start()
        try:
            yield door
        finally:
            door.shutdown()
            thread.join()
