"""Routes of labels and of the file: in a release's record, in each colour, in the loop."""

from dataclasses import replace
from pathlib import Path

import pytest

from slipway.edge.routes import Route
from slipway.environments import environment
from slipway.environments.environment import Environment
from slipway.errors import ConfigError
from slipway.machines.connect import Cluster
from slipway.project import SECRETS
from slipway.releases import loop_routes, routing, stack
from slipway.releases.application import Application, Service, parse
from slipway.releases.release import Release
from slipway.releases.serving import Serving
from tests.fakes.host import FakeHost
from tests.unit.releases.compose_project import release_of

LABELS = {"slipway.role": "colour", "slipway.port": "8000"}
EDGE = {"image": "edge", "deploy": {"labels": {"slipway.role": "edge"}}, "networks": {"edge": {}}}
ROUTES = """
routes:
  - {paths: [/reports/*, /exports/*], to: reports:9000}
  - {path: /help, redirect: /docs}
  - {path: /queue, to: queue:15672}
protect: [{basic_auth: {team: STAGING_PASSWORD}}]
"""


def service(labels: dict[str, str], *networks: str) -> dict[str, object]:
    on: dict[str, object] = {name: {} for name in networks or ("edge",)}
    return {"image": "any", "networks": on, "deploy": {"labels": LABELS | labels}}


MODEL = {
    "services": {
        "api": service({"slipway.route": "/api/*"}),
        "reports": service({}),
        "queue": service({"slipway.role": "data", "slipway.port": "0"}),
        "worker": service({}, "data"),
        "edge": EDGE,
    }
}


@pytest.fixture
def env(tmp_path: Path) -> Environment:
    folder = tmp_path / "compose"
    folder.mkdir()
    (folder / "common.env").write_text("PROJECT=shop\nDATABASE_HOST=db\nDATABASE_NAME=shop\n")
    (folder / "dev.env").write_text("DATABASE_USER=shop\nRUNS_ON=this-computer\n")
    (folder / "settings.yml").write_text("STAGING_PASSWORD: {secret: true}\n")
    (folder / "routes.yml").write_text(ROUTES)
    return environment.load("dev", folder, SECRETS)


def read(env: Environment) -> Application:
    return routing.with_routes(env, parse(MODEL), FakeHost().answers("docker", code=1))


def named(app: Application, name: str) -> Service:
    return next(each for each in app.services if each.name == name)


def test_a_release_records_its_routes_and_serves_them_in_its_colour(env: Environment) -> None:
    app = read(env)
    assert (named(app, "reports").route, named(app, "reports").port) == ("/reports/*", 8000)
    release = Release.from_json(release_of(app.services).to_json())
    assert [route.path for route in release.routes.routes] == [
        "/api/*", "/reports/*", "/exports/*", "/help", "/queue"
    ]  # fmt: skip
    serving = Serving(env, Cluster(FakeHost(), {}), release, "green")
    assert serving.names == ["api-green", "reports-green"]
    assert [probe.name for probe in serving.probes] == ["api-green", "reports-green"]
    text = serving.routing.document.decode()
    assert '"name": "queue"' in text, "what stays has one name"
    (secret,) = stack.role_stack(env, with_secret(release), "edge")["services"]["edge"]["secrets"]
    assert secret["target"] == "STAGING_PASSWORD"


def with_secret(release: Release) -> Release:
    return replace(release, secrets={"STAGING_PASSWORD": "STAGING_PASSWORD.1"})


def test_a_release_from_before_has_the_routes_of_its_labels(env: Environment) -> None:
    release = release_of(parse(MODEL).services)
    assert release.routes.routes == (Route("/api/*", "api", 8000),)


@pytest.mark.parametrize("routes", [{"routes": [{"pth": "/x"}]}, {"routes": 7}, {"routes": [7]}])
def test_a_record_of_another_shape_is_none(env: Environment, routes: object) -> None:
    app = read(env)
    edge = replace(named(app, "edge"), spec={**EDGE, "routes": routes})
    others = [each for each in app.services if each.name != "edge"]
    with pytest.raises((TypeError, AttributeError)):
        Release.from_json(release_of((*others, edge)).to_json())


def test_a_password_that_is_nowhere_is_refused(env: Environment) -> None:
    table = release_of(read(env).services).routes
    with pytest.raises(ConfigError, match="STAGING_PASSWORD is missing, and compose"):
        routing.demand_secrets(env, table, {})
    routing.demand_secrets(env, table, {"STAGING_PASSWORD": "1"})


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("worker", "services.worker is not on the network edge"),
        ("edge", "services.edge has the role edge; requests go to colour and data"),
    ],
)
def test_a_service_that_no_request_reaches_is_no_end_of_a_route(
    env: Environment, name: str, complaint: str
) -> None:
    (env.compose / "routes.yml").write_text(f"routes: [{{path: /x, to: {name}:80}}]")
    with pytest.raises(ConfigError, match=complaint):
        read(env)


def test_routes_without_the_edges_network_or_without_an_edge_are_refused(env: Environment) -> None:
    model = {"services": {"api": service({"slipway.route": "/*"}, "data")}}
    with pytest.raises(ConfigError, match=r"services\.api has a route and is not on the network"):
        routing.with_routes(env, parse(model), FakeHost())
    model = {"services": {"api": service({"slipway.route": "/*"})}}
    with pytest.raises(ConfigError, match=r"compose/routes\.yml: no service has the role edge"):
        routing.with_routes(env, parse(model), FakeHost())


def test_the_loop_has_the_routes_of_a_deploy(env: Environment) -> None:
    table = loop_routes.read(env, MODEL, FakeHost().answers("docker", code=1))
    assert table == release_of(read(env).services).routes
    (env.compose / "routes.yml").unlink()
    labels = loop_routes.read(env, MODEL, FakeHost())
    assert labels.routes == (Route("/api/*", "api", 8000),)
