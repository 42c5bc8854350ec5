"""A server that takes every query and does nothing but remember it, as the client sent it."""

import re
import socketserver
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ENCRYPTION_REQUESTS = (80877103, 80877104)
LOGIN_DONE = b"R" + struct.pack("!ii", 8, 0)
READY = b"Z" + struct.pack("!i", 5) + b"I"
EMPTY = b"I" + struct.pack("!i", 4)
COPY = re.compile(
    r"(?:\s|--[^\n]*\n|/\*.*?\*/)*copy\b.*\bfrom\s+std(?:in|out)\b", re.IGNORECASE | re.DOTALL
)
SEND_DATA = b"G" + struct.pack("!ibh", 7, 0, 0)
COPIED = b"C" + struct.pack("!i", 11) + b"COPY 0\0"
STATUS = {
    "server_version": "17.0",
    "server_encoding": "UTF8",
    "client_encoding": "UTF8",
    "standard_conforming_strings": "on",
}


class Listener(socketserver.ThreadingUnixStreamServer):
    """PostgreSQL's protocol, as far as psql needs it to send what it reads."""

    daemon_threads = True

    def __init__(self, folder: Path) -> None:
        self.heard: list[str] = []
        self.path = folder / ".s.PGSQL.5432"
        super().__init__(str(self.path), _Client)

    def server_close(self) -> None:
        super().server_close()
        self.path.unlink(missing_ok=True)


class _Client(socketserver.StreamRequestHandler):
    server: Listener

    def handle(self) -> None:
        while self._message()[:4] in [struct.pack("!i", each) for each in ENCRYPTION_REQUESTS]:
            self.wfile.write(b"N")
        self.wfile.write(LOGIN_DONE)
        for name, value in STATUS.items():
            body = f"{name}\0{value}\0".encode()
            self.wfile.write(b"S" + struct.pack("!i", len(body) + 4) + body)
        self.wfile.write(READY)
        while self.rfile.read(1) == b"Q":
            query = self._message().rstrip(b"\0").decode()
            self.server.heard.append(query)
            if COPY.match(query):
                self._take_data()
            else:
                self.wfile.write(EMPTY + READY)

    def _take_data(self) -> None:
        """Let the client send what follows a COPY … FROM STDIN, and drop it."""
        self.wfile.write(SEND_DATA)
        while self.rfile.read(1) == b"d":
            self._message()
        self._message()  # that it is done, or has failed
        self.wfile.write(COPIED + READY)

    def _message(self) -> bytes:
        (size,) = struct.unpack("!i", self.rfile.read(4))
        return self.rfile.read(size - 4)


@contextmanager
def listening(folder: Path) -> Iterator[Listener]:
    """Listen on a socket in a folder, which is what psql takes for a host."""
    with Listener(folder) as listener:
        threading.Thread(target=listener.serve_forever, args=[0.01], daemon=True).start()
        try:
            yield listener
        finally:
            listener.shutdown()
