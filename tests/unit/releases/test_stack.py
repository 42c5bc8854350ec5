"""Stack files, made from what Compose really says of the project and read by Docker itself."""

import contextlib
import json
import subprocess
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from slipway.environments import envfile, environment
from slipway.errors import ConfigError
from slipway.project import SECRETS
from slipway.releases import edge_beside, stack
from slipway.releases.compose_labels import Role
from tests.compose import has_compose
from tests.unit.releases.compose_project import Project, docker_reads, release

pytestmark = pytest.mark.skipif(not has_compose(), reason="docker compose is not installed")


def stacks(name: str) -> dict[str, stack.Stack]:
    env, made = environment.load(name), release(name)
    roles: tuple[Role, ...] = ("data", "ops", "edge")
    return {
        "blue": stack.colour_stack(env, made, "blue"),
        "signpost": stack.signpost_stack(env, made, "routes", "id", 3),
        **{role: stack.role_stack(env, made, role) for role in roles},
        **{job.name: stack.job_stack(env, made, job, {}) for job in made.of("job")},
    }


@pytest.mark.parametrize("name", ["dev", "prod"])
def test_docker_reads_every_stack_without_a_warning_and_drops_nothing(name: str) -> None:
    for made in stacks(name).values():
        read = docker_reads(made)
        assert set(read["services"]) == set(made["services"])
        for service, spec in made["services"].items():
            gone = {key for key, value in spec.items() if value not in ([], {}, None)}
            assert gone - set(read["services"][service]) == set()


@pytest.mark.parametrize(
    ("machines", "replicas", "order", "each"),
    [
        (0, 1, "start-first", 0),
        (1, 1, "start-first", 0),
        (2, 2, "stop-first", 0),
        (3, 2, "start-first", 1),
        (5, 2, "start-first", 1),
    ],
)
def test_two_signposts_are_on_two_machines_and_a_lost_machine_leaves_none_waiting(
    machines: int, replicas: int, order: str, each: int
) -> None:
    made = stack.signpost_stack(environment.load("prod"), release("prod"), "routes", "id", machines)
    deploy = docker_reads(made)["services"]["signpost"]["deploy"]
    assert deploy["replicas"] == replicas
    assert (deploy["update_config"]["order"], deploy["update_config"]["parallelism"]) == (order, 1)
    assert deploy.get("placement", {}).get("max_replicas_per_node", 0) == each


def test_a_schedule_is_the_ops_service_with_two_rights_more_and_told_word_for_word() -> None:
    env, made = environment.load("prod"), release("prod")
    asked = json.dumps({"smoke": "select $a$it's$a$ = '${HOME}'"})
    read = docker_reads(stack.schedule_stack(env, made, asked))["services"]["schedule"]
    assert read["environment"]["SCHEDULE"].replace("$$", "$") == asked
    assert (read["cap_drop"], read["cap_add"]) == (["ALL"], ["SETUID", "SETGID"])
    assert read["image"] == made.images["ops"]
    assert read["read_only"] is True
    assert {secret["uid"] for secret in read["secrets"]} == {"10001"}  # the user of the jobs
    assert "ports" not in read
    described = stack.schedule_stack(env, made, asked)["networks"]
    assert described["drill"] == {"external": True, "name": f"{env.prefix}-ops_drill"}
    digests = {
        stack.schedule_stack(env, each, text)["services"]["schedule"]["deploy"]["labels"][
            "slipway.fingerprint"
        ]
        for each in (made, replace(made, number=8))
        for text in (asked, "{}", asked)
    }
    assert len(digests) == 4  # of each release, with each text


def test_every_service_of_the_project_is_in_exactly_one_stack() -> None:
    names = [
        labels["slipway.service"]
        for made in stacks("prod").values()
        for spec in made["services"].values()
        for labels in [spec["labels"]]
    ]
    expected = [service.name for service in release("prod").services]
    assert sorted(names) == sorted([*expected, "signpost"])


