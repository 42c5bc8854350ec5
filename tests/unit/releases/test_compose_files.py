"""Compose files of a team: what `inv up` honours, a deploy honours too, or refuses by its line."""

from pathlib import Path
from typing import Any

import pytest

from slipway.environments import environment
from slipway.errors import ConfigError
from slipway.project import SECRETS
from slipway.releases import application, compose_files
from tests.compose import has_compose
from tests.unit.releases.compose_project import Project

pytestmark = pytest.mark.skipif(not has_compose(), reason="docker compose is not installed")


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


@pytest.mark.parametrize(
    ("top", "complaint"),
    [
        ("volumes: {db: {name: shared}}", r"volumes\.db\.name: leave it out; .*-db, .*external: t"),
        ("networks: {data: {external: true}}", r"networks\.data\.external: an environment has"),
        ("networks: {data: {name: other}}", r"networks\.data\.name: leave it out; it is called"),
        ("networks: {data: {driver: macvlan}}", "driver overlay, not macvlan"),
        ("networks: {data: {driver: bridge, driver_opts: {a: b}}}", "driver overlay, not bridge"),
        ("networks: {data: {ipam: {config: [{subnet: 10.9.0.0/24}]}}}", r"networks\.data\.ipam: "),
        ("secrets: {SESSION_KEY: !override {external: true}}", "secrets come from"),
    ],
)
def test_what_stands_at_the_top_is_refused_with_its_line_too(
    project: Project, top: str, complaint: str
) -> None:
    env = project.write(f"services:\n  api: {{}}\n{top}\n")
    with pytest.raises(ConfigError, match=rf"^compose/compose\.prod\.yml:3: .*{complaint}"):
        application.read(env)


def test_names_that_are_too_long_when_they_are_put_together_are_refused(project: Project) -> None:
    name = "a" * 45
    image = "{image: a, deploy: {labels: {slipway.role: ROLE}}}"
    env = project.write(f"services:\n  {name}: {image.replace('ROLE', 'colour')}\n")
    with pytest.raises(
        ConfigError, match=rf"^compose/compose\.prod\.yml:2: .*{name}-green, .*by 7$"
    ):
        application.read(env)
    assert application.read(project.write(f"services:\n  {name}: {image.replace('ROLE', 'ops')}\n"))


def test_a_project_that_would_be_too_long_for_the_events_of_the_ledger_is_refused() -> None:
    model: dict[str, Any] = {"services": {}}
    prefix = "a-project-of-too-many-letters-staging"
    with pytest.raises(ConfigError, match=f"{prefix}, are longer than 36 characters together"):
        application.parse(model, prefix=prefix)
    assert application.parse(model, prefix=prefix[:-1])


def test_a_name_that_no_swarm_takes_is_refused(project: Project) -> None:
    env = project.write(
        "services:\n  api.v2: {image: a, deploy: {labels: {slipway.role: colour}}}\n"
    )
    with pytest.raises(ConfigError, match=r"services\.api\.v2: a Swarm takes letters, digits"):
        application.read(env)


def test_a_key_of_an_anchor_is_found_where_the_anchor_stands(project: Project) -> None:
    path = project.compose / "compose.yml"
    text = path.read_text().replace("  init: true\n", "  init: true\n  pid: host\n", 1)
    path.write_text(text)
    line = text.splitlines().index("  pid: host") + 1
    env = environment.load("prod", project.compose, SECRETS)
    with pytest.raises(ConfigError, match=rf"^compose/compose\.yml:{line}: services\.api\.pid: "):
        application.read(env)


def test_all_that_is_wrong_is_said_at_once(project: Project) -> None:
    env = project.api("{pid: host, shm_size: 1m, user: app}")
    with pytest.raises(ConfigError) as error:
        application.read(env)
    lines = str(error.value).splitlines()
    assert [line.split(": ")[1].split(".")[-1] for line in lines] == ["pid", "shm_size", "user"]


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("compose.prod.yaml", "not read by a deploy; name it compose.prod.yml"),
        ("compose.prd.yml", r"of no environment \(did you mean prod\?\), and never read"),
        ("compose.yaml", "not read by a deploy; name it compose.yml"),
    ],
)
def test_a_file_that_a_deploy_would_not_read_is_refused(
    project: Project, name: str, complaint: str
) -> None:
    env = project.write("services: {}\n", name)
    with pytest.raises(ConfigError, match=rf"^compose/{name} is {complaint}$"):
        application.read(env)


