"""Visitors of an edge while it changes: new connections, kept ones, and what takes long."""

import asyncio
import base64
import contextlib
import functools
import os
import ssl
import struct
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from tests.load.http2_frames import (
    ACK,
    DATA,
    END_STREAM,
    GOAWAY,
    HEADERS,
    PREFACE,
    RST_STREAM,
    SETTINGS,
    WINDOW,
    frame,
    request,
)

SECONDS = 1.0
PATIENCE = 20 * SECONDS
FAR = 0.1 * SECONDS  # from a connection to its first request, for who lives far away
UPLOAD, PART, PART_EVERY = 200_000_000, 1_000_000, 0.1
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass
class Entrance:
    """Where visitors come in; of several ports they take the first that is open."""

    host: str
    ports: Sequence[int]
    name: str = "shop.example"
    is_tls: bool = False

    async def connect(self, *protocols: str) -> Streams:
        """Open a connection. Raises ConnectionRefusedError where every port refuses."""
        tls = _careless(protocols or ("http/1.1",)) if self.is_tls else None
        for port in self.ports[:-1]:
            with contextlib.suppress(ConnectionRefusedError):
                return await self._open(port, tls)
        return await self._open(self.ports[-1], tls)

    async def _open(self, port: int, tls: ssl.SSLContext | None) -> Streams:
        name = self.name if tls else None
        async with asyncio.timeout(PATIENCE):
            return await asyncio.open_connection(self.host, port, ssl=tls, server_hostname=name)

    def head(self, path: str, *fields: str, method: str = "GET") -> bytes:
        """Return the head of a request."""
        lines = (f"{method} {path} HTTP/1.1", f"Host: {self.name}", *fields)
        return "\r\n".join((*lines, "", "")).encode()


