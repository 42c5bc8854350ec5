"""Two edges, an ACME authority of our own, and the service that obtains certificates for both."""

import json
import socket
import ssl
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from slipway.certificates import pem
from slipway.certificates.bundle import Bundle
from slipway.certificates.pem import Certificate
from slipway.certificates.places import IDENTITY
from slipway.edge.certificates import SHARED
from slipway.edge.config import configure
from slipway.edge.edges import Routing
from slipway.edge.routes import Route
from slipway.project import COMPOSE, ROOT
from slipway.releases import edge_identity
from tests import base_images
from tests.fakes.certificates import make
from tests.integration.docker_sandbox import DockerSandbox, base_image
from tests.waiting import wait_until

NAMES = ("shop.test", "www.shop.test")
DIRECTORY = "https://ca.test/acme/local/directory"
DNS_DIRECTORY = "https://dns-ca.test/acme/local/directory"
LIFETIME = 300  # seconds; the least that our authority takes
SOON = {"RENEW_BELOW": "0.82"}  # of its life, which began a minute before: 5 s after
IMAGE = """
FROM debian:trixie-slim
RUN apt-get update && apt-get install -y --no-install-recommends \\
    lego python3 python3-cryptography knot knot-dnsutils
"""
ZONE = """
test. 1 SOA name-server.test. me.test. 1 60 60 600 1
test. 1 NS name-server.test.
name-server.test. 1 A {address}
_acme-challenge.shop.test. 1 CNAME shop.proofs.test.
"""
KNOT = """
server:
    listen: 0.0.0.0@53
    rundir: /tmp
database:
    storage: /tmp
acl:
  - id: all
    address: 0.0.0.0/0
    action: update
zone:
  - domain: test
    storage: /tmp
    file: test.zone
    acl: all
    zonefile-sync: -1
    zonefile-load: difference
    journal-content: all
"""
START_KNOT = """
printf %s "$1" >/tmp/knot.conf
sed "s/{address}/$(hostname -i)/" >/tmp/test.zone <<EOF
$2
EOF
exec knotd -c /tmp/knot.conf
"""
# A team's own, for a provider that lego does not know.
SCRIPT = """#!/bin/sh
[ "$(cat "$DNS_TOKEN_FILE")" = hunter2 ] || { echo "error: the token is wrong" >&2; exit 1; }
case $1 in present) change=add ;; *) change=delete ;; esac
printf '%s\\n' "server name-server.test" "zone test." "update $change $2 1 TXT $3" send | knsupdate
"""
RUN = ("python3", "-m", "slipway.certificates")
ASK = """
import http.client, socket, ssl, sys
from slipway.certificates import exchange
trust, place = exchange.trusting(ssl.Purpose.SERVER_AUTH), (sys.argv[1], int(sys.argv[2]))
trust.check_hostname, trust.verify_mode = False, ssl.CERT_NONE  # whatever they show
try:
    line = http.client.HTTPConnection(exchange.NAME, place[1])
    line.sock = trust.wrap_socket(socket.create_connection(place), server_hostname=exchange.NAME)
    line.request("GET", "/bundle.tar")
    print(line.getresponse().status)
except (OSError, http.client.HTTPException):
    print("refused")
"""


