"""Folders of static files that routes.yml names: services of a deploy and of the hacking loop."""

from pathlib import Path

import pytest

from slipway.environments import hacking
from slipway.errors import ConfigError
from slipway.releases import application, stack, static_services
from tests.compose import has_compose
from tests.unit.releases.compose_project import Project, docker_reads, release_of

pytestmark = pytest.mark.skipif(not has_compose(), reason="docker compose is not installed")
ROUTES = "routes:\n  - {path: /guide/*, static: ../guide, strip: /guide}\n"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    project = Project(tmp_path)
    (tmp_path / "guide").mkdir()
    (tmp_path / "guide/index.html").write_text("Read this first.")
    (project.compose / "routes.yml").write_text(ROUTES)
    return project


def test_a_deploy_builds_the_folder_and_an_overlay_changes_how_it_runs(project: Project) -> None:
    env = project.service("static-guide", "deploy: {replicas: 5}")
    app = application.read(env)
    (build,) = (each for each in app.builds if each.service == "static-guide")
    assert build.context == project.compose / "static"
    assert build.contexts == {"files": project.compose.parent / "guide"}
    service = app.named("static-guide")
    assert service and (service.role, service.port, service.ready.path) == ("colour", 8080, "/")
    spec = docker_reads(stack.colour_stack(env, release_of(app.services), "blue"))
    assert spec["services"]["static-guide-blue"]["deploy"]["replicas"] == 5
    (project.compose / "routes.yml").write_text(f"{ROUTES.rstrip()[:-1]}, only: staging}}\n")
    assert application.read(project.write("services: {}")).named("static-guide") is None


def test_the_loop_mounts_the_folder_as_long_as_a_route_names_it(project: Project) -> None:
    static_services.write_live(project.compose)
    nothing = Path("/dev/null")
    assert hacking.files(project.compose, nothing)[1].name == "static-services.json"
    (mount,) = hacking.model(project.compose)["services"]["static-guide"]["volumes"]
    assert mount["source"] == str(project.compose.parent / "guide") and mount["read_only"]
    (project.compose / "routes.yml").write_text("routes: []\n")
    static_services.write_live(project.compose)
    assert hacking.files(project.compose, nothing) == []


def test_folders_that_cannot_be_told_apart_or_served_are_refused(project: Project) -> None:
    (project.compose / "routes.yml").write_text(f"{ROUTES}  - {{path: /x, static: ../Guide}}\n")
    with pytest.raises(ConfigError, match=r"\.\./guide and \.\./Guide would both be served by"):
        application.read(project.write("services: {}"))
    (project.compose / "routes.yml").write_text(ROUTES)
    (project.compose / "static.yml").unlink()
    with pytest.raises(ConfigError, match=r"which are missing; get them with: inv kit\.upgrade"):
        application.read(project.write("services: {}"))
