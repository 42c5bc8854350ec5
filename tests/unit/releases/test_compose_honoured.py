"""What compose files say of services, volumes and networks, as Docker reads it in stack files."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from slipway.errors import ConfigError
from slipway.images import sources
from slipway.releases import application
from tests.compose import has_compose
from tests.unit.releases.compose_project import Project

pytestmark = pytest.mark.skipif(not has_compose(), reason="docker compose is not installed")

SERVICES: list[tuple[str, str, object]] = [
    ("tty: true", "tty", True),
    ("dns_search: [a.b]", "dns_search", ["a.b"]),
    ("extra_hosts: ['there:10.1.2.3']", "extra_hosts", ["there:10.1.2.3"]),
    ("healthcheck: {disable: true}", "healthcheck", {"disable": True}),
    ("ulimits: {nofile: 1024}", "ulimits", {"nofile": 1024}),
    ("ulimits: {core: 0}", "ulimits", {"core": {}}),  # docker leaves a nought out too
    ("environment: {PRICE: 'a$$b $${C} %d'}", "environment.PRICE", "a$b ${C} %d"),
    ("environment: {A: '{{ name }} $${B}'}", "environment.A", '{{"{{"}} name }} ${B}'),
    ("environment: {A: '{{.Node.Hostname}}'}", "environment.A", "{{.Node.Hostname}}"),
    ("labels: {com.example.team: shop}", "labels.com.example.team", "shop"),
    (
        "deploy: {resources: {reservations: {cpus: 0.25, memory: 20M}}}",
        "deploy.resources.reservations",
        {"cpus": "0.25", "memory": "20971520"},
    ),
    (
        "tmpfs: ['/t:size=64m,noexec']",
        "volumes",
        [{"type": "tmpfs", "target": "/t", "tmpfs": {"size": 64 * 1024**2}}],
    ),
    (
        "volumes: [{type: tmpfs, target: /t, tmpfs: {size: 1g}}]",
        "volumes",
        [{"type": "tmpfs", "target": "/t", "tmpfs": {"size": 1024**3}}],
    ),
]
BASE = "{image: a, healthcheck: {test: [CMD, a]}, deploy: {labels: {slipway.role: colour}}}"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What Docker reads of services that have one of those lines each, all in one file."""
    project = Project(tmp_path_factory.mktemp("honoured"))
    base, overlay = "services:\n", "services:\n"
    for number, (line, _, _) in enumerate(SERVICES):
        base += f"  s{number}: {BASE}\n"
        overlay += f"  s{number}:\n    {line}\n"
    path = project.compose / "compose.yml"
    path.write_text(path.read_text().replace("services:\n", base, 1))
    read: dict[str, Any] = project.stack(project.write(overlay))["services"]
    return read


@pytest.mark.parametrize(("number", "case"), list(enumerate(SERVICES)))
def test_what_is_written_for_a_service_reaches_the_swarm(
    services: dict[str, Any], number: int, case: tuple[str, str, object]
) -> None:
    _, key, value = case
    top, _, rest = key.partition(".")
    where: Any = services[f"s{number}-green"][top]
    for part in [rest] if top == "labels" else rest.split("."):
        where = where[part] if part else where
    assert where == value


def test_a_volume_is_the_one_that_is_written(project: Project) -> None:
    text = "volumes: !override [{type: volume, source: db, target: /d, volume: {subpath: a}}]"
    nfs = "volumes: {db: {driver: local, driver_opts: {type: nfs, o: addr=a}, labels: {a: b}}}"
    read = project.stack(project.service("db", text, nfs), "data")
    (mount,) = [each for each in read["services"]["db"]["volumes"] if each["type"] == "volume"]
    assert mount["volume"] == {"subpath": "a"}
    volume = read["volumes"]["db"]
    assert volume["driver_opts"] == {"type": "nfs", "o": "addr=a"}
    assert volume["name"] == "logbook-prod-db"
    assert volume["labels"] == {"a": "b", "slipway.app": "logbook-prod"}


