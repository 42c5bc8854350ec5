"""The edge image's own script and Caddy, told routes, asked, and let drain."""

import json
import math
import re
import subprocess
import threading
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from slipway.edge import figures
from slipway.edge.config import configure
from slipway.edge.edges import Edges, EdgesState, Routing, other
from slipway.edge.preview import Preview
from slipway.edge.questions import WELL, NotReady, Question
from slipway.edge.questions import ask as ask_edges
from slipway.edge.routes import Route, Table
from slipway.errors import HostError
from slipway.hosts.local import LocalHost
from slipway.progress import Lane
from slipway.project import COMPOSE
from tests.fakes.reporter import RecordingReporter
from tests.integration import edge_stage
from tests.integration.docker_sandbox import DockerSandbox, base_image
from tests.integration.edge_stage import SERVER, SETTINGS, Stage, ask
from tests.waiting import wait_until

pytestmark = pytest.mark.engine
stage = edge_stage.stage


def state(edges: Edges, *names: str) -> EdgesState:
    """Ask what edges serve, and what is open there towards these services."""
    return EdgesState.of([host.run(edges.look(names), check=False) for host in edges.hosts])


def test_before_the_first_release_the_edge_says_try_again(stage: Stage) -> None:
    answer = stage.get("/anything")
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0
    assert "Nothing is deployed here yet." in answer.text


def test_told_routes_are_live_when_the_telling_ends(stage: Stage) -> None:
    routings = [stage.routing(n, colour) for n, colour in enumerate(("blue", "green", "blue"), 1)]
    for routing, colour in zip(routings, ("blue", "green", "blue"), strict=True):
        reporter = RecordingReporter()
        stage.edges.tell(routing, reporter)
        assert [lane.is_done for lane in reporter.lanes] == [False, True]
        assert re.fullmatch(r"acknowledged in \d+ ms", reporter.lanes[-1].doing)
        assert stage.which() == routing.ident
        assert stage.get("/").text.startswith(f"{colour} /")
    assert stage.get("/_edge/up").text == f"{routings[-1].ident}\n"


def test_every_request_has_an_id_and_one_that_brought_its_own_keeps_it(stage: Stage) -> None:
    stage.edges.tell(stage.routing(1, "blue"))
    assert len(stage.get().text.split()[-1]) == 36
    mine = httpx.get(stage.url, headers={"X-Request-Id": "mine"}, timeout=60)
    assert mine.text.split()[-1] == "mine"


def test_a_request_that_was_begun_finishes_on_the_old_colour_and_can_be_waited_for(
    stage: Stage,
) -> None:
    stage.edges.tell(stage.routing(1, "blue"))
    answers: list[httpx.Response] = []
    held = threading.Thread(target=lambda: answers.append(stage.get("/held")))
    held.start()
    wait_until("it is begun", lambda: stage.edges.in_flight(["web-blue"]) == 1)
    routing = stage.routing(2, "green")
    stage.edges.tell(routing)
    assert stage.get().text.startswith("green")
    assert stage.edges.in_flight(["web-blue"]) == 1
    assert state(stage.edges, "web-blue") == EdgesState(frozenset([routing.ident]), 1)
    assert state(stage.edges) == EdgesState(frozenset([routing.ident]), 0)
    assert stage.edges.in_flight(["web-green"]) == 0
    reporter = RecordingReporter()
    assert stage.edges.drain(["web-blue"], 0.1, reporter) == 1
    assert reporter.lanes[-1] == Lane("here", "1 requests open", 0, 1, "edges")
    ask(stage, "http://web-blue:8000/let-go")
    assert stage.edges.drain(["web-blue"], timeout=60) == 0
    held.join(60)
    assert [answer.status_code for answer in answers] == [200]
    assert answers[0].text.startswith("blue /held")


def test_what_the_new_colour_lacks_comes_from_the_other_as_long_as_that_runs(
    stage: Stage,
) -> None:
    def tell(release: int, colour: str) -> None:
        def config(ident: str, colour: str) -> Mapping[str, object]:
            names, others = {"web": f"web-{colour}"}, {"web": f"web-{other(colour)}"}
            route = Route("/only-*", "web", 8000, assets=True)
            gone = replace(route, path="/gone/*", strip="/gone", name="web-green", other="none")
            table = Table((route, Route("/*", "web", 8000))).with_names(names, others)
            return configure(ident, Table((*table.routes, gone)), SETTINGS, 0)

        stage.edges.tell(Routing.of(release, colour, config))

    tell(1, "blue")
    tell(2, "green")
    assert stage.get("/only-green.js").text.startswith("green /only-green.js")
    assert stage.get("/only-blue.js").text.startswith("blue /only-blue.js")
    assert stage.get("/only-brown.js").status_code == 404
    assert httpx.post(f"{stage.url}/only-blue.js", content=b"x", timeout=60).text == "green lacks 0"
    tell(3, "blue")
    assert stage.get("/only-green.js").text.startswith("green /only-green.js")
    missing = stage.get("/gone/only-blue.js")  # there is no other colour: its own answer counts
    assert (missing.status_code, missing.text.split()[0]) == (404, "green")


