"""One HTTP/1.1 client on a raw socket: nothing is retried or hidden that a test should see."""

import asyncio
import socket
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

from tests.load.record import Record

SECONDS = 1.0
PATIENCE = 30 * SECONDS
BODY = b'{"what":"echo","padding":"' + b"x" * 200 + b'"}'


@dataclass(frozen=True)
class Request:
    """A request as bytes, and the answer's body where only one is right."""

    kind: str
    data: bytes
    answer: bytes | None = None


class Closed(Exception):
    """The other side closed a kept connection before it answered anything."""


class Client:
    """Sends requests one after the other, on one connection or (`keep=False`) on a new one each."""

    def __init__(self, url: str, *, keep: bool) -> None:
        parts = urlsplit(url)
        self._url = url
        self._address = (parts.hostname or "127.0.0.1", parts.port or 80)
        self._page = parts.path
        self._keep = keep
        self._socket: socket.socket | None = None
        self._buffer = b""

    def requests(self) -> list[Request]:
        """Return what a client asks in turn: the page of its URL, or what the sample has."""
        how = "keep-alive" if self._keep else "close"
        who = "kept" if self._keep else "new"
        head = f"Host: {self._address[0]}:{self._address[1]}\r\nConnection: {how}\r\n"
        if self._page:
            data = f"GET {self._page} HTTP/1.1\r\n{head}\r\n".encode()
            return [Request(f"{who}-get-{self._page}", data)]
        post = f"Content-Type: application/json\r\nContent-Length: {len(BODY)}\r\n"
        page = f"GET / HTTP/1.1\r\n{head}\r\n".encode()
        version = f"GET /api/version HTTP/1.1\r\n{head}\r\n".encode()
        echo = f"POST /api/echo HTTP/1.1\r\n{head}{post}\r\n".encode() + BODY
        return [
            Request(f"{who}-get-page", page),
            Request(f"{who}-get-api", version),
            Request(f"{who}-post-api", echo, BODY),
        ]

    async def send(self, request: Request) -> Record:
        """Send a request and return what became of it; no exception leaves here."""
        began = time.monotonic()
        status, release, error, resent = 0, "", "", False
        try:
            async with asyncio.timeout(PATIENCE):
                try:
                    status, release, body = await self._exchange(request)
                except Closed:
                    self.close()
                    resent = True
                    status, release, body = await self._exchange(request)
            if request.answer is not None and status == 200 and body != request.answer:
                error = "wrong body"
        except (OSError, ValueError, TimeoutError, Closed) as failure:
            error = f"{type(failure).__name__} {failure}".replace("\t", " ").replace("\n", " ")
            self.close()
        if not self._keep:
            self.close()
        ended = time.monotonic()
        return Record(self._url, request.kind, began, ended, status, release, resent, error)

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
        self._socket = None
        self._buffer = b""

    async def _exchange(self, request: Request) -> tuple[int, str, bytes]:
        loop = asyncio.get_running_loop()
        reused = self._is_open()
        if not reused:
            self.close()
            self._socket = socket.socket()
            self._socket.setblocking(False)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            await loop.sock_connect(self._socket, self._address)
        assert self._socket is not None
        try:
            await loop.sock_sendall(self._socket, request.data)
            head = await self._until(b"\r\n\r\n")
        except (ConnectionError, EOFError) as error:
            if reused and not self._buffer:
                raise Closed(str(error)) from None
            raise OSError(f"no answer: {error}") from None
        try:
            return await self._answer(head)
        except EOFError as error:
            raise OSError(f"half an answer: {error}") from None

    async def _answer(self, head: bytes) -> tuple[int, str, bytes]:
        first, *lines = head.decode("latin-1").split("\r\n")
        pairs = (line.partition(":") for line in lines)
        headers = {name.lower(): value.strip() for name, _, value in pairs}
        status = int(first.split(" ", 2)[1])
        if headers.get("transfer-encoding") == "chunked":
            body = await self._chunks()
        else:
            body = await self._bytes(int(headers.get("content-length", "0")))
        if headers.get("connection", "").lower() == "close":
            self.close()
        return status, headers.get("x-release", ""), body

    async def _chunks(self) -> bytes:
        body = b""
        while size := int(await self._until(b"\r\n"), 16):
            body += await self._bytes(size)
            await self._until(b"\r\n")
        await self._until(b"\r\n")
        return body

    def _is_open(self) -> bool:
        """Look for the other side's goodbye before a request is put on its way."""
        if self._socket is None:
            return False
        try:
            return bool(self._socket.recv(1, socket.MSG_PEEK))
        except BlockingIOError:
            return True
        except OSError:
            return False

    async def _until(self, mark: bytes) -> bytes:
        while mark not in self._buffer:
            await self._more()
        part, _, self._buffer = self._buffer.partition(mark)
        return part

    async def _bytes(self, count: int) -> bytes:
        while len(self._buffer) < count:
            await self._more()
        part, self._buffer = self._buffer[:count], self._buffer[count:]
        return part

    async def _more(self) -> None:
        assert self._socket is not None
        data = await asyncio.get_running_loop().sock_recv(self._socket, 65536)
        if not data:
            raise EOFError("closed")
        self._buffer += data
