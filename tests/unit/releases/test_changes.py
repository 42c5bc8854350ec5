"""What one release changes against another, as a plan, a comparison and a question tell it."""

from dataclasses import replace

from slipway.edge import route_records
from slipway.edge.routes import Route, Table
from slipway.releases import changes
from slipway.releases.changes import Change
from slipway.releases.release import Release
from tests.unit.releases.test_releases import release, service

USED = [{"source": "TOKEN"}]


def test_changes_are_told_in_words_for_each_service() -> None:
    old = release(
        service("api", environment={"LEVEL": "info", "OLD": "1"}, secrets=USED),
        service("web", command=["a"], deploy={"replicas": 2}),
        service("gone"),
        secrets={"TOKEN": "t.1", "OTHER": "o.1"},
        migration_head="1",
    )
    new = release(
        service("api", environment={"LEVEL": "debug", "NEW": "2"}, secrets=USED),
        service("web", command=["b"], deploy={"replicas": 3}),
        service("more"),
        secrets={"TOKEN": "t.2", "OTHER": "o.2"},
        migration_head="2",
    )
    new = replace(new, tags={**new.tags, "api": "demo/api:src-2"})
    assert changes.sentences(changes.between(old, new)) == [
        "more: added",
        "gone: removed",
        "api: image, LEVEL info → debug, NEW added (2), OLD removed, secret TOKEN",
        "web: replicas 2 → 3, command",
        "migrations: up to 2",
    ]
    assert changes.sentences(changes.between(None, new)) == ["first release"]
    assert changes.between(old, replace(old, number=2, commit="d")) == []


def test_a_value_that_looks_secret_is_told_to_have_changed_and_never_shown() -> None:
    before = {"API_TOKEN": "hunter1", "CACHE": "redis://u:hunter1@cache", "PORT": "1"}
    after = {"API_TOKEN": "hunter2", "CACHE": "redis://u:hunter2@cache", "PORT": "2"}
    old, new = (release(service("api", environment=values)) for values in (before, after))
    told = changes.between(old, new)
    assert changes.sentences(told) == ["api: API_TOKEN, CACHE, PORT 1 → 2"]
    assert "hunter" not in repr(told)


def test_an_image_from_elsewhere_is_told_by_its_versions() -> None:
    old = release(service("cache"))
    old = replace(old, tags={"cache": "redis:7"})
    new = replace(old, tags={"cache": "redis:8"})
    assert changes.sentences(changes.between(old, new)) == ["cache: image redis:7 → redis:8"]


def test_a_secret_that_a_service_begins_or_ceases_to_use_is_named() -> None:
    old, new = release(service("api", secrets=USED)), release(service("api"))
    assert changes.sentences(changes.between(old, new)) == ["api: secret TOKEN removed"]
    assert changes.sentences(changes.between(new, old)) == ["api: secret TOKEN added"]


def test_routes_and_settings_of_the_edge_are_told() -> None:
    def with_routes(*routes: Route, **settings: str) -> Release:
        edge = replace(service("edge", routes=route_records.write(Table(routes))), role="edge")
        return release(edge, settings=settings)

    old = with_routes(Route("/api/*", "api", 8000), Route("/old", "web", 80), TLS="off")
    new = with_routes(Route("/api/*", "api", 9000), Route("/new", redirect="/api"), TLS="auto")
    told = [change for change in changes.between(old, new) if change.kind != "definition"]
    assert told == [
        Change("route", "", "/api/*", "api:8000", "api:9000"),
        Change("route", "", "/new", "", "/api"),
        Change("route", "", "/old", "web:80", ""),
        Change("edge", "", "TLS", "off", "auto"),
    ]
    assert changes.sentences(told) == [
        "routes: route /api/* api:8000 → api:9000, route /new added (/api), route /old removed",
        "edge: TLS off → auto",
    ]