def test_an_upload_of_200_mb_crosses_a_cutover_and_a_change_of_routes(stage: Stage) -> None:
    parts, part = 100, b"x" * 2_000_000
    stage.edges.tell(stage.routing(1, "blue"))

    def body() -> Iterator[bytes]:
        for number in range(parts):
            if number == parts // 3:
                stage.edges.tell(stage.routing(2, "green"))
            if number == 2 * parts // 3:  # other routes: Caddy takes a whole configuration
                stage.edges.tell(stage.routing(3, "green", MAX_BODY_MB="300"))
            yield part

    length = {"Content-Length": str(parts * len(part))}
    answer = httpx.post(f"{stage.url}/upload", content=body(), headers=length, timeout=120)
    assert (answer.status_code, answer.text) == (200, "blue lacks 0")
    assert stage.get().text.startswith("green")


@pytest.mark.parametrize(
    "document",
    [b"", b"{", b'{"apps": {"http": {"servers": {"main": {"listen": ["no port"]}}}}}'],
    ids=["empty", "cut short", "not for Caddy"],
)
def test_a_wrong_configuration_is_refused_and_the_old_routes_stay_live(
    stage: Stage, document: bytes
) -> None:
    good = stage.routing(1, "blue")
    stage.edges.tell(good)
    with pytest.raises(HostError, match="here: the edge did not accept the new routes"):
        stage.edges.tell(Routing("release-9-blue-x", b"release-9-blue-x\n" + document))
    assert stage.which() == good.ident
    assert stage.get().text.startswith("blue")


def test_an_edge_that_serves_something_else_than_it_was_told_is_noticed(stage: Stage) -> None:
    other = stage.routing(3, "green")
    with pytest.raises(HostError, match="did not accept the new routes"):
        stage.edges.tell(Routing("release-9-blue-x", other.document))


def test_a_colour_is_looked_at_from_within_the_edge(stage: Stage) -> None:
    ask(stage, "http://web-blue:8000/up", "http://web-green:8000/up")
    ask(stage, "http://web-blue:8000/sick", statuses="200-299,500-500")
    ask(stage, "http://web-blue:8000/moved", statuses="301-302")
    ask(stage, "web-blue:8000", "web-green:8000", statuses="")
    up, blue = "http://web-green:8000/up", "web-blue:8000"
    for address, statuses, answer in [
        (f"http://{blue}/sick", WELL, "it answers 500 Internal Server Error"),
        (f"http://{blue}/up", "204-204", "it answers 200 OK"),
        (f"http://{blue}/moved", WELL, "it answers 301 Moved Permanently to /elsewhere"),
        ("http://web-none:8000/", WELL, "wget: bad address 'web-none:8000'"),
        ("http://web-blue:8001/", WELL, "wget: can't connect to remote host .*refused"),
        ("web-blue:8001", "", "nc: can't connect to remote host .*refused"),
        ("web-none:8000", "", "nc: bad address 'web-none'"),
    ]:
        said = rf"^here: seen from the edge, {address}: {answer}; mend web$"
        with pytest.raises(NotReady, match=said) as caught:
            ask_edges(
                stage.edges.app,
                stage.edges.hosts,
                [Question("up", up), Question("web", address, statuses, "mend web")],
                patience=0.2,
            )
        assert caught.value.service == "web"


def test_a_route_whose_service_is_reached_a_moment_later_is_tried_again(stage: Stage) -> None:
    def start() -> None:
        options = ("--network", stage.corner.app, "--network-alias", "web-late")
        python = base_image("python:3.13-slim-trixie")
        stage.corner.run(python, "python", "-c", SERVER, "late", options=options)

    late = threading.Timer(1, start)
    late.start()
    preview = Preview.of([Route("/*", "web-late", 8000)], SETTINGS)
    ask_edges(stage.edges.app, stage.edges.hosts, [], 60, preview)
    late.join()


def test_a_restarted_edge_serves_the_routes_of_its_last_cutover(stage: Stage) -> None:
    routing = stage.routing(4, "green")
    stage.edges.tell(routing)
    stage.corner.docker("restart", "--time", "10", stage.edge)
    stage.edges.wait_up(20)
    assert stage.which() == routing.ident
    stage.url = f"http://127.0.0.1:{stage.corner.port(stage.edge, 8080)}"
    assert stage.get().text.startswith("green")


def test_what_is_counted_of_requests_is_told_apart_by_the_cutover(stage: Stage) -> None:
    stage.edges.tell(stage.routing(20, "green"))
    stage.edges.tell(stage.routing(21, "blue"))
    for _ in range(5):
        stage.get()
    stage.edges.tell(stage.routing(22, "green"))
    assert [stage.get(path).status_code for path in ("/", "/", "/away/x")] == [200, 200, 503]
    with figures.reader(stage.corner.app, [stage.host]) as read:
        counted = read()
        assert (counted.before.requests, counted.before.errors) == (5, 0)
        assert (counted.since.requests, counted.since.errors) == (3, 1)
        assert counted.since.within[math.inf] == 2  # the third never answered
        stage.get()
        assert read().since.requests == 4
    stage.edges.tell(stage.routing(23, "blue", "/other/*"))
    counted = figures.read(stage.corner.app, [stage.host])
    assert (counted.before.requests, counted.since.requests) == (4, 0)


