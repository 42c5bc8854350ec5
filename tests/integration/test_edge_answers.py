"""What the edge adds to answers, whose word it takes on a client, and what it refuses."""

import socket
import ssl
from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType

import httpx
import pytest

from slipway.edge import headers, outside
from slipway.edge.config import HEADER_BYTES, configure
from slipway.edge.edges import Edges, Routing
from slipway.edge.routes import Maintenance, Route, Table
from slipway.hosts.local import LocalHost
from tests.integration import edge_stage
from tests.integration.docker_sandbox import DockerSandbox
from tests.integration.edge_stage import SETTINGS, Stage
from tests.waiting import wait_until

pytestmark = pytest.mark.engine
stage = edge_stage.stage


@pytest.mark.parametrize(
    ("path", "status"), [("/app/x", 200), ("/away/x", 503), ("/nothing", 404), ("/_edge/up", 200)]
)
def test_every_answer_keeps_a_browser_careful_and_names_no_program(
    stage: Stage, path: str, status: int
) -> None:
    stage.edges.tell(stage.routing(1, "blue", "/app/*", SHOW_RELEASE="off", HSTS_DAYS="1"))
    answer = stage.get(path)
    assert answer.status_code == status
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["x-frame-options"] == "DENY"
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert not {"server", "via", "x-release"} & answer.headers.keys()
    assert "strict-transport-security" not in answer.headers  # no TLS, here or before


def test_a_closed_environment_answers_503_with_its_message_and_lets_some_pass(stage: Stage) -> None:
    def tell(*allow: str, pages: Mapping[str, str] = MappingProxyType({})) -> None:
        until = datetime(2030, 1, 2, 22, 30, tzinfo=UTC)
        closed = Maintenance("We move <house> {env.HOME}.", until, allow)
        table = Table((Route("/*", "web-blue", 8000),), pages=pages, maintenance=closed)
        stage.edges.tell(
            Routing.of(1, "blue", lambda ident, _: configure(ident, table, SETTINGS, 0))
        )

    def page() -> httpx.Response:
        return httpx.get(stage.url, headers={"Accept": "text/html,*/*"}, timeout=60)

    tell()
    closed = page()
    assert closed.status_code == 503
    assert "We move &lt;house&gt; {env.HOME}." in closed.text
    assert "2030-01-02 22:30 UTC" in closed.text
    assert closed.headers["retry-after"] == "Wed, 02 Jan 2030 22:30:00 GMT"
    assert stage.get("/api/x").json() == {"error": "closed for maintenance; try again later"}
    assert stage.get("/_edge/up").status_code == 200  # a balancer keeps the machine
    tell(pages={"maintenance": "<h1>Ours</h1><p>{message}</p>"})
    assert page().text.startswith("<h1>Ours</h1><p>We move &lt;house&gt;")
    tell("10.99.0.0/16")
    assert page().status_code == 503
    tell("0.0.0.0/0")
    assert page().status_code == 200


def test_what_a_service_says_of_frames_itself_counts(stage: Stage) -> None:
    stage.edges.tell(stage.routing(1, "blue"))
    framed = stage.get("/framed").headers
    assert framed["x-frame-options"] == "SAMEORIGIN"
    assert "content-security-policy" not in framed


def test_which_routes_and_release_serve_is_told_to_those_who_know_the_routes(stage: Stage) -> None:
    routing = stage.routing(1, "blue", SHOW_RELEASE="off")
    stage.edges.tell(routing)
    assert stage.get("/_edge/up").text == "up\n"
    key = {headers.KEY: routing.key}
    assert httpx.get(f"{stage.url}/_edge/up", headers=key, timeout=60).text == f"{routing.ident}\n"
    assert httpx.get(stage.url, headers=key, timeout=60).headers["x-release"] == "7"
    door = outside.Entrance("127.0.0.1", int(stage.url.rpartition(":")[2]), 0)
    assert outside.serving({"m1": door}, SETTINGS, routing.key) == {"m1": routing.ident}


def test_only_a_balancer_that_is_named_says_who_its_client_is(stage: Stage) -> None:
    claims = {"X-Forwarded-For": "203.0.113.9, 2001:db8::1", "X-Forwarded-Proto": "https"}
    claims |= {"Forwarded": "for=203.0.113.9", "X-Real-Ip": "203.0.113.9"}
    stage.edges.tell(stage.routing(1, "blue", HSTS_DAYS="1"))
    answer = httpx.get(f"{stage.url}/who", headers=claims, timeout=60)
    assert "203.0.113.9" not in answer.text and "2001:db8::1" not in answer.text
    assert "strict-transport-security" not in answer.headers

    every_network = "10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16"  # this computer is in one of them
    stage.edges.tell(stage.routing(1, "blue", HSTS_DAYS="1", TRUSTED_PROXIES=every_network))
    answer = httpx.get(f"{stage.url}/who", headers=claims, timeout=60)
    assert answer.text == "blue /who ['2001:db8::1', '2001:db8::1', None]"
    assert answer.headers["strict-transport-security"] == "max-age=86400"


