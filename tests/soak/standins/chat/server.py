"""A service with websockets and an event stream; it may be slow to start, or deaf to SIGTERM.

BOOT_SECONDS   seconds until it listens
DEAF           anything: SIGTERM is ignored
"""

import base64
import hashlib
import os
import signal
import socket
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

RELEASE = os.environ["RELEASE"]
ACCEPT = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, section 1.3
TEXT, CLOSE, GOING_AWAY = 0x81, 0x88, 1001
sockets: set[socket.socket] = set()
stopping = threading.Event()


class Chat(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.path == "/chat/socket":
            self.talk()
        elif self.path == "/chat/events":
            self.tell()
        elif self.path == "/chat/slow":
            time.sleep(120)
            self.answer(b"at last")
        else:
            self.answer(RELEASE.encode())

    def answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("X-Release", RELEASE)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def tell(self) -> None:
        """Say every 200 ms which release this is, and when it said so."""
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        self.close_connection = True
        while not stopping.wait(0.2):
            self.wfile.write(f"data: {RELEASE} {time.time():.3f}\n\n".encode())
            self.wfile.flush()

    def talk(self) -> None:
        """Answer each frame with one that says which release this is."""
        key = self.headers["Sec-WebSocket-Key"] + ACCEPT
        digest = hashlib.sha1(key.encode(), usedforsecurity=False).digest()
        self.send_response(101)
        self.send_header("Connection", "Upgrade")
        self.send_header("Upgrade", "websocket")
        self.send_header("Sec-WebSocket-Accept", base64.b64encode(digest).decode())
        self.end_headers()
        self.close_connection = True
        sockets.add(self.connection)
        while data := self.connection.recv(1000):
            if data[0] == CLOSE:
                break
            self.connection.sendall(bytes([TEXT, len(RELEASE)]) + RELEASE.encode())
        sockets.discard(self.connection)

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


def stop(*_: object) -> None:
    """Say farewell to everybody, as servers of websockets do."""
    stopping.set()
    for each in tuple(sockets):
        each.sendall(bytes([CLOSE, 2]) + GOING_AWAY.to_bytes(2, "big"))
    sys.exit(0)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.SIG_IGN if os.environ.get("DEAF") else stop)
    time.sleep(float(os.environ.get("BOOT_SECONDS", "0")))
    ThreadingHTTPServer(("", 8000), Chat).serve_forever()