@pytest.fixture
def signpost(stage: Stage) -> Iterator[Routing]:
    """A signpost that shows routes to edges that start."""
    routing = stage.routing(5, "green")
    options = ("--network", stage.corner.app, "--network-alias", "signpost", "--read-only")
    folder = ("--tmpfs", "/srv/signpost:mode=1777")
    container = stage.corner.run(stage.image, "edge", "signpost", options=(*options, *folder))
    argv = ["docker", "exec", "-i", container, "sh", "-c", "cat >/srv/signpost/routes"]
    subprocess.run(argv, input=routing.document, check=True)
    yield routing
    stage.corner.docker("rm", "--force", container)


def test_an_edge_whose_disk_is_full_starts_and_takes_new_routes(
    stage: Stage, signpost: Routing, corner: DockerSandbox
) -> None:
    """As after a reboot, with a machine's disk full: /data can be read and not written."""
    hardened = ("--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL")
    options = (*hardened, "--tmpfs", "/data:size=64k,uid=10001", "--network", stage.corner.app)
    fill = "yes >/data/full || true; exec edge run"
    labels = ("--label", "slipway.service=edge", "--publish", "127.0.0.1::8080")
    edge = corner.run(stage.image, "sh", "-c", fill, options=(*options, *labels))
    edges = Edges(corner.app, [LocalHost("here")])
    edges.wait_up(20)
    assert edges.serving() == {"here": signpost.ident}
    url = f"http://127.0.0.1:{corner.port(edge, 8080)}"
    assert httpx.get(url, timeout=60).text.startswith("green")
    notes = edges.tell(stage.routing(6, "blue"))
    assert edges.serving() == {"here": stage.routing(6, "blue").ident}
    assert httpx.get(url, timeout=60).text.startswith("blue")
    assert notes == ["here: the routes could not be saved in /data; is the disk full?"]


def test_a_machine_without_an_edge_serves_nothing_and_says_so() -> None:
    edges = Edges("nobody-has-this", [LocalHost("here")])
    assert edges.serving() == {"here": ""}
    assert state(edges, "web-blue") == EdgesState(frozenset([""]), 0)
    with pytest.raises(HostError, match="no edge runs here"):
        edges.tell(Routing("x", b"{}"))


@pytest.mark.parametrize("tls", ["off", "internal", "auto"])
@pytest.mark.parametrize("domain", ["", "a.example, b.example"])
def test_caddy_accepts_every_configuration(corner: DockerSandbox, tls: str, domain: str) -> None:
    routes = [Route("/api/*", "api-blue", 8000), Route("/*", "web-blue", 8080)]
    settings = {"TLS": tls, "DOMAIN": domain, "TRUSTED_PROXIES": "10.0.0.5, fd00::/8"}
    settings |= {"SHOW_RELEASE": "off", "HSTS_DAYS": "365", "MAX_BODY_MB": "100", "HTTP3": "on"}
    config = configure("id", routes, settings, 30)
    argv = ["docker", "run", "--rm", "--interactive", "--label", corner.label, "--network=none"]
    argv += [base_image("caddy:2"), "caddy", "validate", "--config", "/dev/stdin"]
    data = json.dumps(config).encode()
    done = subprocess.run(argv, input=data, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()


def test_the_configuration_of_the_first_start_is_valid_too(corner: DockerSandbox) -> None:
    config = Path(COMPOSE / "edge" / "empty.json").read_bytes()
    argv = ["docker", "run", "--rm", "--interactive", "--label", corner.label, "--network=none"]
    argv += [base_image("caddy:2"), "caddy", "validate", "--config", "/dev/stdin"]
    done = subprocess.run(argv, input=config, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()


def test_routes_are_tried_under_each_domain_and_what_serves_is_not_touched(stage: Stage) -> None:
    good = stage.routing(1, "blue")
    stage.edges.tell(good)
    domains = {"DOMAIN": "shop.example.org, *.example.net", "TLS": "auto"}
    routes = [Route("/*", "web-green", 8000), Route("/api/*", "web-blue", 8000)]
    app, hosts = stage.edges.app, stage.edges.hosts
    ask_edges(app, hosts, [], 0, Preview.of(routes, domains))
    asked = [Question("web-green", "http://web-green:8000/")]
    ask_edges(app, hosts, asked, 10, Preview.of(routes[:1], SETTINGS))
    wrong = [*routes, Route("/sick", "web-blue", 8001)]
    with pytest.raises(HostError, match=r"slipway-probe\.example\.net/sick is not answered by web"):
        ask_edges(app, hosts, asked, 1, Preview.of(wrong, domains))
    assert stage.which() == good.ident
    left = "ls -d /tmp/tmp.* /proc/[0-9]*/exe -l | grep -c -e /tmp/ -e caddy$"
    assert stage.corner.docker("exec", stage.edge, "sh", "-c", left) == "1"  # the one that serves
