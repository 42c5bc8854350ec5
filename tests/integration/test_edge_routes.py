"""Every word of compose/routes.yml, served by the edge's own Caddy and asked by a real client."""

import hashlib
import socket
import threading
import time
from dataclasses import replace

import httpx
import pytest

from slipway.edge import caddy_program
from slipway.edge.routes import Table
from slipway.errors import ConfigError, HostError
from slipway.hosts.local import LocalHost
from tests.integration import edge_site, edge_stage
from tests.integration.docker_sandbox import base_image
from tests.integration.edge_site import Site
from tests.waiting import wait_until

pytestmark = pytest.mark.engine
stage, site = edge_stage.stage, edge_site.site


def test_a_folder_is_served_with_its_indexes_and_nothing_that_is_hidden(site: Site) -> None:
    assert site.ask("/guide/").text == "<h1>Home</h1>"
    places = {"/guide": "/guide/", "/guide?a=1": "/guide/?a=1", "/guide/docs": "/guide/docs/"}
    for path, place in places.items():
        answer = site.ask(path)
        assert (answer.status_code, answer.headers["location"]) == (308, place), path
    assert site.ask("/guide/docs/").text == "Docs"
    assert site.ask("/guide/.well-known/security.txt").text == "Contact: us"
    for path in ("/guide/.env", "/guide//.env", "/guide/docs/%2e%2e/.env", "/guide/%2Eenv"):
        assert site.ask(path).json() == {"error": "No such page."}, path
    sidecar = site.ask("/guide/index.html.etag.slipway")
    assert sidecar.status_code == 404
    missing = site.ask("/guide/nope", headers={"Accept": "text/html"})
    assert (missing.status_code, missing.text[:11]) == (404, "<h1>Our 404")


def test_a_folder_is_cached_by_its_content_and_packed_beforehand(site: Site) -> None:
    plain = site.ask("/guide/assets/app.js")
    assert plain.headers["cache-control"] == "no-cache" and "last-modified" not in plain.headers
    again = site.ask("/guide/assets/app.js", headers={"If-None-Match": plain.headers["etag"]})
    assert again.status_code == 304
    assert plain.headers["etag"] == f'"{hashlib.sha256(plain.content).hexdigest()[:32]}"'
    cached = site.ask("/page/assets/app.js", headers={"Accept-Encoding": "gzip"})
    assert cached.headers["cache-control"] == "public, max-age=2592000"
    assert cached.text == "packed before"


def test_a_page_application_gets_its_page_for_addresses_and_none_for_lost_scripts(
    site: Site,
) -> None:
    for path in ("/page/", "/page/orders/7"):
        assert site.ask(path).text == "<h1>Home</h1>", path
    browser = {"Accept": "text/html,*/*"}
    assert site.ask("/page/users/a.b", headers=browser).text == "<h1>Home</h1>"
    assert site.ask("/page/old.js").status_code == 404
    assert site.ask("/page/assets/old.js").status_code == 404
    by_hand = site.ask("/guide/orders", headers={"X-Static-Fallback": "/index.html"})
    assert by_hand.status_code == 404, "nobody else chooses the page"


def test_requests_reach_the_service_as_their_route_says(site: Site) -> None:
    answer = site.ask("/api/orders?page=2")
    assert answer.text.startswith("blue GET /orders?page=2\n")
    assert "X-Forwarded-Prefix: /api" in answer.text
    assert answer.headers["x-served-by"] == "shop" and "x-powered-by" not in answer.headers
    assert site.ask("/api/orders", "DELETE").text.startswith("blue DELETE /deleted\n")
    second = site.ask("/api/orders", headers={"X-Version": "2"})
    assert second.text.startswith("blue GET /second/api/orders\n")
    assert site.ask("/v1/a%20b?q=1").text.startswith("blue GET /v2/a%20b?q=1\n")
    assert site.ask("/direct/x").text.startswith("blue GET /direct/x\n")
    assert site.ask("/teapot").status_code == 418


def test_redirections_lead_where_they_say_and_to_no_other_host(site: Site) -> None:
    places = {
        "/old/a%20b?q=1": (308, "/new/a%20b?q=1"),
        "/old": (308, "/new/"),
        "/gone/a": (301, "/a"),
        "/gone//evil.example": (301, "/evil.example"),
        "/gone/%5Cevil.example": (301, "/%5Cevil.example"),
        "/assets/app/": (301, "/assets/app"),
    }
    for path, place in places.items():
        answer = site.ask(path)
        assert (answer.status_code, answer.headers["location"]) == place, path
    by_http = site.ask("/a?b=1", headers={"X-Forwarded-Proto": "http"})
    assert (by_http.status_code, by_http.headers["location"]) == (308, "https://shop.example/a?b=1")
    www = site.ask("/a?b=1", headers={"Host": "www.shop.example"})
    assert (www.status_code, www.headers["location"]) == (301, "https://shop.example/a?b=1")
    assert site.ask("/", headers={"Host": "other.example"}).status_code == 404


