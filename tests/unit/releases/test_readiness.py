"""What a service is asked before it serves: how a label is read, what is refused, who is asked."""

from collections.abc import Sequence
from typing import Any

import pytest

from slipway.edge.questions import NotReady
from slipway.errors import ConfigError
from slipway.hosts.host import CommandResult
from slipway.hosts.parallel import HostsFailed
from slipway.releases import application, loop_readiness, probes, readiness
from slipway.releases.application import Service
from slipway.releases.readiness import Readiness
from tests.fakes.host import FakeHost

OK = "200-299"


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        ("/healthz", Readiness("http", "/healthz", 0, OK)),
        ("GET /healthz?deep=1", Readiness("http", "/healthz?deep=1", 0, OK)),
        ("/healthz 204", Readiness("http", "/healthz", 0, "204-204")),
        ("/ 200,301-302 4xx", Readiness("http", "/", 0, "200-200,301-302,400-499")),
        (":9000/up", Readiness("http", "/up", 9000, OK)),
        ("tcp", Readiness("tcp")),
        ("tcp:9000", Readiness("tcp", port=9000)),
        ("tcp :9000", Readiness("tcp", port=9000)),
        ("command: ./up 'a b' $$A", Readiness("command", command=("./up", "a b", "$A"))),
        ("none", Readiness("none")),
        ("", Readiness("http", "/ready", 0, OK)),
    ],
)  # fmt: skip
def test_a_label_says_what_a_service_is_asked(label: str, expected: Readiness) -> None:
    assert readiness.of({"slipway.ready": label}, is_routed=True) == expected


def test_what_nobody_asked_for_is_asked_of_services_with_a_route_alone() -> None:
    assert readiness.of({}, is_routed=True).path == "/ready"
    assert readiness.of({}, is_routed=False).kind == "none"


def colour(**labels: str) -> dict[str, Any]:
    named = {f"slipway.{key}": value for key, value in labels.items()}
    return {"image": "a", "networks": {}, "deploy": {"labels": {"slipway.role": "colour"} | named}}


@pytest.mark.parametrize(
    ("spec", "complaint"),
    [
        (colour(ready="healthz"), "'healthz' is nothing to ask; write a path such as /healthz, w"),
        (colour(ready="http://api/up"), "is a whole address; write its path alone"),
        (colour(ready="/up 20"), "'20' is no status; write 204, 200,404, 2xx or 200-399"),
        (colour(ready="/up 302-301"), "302-301 ends before it begins"),
        (colour(ready="tcp:99999"), "99999 is no port"),
        (colour(ready="command:"), "command: names none; write it behind"),
        (colour(ready="command: 'a"), "is no command line: No closing quotation"),
        (colour(ready="/up"), "the service is not on the network edge; add it there, or write co"),
        (colour(ready="/up") | {"networks": {"edge": None}}, "names no port; write :8000/healthz"),
        (colour(ready="tcp", role="data"), "only what is replaced by colour is asked"),
    ],
)
def test_a_question_that_cannot_be_asked_is_refused(spec: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ConfigError) as caught:
        application.parse({"services": {"api": spec}})
    (line,) = str(caught.value).splitlines()
    assert complaint in line
    assert ".labels.slipway.ready: " in line


def service(name: str, ready: str) -> Service:
    spec = colour(ready=ready, route="/*", port="80")
    return Service(name, "colour", spec, "/*", 80)


def test_edges_ask_over_the_network_and_commands_run_in_the_containers() -> None:
    services = [service("api", ":81/up 204"), service("web", "tcp"), service("site", "none")]
    services.append(service("worker", "command: ./ready now"))
    m1, m2 = FakeHost("m1", otherwise=0), FakeHost("m2", otherwise=0)
    probes.ask("shop-prod", "shop-prod-blue", [m1, m2], probes.of(services, "blue"), patience=0)
    for host in (m1, m2):
        asked, ran = host.ran("sh")
        assert asked[7:] == ("http://api-blue:81/up", "204-204", "web-blue:80", "")
        assert ran[4:] == ("shop-prod-blue_worker-blue", "./ready", "now")


def test_who_is_not_ready_is_named_with_its_answer_its_label_and_its_last_words() -> None:
    asked = probes.of([service("api", "/up"), service("web", "/")], "blue")
    said = "1\tit answers 404 Not Found"
    hosts = [FakeHost(name).answers("sh", err=f"{said}\n", code=1) for name in ("m1", "m2")]
    with pytest.raises(HostsFailed) as caught:
        probes.ask("shop-prod", "shop-prod-blue", hosts, asked, patience=0)
    manager = FakeHost("m1").answers("timeout", out="no such route\n")
    text = str(probes.with_last_words(caught.value, manager, "shop-prod-blue", hosts))
    assert (
        "m2: seen from the edge, http://web-blue:80/: it answers 404 Not Found; what web is" in text
    )
    assert "the label slipway.ready under services.web.deploy.labels in compose/compose.yml" in text
    assert text.splitlines()[-1] == "    no such route"
    assert manager.ran()[0][-1] == "shop-prod-blue_web-blue"


def test_a_command_that_fails_is_named_with_what_it_said() -> None:
    host = FakeHost("m1").answers("sh", out="no rows yet\n", code=3)
    with pytest.raises(NotReady, match=r"m1: `\./ready` in api-blue ended with 3: no rows yet;"):
        probes.ask(
            "a", "a-blue", [host], probes.of([service("api", "command: ./ready")], "blue"), 0
        )


def test_the_loop_asks_the_same_from_its_own_edge_and_in_its_containers() -> None:
    answers = {"edge": (1, "0\tit answers 404 Not Found"), "worker": (7, "no queue")}
    told: list[tuple[str, ...]] = []

    def ask(where: str, argv: Sequence[str]) -> CommandResult:
        told.append((where, *argv[4 if where == "edge" else 0 :]))
        code, said = answers[where]
        return CommandResult("here", tuple(argv), code, "", said)

    edge = {"deploy": {"labels": {"slipway.role": "edge"}}}
    services = {"edge": edge, "worker": colour(ready="command: ./ready")}
    services |= {
        "api": colour(route="/*", port="80"),
        "extra": colour(ready="tcp") | {"profiles": ["x"]},
    }
    lines = list(loop_readiness.complaints({"services": services}, ask, {"api": 80}, patience=0))
    assert told == [("worker", "./ready"), ("edge", "http://api:80/ready", OK)]
    assert lines[0].startswith("a deploy would not take worker as it is: `./ready`: no queue; what")
    assert (
        "api as it is: http://api:80/ready: it answers 404 Not Found; what api is asked" in lines[1]
    )
