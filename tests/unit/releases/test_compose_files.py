"""Compose files of a team: what `inv up` honours, a deploy honours too, or refuses by its line."""

from pathlib import Path
from typing import Any

import pytest

from slipway.environments import environment
from slipway.errors import ConfigError
from slipway.project import SECRETS
from slipway.releases import application
from tests.unit.releases.compose_project import Project, has_compose

pytestmark = pytest.mark.skipif(not has_compose(), reason="docker compose is not installed")


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("privileged: true", r"privileged: a Swarm has no such option; leave it out"),
        ("security_opt: ['no-new-privileges:true']", r"security_opt: a Swarm has no such option"),
        ("group_add: [audio]", "group_add: a Swarm has no such option"),
        ("shm_size: 64m", "shm_size: write it under volumes: .*/dev/shm"),
        ("volumes: ['./api:/app']", "volumes: /app: a machine has no .*/api to mount"),
        ("volumes: ['edge:/data']", "a service with role colour keeps no state"),
        ("tmpfs: ['/tmp:mode=1777']", r"tmpfs: /tmp:mode=1777: a stack of the Swarm has no mode"),
        ("tmpfs: ['/tmp:uid=1']", "a stack of the Swarm has no uid for a tmpfs"),
        ("tmpfs: ['/tmp:size=lots']", "size=lots is no size; write 64m"),
        ("tmpfs: [tmp]", "tmpfs: tmp: write a path inside the container"),
        ("environment: [TOKEN]", r"environment\.TOKEN: takes its value from the shell"),
        ("environment: {TOKEN: }", r"environment\.TOKEN: takes its value from the shell"),
        ("environment: {AT: '$PATH'}", "services.api takes PATH from the shell of whoever deploys"),
        ("environment: ['PATH']", "services.api takes PATH from the shell of whoever deploys"),
        ("environment: {P: 'pa$word1'}", r"nothing sets the variable word1, .*write \$\$word1"),
        ("environment: {P: '${HOME}/a'}", "nothing sets the variable HOME"),
        ("build: {context: ./api, additional_contexts: {a: .}}", "additional_contexts: what it b"),
        ("build: {context: ./api, platforms: [linux/arm64]}", "platforms: images are built for"),
        ("deploy: {endpoint_mode: vip}", r"endpoint_mode: services are found by the addresses"),
        ("deploy: {mode: global-job}", "a service with role colour runs as replicated or global"),
        ("user: app", 'user: app: a name is known inside the image only, .*write .*"10001:10001"'),
        ("networks: {data: {ipv4_address: 10.0.0.9}}", "ipv4_address: addresses are given by"),
        ("labels: {slipway.role: colour}", "write it under deploy.labels"),
        (
            "deploy: {resources: {limits: {memory: 2M}}}",
            r"memory: 2097152 bytes: 4M is the least",
        ),
        ("deploy: {resources: {limits: {cpus: 0.0001}}}", r"limits\.cpus: 0\.0001: 0\.001 is the"),
        (
            "deploy: {placement: {constraints: [node.role=a]}}",
            "node.role=a: write it like",
        ),
        ("deploy: {restart_policy: {condition: always}}", "condition: always: write any, on-fail"),
        ("tmpfs: [/tmp, /run, /tmp/]", "tmpfs: /tmp is mounted twice"),
        ("secrets: [{source: DATABASE_PASSWORD, target: SESSION_KEY}]", "two secrets have the na"),
    ],
)
def test_a_key_that_a_deploy_would_not_keep_is_refused_with_its_line(
    project: Project, line: str, complaint: str
) -> None:
    env = project.api(line)
    with pytest.raises(ConfigError, match=rf"^compose/compose\.prod\.yml:3: .*{complaint}"):
        application.read(env)


@pytest.mark.parametrize(
    ("service", "complaint"),
    [
        ("volumes: [/data]", "/data: a volume without a name is lost with its container"),
        ("volumes: ['db:/d', {type: npipe, source: a, target: /b}]", "not npipe"),
        ("deploy: {replicas: 2}", "replicas: of a service with role data there is one"),
        ("deploy: {mode: global}", "a service with role data runs as replicated, not global"),
        ("cpus: 0.5", r"cpus: write it as deploy\.resources\.limits\.cpus"),
        ("mem_limit: 64m", r"mem_limit: write it as deploy\.resources\.limits\.memory"),
        ("secrets: [{source: SESSION_KEY, uid: app}]", "secrets: app: write the number of a user"),
    ],
)
def test_what_does_not_fit_a_database_is_refused(
    project: Project, service: str, complaint: str
) -> None:
    env = project.service("db", service)
    with pytest.raises(ConfigError, match=rf"^compose/compose\.prod\.yml:3: .*{complaint}"):
        application.read(env)


@pytest.mark.parametrize(
    ("top", "complaint"),
    [
        ("volumes: {db: {name: shared}}", r"volumes\.db\.name: it is called .*-db, .*external: t"),
        ("networks: {data: {external: true}}", r"networks\.data\.external: an environment has"),
        ("networks: {data: {name: other}}", r"networks\.data\.name: it is called"),
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
    ("line", "key", "value"),
    [
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
    ],
)
def test_what_is_written_for_a_service_reaches_the_swarm(
    project: Project, line: str, key: str, value: object
) -> None:
    read = project.render(project.api(line))
    top, _, rest = key.partition(".")
    where: Any = read[top]
    for part in [rest] if top == "labels" else rest.split("."):
        where = where[part] if part else where
    assert where == value


@pytest.mark.parametrize(
    ("line", "mount"),
    [
        ("tmpfs: ['/t:size=64m,noexec']", {"target": "/t", "tmpfs": {"size": 64 * 1024**2}}),
        (
            "volumes: [{type: tmpfs, target: /t, tmpfs: {size: 1g}}]",
            {"target": "/t", "tmpfs": {"size": 1024**3}},
        ),
    ],
)
def test_files_in_memory_have_the_size_that_is_written(
    project: Project, line: str, mount: dict[str, Any]
) -> None:
    assert {"type": "tmpfs", **mount} in project.render(project.api(line))["volumes"]


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