def test_limits_cookies_compression_and_caches_are_a_routes_own(site: Site) -> None:
    assert site.ask("/api/upload", "POST", content=b"x" * 2000).status_code == 413
    assert site.ask("/api/other", "POST", content=b"x" * 2000).status_code == 200
    began = time.monotonic()
    assert site.ask("/api/slow").status_code == 503
    assert time.monotonic() - began < 3
    assert site.ask("/api/orders").status_code == 200, "who is late once is not away"
    assert "sticky=" in site.ask("/sticky/a").headers["set-cookie"]
    packed = site.ask("/api/orders", headers={"Accept-Encoding": "gzip"})
    assert packed.headers["content-encoding"] == "gzip"
    assert site.ask("/assets/a").headers["cache-control"] == "public, max-age=3600"
    assert site.ask("/assets/a").headers["x-own"] == "/assets/a"
    robots = site.ask("/robots.txt")
    assert robots.text == "User-agent: *\n"
    assert robots.headers["content-type"] == "text/plain; charset=utf-8"


def test_only_those_come_in_who_may(site: Site) -> None:
    assert site.ask("/private/x").status_code == 401
    assert site.ask("/private/x", auth=("team", "wrong")).status_code == 401
    told = site.ask("/private/x", auth=("team", "let me in"))
    assert told.status_code == 200
    assert "Authorization" not in told.text, "the password is the edge's alone"
    assert site.ask("/PRIVATE//x").status_code == 401
    assert site.ask("/private/open").status_code == 200
    partner = site.ask("/partners/x")
    assert (partner.status_code, partner.json()) == (403, {"error": "Forbidden."})
    document = site.routing(1, "blue").document.decode()
    assert "let me in" not in document and "$2a$" not in document, "the signpost shows it to all"


def test_browsers_see_the_teams_own_pages_and_programs_are_told_in_json(site: Site) -> None:
    browser = {"Accept": "text/html,*/*"}
    missing = site.ask("/nowhere", headers=browser)
    assert (missing.status_code, missing.text) == (404, "<h1>Our 404 {http.request.host}</h1>")
    assert missing.headers["content-type"] == "text/html; charset=utf-8"
    assert site.ask("/nowhere").json() == {"error": "No such page."}
    broken = site.ask("/broken", headers=browser)
    assert (broken.status_code, broken.text[:10]) == (500, "<h1>Our 5x")
    assert site.ask("/broken").json() == {"error": "Internal Server Error."}
    slow = site.ask("/api/slow", headers=browser)
    assert (slow.status_code, slow.headers["retry-after"]) == (503, "2")


def test_streams_outlive_a_cutover_and_a_change_of_routes_and_are_drained(site: Site) -> None:
    lines: list[str] = []
    edges = site.stage.edges
    edges.tell(site.routing(1, "blue"))

    def listen() -> None:
        url, host = f"{site.stage.url}/events", {"Host": "shop.example"}
        with httpx.stream("GET", url, headers=host, timeout=60) as stream:
            lines.extend(line for line in stream.iter_lines() if line)

    listening = threading.Thread(target=listen)
    listening.start()
    port = int(site.stage.url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=60) as websocket:
        head = "GET /socket HTTP/1.1\r\nHost: shop.example\r\nConnection: Upgrade\r\n"
        websocket.sendall(f"{head}Upgrade: websocket\r\n\r\n".encode())
        assert websocket.recv(1000).startswith(b"HTTP/1.1 101 ")
        wait_until("both are open", lambda: edges.in_flight(["app-blue"]) == 2)
        edges.tell(site.routing(2, "green"))  # a cutover
        table = Table(site.table.routes[1:], site.table.guards)
        edges.tell(site.routing(3, "green", table))  # other routes too: Caddy loads them anew
        assert site.ask("/v1/x").text.startswith("green GET /v2/x")
        websocket.sendall(b"still there?")
        assert websocket.recv(100) == b"blue still there?"
        assert edges.drain(["app-blue"], timeout=0.1) == 2
    site.wait_for("app-blue", path="/stop")
    assert edges.drain(["app-blue"], timeout=60) == 0
    listening.join(60)
    assert len(lines) > 2 and {line.split()[1] for line in lines} == {"blue"}


def test_every_route_is_tried_before_it_serves_also_behind_a_password(site: Site) -> None:
    table = site.table.with_names({"app": "app-green"})
    site.try_routes(table)
    methods = site.stage.corner.docker("exec", site.green, "cat", "/tmp/methods").split()
    assert set(methods) == {"GET"}, "nothing is changed by being tried"
    *rest, last = table.routes
    wrong = Table((*rest, replace(last, name="x")))
    with pytest.raises(HostError, match=r"shop\.example/socket is not answered by x: 503 x"):
        site.try_routes(wrong)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("respond /x 200\nrespnd /y 200\n", r"own\.Caddyfile:2: .*unrecognized directive: respnd"),
        (
            "respond ok\n}\n:9090 {\n",
            "own.Caddyfile: it sets another site, which is the edge's own",
        ),
        ("}\n{\nadmin off\n", "own.Caddyfile"),
        ("tls internal\n", "own.Caddyfile: it sets .*tls"),
    ],
)
def test_what_caddy_does_not_take_of_a_teams_own_part_is_refused(text: str, complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        caddy_program.adapt(LocalHost(), base_image("caddy:2"), text, "compose/own.Caddyfile")


def test_without_its_password_nobody_comes_in_and_the_rest_is_served(site: Site) -> None:
    """As in the minute of a deploy that takes the password away from the edge."""
    guard = replace(site.table.guards[1], users={"team": "GONE"})
    site.stage.edges.tell(site.routing(4, "blue", replace(site.table, guards=(guard,))))
    assert site.ask("/private/x", auth=("team", "let me in")).status_code == 401
    assert site.ask("/v1/x").status_code == 200