def test_nothing_but_the_edge_is_published_and_it_on_every_machine() -> None:
    for name, made in stacks("prod").items():
        for spec in made["services"].values():
            assert ("ports" in spec) == (name == "edge")
            assert spec["deploy"].get("endpoint_mode", "dnsrr") == "dnsrr"
    edge = stacks("prod")["edge"]["services"]["edge"]
    assert edge["deploy"]["mode"] == "global"
    published = {"target": 8080, "published": 80, "protocol": "tcp", "mode": "host"}
    assert edge["ports"] == [published]
    env = environment.load("prod")
    tls = replace(env, settings={**env.settings, "TLS": "auto", "DOMAIN": "a.example"})
    ports = stack.role_stack(tls, release("prod"), "edge")["services"]["edge"]["ports"]
    assert [(each["published"], each["protocol"]) for each in ports] == [
        *((80, "tcp"), (443, "tcp"), (443, "udp"))
    ]


@pytest.mark.parametrize("name", ["dev", "prod"])
def test_no_service_can_take_all_memory_or_processes_of_its_machine(name: str) -> None:
    env, made = environment.load(name), release(name)
    schedule = stack.schedule_stack(env, made, "{}")
    for each in (*stacks(name).values(), schedule, beside(name, takes_over=False)):
        for service, spec in docker_reads(each)["services"].items():
            limits = spec["deploy"]["resources"]["limits"]
            assert int(limits["memory"]) >= 128 << 20 and limits["pids"] >= 100, service


def test_edges_are_updated_one_machine_at_a_time_and_put_back_all_at_once() -> None:
    described = stacks("prod")["edge"]
    assert stack.EDGE_UPDATES.items() <= described["services"]["edge"]["deploy"].items()
    deploy = docker_reads(described)["services"]["edge"]["deploy"]
    assert deploy["mode"] == "global"
    update, back = deploy["update_config"], deploy["rollback_config"]
    # Ports are the machine's own, so the old edge has to go before the new one can start.
    assert (update["order"], update["parallelism"]) == ("stop-first", 1)
    assert (update["failure_action"], update["monitor"]) == ("rollback", "3s")
    assert (back["order"], back.get("parallelism", 0)) == ("stop-first", 0)


def beside(name: str, *, takes_over: bool) -> stack.Stack:
    """The edge that is started beside the one that serves, as docker reads it."""
    env, made = environment.load(name), release(name)
    edges = stack.role_stack(env, made, "edge")
    described: stack.Stack = edge_beside.describe(env, made, edges, takes_over=takes_over)
    docker_reads(described)
    return described


def test_an_edge_that_stands_in_for_another_has_all_but_its_ports() -> None:
    (spec,) = edge_beside.describe(
        environment.load("prod"), release("prod"), stacks("prod")["edge"], takes_over=True
    )["services"].values()
    edge = stacks("prod")["edge"]["services"]["edge"]
    changed = {"ports", "labels", "deploy"}
    assert {key: value for key, value in edge.items() if key not in changed}.items() <= spec.items()
    assert spec["ports"] == [{"target": 8080, "protocol": "tcp", "mode": "host"}]
    assert (
        spec["deploy"]["labels"]["slipway.service"] == spec["labels"]["slipway.service"] != "edge"
    )
    beside("prod", takes_over=True)


def test_an_edge_on_trial_neither_serves_nor_touches_what_the_edge_keeps() -> None:
    env = environment.load("prod")
    edge = stack.role_stack(env, release("prod"), "edge")["services"]["edge"]
    described = stacks("prod")["edge"]
    trial = edge_beside.describe(env, release("prod"), described, takes_over=False)
    docker_reads(trial)
    (spec,) = trial["services"].values()
    changed = {"ports", "networks", "volumes", "labels", "deploy"}
    assert {key: value for key, value in edge.items() if key not in changed}.items() <= spec.items()
    assert "ports" not in spec and set(spec["networks"]) == {"trial"}
    assert {mount["type"] for mount in spec["volumes"]} == {"tmpfs"}
    assert spec["deploy"]["mode"] == "global"
    assert spec["deploy"]["labels"]["slipway.service"] != "edge"


def test_services_run_by_digest_without_root_or_capabilities() -> None:
    for made in stacks("prod").values():
        for name, spec in made["services"].items():
            assert spec["image"].startswith("sha256:")
            assert spec["cap_drop"] == ["ALL"]
            assert spec["read_only"] is True
            if name == "restic":  # reads files of any user, with that one right, for minutes
                assert (spec["user"], spec["cap_add"]) == ("0:0", ["DAC_READ_SEARCH"])
                assert spec["deploy"]["mode"] == "replicated-job"
                continue
            assert "cap_add" not in spec
            assert spec["user"].partition(":")[0] not in ("", "0", "root")


