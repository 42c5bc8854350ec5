"""Which images the stack needs from elsewhere, in the loop and in every environment."""

import json
from pathlib import Path

import pytest

from slipway.bootstrap import image_lock, stack_images
from slipway.errors import ConfigError
from slipway.images import lockfile
from slipway.progress import SILENT
from tests.compose import has_compose
from tests.fakes.host import FakeHost

pytestmark = pytest.mark.skipif(not has_compose(), reason="docker compose is not installed")

BASE = """
services:
  api:
    extends: {file: parts/python.yml, service: python}
    image: ${PROJECT:-x}/api
    build: {context: ./api, args: {PYTHON: "3.14"}}
  again: {image: "docker.io/${PROJECT:-x}/api:latest"}
  web: {image: "${PROJECT:-x}/web", build: ./web}
  cache: {image: "valkey/valkey:${VALKEY:-9}"}
  db: {image: postgres}
"""


@pytest.fixture
def compose(tmp_path: Path) -> Path:
    files = {
        "compose.yml": BASE,
        "compose.prod.yml": "services: {prod: {image: only:prod, tty: !reset null}}\n",
        "compose.override.yml": "services: {mail: {image: mail:1}}\n",
        "parts/python.yml": "services: {python: {image: none, environment: {A: 1}}}\n",
        "api/Dockerfile": "ARG PYTHON=3.13\nFROM python:$PYTHON\n",
        "web/Dockerfile": "FROM docker.io/library/caddy:2\nRUN <<E\nFROM nothing\nE\n",
        "unused/Dockerfile": "FROM unused:1\n",
        "common.env": "PROJECT=shop\n",
        "dev.env": "",
        "prod.env": "VALKEY=8\n",
        "settings.yml": "PROJECT: {type: name, help: A.}\nVALKEY: {help: B.}\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def test_images_are_named_as_compose_resolves_them_and_what_is_built_is_not(compose: Path) -> None:
    stack = stack_images.read(compose)
    assert stack.names == (
        *("caddy:2", "mail:1", "only:prod", "postgres:latest", "python:3.14"),
        *("valkey/valkey:8", "valkey/valkey:9"),
    )
    assert stack.dockerfiles == (compose / "api/Dockerfile", compose / "web/Dockerfile")


def test_the_lock_names_them_all_as_they_are_today(compose: Path) -> None:
    names = stack_images.read(compose).names
    digests = [f"{name.rpartition(':')[0]}@sha256:{'1' * 64}" for name in names]
    host = FakeHost().answers("docker", "pull")
    host.answers("docker", "image", "inspect", out=json.dumps(digests))
    reported = image_lock.refresh(SILENT, compose, host)
    assert reported == [f"{name}: added" for name in names]
    assert lockfile.read(compose) == dict.fromkeys(names, f"sha256:{'1' * 64}")
    assert image_lock.refresh(SILENT, compose, host) == []


def test_an_environment_that_is_wrong_stops_no_other(compose: Path) -> None:
    (compose / "prod.env").write_text("NO SETTING\n")
    assert "valkey/valkey:9" in stack_images.read(compose).names


def test_a_loop_that_compose_refuses_is_said_in_its_words(compose: Path) -> None:
    (compose / "compose.override.yml").write_text("services: {mail: {imagge: mail:1}}\n")
    with pytest.raises(ConfigError, match=r"of the hacking loop are invalid: .*imagge"):
        stack_images.read(compose)
