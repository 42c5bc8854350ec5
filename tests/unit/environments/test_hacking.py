"""The hacking loop: of the shell that it is started from it takes nothing but what is named."""

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from slipway.environments import hacking
from slipway.errors import UsageError
from slipway.project import COMPOSE
from tests.compose import has_compose

SHELL = {
    "DATABASE_NAME": "another",
    "DATABASE_USER": "another",
    "ENVIRONMENT": "prod",
    "PROJECT": "another",
    "PITR": "on",
    "COMPOSE_PROJECT_NAME": "another",
    "COMPOSE_FILE": "compose.prod.yml",
    "COMPOSE_PROFILES": "tests",
    "COMPOSE_ENV_FILES": "prod.env",
    "BACKUP_STORE": "s3://another/bucket",
}


def model(variables: Mapping[str, str]) -> Any:
    """What Compose makes of the loop's files with these variables, or why it makes nothing."""
    argv = [*hacking.command(), "config", "--format", "json"]
    env = dict(variables)
    result = subprocess.run(argv, env=env, cwd=COMPOSE, capture_output=True, check=False)
    return json.loads(result.stdout) if result.returncode == 0 else result.stderr


@pytest.mark.skipif(not has_compose(), reason="docker compose is not installed")
def test_no_variable_of_the_shell_takes_the_place_of_a_setting_of_the_loop() -> None:
    clean = {key: os.environ[key] for key in ("PATH", "HOME") if key in os.environ}
    assert model(hacking.variables(clean | SHELL)) == model(clean)
    for key in ("DATABASE_NAME", "ENVIRONMENT", "COMPOSE_PROJECT_NAME"):
        assert model(clean | {key: SHELL[key]}) != model(clean), f"{key} would take no place"


@pytest.mark.skipif(not has_compose(), reason="docker compose is not installed")
def test_the_port_of_the_loop_is_taken_from_the_shell() -> None:
    clean = {key: os.environ[key] for key in ("PATH", "HOME") if key in os.environ}
    edge = model(hacking.variables(clean | {"HACKING_PORT": "8123"}))["services"]["edge"]
    assert [port["published"] for port in edge["ports"]] == ["8123"]


def test_docker_is_still_reached_as_the_shell_says() -> None:
    shell = {
        "DOCKER_HOST": "ssh://a",
        "HTTPS_PROXY": "http://b",
        "SSH_AUTH_SOCK": "/c",
        "LC_ALL": "C",
    }
    assert shell.items() <= hacking.variables(shell).items()


def test_the_loop_has_the_name_that_other_commands_look_for(tmp_path: Path) -> None:
    (tmp_path / "common.env").write_text("PROJECT=shop\n")
    assert hacking.variables({"PROJECT": "another"}, tmp_path) == {"PROJECT": "shop"}


def test_a_job_in_the_image_of_another_service_has_that_built_first() -> None:
    services: dict[str, Any] = {
        "api": {"build": {"context": "api"}, "image": "shop/api"},
        "digest": {"image": "shop/api"},
        "redis": {"image": "redis:8"},
    }
    names = {name: hacking.builder_of(services, name) for name in services}
    assert names == {"api": "", "digest": "api", "redis": ""}
    with pytest.raises(UsageError, match=r"no service 'digets' \(did you mean digest\?\)"):
        hacking.builder_of(services, "digets")


def test_the_loop_starts_as_a_deploy_would_and_leaves_jobs_until_they_are_asked_for() -> None:
    def spec(role: str, **more: Any) -> dict[str, Any]:
        labels = {f"slipway.{key}": value for key, value in more.pop("labels", {}).items()}
        return {"deploy": {"labels": {"slipway.role": role} | labels}, **more}

    phase = {"labels": {"phase": "release"}}
    services = {
        "api": spec("colour", depends_on={"migrations": {}}),
        "db": spec("data"),
        "digest": spec("job"),
        "mail": {},  # of the loop alone
        "migrate": spec("job", **phase),
        "migrations": spec("job", **phase),  # Compose starts it before the api
        "tests": spec("job", profiles=["tests"]),
    }
    order = hacking.starting_order({"services": services})
    assert order == hacking.StartingOrder(["db"], ["migrate"], ["api", "db", "mail"])