@functools.cache
def _careless(protocols: tuple[str, ...]) -> ssl.SSLContext:
    """Trust every certificate; made once, since that costs more than a handshake."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
    tls.set_alpn_protocols(list(protocols))
    return tls


@dataclass
class Tally:
    """What became of what visitors did, by kind; whatever is not `ok` is written as it ended."""

    counts: dict[str, Counter[str]] = field(default_factory=dict)
    moments: dict[str, list[float]] = field(default_factory=dict)  # when which outcome was met
    slowest: float = 0.0

    def add(self, kind: str, outcome: str) -> None:
        self.counts.setdefault(kind, Counter())[outcome] += 1
        if outcome != "ok":
            self.moments.setdefault(f"{kind} {outcome}", []).append(time.monotonic())

    def since(self, began: float) -> str:
        """Say when the first and the last of each failure was met."""
        return ", ".join(
            f"{what} {times[0] - began:.1f}-{times[-1] - began:.1f} s"
            for what, times in self.moments.items()
        )

    def failed(self, kind: str) -> int:
        counts = self.counts.get(kind, Counter())
        return counts.total() - counts["ok"]

    def cell(self, kind: str) -> str:
        """Say how many of how many failed, and of what."""
        counts = self.counts.get(kind, Counter())
        reasons = ", ".join(f"{n} {why}" for why, n in sorted(counts.items()) if why != "ok")
        return f"{self.failed(kind)}/{counts.total()}{f' ({reasons})' if reasons else ''}"


class Visitors(threading.Thread):
    """Visits an entrance in many ways until the block ends; `tally` holds what came of it."""

    def __init__(self, entrance: Entrance, rate: float = 60.0, *, stay: bool = True) -> None:
        """Without `stay` nobody comes whose visit lasts."""
        super().__init__(daemon=True)
        self.tally = Tally()
        self._entrance, self._rate, self._stay = entrance, rate, stay
        self._over = threading.Event()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()
        self.join(2 * PATIENCE + 40)

    def run(self) -> None:
        asyncio.run(self._visit())

    async def _visit(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._often("new", 1 / self._rate, self._new))
            for _ in range(5):
                group.create_task(self._kept())
            if self._entrance.is_tls:
                group.create_task(self._again("HTTP/2", self._multiplexed))
            if not self._stay:
                return
            group.create_task(self._often("20 s", 2.0, self._wait))
            group.create_task(self._often("upload", UPLOAD / PART * PART_EVERY / 2, self._upload))
            group.create_task(self._again("events", self._events))
            group.create_task(self._again("websocket", self._websocket))

    async def _often(self, kind: str, interval: float, visit: Callable[[], Awaitable[str]]) -> None:
        """Begin a visit at each interval, whatever became of those before."""
        due = time.monotonic()
        async with asyncio.TaskGroup() as group:
            while not self._over.is_set():
                group.create_task(self._noted(kind, visit))
                due += interval
                while (rest := due - time.monotonic()) > 0 and not self._over.is_set():
                    await asyncio.sleep(min(rest, 0.2))

    async def _again(self, kind: str, visit: Callable[[], Awaitable[str]]) -> None:
        """Begin a visit when the one before has ended."""
        while not self._over.is_set():
            await self._noted(kind, visit)
            await asyncio.sleep(0.1)

    async def _noted(self, kind: str, visit: Callable[[], Awaitable[str]]) -> None:
        try:
            outcome = await visit()
        except (OSError, EOFError, TimeoutError, ValueError) as error:
            outcome = type(error).__name__
        self.tally.add(kind, outcome)

    async def _new(self) -> str:
        began = time.monotonic()
        reader, writer = await self._entrance.connect()
        await asyncio.sleep(FAR)
        with contextlib.closing(writer):
            head = self._entrance.head("/api/version", "Connection: close")
            outcome = await _answer(reader, writer, head)
        self.tally.slowest = max(self.tally.slowest, time.monotonic() - began)
        return outcome

    async def _kept(self) -> None:
        """Ask again and again on one connection; a goodbye before an answer is asked once more."""
        streams: Streams | None = None
        while not self._over.is_set():
            if streams is None or streams[0].at_eof():
                with contextlib.suppress(OSError):
                    streams = await self._entrance.connect()
            if streams is None:
                self.tally.add("kept", "no connection")
                await asyncio.sleep(0.1)
                continue
            try:
                outcome = await _answer(*streams, self._entrance.head("/api/version"))
            except (OSError, EOFError, TimeoutError) as error:
                outcome = "closed" if isinstance(error, asyncio.IncompleteReadError) else "reset"
                streams = None
            self.tally.add("kept", outcome)
            await asyncio.sleep(0.1)

    async def _multiplexed(self) -> str:
        """Ask three things at once on one connection; what a goodbye lets finish has to."""
        reader, writer = await self._entrance.connect("h2")
        with contextlib.closing(writer):
            writer.write(PREFACE + frame(SETTINGS, 0, 0, b""))
            last, stream = 1 << 31, 1
            while not self._over.is_set() and last == 1 << 31:
                open_streams = {stream, stream + 2, stream + 4}
                for each in sorted(open_streams):
                    writer.write(request(each, self._entrance.name, b"/api/version"))
                stream += 6
                while {each for each in open_streams if each <= last}:
                    head = await asyncio.wait_for(reader.readexactly(9), PATIENCE)
                    kind, flags, number = struct.unpack(">BBI", head[3:])
                    data = await reader.readexactly(int.from_bytes(head[:3], "big"))
                    if kind == RST_STREAM:
                        return "reset"
                    if kind == GOAWAY:
                        last = int.from_bytes(data[:4], "big")
                    elif kind == SETTINGS and not flags & ACK:
                        writer.write(frame(SETTINGS, ACK, 0, b""))
                    elif kind == DATA:
                        writer.write(frame(WINDOW, 0, 0, struct.pack(">I", max(1, len(data)))))
                    if kind in (DATA, HEADERS) and flags & END_STREAM:
                        open_streams.discard(number)
                await asyncio.sleep(0.2)
        return "ok"

    async def _wait(self) -> str:
        reader, writer = await self._entrance.connect()
        with contextlib.closing(writer):
            head = self._entrance.head("/api/wait?seconds=20", "Connection: close")
            return await _answer(reader, writer, head, patience=60)

    async def _upload(self) -> str:
        reader, writer = await self._entrance.connect()
        with contextlib.closing(writer):
            fields = (f"Content-Length: {UPLOAD}", "Connection: close")
            writer.write(self._entrance.head("/line/upload", *fields, method="POST"))
            for _ in range(UPLOAD // PART):
                writer.write(bytes(PART))
                await asyncio.wait_for(writer.drain(), PATIENCE)
                await asyncio.sleep(PART_EVERY)
            return await _answer(reader, writer, b"")

    async def _events(self) -> str:
        """Follow a stream; it is well when it ends as streams do, with its last chunk."""
        reader, writer = await self._entrance.connect()
        with contextlib.closing(writer):
            writer.write(self._entrance.head("/api/events"))
            while not self._over.is_set():
                line = await asyncio.wait_for(reader.readline(), PATIENCE)
                if line == b"0\r\n":
                    return "ok"
                if not line:
                    return "cut"
        return "ok"

    async def _websocket(self) -> str:
        """Echo a word five times a second; it is well when it ends with a close frame."""
        reader, writer = await self._entrance.connect()
        with contextlib.closing(writer):
            key = base64.b64encode(os.urandom(16)).decode()
            fields = ("Connection: Upgrade", "Upgrade: websocket", f"Sec-WebSocket-Key: {key}")
            head = self._entrance.head("/line/socket", *fields, "Sec-WebSocket-Version: 13")
            writer.write(head)
            first = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), PATIENCE)
            if b" 101 " not in first.split(b"\r\n")[0]:
                return first.split(b"\r\n")[0].decode()
            while not self._over.is_set():
                writer.write(b"\x81\x84" + bytes(4) + b"wave")
                kind, length = await asyncio.wait_for(reader.readexactly(2), PATIENCE)
                text = await asyncio.wait_for(reader.readexactly(length), PATIENCE)
                if kind == 0x88:
                    return "ok" if struct.unpack(">H", text[:2])[0] in (1000, 1001) else "cut"
                await asyncio.sleep(0.2)
        return "ok"


async def _answer(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    request: bytes,
    *,
    patience: float = PATIENCE,
) -> str:
    """Send a request and read its answer in full; what begins with 5 is named."""
    writer.write(request)
    async with asyncio.timeout(patience):
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        fields = dict(line.lower().split(": ", 1) for line in head[1:] if ": " in line)
        await reader.readexactly(int(fields.get("content-length", "0")))
    status = head[0].split(" ")[1]
    return status if status.startswith(("4", "5")) else "ok"
