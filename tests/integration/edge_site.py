"""The edge with the routes of a project in every word of compose/routes.yml, lent to tests."""

import gzip
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from slipway.edge import questions
from slipway.edge.config import configure
from slipway.edge.edges import Routing
from slipway.edge.preview import Preview
from slipway.edge.questions import Question
from slipway.edge.routes import Table
from slipway.edge.routes_file import Backend
from slipway.environments import environment
from slipway.hosts.local import LocalHost
from slipway.project import COMPOSE, SECRETS
from slipway.releases import routing
from slipway.releases.routing import Caddy
from tests.integration.docker_sandbox import base_image
from tests.integration.edge_stage import Stage

ROUTES = """
https_only: true
defaults: {compress: true, response_headers: {X-Served-By: shop, X-Powered-By: null}}
routes:
  - {path: /api/*, to: app, strip: /api, request_headers: {X-Forwarded-Prefix: /api}}
  - {path: /v1/*, to: app, rewrite: "/v2/{rest}"}
  - {path: /api/upload, to: app, max_body: 1KB}
  - {path: /api/slow, to: app, timeout: 1s, intercept: [502]}
  - {path: /api/*, match_headers: {X-Version: "2"}, to: app, rewrite: "/second{path}"}
  - {path: /api/*, method: DELETE, to: app, rewrite: /deleted}
  - {path: /sticky/*, to: app, sticky: true}
  - {path: /assets/*, to: app, cache: 1h, trailing_slash: remove}
  - {path: /broken, to: app, intercept: [500]}
  - {path: /old/*, redirect: "/new/{rest}", status: 308}
  - {path: /gone/*, redirect: "/{rest}"}
  - {host: www.shop.example, redirect: "https://shop.example{uri}"}
  - {path: /proto/*, match_headers: {X-Forwarded-Proto: http}, to: app, rewrite: "/plain{path}"}
  - {path: /proto/*, to: app}
  - {path: /robots.txt, file: robots.txt, cache: 1d}
  - {path: /private/*, to: app}
  - {path: /partners/*, to: app}
  - {path: /events, to: app}
  - {path: /guide/*, static: ../public, strip: /guide}
  - {path: /page/*, static: ../public, fallback: /index.html, strip: /page}
  - {path: /page/assets/*, static: ../public, cache: 30d, strip: /page}
  - {path: /socket, to: app}
protect:
  - {path: /private/open, public: true}
  - {path: /private/*, basic_auth: {team: EDGE_PASSWORD}}
  - {path: /partners/*, allow: [10.1.0.0/16]}
errors: {404: pages/404.html, 5xx: pages/5xx.html}
caddy: own.Caddyfile
"""
OWN = """
header /assets/* X-Own "{path}"
respond /teapot "I am a teapot" 418
handle /direct/* {
    reverse_proxy app:8000
}
"""
SERVER = """
import http.server, os, sys, threading, time
stopping = threading.Event()
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def answer(self, status=200, kind="text/plain"):
        with open("/tmp/methods", "a") as file:
            file.write(self.command + "\\n")
        lines = [f"{sys.argv[1]} {self.command} {self.path}"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        body = ("\\n".join(lines) + "." * 2000).encode()
        self.send_response(status)
        for name, value in (("Content-Type", kind), ("X-Powered-By", "us")):
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def do_GET(self):
        if self.path == "/api/slow":
            time.sleep(3)
        if self.path == "/events":
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.end_headers()
            number = 0
            while not stopping.wait(0.05):
                self.wfile.write(f"data: {sys.argv[1]} {number}\\n\\n".encode())
                self.wfile.flush()
                number += 1
            self.close_connection = True
        elif self.path == "/socket":
            self.send_response(101)
            self.send_header("Connection", "Upgrade")
            self.send_header("Upgrade", "websocket")
            self.end_headers()
            while data := self.connection.recv(100):
                self.connection.sendall(sys.argv[1].encode() + b" " + data)
            self.close_connection = True
        elif self.path == "/stop":
            stopping.set()
            self.answer()
        else:
            self.answer(500 if self.path == "/broken" else 200)
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.answer()
    def do_DELETE(self):
        self.answer()
http.server.ThreadingHTTPServer(("", 8000), Handler).serve_forever()
"""