def test_a_volume_that_exists_already_is_used_under_its_own_name(project: Project) -> None:
    env = project.write("services: {}\nvolumes: {db: {external: true, name: old_data}}\n")
    assert project.stack(env, "data")["volumes"]["db"] == {"name": "old_data", "external": True}


def test_a_network_of_a_colour_is_as_it_is_written(project: Project) -> None:
    nets = "networks: {own: {internal: true, driver_opts: {encrypted: ''}, labels: {a: b}}}"
    env = project.service("api", "networks: [own]", nets)
    own = project.stack(env)["networks"]["own"]
    assert own == {
        "driver": "overlay",
        "driver_opts": {"encrypted": ""},
        "internal": True,
        "labels": {"a": "b", "slipway.app": "logbook-prod"},
    }


def test_a_secret_belongs_to_whom_the_file_says(project: Project) -> None:
    line = "secrets: [{source: SESSION_KEY, target: /etc/key, uid: '1', gid: '2', mode: 0440}]"
    (secret,) = [s for s in project.render(project.api(line))["secrets"] if s["uid"] == "1"]
    assert (secret["target"], secret["gid"], secret["mode"]) == ("/etc/key", "2", 0o440)


def test_a_job_has_the_resources_and_the_place_that_are_written(project: Project) -> None:
    deploy = "{resources: {limits: {memory: 64M}}, placement: {constraints: [node.role==manager]}}"
    job = project.stack(project.service("tests", f"deploy: {deploy}"), "job")["services"]["tests"]
    assert job["deploy"]["resources"]["limits"]["memory"] == "67108864"
    assert job["deploy"]["placement"]["constraints"] == ["node.role==manager"]


def test_the_stage_and_the_options_of_a_build_are_those_that_are_written(project: Project) -> None:
    line = (
        "build: {context: ./api, target: slim, network: host, shm_size: 64m, labels: {a: b}, "
        "extra_hosts: ['a:1.2.3.4'], ulimits: {nofile: {soft: 1, hard: 2}}}"
    )
    builds = {build.service: build for build in application.read(project.api(line)).builds}
    assert builds["api"].flags == [
        *("--target", "slim", "--network", "host", "--shm-size", "67108864"),
        *("--add-host", "a:1.2.3.4", "--label", "a=b", "--ulimit", "nofile=1:2"),
    ]
    assert not builds["web"].options


def test_what_a_build_takes_from_elsewhere_is_what_is_written(project: Project) -> None:
    line = (
        "build: {context: ./api, platforms: [linux/amd64], ssh: [default], "
        'additional_contexts: {shared: ./web, base: "docker-image://redis:8"}, '
        "secrets: [SESSION_KEY, {source: DATABASE_CA, target: ca}], "
        'cache_from: ["type=registry,ref=r/a"]}'
    )
    (api,) = [b for b in application.read(project.api(line)).builds if b.service == "api"]
    assert api.contexts == {"shared": project.compose / "web"}
    assert api.images == {"base": "redis:8"}
    assert api.secrets == {"SESSION_KEY": "SESSION_KEY", "ca": "DATABASE_CA"}
    assert api.flags == [
        *("--build-context", "base=docker-image://redis:8"),
        *("--platform", "linux/amd64", "--cache-from", "type=registry,ref=r/a", "--ssh", "default"),
    ]
    assert "redis:8" in sources.bases(api)
    cached = dataclasses.replace(api, unnamed=())
    assert sources.tag(cached) == sources.tag(api)
    assert sources.tag(dataclasses.replace(api, secrets={})) != sources.tag(api)


def test_a_key_by_its_path_is_handed_to_the_build_or_compose_is_explained(project: Project) -> None:
    try:
        app = application.read(project.api("build: {context: ./api, ssh: ['k=/tmp/key']}"))
    except ConfigError as error:  # of Compose 2.26, among others
        assert "can name no key by its path; write ssh: [default]" in str(error)
    else:
        (api,) = [build for build in app.builds if build.service == "api"]
        assert api.unnamed == ("--ssh", "k=/tmp/key")
