"""Volumes and networks on the real Swarm: those that are there already, and those of a release."""

import time
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from slipway.cluster import stacks
from slipway.cluster.observed import observe
from slipway.errors import ConfigError, Refused
from slipway.hosts.local import LocalHost
from slipway.images.sources import Image
from slipway.machines.connect import Cluster
from slipway.progress import SILENT
from slipway.releases import existing_objects, image_users, networks, stack
from slipway.releases.application import Service
from slipway.releases.health import HealthWatch
from slipway.releases.release import Release
from tests.integration.docker_sandbox import DockerSandbox
from tests.integration.test_services import Stage

pytestmark = pytest.mark.engine


@pytest.fixture
def stage(manager: LocalHost) -> Iterator[Stage]:
    made = Stage(manager)
    try:
        yield made
    finally:
        DockerSandbox(made.env.prefix).sweep()


@pytest.fixture
def volume(stage: Stage) -> Iterator[str]:
    """A volume with a file in it, that no environment has made."""
    name = f"{stage.env.prefix}-from-before"
    docker = DockerSandbox(stage.env.prefix).docker
    docker("volume", "create", name)
    write = ("sh", "-c", "mkdir /v/sub && echo old > /v/sub/file && chmod -R a+rX /v")
    docker("run", "--rm", "--volume", f"{name}:/v", stage.image, *write)
    yield name
    DockerSandbox(stage.env.prefix).sweep()  # what used it
    docker("volume", "rm", "--force", name)


def of(stage: Stage, definition: Mapping[str, Any], script: str = "sleep 300") -> Release:
    """A release whose database has a volume of which the compose files say this."""
    mount = {"type": "volume", "source": "one", "target": "/data", "definition": definition}
    mount["volume"] = {"subpath": "sub"} if "name" in definition else {}
    return stage.release("data", script, volumes=[mount], tmpfs=["/small:size=1m"])


def check(stage: Stage, release: Release, live: Release | None = None) -> None:
    observed = observe(stage.manager, stage.env.prefix)
    cluster = Cluster(stage.manager, {"here": stage.manager})
    existing_objects.check(stage.env, cluster, observed, release, live)


def test_an_external_volume_that_is_not_there_is_no_empty_one(stage: Stage) -> None:
    missing = of(stage, {"external": True, "name": f"{stage.env.prefix}-nowhere"})
    with pytest.raises(Refused, match=r"has no volume .*-nowhere, .*docker volume create"):
        check(stage, missing)


def test_a_volume_that_something_else_uses_is_refused(stage: Stage, volume: str) -> None:
    release = of(stage, {"external": True, "name": volume})
    check(stage, release)
    docker = DockerSandbox(stage.env.prefix).docker
    docker(
        "run", "--detach", "--rm", "--name", f"{volume}-user", "--volume", f"{volume}:/v",
        stage.image, "sleep", "60",
    )  # fmt: skip
    try:
        with pytest.raises(Refused, match=rf"container {volume}-user of .* uses the volume"):
            check(stage, release)
    finally:
        docker("rm", "--force", f"{volume}-user")


def test_a_volume_that_was_made_with_other_options_is_refused(stage: Stage) -> None:
    name = f"{stage.env.prefix}-one"
    docker = DockerSandbox(stage.env.prefix).docker
    options = {"type": "tmpfs", "device": "tmpfs", "o": "size=1m"}
    check(stage, of(stage, {"driver_opts": options}))
    docker("volume", "create", "--label", f"slipway.app={stage.env.prefix}", name)
    with pytest.raises(Refused, match=rf"the volume {name} of .* was made with local and no opti"):
        check(stage, of(stage, {"driver_opts": options}))
    docker("volume", "rm", name)


def test_a_service_has_the_volume_and_the_memory_that_its_compose_file_names(
    stage: Stage, volume: str
) -> None:
    script = "cat /data/file; df -k /small | tail -n 1; sleep 300"
    release = of(stage, {"external": True, "name": volume}, script)
    name = f"{stage.env.prefix}-data"
    description = stack.role_stack(stage.env, release, "data")
    description["services"]["one"]["deploy"]["placement"]["constraints"] = []
    stacks.deploy(stage.manager, name, description)
    HealthWatch(name, 60, SILENT).wait(stage.manager)
    logs = ["docker", "service", "logs", "--raw", f"{name}_one"]
    deadline = time.monotonic() + 30
    while "/small" not in (text := stage.manager.run(logs).out) and time.monotonic() < deadline:
        time.sleep(0.5)
    old, tmpfs = text.splitlines()
    assert old == "old"
    assert tmpfs.split()[:2] == ["tmpfs", "1024"]
    stacks.remove(stage.manager, name)


def test_a_shared_network_is_made_as_it_is_written_and_not_changed_unseen(stage: Stage) -> None:
    definition = {"internal": True, "driver_opts": {"encrypted": ""}, "labels": {"a": "b"}}
    plain = stage.release("data", "true", networks={"data": None})
    inner = stage.release("data", "true", networks={"data": {"definition": definition}})
    check(stage, inner)
    options = networks.shared(stage.env.prefix, specs(inner.services))
    stacks.ensure_networks(stage.manager, stage.env.prefix, options)
    form = "{{.Internal}} {{.Labels}}"
    argv = ["docker", "network", "inspect", "--format", form, f"{stage.env.prefix}-data"]
    shown = stage.manager.run(argv).out.strip()
    assert shown == f"true map[a:b slipway.app:{stage.env.prefix}]"
    check(stage, inner)
    with pytest.raises(Refused, match=rf"{stage.env.prefix}-data was made with another .*internal"):
        check(stage, plain, live=inner)


def test_the_users_of_an_image_are_read_without_running_it(stage: Stage) -> None:
    images = {"debian": Image("debian", stage.image)}
    image_users.check(stage.release("colour", "", user="daemon:staff"), stage.manager, images)
    with pytest.raises(ConfigError, match=r"services\.one\.user: its image knows no nosuch"):
        image_users.check(stage.release("colour", "", user="nosuch"), stage.manager, images)


def specs(services: tuple[Service, ...]) -> list[Mapping[str, Any]]:
    return [service.spec for service in services]