@dataclass
class Stage:
    """What a test drives: `edges` are containers, `service` the one that obtains now."""

    corner: DockerSandbox
    files: Path
    image: str
    edge_image: str
    edges: list[str] = field(default_factory=list)
    service: str = ""
    authority: str = ""
    ports: dict[str, int] = field(default_factory=dict)

    def start(self, name: str, image: str, *words: str, options: tuple[str, ...] = ()) -> str:
        network = ("--network", self.corner.app, "--network-alias", name)
        return self.corner.run(image, *words, options=(*network, *options))

    def start_edge(self, *options: str) -> str:
        files = (
            "--volume",
            f"{self.files}/identity.pem:{IDENTITY}:ro",
            "--tmpfs",
            "/tmp:mode=1777",
            "--volume",
            "/data",
        )
        ports = ("--publish", "127.0.0.1::8443", "--cap-drop", "ALL", "--read-only")
        edge = self.start("edge", self.edge_image, options=(*files, *ports, *options))
        wait_until("the edge is up", lambda: bool(self.run(edge, "edge", "which")), timeout=60)
        self.tell(edge, self.routing())
        self.edges.append(edge)
        return edge

    def start_service(self, *more: str, **settings: str) -> None:
        """Start the service where nothing of it has been, in place of the one before.

        `more` are options of its container.
        """
        if self.service:
            self.corner.docker("rm", "--force", "--volumes", self.service)
        told = {"TLS": "auto", "DOMAIN": ",".join(NAMES), "ACME_CA": DIRECTORY, "TICK": "1"}
        told |= {"PYTHONPATH": "/srv", "PYTHONUNBUFFERED": "1", "PATIENCE": "2", **settings}
        env = tuple(word for key, value in told.items() for word in ("--env", f"{key}={value}"))
        mounts = ["--volume", f"{ROOT}/slipway:/srv/slipway:ro", "--workdir", "/srv"]
        mounts += ["--volume", f"{self.files}/identity.pem:{IDENTITY}:ro", "--user", "10001:10001"]
        mounts += ["--volume", f"{self.files}/secrets:/run/secrets:ro", "--read-only"]
        options = (*more, *mounts, *env, "--tmpfs", "/tmp:mode=1777", "--cap-drop", "ALL")
        self.service = self.start("certificates", self.image, *RUN, options=options)

    def start_dns(self) -> str:
        """Start a name server, and an authority that asks it for proofs; return its address."""
        server = self.start(
            "name-server.test", self.image, "sh", "-c", START_KNOT, "sh", KNOT, ZONE
        )
        form = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}"
        address = self.corner.docker("inspect", "--format", form, server)
        config = authority(
            "dns-ca.test",
            resolvers=[f"udp/{address}:53"],
            policy={"allow_wildcard_names": True},
            challenges=["dns-01"],
        )
        self.believe(_caddy(self, ("dns-ca.test",), config))
        return address

    def believe(self, authority: str) -> None:
        """Have the service trust one more authority, as soon as that is up."""
        ask = ("cat", "/data/caddy/pki/authorities/local/root.crt")
        wait_until("it is up", lambda: "BEGIN" in self.run(authority, *ask), timeout=60)
        with (self.files / "secrets" / "ACME_CA_ROOT").open("a") as file:
            file.write(self.run(authority, *ask) + "\n")

    def routing(self, **settings: str) -> Routing:
        told = {"DOMAIN": ",".join(NAMES), "TLS": "auto", SHARED: "on", **settings}
        routes = [Route("/*", text="here")]

        def config(ident: str, colour: str) -> Mapping[str, Any]:
            return configure(ident, routes, told, drain_seconds=0)

        return Routing.of(1, "blue", config)

    def tell(self, edge: str, routing: Routing) -> None:
        argv = ["docker", "exec", "-i", edge, "edge", "tell", routing.ident]
        self.corner_input(argv, routing.document)

    def corner_input(self, argv: list[str], data: bytes) -> None:
        done = subprocess.run(argv, input=data, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr.decode()

    def run(self, container: str, *words: str) -> str:
        return self.corner.docker("exec", container, *words)

    def fetch(self) -> None:
        for edge in self.edges:
            self.run(edge, "edge", "fetch")

    def serial(self, edge: str = "", name: str = NAMES[0], *, is_trusted: bool = False) -> str:
        """Shake hands as a browser does; return the serial of what is shown."""
        edge = edge or self.edges[0]
        if edge not in self.ports:
            self.ports[edge] = self.corner.port(edge, 8443)
        trust = self.trust if is_trusted else ssl._create_unverified_context()  # noqa: S323  asked what is shown
        with (
            socket.create_connection(("127.0.0.1", self.ports[edge]), timeout=10) as plain,
            trust.wrap_socket(plain, server_hostname=name) as line,
        ):
            data = ssl.DER_cert_to_PEM_cert(line.getpeercert(binary_form=True) or b"")
        return pem.read(data.encode()).serial

    def shown(self, edge: str, name: str = NAMES[0]) -> str:
        """Shake hands as a browser does that trusts our authority; return the serial."""
        return self.serial(edge, name, is_trusted=True)

    def shows(self, serial: str) -> bool:
        self.fetch()
        return {self.serial(edge) for edge in self.edges} == {serial}

    def ask(self, identity: str, place: str, port: int) -> str:
        """Ask for the bundle under a certificate, from a container on the same network."""
        options = ["--rm", "--network", self.corner.app, "--workdir", "/srv"]
        options += ["--volume", f"{self.files}/{identity}.pem:{IDENTITY}:ro"]
        options += ["--volume", f"{ROOT}/slipway:/srv/slipway:ro"]
        words = ("python3", "-c", ASK, place, str(port))
        return self.corner.docker("run", *options, self.image, *words)

    def loads(self) -> list[int]:
        """Count how often each edge took a whole configuration."""
        logs = [["docker", "logs", edge] for edge in self.edges]
        done = [subprocess.run(argv, capture_output=True, check=True).stderr for argv in logs]
        return [text.count(b"load complete") for text in done]

    def accounts(self) -> set[str]:
        """Return the keys of the accounts that the edges keep for the service."""
        files = self.bundle(self.edges[1]).files
        return {data.decode() for name, data in files.items() if name.endswith(".key")}

    def provide(self) -> str:
        """Make a certificate for the names, as the secrets of the team; return its serial."""
        chain, key = make(NAMES)
        for name, data in (("TLS_CHAIN", chain), ("TLS_KEY", key)):
            (self.files / "secrets" / name).write_bytes(data)
        return pem.read(chain).serial

    @property
    def trust(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.files / "secrets" / "ACME_CA_ROOT"))

    def bundle(self, edge: str) -> Bundle:
        argv = ["docker", "exec", edge, "cat", "/data/certificates/bundle.tar"]
        done = subprocess.run(argv, capture_output=True, check=False)
        return Bundle.from_tar(done.stdout) if done.returncode == 0 else Bundle()

    def certificate(self, edge: str, name: str = NAMES[0]) -> Certificate:
        return pem.read(self.bundle(edge).files[pem.file_of(name)])

    def logs(self) -> str:
        return self.corner.docker("logs", self.service)


