"""A door with TLS before a server that speaks plainly; it can be shut and opened again."""

import contextlib
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Self

NAME = "store.test"  # what the certificate says; clients need it in their hosts file
AHEAD = 64 * 1024


class Door:
    """`with Door(port, folder) as door:` leads from `door.port`, on every interface, to `port`."""

    def __init__(self, behind: int, folder: Path) -> None:
        self._behind = behind
        self.certificate = folder / "door.pem"
        self._key = folder / "door.key"
        self._listener: socket.socket | None = None
        self._open: set[socket.socket] = set()
        self.port = 0

    def __enter__(self) -> Self:
        argv = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt"]
        argv += ["ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", f"/CN={NAME}"]
        argv += ["-addext", f"subjectAltName=DNS:{NAME},IP:127.0.0.1"]
        argv += ["-keyout", str(self._key), "-out", str(self.certificate)]
        subprocess.run(argv, check=True, capture_output=True)
        self.open()
        return self

    def __exit__(self, *failure: object) -> None:
        self.shut()

    def open(self) -> None:
        """Let everybody in, at the same port as before."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self._key)
        listener = socket.create_server(("0.0.0.0", self.port))  # noqa: S104 - containers come in
        self._listener, self.port = listener, listener.getsockname()[1]
        threading.Thread(target=self._let_in, args=(listener, context), daemon=True).start()

    def shut(self) -> None:
        """Refuse whoever comes, and cut off who is inside."""
        listener, self._listener = self._listener, None
        for each in [listener, *self._open]:
            if each is not None:
                with contextlib.suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)
        if listener is not None:
            listener.close()
        # The others are closed by the threads that lead them: TLS would go on writing to the number
        # of a closed socket, whoever has that number then.

    @contextlib.contextmanager
    def closed(self) -> Iterator[None]:
        """Let nobody in for a block."""
        self.shut()
        try:
            yield
        finally:
            self.open()

    def _let_in(self, listener: socket.socket, context: ssl.SSLContext) -> None:
        while True:
            try:
                plain, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._lead, args=(plain, context), daemon=True).start()

    def _lead(self, plain: socket.socket, context: ssl.SSLContext) -> None:
        with (
            contextlib.suppress(OSError),
            plain,
            context.wrap_socket(plain, server_side=True) as outer,
            socket.create_connection(("127.0.0.1", self._behind)) as inner,
        ):
            self._open |= {outer, inner}
            back = threading.Thread(target=_carry, args=(inner, outer), daemon=True)
            back.start()
            _carry(outer, inner)
            back.join()
            self._open -= {outer, inner}


def _carry(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(AHEAD):
            target.sendall(data)
    for each in (source, target):
        with contextlib.suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)
