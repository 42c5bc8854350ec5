"""How the docker client is set: what is elsewhere, left out or in the way is said."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from slipway.errors import Refused
from slipway.hosts import docker_client

needs_docker = pytest.mark.skipif(shutil.which("docker") is None, reason="docker is not installed")


def shell(home: Path, **more: str) -> dict[str, str]:
    return {"HOME": str(home), "PATH": os.environ["PATH"], **more}


def write(home: Path, name: str, document: object) -> None:
    path = home / ".docker" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document))


def test_a_client_as_it_is_installed_is_this_computers_and_nothing_is_said(tmp_path: Path) -> None:
    for host in ("", "unix:///run/user/1000/docker.sock"):
        environ = shell(tmp_path, DOCKER_HOST=host)
        client = docker_client.look(environ)
        assert (client.engine, client.address) == ("this computer", "127.0.0.1")
        assert docker_client.heed(environ) == []
        assert environ == shell(tmp_path, DOCKER_HOST=host)


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("ssh://ada@build.example.com", "build.example.com"),
        ("tcp://[2001:db8::1]:2376", "2001:db8::1"),
    ],
)
def test_an_engine_elsewhere_is_called_by_its_address(
    tmp_path: Path, host: str, address: str
) -> None:
    client = docker_client.look(shell(tmp_path, DOCKER_HOST=host))
    assert client.engine == f"the engine at {host} (DOCKER_HOST)"
    assert client.address == address
    (note,) = docker_client.notes(client)
    assert f"docker talks to the engine at {host} (DOCKER_HOST) and not to this computer" in note


@needs_docker
def test_a_context_leads_where_docker_says(tmp_path: Path) -> None:
    argv = ["docker", "context", "create", "far", "--docker", "host=tcp://far.example.com:2376"]
    subprocess.run(argv, env=shell(tmp_path), capture_output=True, check=True)
    write(tmp_path, "config.json", {"currentContext": "far"})
    client = docker_client.look(shell(tmp_path))
    assert client.engine == "the engine at tcp://far.example.com:2376 (context far)"
    assert docker_client.look(shell(tmp_path, DOCKER_CONTEXT="default")).endpoint == ""
    near = docker_client.look(shell(tmp_path, DOCKER_HOST="unix:///var/run/docker.sock"))
    assert (near.context, near.endpoint) == ("default", "")
    with pytest.raises(Refused, match=r"docker's context fra is none .*docker context use default"):
        docker_client.look(shell(tmp_path, DOCKER_CONTEXT="fra"))


def test_what_keeps_images_from_the_engine_is_left_out_and_said(tmp_path: Path) -> None:
    environ = shell(tmp_path, DOCKER_BUILDKIT="0", BUILDX_BUILDER="cloud")
    first, second = docker_client.heed(environ)
    assert "DOCKER_BUILDKIT=0 is left out" in first
    assert "the builder cloud is left out" in second
    assert environ == shell(tmp_path, BUILDX_BUILDER="default")
    write(tmp_path, "buildx/current", {"Key": "unix:///x", "Name": "cloud", "Global": False})
    environ = shell(tmp_path)
    assert "the builder cloud is left out" in docker_client.heed(environ)[0]
    assert environ["BUILDX_BUILDER"] == "default"


@pytest.mark.parametrize(
    ("proxies", "missing"),
    [
        ({"httpProxy": "http://proxy:3128"}, "localhost,127.0.0.1"),
        ({"httpsProxy": "http://proxy:3128", "noProxy": "localhost, .example.com"}, "127.0.0.1"),
        ({"httpProxy": "http://proxy:3128", "noProxy": "127.0.0.1,localhost"}, ""),
        ({"httpProxy": ""}, ""),
        ("http://proxy", ""),
    ],
)
def test_a_proxy_that_health_checks_would_use_is_said(
    tmp_path: Path, proxies: object, missing: str
) -> None:
    write(tmp_path, "config.json", {"proxies": {"default": proxies}})
    found = docker_client.heed(shell(tmp_path))
    assert [f"noProxy {missing} and" in note for note in found] == [True] * bool(missing)


@pytest.mark.parametrize("text", ["", "{", "[]", "\x00", '{"proxies": 3, "currentContext": null}'])
def test_a_damaged_config_is_left_to_docker(tmp_path: Path, text: str) -> None:
    write(tmp_path, "config.json", {})
    (tmp_path / ".docker/config.json").write_text(text)
    assert docker_client.heed(shell(tmp_path)) == []