def authority(host: str = "ca.test", **more: object) -> str:
    """Return the configuration of a Caddy that is an ACME authority, and of one that is a machine's
    ports in front of the edges."""
    acme = {"handler": "acme_server", "host": host, "lifetime": f"{LIFETIME}s", **more}
    servers = {
        "ca": {"listen": [":443"], "routes": [{"match": [{"host": [host]}], "handle": [acme]}]}
    }
    policy = {"issuers": [{"module": "internal"}]}
    apps = {"http": {"servers": servers}, "tls": {"automation": {"policies": [policy]}}}
    pki = {"certificate_authorities": {"local": {"install_trust": False}}}
    return json.dumps({"apps": {**apps, "pki": pki}})


def front() -> str:
    """Return the configuration of what stands for a machine's port 80: any edge gets a request."""
    proxy = {
        "handler": "reverse_proxy",
        "dynamic_upstreams": {"source": "a", "name": "edge", "port": "8080", "refresh": "1s"},
        "load_balancing": {"selection_policy": {"policy": "round_robin"}, "try_duration": "5s"},
    }
    server = {"listen": [":80"], "routes": [{"handle": [proxy]}]}
    return json.dumps({"apps": {"http": {"servers": {"front": server}}}})


def _caddy(stage: Stage, names: tuple[str, ...], config: str) -> str:
    aliases = tuple(word for name in names[1:] for word in ("--network-alias", name))
    text = 'printf %s "$1" >/tmp/config.json && exec caddy run --config /tmp/config.json'
    words = ("sh", "-c", text, "sh", config)
    return stage.start(names[0], base_image("caddy:2"), *words, options=aliases)


@pytest.fixture(scope="module")
def stage(
    module_corner: DockerSandbox, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stage]:
    corner, files = module_corner, tmp_path_factory.mktemp("certificates")
    files.chmod(0o755)
    base_image("caddy:2")
    base_image("debian:trixie-slim")
    image, edge_image = f"{corner.app}/certificates", f"{corner.app}/edge"
    base_images.build(image, "-", "--label", corner.label, text=IMAGE)
    folder = str(COMPOSE / "edge")
    corner.docker("build", "--quiet", "--label", corner.label, "--tag", edge_image, folder)
    corner.docker("network", "create", "--label", corner.label, corner.app)
    (files / "identity.pem").write_bytes(edge_identity.make())
    (files / "identity.pem").chmod(0o444)
    (files / "other.pem").write_bytes(edge_identity.make())
    (files / "secrets").mkdir(mode=0o755)
    made = Stage(corner, files, image, edge_image)
    made.authority = _caddy(made, ("ca.test",), authority())
    _caddy(made, NAMES, front())
    made.believe(made.authority)
    for _ in range(2):
        made.start_edge()
    yield made