@pytest.mark.parametrize("name", ["compose.ci.yml", "compose.staging.yml", "compose.override.yaml"])
def test_files_for_others_are_left_alone(project: Project, name: str) -> None:
    assert application.read(project.write("services: {}\n", name)).services


def test_a_variable_that_only_the_hacking_loop_has_is_refused(project: Project) -> None:
    env = project.api("environment: {TAG: '${API_TAG:-1}'}")
    assert application.read(env)
    (project.compose / ".env").write_text("# mine\nHACKING_PORT=1\nDATABASE_NAME=mine\n")
    assert application.read(env)
    (project.compose / ".env").write_text("export API_TAG=2\n")
    with pytest.raises(
        ConfigError, match=r"^compose/compose\.prod\.yml:3: API_TAG .*compose/\.env"
    ):
        application.read(env)


def test_services_on_different_machines_share_no_volume(project: Project) -> None:
    mine = "volumes: ['db:/from-db']"
    with pytest.raises(ConfigError, match=r"volumes\.db: db \(data\) and ops \(ops\) may run on d"):
        application.read(project.service("ops", mine))
    nfs = "volumes: {db: {driver_opts: {type: nfs, o: addr=a, device: ':/b'}}}"
    assert application.read(project.service("ops", mine, nfs))


def test_a_word_that_compose_ignores_is_no_reason_to_refuse(project: Project) -> None:
    env = project.write('version: "3.9"\nx-own: {a: b}\nservices: {api: {x-note: hello}}\n')
    assert application.read(env).named("api")


@pytest.mark.parametrize(
    ("files", "complaint"),
    [
        ("[.env]", r"env_file \.env: is no part of the project in git"),
        ("[common.env, dev.env]", r"env_file dev\.env: holds the settings of another env"),
        (
            '["${WHERE}/x.env"]',
            r"env_file \$\{WHERE\}/x\.env: a deploy cannot tell which file this is",
        ),
        ("[{path: ../shop.env}]", r"env_file \.\./shop\.env: NO_SUCH is not in compose/settings"),
        (
            "../shop.env",
            r".*NO_SUCH.*\n.*shop\.env: SESSION_KEY is a secret; it belongs in secrets/prod\.sops",
        ),
    ],
)
def test_an_env_file_that_no_rule_checks_is_refused_with_its_line(
    project: Project, files: str, complaint: str
) -> None:
    (project.compose / ".env").write_text("SMTP_HOST=a\n")
    (project.compose.parent / "shop.env").write_text("NO_SUCH=1\nSESSION_KEY=hunter2\n")
    env = project.api(f"env_file: {files}")
    with pytest.raises(ConfigError, match=rf"compose/compose\.prod\.yml:3: {complaint}") as caught:
        application.read(env)
    assert "hunter2" not in str(caught.value)


def test_an_env_file_of_a_file_that_is_extended_or_merged_is_found_too(project: Project) -> None:
    (project.compose / "base.yml").write_text(
        "x-a: &a\n  env_file: .env\nservices:\n  a:\n    <<: *a\n"
    )
    (project.compose / ".env").write_text("A=1\n")
    env = project.service("api", "extends: {file: base.yml, service: a}")
    with pytest.raises(ConfigError, match=r"compose/base\.yml:2: env_file \.env"):
        application.read(env)


def test_an_env_file_whose_names_are_all_settings_is_taken(project: Project) -> None:
    (project.compose.parent / "shop.env").write_text("SESSION_DAYS=3\n")
    api = application.read(project.api("env_file: ../shop.env")).named("api")
    assert api and api.spec["environment"]["SESSION_DAYS"] == "3"


def test_a_mapping_that_is_merged_into_itself_is_not_followed_for_ever(project: Project) -> None:
    path = project.compose / "compose.prod.yml"
    path.write_text("services:\n  api: &api\n    <<: *api\n    init: true\n")
    assert compose_files.place([path], ("services", "api", "pid")).endswith(":2")