@dataclass
class Site:
    """The edge with the routes above, in front of an application in two colours."""

    stage: Stage
    table: Table
    settings: dict[str, str]
    green: str  # the container of that colour

    def routing(self, release: int, colour: str, table: Table | None = None) -> Routing:
        def config(ident: str, where: str) -> dict[str, object]:
            named = (table or self.table).with_names({"app": f"app-{where}"})
            return configure(ident, named, self.settings, drain_seconds=20)

        return Routing.of(release, colour, config)

    def wait_for(self, *names: str, path: str = "/") -> None:
        """Ask services from within the edge until they answer."""
        asked = [Question(name, f"http://{name}:8000{path}") for name in names]
        questions.ask(self.stage.edges.app, self.stage.edges.hosts, asked, 20)

    def try_routes(self, table: Table) -> None:
        """Have the edge serve routes to itself, and ask each."""
        edges = self.stage.edges
        questions.ask(edges.app, edges.hosts, [], 0, Preview.of(table, self.settings))

    def ask(self, path: str, method: str = "GET", **options: object) -> httpx.Response:
        headers = {"Host": "shop.example", "Accept-Encoding": "identity"}
        headers |= options.pop("headers", {})  # type: ignore[call-overload]
        url = f"{self.stage.url}{path}"
        return httpx.request(method, url, headers=headers, timeout=60, **options)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def site(stage: Stage, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("project") / "compose"
    (folder / "pages").mkdir(parents=True)
    for name in ("404", "5xx"):
        (folder / f"pages/{name}.html").write_text(f"<h1>Our {name} {{http.request.host}}</h1>")
    (folder / "robots.txt").write_text("User-agent: *\n")
    (folder / "own.Caddyfile").write_text(OWN)
    (folder / "routes.yml").write_text(ROUTES)
    serve_static(stage, folder.with_name("public"))
    for name in ("common", "dev"):
        (folder / f"{name}.env").write_text("")
    (folder / "dev.env").write_text(
        "PROJECT=shop\nDOMAIN=shop.example,www.shop.example\nRUNS_ON=this-computer\n"
        "DATABASE_HOST=db\nDATABASE_NAME=shop\nDATABASE_USER=shop\n"
    )
    (folder / "settings.yml").write_text("EDGE_PASSWORD: {secret: true}\n")
    env = environment.load("dev", folder, SECRETS)
    caddy = Caddy(LocalHost(), base_image("caddy:2"))
    table = routing.read(env, {"app": Backend(8000)}, [], caddy)
    python = base_image("python:3.13-slim-trixie")
    containers = []
    for colour in ("blue", "green"):
        options = ("--network", stage.corner.app, "--network-alias", f"app-{colour}")
        containers.append(stage.corner.run(python, "python", "-c", SERVER, colour, options=options))
    balancers = {"TRUSTED_PROXIES": "10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16"}
    made = Site(stage, table, dict(env.settings) | balancers, containers[1])
    made.wait_for("app-blue", "app-green")
    stage.edges.tell(made.routing(1, "blue"))
    yield made


def serve_static(stage: Stage, folder: Path) -> None:
    """Run the service of a folder of static files."""
    for name in ("docs", "assets", ".well-known"):
        (folder / name).mkdir(parents=True)
    texts = {"index.html": "<h1>Home</h1>", "docs/index.html": "Docs", ".env": "PASSWORD=x"}
    texts |= {".well-known/security.txt": "Contact: us", "assets/app.js": "1;" * 900}
    for name, text in texts.items():
        (folder / name).write_text(text)
    (folder / "assets/app.js.gz").write_bytes(gzip.compress(b"packed before"))
    image = f"{stage.corner.app}/static-public"
    argv = ["build", "--quiet", "--label", stage.corner.label, "--tag", image]
    stage.corner.docker(*argv, f"--build-context=files={folder}", str(COMPOSE / "static"))
    hardened = ("--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL", "--user", "10001:10001")
    network = ("--network", stage.corner.app, "--network-alias", "static-public")
    stage.corner.run(image, options=(*hardened, *network))
