"""Which program reads compose files: the one that `docker compose` would start."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from slipway.releases import compose_program


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    compose_program.command.cache_clear()
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "home"))
    yield tmp_path / "home"
    compose_program.command.cache_clear()


def plugin(folder: Path) -> str:
    path = folder / "cli-plugins/docker-compose"
    path.parent.mkdir(parents=True)
    path.touch(mode=0o755)
    return str(path)


def test_the_persons_own_plugin_comes_before_that_of_the_system(home: Path, tmp_path: Path) -> None:
    system = plugin(tmp_path / "usr/libexec/docker")
    assert compose_program.command(tmp_path) == (system,)
    compose_program.command.cache_clear()
    own = plugin(home)
    assert compose_program.command(tmp_path) == (own,)


@pytest.mark.parametrize("config", [json.dumps({"cliPluginsExtraDirs": ["/opt"]}), "{", "[]"])
def test_where_the_client_may_look_elsewhere_it_is_asked(
    home: Path, tmp_path: Path, config: str
) -> None:
    plugin(tmp_path / "usr/lib/docker")
    home.mkdir()
    (home / "config.json").write_text(config)
    assert compose_program.command(tmp_path) == ("docker", "compose")


def test_without_a_plugin_the_client_says_what_is_missing(home: Path, tmp_path: Path) -> None:
    assert compose_program.command(tmp_path) == ("docker", "compose")
