"""The edge's configuration: every path goes to the right service, whatever the order it came in."""

import json
from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.edge import certificates, questions
from slipway.edge.config import configure, configure_both
from slipway.edge.edges import Routing
from slipway.edge.preview import Preview
from slipway.edge.route_set import RouteSet
from slipway.edge.routes import Route, Table
from tests.fakes.host import FakeHost

OPEN = {"DOMAIN": "", "TLS": "off"}


def handlers(config: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The routes that answer; those before them only add to what comes back."""
    found: list[dict[str, Any]] = config["apps"]["http"]["servers"]["main"]["routes"]
    return [
        each for each in found if each["handle"][0]["handler"] not in ("headers", "request_body")
    ]


def served_by(config: Mapping[str, Any], path: str) -> str:
    """Walk the routes as Caddy does and name the upstream, or the status, a path ends at."""
    for handler in handlers(config):
        paths = handler.get("match", [{}])[0].get("path", [])
        action = handler["handle"][-1]
        if any(fnmatchcase(path, pattern) for pattern in paths) or "match" not in handler:
            upstream = action.get("dynamic_upstreams")
            return upstream["name"] if upstream else str(action["status_code"])
    raise AssertionError(f"nothing takes {path}")


segments = st.lists(st.sampled_from(["api", "v1", "admin", "a"]), max_size=3).map("/".join)
paths = st.builds(lambda middle, tail: f"/{middle}{tail}", segments, st.sampled_from(["", "/*"]))
paths = paths.map(lambda path: path.replace("//", "/"))


@given(st.sets(paths, max_size=6), st.randoms(use_true_random=False), segments)
def test_of_the_routes_that_fit_a_path_the_exact_one_takes_it_else_the_longest(
    given_paths: set[str], random: Any, asked: str
) -> None:
    routes = [Route(path, path, 80) for path in given_paths]
    random.shuffle(routes)
    path = f"/{asked}"
    fitting = [
        each
        for each in given_paths
        if fnmatchcase(path, each) or (each.endswith("/*") and path == each.removesuffix("/*"))
    ]
    config = configure("id", routes, OPEN, 30)
    found = served_by(config, path)
    if fitting:
        expected = path if path in fitting else max(fitting, key=len)
        assert found == expected
    else:
        assert found == ("404" if routes else "503")


@given(st.sets(paths, max_size=4), st.randoms(use_true_random=False))
def test_the_order_of_routes_makes_no_difference(given_paths: set[str], random: Any) -> None:
    routes = [Route(path, "a", 80) for path in sorted(given_paths)]
    mixed = list(routes)
    random.shuffle(mixed)
    assert configure("id", routes, OPEN, 30) == configure("id", mixed, OPEN, 30)


def test_the_edge_answers_for_itself_before_any_service() -> None:
    config = configure("release-7", [Route("/*", "web", 80)], OPEN, 30)
    assert served_by(config, "/_edge/up") == "200"
    assert handlers(config)[0]["handle"][0]["body"] == "{file./tmp/serving}\n"


def test_the_identity_can_be_read_back_and_the_admin_port_stays_inside() -> None:
    config = configure("release-7", [], OPEN, 30)
    assert config["apps"]["http"]["servers"]["main"]["@id"] == "release-7"
    assert config["admin"]["listen"] == "127.0.0.1:2019"


def transport(settings: Mapping[str, str]) -> dict[str, Any]:
    config = configure("id", [Route("/*", "web", 80)], settings, 30)
    (proxy,) = [
        each["handle"][-1] for each in handlers(config) if "transport" in each["handle"][-1]
    ]
    limits: dict[str, Any] = proxy["transport"]
    return limits


@pytest.mark.parametrize(
    ("setting", "limit"),
    [({}, "600s"), ({"RESPONSE_TIMEOUT": "45"}, "45s"), ({"RESPONSE_TIMEOUT": "0"}, None)],
)
def test_a_response_has_to_begin_in_time_and_may_then_take_as_long_as_it_likes(
    setting: dict[str, str], limit: str | None
) -> None:
    limits = transport(OPEN | setting)
    assert limits.get("response_header_timeout") == limit
    # Either of these ends uploads that only take long, and the first quiet streams too.
    assert not {"read_timeout", "write_timeout"} & limits.keys()


def test_only_the_domains_named_are_answered() -> None:
    named = {"DOMAIN": "a.example, b.example,", "TLS": "auto"}
    config = configure("id", [Route("/*", "web", 80)], named, 30)
    for_domains, rest = handlers(config)
    assert for_domains["match"] == [{"host": ["a.example", "b.example"]}]
    assert rest["handle"][0]["status_code"] == 404
    main = config["apps"]["http"]["servers"]["main"]
    assert main["listen"] == [":8443"] and "automatic_https" not in main


def routing(release: int, colour: str, port: int = 80) -> Routing:
    def config(ident: str, where: str) -> dict[str, Any]:
        return configure(ident, [Route("/*", f"web-{where}", port)], OPEN, 30)

    return Routing.of(release, colour, config)


def test_a_routing_is_named_by_its_content() -> None:
    assert routing(1, "blue") == routing(1, "blue")
    assert routing(1, "blue").ident != routing(1, "blue", 81).ident
    assert routing(1, "blue").digest != routing(2, "green").digest
    assert routing(1, "blue").ident.startswith("release-1-blue-")


def test_a_cutover_changes_the_name_and_not_the_configuration() -> None:
    ident, config = routing(1, "blue").document.decode().splitlines()
    other, same = routing(2, "green").document.decode().splitlines()
    assert ident == routing(1, "blue").ident and other == routing(2, "green").ident
    assert config == same
    digest = ident.rpartition("-")[2]
    main = json.loads(config)["apps"]["http"]["servers"]["main"]
    assert main["@id"] == f"routes-{digest}"
    assert f"web-{{file./tmp/colour.{digest}}}" in config


def test_trials_of_many_names_and_routes_are_more_than_a_command_may_hold() -> None:
    names = ",".join(f"shop-{number}.example" for number in range(500))
    routes = [Route(path, "web", 80) for path in ("/a/*", "/b/*", "/c/*")]
    preview = Preview.of(routes, {"DOMAIN": names, "TLS": "off"})
    host = FakeHost().answers("sh")
    questions.ask("shop", [host], [], 1, preview)
    (asked,) = host.asked
    assert sum(map(len, asked.argv)) < 10_000
    lines = asked.stdin.decode().splitlines()
    assert (lines[1], len(lines[2:])) == ("0", 3000)
    assert lines[-2:] == ["shop-499.example/c/", "200 web"]


def test_who_asked_is_the_last_address_that_is_no_balancers() -> None:
    main = configure("id", [], OPEN | {"TRUSTED_PROXIES": "10.0.0.5, 10.1.0.0/16"}, 30)["apps"]
    server = main["http"]["servers"]["main"]
    assert server["trusted_proxies"]["ranges"] == ["10.0.0.5", "10.1.0.0/16"]
    assert server["trusted_proxies_strict"] == 1
    alone = configure("id", [], OPEN, 30)["apps"]["http"]["servers"]["main"]
    assert "trusted_proxies" not in alone, "nobody's word is taken unless a setting names them"


@pytest.mark.parametrize(
    ("settings", "is_shown"),
    [
        ({}, True),  # a project from before the setting
        ({"SHOW_RELEASE": "on"}, True),
        ({"SHOW_RELEASE": "off"}, False),
        ({"SHOW_RELEASE": "off", "LAB": "on"}, True),
    ],
)
def test_strangers_learn_the_release_only_where_a_setting_says_so(
    settings: dict[str, str], is_shown: bool
) -> None:
    config = configure("routes-1", [Route("/*", "web", 80)], OPEN | settings, 30)
    text = json.dumps(config["apps"]["http"]["servers"]["main"]["routes"])
    assert ('"X-Release"' not in text) == is_shown
    bodies = [each["handle"][0].get("body") for each in handlers(config)]
    assert bodies.count("up\n") == (0 if is_shown else 1)
    assert routing(7, "blue").key == f"routes-{routing(8, 'green').ident.rpartition('-')[2]}"


def test_with_tls_the_plain_port_only_leads_to_it() -> None:
    settings = {"DOMAIN": "a.example", "TLS": "auto", "HTTPS_PORT": "8443"}
    servers = configure("id", [Route("/*", "web", 80)], settings, 30)["apps"]["http"]["servers"]
    plain = json.dumps(servers["plain"])
    assert "https://{http.request.host}:8443{http.request.uri}" in plain
    assert "reverse_proxy" not in plain
    assert "h3" not in servers["main"]["protocols"], "a release from before there was the setting"


def test_http3_is_announced_under_the_port_that_is_open_and_nothing_unsafe_comes_early() -> None:
    settings = {"DOMAIN": "a.example", "TLS": "auto", "HTTPS_PORT": "444", "HTTP3": "on"}
    config = configure("id", [Route("/*", "web", 80)], settings, 30)
    main = config["apps"]["http"]["servers"]["main"]
    announced, early = main["routes"][:2]
    assert main["protocols"] == ["h1", "h2", "h3"]
    assert announced["handle"][0]["response"]["set"] == {"Alt-Svc": ['h3=":444"; ma=86400']}
    assert early["match"][0]["tls"] == {"handshake_complete": False}
    assert early["handle"][0]["status_code"] == 425
    plain = configure("id", [Route("/*", "web", 80)], settings | {"TLS": "off"}, 30)
    assert "Alt-Svc" not in json.dumps(plain)


def test_certificates_of_all_edges_are_asked_for_and_challenges_are_handed_on() -> None:
    settings = {"DOMAIN": "*.a.example, A.example", "TLS": "auto", certificates.SHARED: "on"}
    apps = configure("id", [Route("/*", "web", 80)], settings, 30)["apps"]
    servers = apps["http"]["servers"]
    assert servers["main"]["automatic_https"] == {"disable": True}, "it obtains none itself"
    assert apps["tls"]["automation"]["policies"][0]["get_certificate"][0]["via"] == "http"
    first = servers["plain"]["routes"][1]  # after what every answer carries
    assert first["match"] == [{"path": ["/.well-known/acme-challenge/*"]}]
    assert first["handle"][0]["dynamic_upstreams"]["name"] == "certificates"
    assert servers["certificates"]["listen"] == ["127.0.0.1:8022"]
    files = [each["handle"][0].get("uri") for each in servers["certificates"]["routes"][:2]]
    assert files == ["/a.example.pem", "/wildcard_.a.example.pem"], "the narrower name first"
    (policy,) = servers["copies"]["tls_connection_policies"]
    assert policy["client_authentication"]["mode"] == "require_and_verify"
    for other in ({**settings, certificates.SHARED: ""}, {**settings, "TLS": "off"}):
        assert "copies" not in json.dumps(configure("id", [], other, 30))


@pytest.mark.parametrize("is_shared", [True, False])
def test_a_canary_has_certificates_for_names_of_its_own_and_the_plain_port_leads_to_them(
    is_shared: bool,
) -> None:
    shared = {certificates.SHARED: "on"} if is_shared else {}
    table = Table((Route("/*", "api", 80, canary="new"),))
    old, new = (
        RouteSet("routes-1", table, {"TLS": "auto", "DOMAIN": names, **shared}, 5)
        for names in ("a.example", "a.example,b.example")
    )
    servers = configure_both(old, new, "c0ffee")["apps"]["http"]["servers"]
    assert json.dumps(servers["plain"]).count("b.example") == 1
    if is_shared:
        assert "b.example.pem" in json.dumps(servers["certificates"])
    else:  # Caddy looks for them in conditions of a server's own routes
        names = [
            each.get("match", [{}])[0].get("host", ()) for each in servers["main"]["routes"][1:]
        ]
        assert any("b.example" in each for each in names)
