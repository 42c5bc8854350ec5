"""The stand-ins behave like the official images as far as the stack uses them."""

import subprocess
import time
import uuid
from collections.abc import Iterator

import pytest

from slipway.bootstrap import images, standins
from slipway.hosts.local import LocalHost
from tests import base_images
from tests.integration.docker_sandbox import IMAGES
from tests.waiting import wait_until

pytestmark = pytest.mark.engine
LABEL = "slipway.test=standins"
NODE, REDIS = "node:24-trixie-slim", "redis:8"


def docker(*words: str, check: bool = True) -> str:
    return LocalHost().run(["docker", *words], check=check).out.strip()


@pytest.fixture
def postgres() -> Iterator[str]:
    """The arguments of `docker run` for a database as the stack runs it."""
    if not images.is_standin("postgres:17"):
        pytest.skip("postgres:17 is the official image")
    volume = f"slipway-test-{uuid.uuid4().hex[:8]}"
    docker("volume", "create", "--label", LABEL, volume)
    yield (
        f"run -d --label {LABEL} --name {volume} --user 999:999 --read-only --cap-drop ALL --init "
        "--tmpfs /tmp --tmpfs /run/postgresql -e POSTGRES_DB=logbook -e POSTGRES_USER=logbook "
        f"-e POSTGRES_PASSWORD=pw -v {volume}:/var/lib/postgresql/data postgres:17"
    )
    docker("rm", "-fv", volume, check=False)
    docker("volume", "rm", "-f", volume)


def ready(name: str) -> bool:
    probe = ["docker", "exec", name, "pg_isready", "-q", "-h", "127.0.0.1", "-U", "logbook"]
    for _ in range(300):
        if subprocess.run(probe, capture_output=True, check=False).returncode == 0:
            return True
        time.sleep(0.1)
    return False


def test_a_first_start_that_is_cut_short_begins_anew_and_data_are_never_cleared(
    postgres: str,
) -> None:
    name = postgres.split("--name ")[1].split()[0]
    for cut in (0.2, 0.8):
        docker(*postgres.split())
        time.sleep(cut)
        docker("kill", name, check=False)
        docker("rm", name)
    docker(*postgres.split())
    assert ready(name)
    ask = ("exec", name, "psql", "-U", "logbook", "-d", "logbook", "-Atc")
    docker(*ask, "create table kept as select 42 as answer")
    docker("kill", name)
    docker("start", name)
    assert ready(name)
    assert docker(*ask, "select answer from kept") == "42"
    assert docker(*ask, "select count(*) from pg_hba_file_rules where auth_method='trust'") == "6"


def test_a_wrong_password_is_refused_over_the_network(postgres: str) -> None:
    name = postgres.split("--name ")[1].split()[0]
    docker(*postgres.split())
    assert ready(name)
    address = docker("inspect", "-f", "{{.NetworkSettings.IPAddress}}", name)

    def sign_in(password: str) -> str:
        client = ("run", "--rm", "--label", LABEL, "-e", f"PGPASSWORD={password}", "postgres:17")
        return docker(
            *client, "psql", "-h", address, "-U", "logbook", "-Atc", "select 1", check=False
        )

    assert (sign_in("pw"), sign_in("wrong")) == ("1", "")


def test_postgres_18_refuses_the_old_place_of_its_volume_and_starts_at_the_new_one(
    postgres: str,
) -> None:
    base_images.have("postgres:18")
    name = postgres.split("--name ")[1].split()[0]
    newer = postgres.replace("postgres:17", "postgres:18")
    docker(*newer.split())
    assert docker("wait", name) == "1"
    assert "in 18+, these Docker images" in LocalHost().run(["docker", "logs", name]).err
    docker("rm", name)
    docker(*newer.replace("/postgresql/data", "/postgresql").split())
    assert ready(name)
    ask = ("exec", name, "psql", "-U", "logbook", "-d", "logbook", "-Atc")
    assert docker(*ask, "show data_directory") == "/var/lib/postgresql/18/docker"


def test_python_is_laid_out_as_in_the_official_image() -> None:
    code = "import sys, pip; print(sys.version_info[:2], pip.__file__)"
    out = docker("run", "--rm", "--label", LABEL, standins.PYTHON, "python", "-I", "-c", code)
    assert out == "(3, 13) /usr/local/lib/python3.13/site-packages/pip/__init__.py"


def test_node_starts_what_it_is_given_and_npm_reaches_what_this_computer_reaches() -> None:
    if not images.is_standin(base_images.have(NODE)):
        pytest.skip(f"{NODE} is the official image")
    run = ("run", "--rm", "--label", LABEL, "--user", "node", NODE)
    assert docker(*run, "-p", "process.version").startswith("v24.")
    assert docker(*run, "sh", "-c", "id -u; npm config get cafile").split() == [
        *("1000", "/etc/ssl/certs/ca-certificates.crt"),
    ]


def test_redis_answers_other_containers_and_gives_up_root() -> None:
    base_images.have(REDIS)
    name = f"slipway-test-{uuid.uuid4().hex[:8]}"
    docker("run", "-d", "--label", LABEL, "--name", name, REDIS, "redis-server", "--save", "")
    try:
        address = docker("inspect", "-f", "{{.NetworkSettings.IPAddress}}", name)
        ask = ("run", "--rm", "--label", LABEL, REDIS, "redis-cli", "-h", address, "ping")
        wait_until("redis answers", lambda: docker(*ask, check=False) == "PONG")
        assert docker("exec", name, "stat", "-c", "%u %g", "/proc/1").split() == ["999", "999"]
    finally:
        docker("rm", "-fv", name)


def test_what_is_built_from_a_stand_in_counts_as_one() -> None:
    if not images.is_standin(standins.DEBIAN):
        pytest.skip("the official image is here")
    tag = f"{IMAGES}/{uuid.uuid4().hex[:8]}"
    text = f"FROM {standins.DEBIAN}\nLABEL {LABEL}\n".encode()
    LocalHost().run(["docker", "build", "-q", "-t", tag, "-"], stdin=text)
    try:
        assert images.is_standin(tag)
        assert not images.is_standin(f"{IMAGES}/none")
    finally:
        docker("image", "rm", "-f", tag)
