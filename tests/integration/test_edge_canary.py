"""A share of the visitors for a new colour, as a real edge decides it for each request."""

import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from slipway.edge import canary, figures, route_records
from slipway.edge.config import configure
from slipway.edge.edges import Routing
from slipway.edge.routes import NOTHING, Guard, Route, Table
from slipway.environments import environment
from slipway.errors import HostError
from slipway.machines.connect import Cluster
from slipway.releases.application import Service
from slipway.releases.release import Release
from slipway.releases.serving import Serving
from tests.fakes.host import FakeHost
from tests.integration import edge_stage
from tests.integration.edge_stage import SETTINGS, Stage
from tests.waiting import wait_until

pytestmark = pytest.mark.engine
stage = edge_stage.stage
VISITORS, AT_ONCE = 2000, 20
SHOP = "shop.example"
ALWAYS, NEVER = {"X-Canary": "always"}, {"X-Canary": "never"}


def routing(release: int, colour: str, domain: str = "", **settings: str) -> Routing:
    def config(ident: str, where: str) -> Mapping[str, object]:
        names = [{"web": f"web-{each}"} for each in (where, "none", canary.colour_of(where))]
        table = Table((Route("/*", "web", 8000), Route("/stays/*", "", text="here")))
        settled = SETTINGS | settings | {"DOMAIN": domain}
        return configure(ident, table.with_names(*names), settled, drain_seconds=5)

    return Routing.of(release, colour, config)


class Visitor:
    """A browser: it keeps a connection, and its cookies until it forgets them."""

    def __init__(self, stage: Stage) -> None:
        self._client = httpx.Client(base_url=stage.url, headers={"Host": SHOP}, timeout=60)

    def ask(self, path: str = "/", headers: Mapping[str, str] = NOTHING) -> str:
        """Return the colour that answers."""
        self.answer = self._client.get(path, headers=headers)
        return self.answer.text.partition(" ")[0]

    def forget(self, cookie: str = "") -> "Visitor":
        """Have no cookie, or this one, as somebody else would."""
        self._client.cookies.clear()
        if cookie:
            self._client.cookies.set(canary.COOKIE, cookie)
        return self

    @property
    def digits(self) -> str:
        return self._client.cookies.get(canary.COOKIE) or ""


@pytest.fixture
def visitor(stage: Stage) -> Visitor:
    return Visitor(stage)