def test_with_tls_browsers_are_told_to_stay_and_the_plain_port_leads_there(
    stage: Stage, corner: DockerSandbox
) -> None:
    labels = ("--label", "slipway.service=edge", "--network", stage.corner.app)
    ports = ("--publish", "127.0.0.1::8080", "--publish", "127.0.0.1::8443")
    edge = corner.run(stage.image, options=(*labels, *ports, "--network-alias", "with-tls"))
    edges = Edges(corner.app, [LocalHost("here")])
    edges.wait_up(20)
    plain, https = corner.port(edge, 8080), corner.port(edge, 8443)
    settings = {"TLS": "internal", "DOMAIN": "a.test", "HTTPS_PORT": str(https), "HSTS_DAYS": "1"}
    routing = stage.routing(1, "blue", **settings)
    edges.tell(routing)
    authority = corner.docker("exec", edge, "cat", "/data/caddy/pki/authorities/local/root.crt")
    trust, name = ssl.create_default_context(cadata=authority), {"Host": "a.test"}
    with httpx.Client(verify=trust, headers=name, timeout=60) as browser:
        request = browser.build_request("GET", f"https://127.0.0.1:{https}/x?y=1")
        request.extensions["sni_hostname"] = "a.test"
        answer = browser.send(request)
        assert answer.text.startswith("blue /x")
        assert answer.headers["strict-transport-security"] == "max-age=86400"
        assert "alt-svc" not in answer.headers  # no port of HTTP/3 is open
        edges.tell(stage.routing(2, "blue", HTTP3="on", **settings))
        assert browser.send(request).headers.get_list("alt-svc") == [f'h3=":{https}"; ma=86400']
        asking = corner.run(stage.image, "sh", "-c", BY_HTTP3, options=labels[2:])
        wait_until("it answers by HTTP/3", lambda: "blue /deep" in _by_http3(corner, asking))
        edges.tell(routing)
        led = browser.get(f"http://127.0.0.1:{plain}/x?y=1")
    assert (led.status_code, led.headers["location"]) == (308, f"https://a.test:{https}/x?y=1")
    nameless = httpx.get(f"http://127.0.0.1:{plain}/x", timeout=60)  # under no name of ours
    for each in (led, nameless):
        assert each.headers["x-frame-options"] == "DENY" and "server" not in each.headers
    door = outside.Entrance("127.0.0.1", plain, https)
    assert outside.serving({"m1": door}, settings, routing.key) == {"m1": routing.ident}


BY_HTTP3 = """printf '%s' '{"apps": {"http": {"servers": {"asks": {"listen": [":8080"], "routes": [
  {"handle": [{"handler": "reverse_proxy", "upstreams": [{"dial": "with-tls:8443"}],
    "headers": {"request": {"set": {"Host": ["a.test"]}}}, "transport": {"protocol": "http",
    "versions": ["3"], "tls": {"server_name": "a.test", "insecure_skip_verify": true}}}]}
]}}}}}' >/tmp/asks.json && exec caddy run --config /tmp/asks.json"""


def _by_http3(corner: DockerSandbox, asking: str) -> str:
    """Ask through a Caddy that speaks nothing else; return the answer."""
    words = ("wget", "-q", "-O", "-", "-T", "10", "http://127.0.0.1:8080/deep")
    return corner.docker("exec", asking, *words, check=False)


def test_what_is_too_large_or_too_slow_is_refused(stage: Stage) -> None:
    stage.edges.tell(stage.routing(1, "blue", MAX_BODY_MB="1"))
    for content in (b"x" * 2_000_000, iter([b"x" * 700_000] * 3)):  # the second says no length
        assert httpx.post(stage.url, content=content, timeout=60).status_code == 413
    large = {"X-Large": "x" * 2 * HEADER_BYTES}
    assert httpx.get(stage.url, headers=large, timeout=60).status_code == 431
    port = int(stage.url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=60) as slow:
        slow.sendall(b"GET / HTTP/1.1\r\nHost: here\r\n")
        assert slow.recv(100).startswith(b"HTTP/1.1 4") or slow.recv(1) == b""
