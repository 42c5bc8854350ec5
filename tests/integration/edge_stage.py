"""An edge of its own, with two colours of one service behind it, lent to the tests of a file."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
import yaml

from slipway.edge.config import configure
from slipway.edge.edges import Edges, Routing
from slipway.edge.questions import WELL, Question
from slipway.edge.questions import ask as ask_edges
from slipway.edge.routes import Route
from slipway.hosts.local import LocalHost
from slipway.project import COMPOSE
from tests.integration.docker_sandbox import DockerSandbox, base_image

SETTINGS = {"DOMAIN": "", "TLS": "off"}
SERVER = """
import http.server, sys, threading, time
let_go = threading.Event()
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_POST(self):
        left = int(self.headers.get("Content-Length") or sys.maxsize)
        while left and (part := self.rfile.read(min(left, 1 << 16))):
            left -= len(part)
        body = f"{sys.argv[1]} lacks {left}".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def do_GET(self):
        if self.path.startswith("/slow"):
            time.sleep(int(self.path.partition("-")[2] or 3))
        if self.path == "/held":
            let_go.wait()
        if self.path == "/let-go":
            let_go.set()
        told = [self.headers[name] for name in ("X-Forwarded-For", "X-Real-Ip", "Forwarded")]
        about = told if self.path == "/who" else self.headers["X-Request-Id"]
        body = f"{sys.argv[1]} {self.path} {about}".encode()
        lacks = self.path.startswith("/only-") and sys.argv[1] not in self.path
        self.send_response({"/sick": 500, "/moved": 301}.get(self.path, 404 if lacks else 200))
        self.send_header("Location", "/elsewhere")
        self.send_header("X-Release", "7")
        if self.path == "/framed":
            self.send_header("X-Frame-Options", "SAMEORIGIN")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
http.server.ThreadingHTTPServer(("", 8000), Handler).serve_forever()
"""


@dataclass
class Stage:
    """An edge on a network with two colours of one service."""

    corner: DockerSandbox
    image: str
    edge: str
    url: str
    edges: Edges
    host: LocalHost = field(default_factory=lambda: LocalHost("here"))

    def routing(self, release: int, colour: str, path: str = "/*", **settings: str) -> Routing:
        def config(ident: str, colour: str) -> Mapping[str, Any]:
            routes = [Route(path, f"web-{colour}", 8000), Route("/away/*", "web-none", 8000)]
            return configure(ident, routes, SETTINGS | settings, drain_seconds=5)

        return Routing.of(release, colour, config)

    def get(self, path: str = "/") -> httpx.Response:
        return httpx.get(self.url + path, timeout=60)

    def which(self) -> str:
        return self.edges.serving()["here"]


@pytest.fixture(scope="module")
def stage(
    module_corner: DockerSandbox, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stage]:
    corner = module_corner
    image = f"{corner.app}/edge"
    base_image("caddy:2")
    folder = str(COMPOSE / "edge")
    corner.docker("build", "--quiet", "--label", corner.label, "--tag", image, folder)
    corner.docker("network", "create", "--label", corner.label, corner.app)
    python = base_image("python:3.13-slim-trixie")
    for colour in ("blue", "green"):
        options = ("--network", corner.app, "--network-alias", f"web-{colour}")
        corner.run(python, "python", "-c", SERVER, colour, options=options)
    hardened = [f"--sysctl={name}={value}" for name, value in sysctls().items()]
    hardened += ["--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL", "--volume", "/data"]
    hardened += ["--network", corner.app, "--publish", "127.0.0.1::8080"]
    secrets = tmp_path_factory.mktemp("secrets")
    secrets.chmod(0o755)
    (secrets / "EDGE_PASSWORD").write_text("let me in\n")
    hardened += ["--volume", f"{secrets}:/run/secrets:ro"]
    edge = corner.run(image, options=(*hardened, "--label", "slipway.service=edge"))
    made = Stage(corner, image, edge, "", Edges(corner.app, [LocalHost("here")]))
    made.edges.wait_up(20)
    made.url = f"http://127.0.0.1:{corner.port(edge, 8080)}"
    yield made


def sysctls() -> dict[str, int]:
    """Return what the kit's own compose file sets for the kernel of an edge."""
    edge = yaml.safe_load((COMPOSE / "slipway.yml").read_text())["services"]["edge"]
    return dict(edge["sysctls"])


def ask(stage: Stage, *addresses: str, statuses: str = WELL, patience: float = 20) -> None:
    """Have the edge ask addresses of the service `web`. Raises NotReady."""
    questions = [Question("web", address, statuses, "mend web") for address in addresses]
    ask_edges(stage.edges.app, stage.edges.hosts, questions, patience)