def test_a_share_of_the_visitors_meets_the_new_colour_and_each_of_them_stays_there(
    stage: Stage, visitor: Visitor
) -> None:
    serving = routing(1, "blue")
    stage.edges.tell(serving)
    assert visitor.ask() == "blue" and not visitor.digits, "no cookie where no canary runs"
    stage.edges.send_share(serving.ident, "green", canary.threshold(10), 120)

    def meet(count: int) -> list[tuple[str, str]]:
        """Come as so many, of whom every tenth comes back; return their digits and colours."""
        somebody, met = Visitor(stage), []
        for number in range(count):
            met.append((somebody.forget().ask(), somebody.digits))
            if number % 10 == 0:
                assert (somebody.ask("/other"), somebody.digits) == met[-1]
                assert "set-cookie" not in somebody.answer.headers
        return met

    with ThreadPoolExecutor(AT_ONCE) as pool:
        met = [one for each in pool.map(meet, [VISITORS // AT_ONCE] * AT_ONCE) for one in each]
    hits = sum(colour == "green" for colour, _ in met)
    assert 0.075 * VISITORS < hits < 0.125 * VISITORS  # within four standard deviations
    assert all((digits < canary.threshold(10)) == (colour == "green") for colour, digits in met)
    visitor.forget("zzzz").ask()
    assert "canary=" in visitor.answer.headers["set-cookie"], "what is no visitor's gets digits"


def test_a_header_says_which_colour_a_tester_meets(stage: Stage, visitor: Visitor) -> None:
    serving = routing(1, "blue")
    stage.edges.tell(serving)
    assert visitor.ask(headers=ALWAYS) == "blue", "no canary runs"
    stage.edges.send_share(serving.ident, "green", canary.threshold(1), 60)
    assert [visitor.forget().ask(headers=ALWAYS) for _ in range(20)] == ["green"] * 20
    assert [visitor.forget("0000").ask(headers=NEVER) for _ in range(20)] == ["blue"] * 20
    assert visitor.forget("0000").ask() == "green"
    assert visitor.forget("ffff").ask() == "blue"
    assert visitor.ask("/stays/here", ALWAYS) == "here"


def test_the_cookie_is_of_the_browser_alone_and_of_tls_where_there_is_any(
    stage: Stage, visitor: Visitor
) -> None:
    serving = routing(1, "blue")
    stage.edges.tell(serving)
    stage.edges.send_share(serving.ident, "green", canary.threshold(10), 60)
    visitor.ask()
    end = "; Path=/; Max-Age=86400; HttpOnly; SameSite=Lax"
    assert visitor.answer.headers["set-cookie"] == f"canary={visitor.digits}{end}"
    secure = configure("r-1", [Route("/*", "a", 1, canary="b")], SETTINGS | {"TLS": "auto"}, 0)
    assert "SameSite=Lax; Secure" in str(secure)


def test_a_canary_that_nobody_renews_ends_by_itself(stage: Stage, visitor: Visitor) -> None:
    serving = routing(1, "blue")
    stage.edges.tell(serving)
    stage.edges.send_share(serving.ident, "green", canary.threshold(50), 3)
    began = time.monotonic()
    assert visitor.ask(headers=ALWAYS) == "green"
    stage.edges.send_share(serving.ident, "green", canary.threshold(50), 4)  # renewed
    wait_until("its time is up", lambda: visitor.ask(headers=ALWAYS) == "blue")
    assert 2 < time.monotonic() - began < 10
    assert visitor.forget().ask() == "blue" and not visitor.digits


def test_it_ends_when_it_is_taken_back_and_when_all_follow_it(
    stage: Stage, visitor: Visitor
) -> None:
    serving, new = routing(1, "blue"), routing(2, "green")
    stage.edges.tell(serving)
    stage.edges.send_share(serving.ident, "green", canary.threshold(50), 60)
    assert visitor.ask(headers=ALWAYS) == "green"
    stage.edges.send_share(serving.ident, "blue", canary.FIRST, 0)
    assert visitor.ask(headers=ALWAYS) == "blue"
    stage.edges.send_share(serving.ident, "green", canary.threshold(50), 60)
    stage.edges.tell(new)
    assert {visitor.ask(headers=header) for header in (ALWAYS, NEVER)} == {"green"}
    with pytest.raises(HostError, match="the edge takes no canary: it serves release-2-green-"):
        stage.edges.send_share(serving.ident, "green", canary.threshold(50), 60)


@pytest.mark.parametrize("domain", ["", SHOP])
def test_what_is_counted_of_requests_tells_both_colours_apart(
    stage: Stage, visitor: Visitor, domain: str
) -> None:
    serving = routing(1, "blue", domain)
    stage.edges.tell(serving)
    visitor.ask("/sick")  # of before
    stage.edges.send_share(serving.ident, "green", canary.threshold(10), 60)
    earlier = figures.read_colours(stage.corner.app, [stage.host])
    for path, headers, times in [("/", NEVER, 7), ("/", ALWAYS, 5), ("/sick", ALWAYS, 3)]:
        for _ in range(times):
            visitor.ask(path, headers)
    visitor.ask("/stays/here", ALWAYS)  # the edge's own answers are nobody's
    now = figures.read_colours(stage.corner.app, [stage.host])
    counted = figures.since_then(now, earlier)
    assert (counted.serving.requests, counted.serving.errors) == (7, 0)
    assert (counted.canary.requests, counted.canary.errors) == (8, 3)
    assert max(counted.canary.within.values()) == 8
    stage.edges.tell(routing(2, "green", domain))
    together = figures.read(stage.corner.app, [stage.host])
    assert (together.before.requests, together.before.errors) == (16, 4)


def test_clients_without_cookies_are_drawn_by_the_address_that_a_trusted_proxy_names(
    stage: Stage, visitor: Visitor
) -> None:
    serving = routing(1, "blue", TRUSTED_PROXIES="172.16.0.0/12,192.168.0.0/16,10.0.0.0/8")
    stage.edges.tell(serving)
    half = canary.threshold(50)
    stage.edges.send_share(serving.ident, "green", half, 60, by=canary.ADDRESS)
    earlier = figures.read_colours(stage.corner.app, [stage.host])

    def meet(number: int, *cookie: str) -> str:
        address = f"2001:db8::{number:x}" if number % 2 else f"203.0.{number}.7"
        return visitor.forget(*cookie).ask(headers={"X-Forwarded-For": address})

    met = [meet(number) for number in range(60)]
    assert 10 < met.count("green") < 50  # five standard deviations
    assert [meet(number) for number in range(60)] == met
    assert (visitor.digits < half) == (met[-1] == "green"), "a browser keeps it elsewhere too"
    assert {meet(number, "ffff") for number in range(5)} == {"blue"}
    counted = figures.since_then(figures.read_colours(stage.corner.app, [stage.host]), earlier)
    assert counted.canary.requests == 2 * met.count("green")
    assert counted.serving.requests == 2 * met.count("blue") + 5


# A canary with other routes

OLD = Table((Route("/app/*", "web", 8000), Route("/kept", "", text="kept")), pages={"404": "old"})
NEW = Table(
    (Route("/app/*", "web", 8000), Route("/fresh", "", text="fresh"), Route("/api/*", "web", 8000)),
    guards=(Guard(paths=("/api/*",), allow=("192.0.2.1/32",)),),
    pages={"404": "new"},
)
PAGE = {"Accept": "text/html"}


def served(number: int, colour: str, table: Table, domain: str = "") -> Serving:
    """Return a release in a colour, as a deploy has it."""
    edge = Service("edge", "edge", {"routes": route_records.write(table)})
    services = (edge, Service("web", "colour", {}))
    settings = SETTINGS | {"DOMAIN": domain}
    release = Release(number, "c0ffee", {}, {}, {}, {}, services, settings=settings)
    return Serving(environment.load("dev"), Cluster(FakeHost(), {}), release, colour)


def share(stage: Stage, before: Serving, after: Serving, seconds: int = 60) -> str:
    """Begin a canary with routes of its own, of which half of the visitors are; return its name."""
    both, ident = before.next_to(after), before.routing.ident
    stage.edges.tell(before.routing)
    stage.edges.add_canary(ident, both)
    stage.edges.add_canary(ident, both)  # once more, as after a line that broke
    digits = canary.threshold(50)
    stage.edges.send_share(ident, after.colour, digits, seconds, both.ident)
    assert stage.which() == ident
    return both.ident


def test_visitors_of_a_canary_have_its_routes_and_the_others_those_that_serve(
    stage: Stage, visitor: Visitor
) -> None:
    share(stage, served(1, "blue", OLD), served(2, "green", NEW))
    met: dict[str, list[str]] = {}
    for digits in ("0000", "ffff"):
        visitor.forget(digits)
        paths = ("/app/", "/fresh", "/kept", "/api/")
        met[digits] = [f"{visitor.ask(path, PAGE)} {visitor.answer.status_code}" for path in paths]
    assert met["0000"][:3] == ["green 200", "fresh 200", "new 404"]
    assert met["0000"][3].endswith(" 403"), "its guards are its own"
    assert met["ffff"] == ["blue 200", "old 404", "kept 200", "old 404"]
    assert [visitor.ask("/fresh", ALWAYS), visitor.ask("/kept", NEVER)] == ["fresh", "kept"]
    visitor.forget().ask("/_edge/up")
    assert not visitor.digits, "who asks the edge itself is no visitor"
    colours = {(visitor.forget().ask("/app/"), visitor.digits < "8000") for _ in range(40)}
    assert colours == {("green", True), ("blue", False)}


def test_a_canary_with_other_routes_ends_for_everybody_and_a_later_one_knows_nothing_of_it(
    stage: Stage, visitor: Visitor
) -> None:
    before, after = served(1, "blue", OLD), served(2, "green", NEW)
    name, ident = share(stage, before, after, 2), before.routing.ident
    assert visitor.ask("/fresh", ALWAYS) == "fresh"
    wait_until("its time is up", lambda: visitor.ask("/kept", ALWAYS) == "kept")
    stage.edges.send_share(ident, "green", canary.threshold(50), 60, name)
    stage.edges.send_share(ident, "blue", canary.FIRST, 0)
    assert visitor.ask("/kept", ALWAYS) == "kept", "it was taken back"
    stage.edges.send_share(ident, "green", canary.threshold(50), 60)  # with the same routes
    assert [visitor.ask("/app/", ALWAYS), visitor.ask("/kept", ALWAYS)] == ["green", "kept"]
    stage.edges.tell(after.routing)
    assert [visitor.ask("/app/", NEVER), visitor.ask("/fresh", NEVER)] == ["green", "fresh"]
    stage.edges.tell(before.routing)
    with pytest.raises(HostError, match="it has not the routes of the canary"):
        stage.edges.send_share(ident, "green", canary.threshold(50), 60, name)


def test_a_canary_has_names_of_its_own_and_is_counted_apart(stage: Stage, visitor: Visitor) -> None:
    sick = Table((*NEW.routes, Route("/sick", "web", 8000)))
    share(stage, served(1, "blue", OLD, "old.example"), served(2, "green", sick, SHOP))
    earlier = figures.read_colours(stage.corner.app, [stage.host])
    assert visitor.ask("/app/", NEVER) == '{"error":"No' and visitor.ask("/app/", ALWAYS) == "green"
    for headers in [ALWAYS, {**ALWAYS, "Host": "old.example"}, {**NEVER, "Host": "old.example"}]:
        visitor.ask("/sick", headers)
        visitor.ask("/app/", headers)
    counted = figures.since_then(figures.read_colours(stage.corner.app, [stage.host]), earlier)
    assert (counted.serving.requests, counted.serving.errors) == (1, 0)
    assert (counted.canary.requests, counted.canary.errors) == (3, 1)
