"""A TLS proxy before a server that speaks plainly; it can be shut and opened again."""

import asyncio
import contextlib
import ssl
import subprocess
import threading
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any, Self

NAME = "store.test"  # what the certificate says; clients need it in their hosts file
AHEAD = 64 * 1024
PATIENCE = 10.0  # seconds


class TlsProxy:
    """`with Door(port, folder) as door:` leads from `door.port`, on every interface, to `port`.

    `address` is one more that its certificate is for, such as a gateway's.
    All who come are led by one thread: OpenSSL may not read and write one connection from two.
    """

    def __init__(self, behind: int, folder: Path, address: str = "127.0.0.1") -> None:
        self._behind = behind
        self._address = address
        self.certificate = folder / "door.pem"
        self._key = folder / "door.key"
        self._loop = asyncio.new_event_loop()
        self._doorman = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._server: asyncio.Server | None = None
        self._inside: set[asyncio.Task[None]] = set()
        self.port = 0

    def __enter__(self) -> Self:
        argv = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt"]
        argv += ["ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", f"/CN={NAME}"]
        argv += ["-addext", f"subjectAltName=DNS:{NAME},IP:127.0.0.1,IP:{self._address}"]
        argv += ["-keyout", str(self._key), "-out", str(self.certificate)]
        subprocess.run(argv, check=True, capture_output=True)
        self._doorman.start()
        self.open()
        return self

    def __exit__(self, *failure: object) -> None:
        self.shut()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._doorman.join(PATIENCE)
        self._loop.close()

    def open(self) -> None:
        """Let everybody in, at the same port as before."""
        self._tell(self._open())

    def shut(self) -> None:
        """Refuse whoever comes, and cut off who is inside."""
        self._tell(self._shut())

    @contextlib.contextmanager
    def closed(self) -> Iterator[None]:
        """Let nobody in for a block."""
        self.shut()
        try:
            yield
        finally:
            self.open()

    def _tell(self, order: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(order, self._loop).result(PATIENCE)

    async def _open(self) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self._key)
        self._server = await asyncio.start_server(
            self._lead,
            "0.0.0.0",  # noqa: S104 - containers come in
            self.port,
            ssl=context,
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def _shut(self) -> None:
        if self._server:
            self._server.close()
        for each in self._inside:
            each.cancel()
        await asyncio.gather(*self._inside, return_exceptions=True)

    async def _lead(self, outer: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        guest = asyncio.current_task()
        assert guest is not None
        self._inside.add(guest)
        with contextlib.suppress(OSError, asyncio.CancelledError):
            inner, on = await asyncio.open_connection("127.0.0.1", self._behind)
            try:
                await asyncio.gather(_carry(outer, on), _carry(inner, back))
            finally:
                on.transport.abort()
        back.transport.abort()
        self._inside.discard(guest)


async def _carry(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    while data := await source.read(AHEAD):
        target.write(data)
        await target.drain()
    if target.can_write_eof():
        target.write_eof()
    else:
        target.close()  # TLS knows no half of a connection
