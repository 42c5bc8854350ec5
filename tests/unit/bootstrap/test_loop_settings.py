"""The settings of dev for plain `docker compose`: those of a deploy, in compose/.env."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from slipway.bootstrap import loop_settings
from slipway.environments import hacking
from slipway.project import COMPOSE
from tests.compose import has_compose

pytestmark = pytest.mark.skipif(not has_compose(), reason="docker compose is not installed")


class Loop:
    """A checkout whose compose folder and files of this computer lie in a scratch folder."""

    def __init__(self, root: Path) -> None:
        self.compose = root / "compose"
        self.variables = root / ".slipway" / "dev" / hacking.VARIABLES.name
        shutil.copytree(COMPOSE, self.compose, ignore=shutil.ignore_patterns(".env"))
        subprocess.run(["git", "init", "--quiet", root], check=True)
        (root / ".gitignore").write_text("/compose/.env\n")

    def add(self, name: str, text: str) -> None:
        with (self.compose / name).open("a") as file:
            file.write(f"\n{text}\n")

    def materialise(self) -> str:
        return loop_settings.materialise(self.compose, self.variables)

    def plain(self, **shell: str) -> Any:
        """What plain `docker compose` in the folder makes of it, or what it says."""
        env = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), **shell}
        argv = ["docker", "compose", "config", "--format", "json"]
        result = subprocess.run(argv, cwd=self.compose, env=env, capture_output=True, check=False)
        return json.loads(result.stdout) if result.returncode == 0 else result.stderr.decode()


@pytest.fixture
def loop(tmp_path: Path) -> Loop:
    return Loop(tmp_path)


def test_plain_compose_has_the_settings_of_dev_and_the_projects_name(loop: Loop) -> None:
    assert "./inv bootstrap" in loop.plain()
    loop.add("common.env", "REGISTRY=one")
    loop.add("dev.env", "REGISTRY='two of $1'\nPROJECT=shop")
    loop.add(".env", "OWN=1")
    loop.add("compose.override.yml", "x-a: ${REGISTRY}-${OWN}")
    assert loop.materialise() == "compose/.env"
    model = loop.plain()
    assert (model["name"], model["x-a"]) == ("shop", "two of $$1-1")
    assert loop.materialise() == "in place"
    assert hacking.model(loop.compose)["x-a"] == "two of $$1-1"


def test_no_setting_of_common_is_taken_from_the_shell_by_the_loop(loop: Loop) -> None:
    loop.add("settings.yml", "HTTP_PROXY: {type: text}")
    loop.add("common.env", "HTTP_PROXY=http://ours")
    given = hacking.variables({"HTTP_PROXY": "http://mine", "LANG": "C"}, loop.compose)
    assert given == {"LANG": "C", "PROJECT": "logbook"}


def test_a_secret_is_a_variable_in_the_loop_too(loop: Loop) -> None:
    folder = loop.variables.parent / "secrets"
    folder.mkdir(parents=True)
    (folder / "SESSION_KEY").write_text("a$b\nc")
    label = "services: {api: {deploy: {labels: {slipway.secret-variables: KEY=SESSION_KEY}}}}"
    (loop.compose / "compose.override.yml").write_text(label)
    assert loop.materialise() == "secret-variables.json, compose/.env"
    assert loop.variables.stat().st_mode & 0o777 == 0o600
    assert loop.plain()["services"]["api"]["environment"]["KEY"] == "a$$b\nc"
    (loop.compose / "compose.override.yml").write_text("services: {}")
    assert loop.materialise() == "secret-variables.json, compose/.env"
    assert "KEY" not in loop.plain()["services"]["api"]["environment"]


def test_a_project_whose_git_would_see_the_file_is_told_what_to_ignore(loop: Loop) -> None:
    (loop.compose.parent / ".gitignore").unlink()
    assert "add /compose/.env to .gitignore" in loop.materialise()
    assert not (loop.compose / ".env").exists()
