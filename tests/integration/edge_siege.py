"""An edge with the limits it ships with, clients that mean harm, and a visitor among them."""

import resource
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from slipway.edge.edges import Edges
from slipway.project import COMPOSE
from tests.integration.docker_sandbox import base_image
from tests.integration.edge_stage import Stage

ROOT = Path(__file__).parents[2]
NAME = "shop.test"
Address = tuple[str, int]
# A service that takes as many clients as come, so that the edge alone is asked.
SERVICE = """
import asyncio
PART = bytes(50_000)
async def serve(reader, writer):
    try:
        while head := await reader.readuntil(b"\\r\\n\\r\\n"):
            path = head.split(b" ")[1]
            if b"Content-Length: " in head:
                left = int(head.split(b"Content-Length: ")[1].split(b"\\r")[0])
                while left and (data := await reader.read(min(left, 1 << 16))):
                    left -= len(data)
            if b"chunked" in head:
                await reader.readuntil(b"0\\r\\n\\r\\n")
            if path.startswith(b"/slow-"):
                await asyncio.sleep(int(path[6:]))
            body = head if path == b"/head" else PART
            parts = 1000 if path == b"/large" else 1
            length = parts * len(body)
            writer.write(b"HTTP/1.1 200 OK\\r\\nContent-Length: %d\\r\\n\\r\\n" % length)
            for _ in range(parts):
                writer.write(body)
                await writer.drain()
    except (OSError, EOFError):
        pass
    finally:
        writer.close()
async def main():
    async with await asyncio.start_server(serve, "", 8000, backlog=4096) as server:
        await server.serve_forever()
asyncio.run(main())
"""


@dataclass(frozen=True)
class Visits:
    """How long visits took, the shortest first, and what became of those that failed."""

    times: list[float]
    failed: list[str]

    @property
    def slowest(self) -> float:
        """Seconds, of 99 in 100."""
        return self.times[int(len(self.times) * 0.99) - 1]

    def describe(self) -> str:
        return (
            f"{len(self.times)} visits, {len(self.failed)} failed, median "
            f"{self.times[len(self.times) // 2] * 1000:.0f} ms, 99 % {self.slowest * 1000:.0f} ms"
        )


@pytest.fixture(scope="module")
def besieged(stage: Stage) -> Iterator[Stage]:
    """An edge with a service of its own."""
    services = yaml.safe_load((COMPOSE / "slipway.yml").read_text())["services"]
    limits: dict[str, Any] = services["edge"]["deploy"]["resources"]["limits"]
    corner = stage.corner
    options = ["--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL", "--volume", "/data"]
    options += ["--network", corner.app, "--label", "slipway.service=besieged"]
    options += [f"--memory={limits['memory']}", f"--pids-limit={limits['pids']}"]
    edge = corner.run(stage.image, options=tuple(options))
    made = replace(stage, edge=edge, edges=Edges(corner.app, [stage.host], "besieged"))
    made.edges.wait_up(20)
    busy = ("--network", corner.app, "--network-alias", "web-busy", "--ulimit", "nofile=20000")
    corner.run(base_image("python:3.13-slim-trixie"), "python", "-c", SERVICE, options=busy)
    yield made


def serving(besieged: Stage, *, tls: bool) -> Address:
    """Have the edge serve, and return its own address: one published on loopback is docker's."""
    settings = {"TLS": "internal", "DOMAIN": NAME} if tls else {}
    besieged.edges.tell(besieged.routing(1, "busy", **settings))
    form = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}"
    address = besieged.corner.docker("inspect", "--format", form, besieged.edge).strip()
    return address, 8443 if tls else 8080


@contextmanager
def attacked(kinds: Mapping[str, int], address: Address) -> Iterator[None]:
    """Have clients do harm, so many of each kind, each kind in a process of its own."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with ExitStack() as stack:
        running = [stack.enter_context(_attack(*kind, address)) for kind in kinds.items()]
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        yield
        assert all(process.poll() is None for process in running), "an attack ended by itself"


@contextmanager
def _attack(kind: str, count: int, address: Address) -> Iterator[subprocess.Popen[bytes]]:
    where = (f"--host={address[0]}", f"--port={address[1]}", f"--count={count}")
    argv = [sys.executable, "-m", "tests.load.hostile", kind, *where]
    process = subprocess.Popen(argv, cwd=ROOT, stdin=subprocess.PIPE)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def visit(address: Address, seconds: float, *, tls: bool) -> Visits:
    """Come for a while as visitors do, each on a connection of its own."""
    times: list[float] = []
    failed: list[str] = []
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        began = time.monotonic()
        try:
            if status := ask(address, b"Connection: close\r\n", tls=tls)[:3] != "200":
                failed.append(str(status))
        except OSError as error:
            failed.append(type(error).__name__)
        times.append(time.monotonic() - began)
        time.sleep(0.02)
    return Visits(sorted(times), failed)


def ask(address: Address, fields: bytes, path: str = "/", *, tls: bool = False) -> str:
    """Ask with these fields, to the letter; return the answer from its status on."""
    with socket.create_connection(address, timeout=10) as line:
        if tls:
            context = ssl.create_default_context()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            line = context.wrap_socket(line, server_hostname=NAME)
        line.sendall(f"GET {path} HTTP/1.1\r\nHost: {NAME}\r\n".encode() + fields + b"\r\n")
        with line.makefile("rb") as answer:
            return answer.read().decode("latin-1").partition(" ")[2]


def memory(besieged: Stage) -> int:
    """Return the bytes that the edge's cgroup counts."""
    files = "/sys/fs/cgroup/memory.current", "/sys/fs/cgroup/memory/memory.usage_in_bytes"
    look = f"cat {files[0]} 2>/dev/null || cat {files[1]}"
    return int(besieged.corner.docker("exec", besieged.edge, "sh", "-c", look))