def test_secrets_are_files_only_their_service_can_read() -> None:
    api = stacks("prod")["blue"]["services"]["api-blue"]
    assert {
        "source": "SESSION_KEY.1",
        "target": "SESSION_KEY",
        "uid": "10001",
        "gid": "10001",
        "mode": 0o400,
    } in api["secrets"]
    assert stacks("prod")["blue"]["secrets"]["SESSION_KEY.1"]["external"] is True


def test_data_stays_on_the_machine_that_holds_it() -> None:
    db = stacks("prod")["data"]["services"]["db"]
    assert db["deploy"]["placement"]["constraints"] == ["node.labels.slipway.data == true"]
    assert stacks("prod")["data"]["volumes"]["db"]["name"] == "logbook-prod-db"


def test_a_commit_that_changes_nothing_that_runs_has_the_same_digest() -> None:
    env, made = environment.load("prod"), release("prod")
    other = replace(made, number=8, commit="beef", created="later", by="bob")
    for role in ("colour", "data", "ops", "edge"):
        assert stack.digest(env, made, role) == stack.digest(env, other, role)


def test_a_changed_secret_or_image_changes_the_digest_of_those_who_use_it() -> None:
    env, made = environment.load("prod"), release("prod")
    newer = replace(made, secrets={**made.secrets, "SESSION_KEY": "SESSION_KEY.2"})
    assert stack.digest(env, made, "colour") != stack.digest(env, newer, "colour")
    assert stack.digest(env, made, "data") == stack.digest(env, newer, "data")
    built = replace(made, identities={**made.identities, "db": "sha256:new"})
    assert stack.digest(env, made, "data") != stack.digest(env, built, "data")
    assert stack.digest(env, made, "colour") == stack.digest(env, built, "colour")


def test_making_a_stack_leaves_the_release_as_it_was() -> None:
    before = release("prod").to_json()
    stacks("prod")
    assert release("prod").to_json() == before


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def test_a_dollar_in_a_setting_arrives_as_it_was_written(project: Project) -> None:
    env = project.api("environment: {PRICE: 'a$$b $${C} %d'}")
    with (project.compose / "prod.env").open("a") as file:
        file.write("DATABASE_USER='x$y'\n")
    env = environment.load("prod", project.compose, SECRETS)
    api = project.render(env)
    given = api["environment"]
    assert given["PRICE"] == "a$b ${C} %d"
    assert env.settings["DATABASE_USER"] == given["DATABASE_USER"] == "x$y"


SIGNS = [
    "a",
    "b c",
    "#",
    " #",
    "'",
    '"',
    "\\",
    "\\n",
    "\\'",
    '\\"',
    "=",
    ":",
    " ",
    "ü",
    "$",
    "${A}",
    "\t",
    "\r",
    "\xa0",
    "\x1c",
    "\u2028",
]
values = st.lists(st.sampled_from(SIGNS), max_size=5).map("".join)
written = st.builds(
    lambda quote, text: f"{quote}{text}{quote}", st.sampled_from(["", "'", '"']), values
)


@given(st.lists(written, min_size=80, max_size=200))
@example(["''\x1c#", "'' \t# a", '"a"\xa0# b'])
@settings(max_examples=4)
def test_a_setting_that_is_accepted_reaches_the_services_as_it_was_read(lines: list[str]) -> None:
    services, ours = {}, {}
    with tempfile.TemporaryDirectory() as folder:
        for number, line in enumerate(lines):
            path = Path(folder) / f"{number}.env"
            path.write_text(f"KEY={line}\nEND=1\n")
            with contextlib.suppress(ConfigError):
                ours[f"s{number}"] = envfile.read(path)
                services[f"s{number}"] = {"image": "x", "env_file": [path.name]}
        (Path(folder) / "compose.yml").write_text(json.dumps({"services": services}))
        argv = ["docker", "compose", "--project-directory", folder, "config", "--format", "json"]
        done = subprocess.run(argv, capture_output=True, text=True, check=True)
    for name, read in json.loads(done.stdout)["services"].items():
        theirs = {key: value.replace("$$", "$") for key, value in read["environment"].items()}
        assert theirs == ours[name]
