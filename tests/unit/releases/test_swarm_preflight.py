"""What the Swarm would refuse half-way is found before anything is built."""

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from slipway.cluster import stacks
from slipway.cluster.node import DATA_LABEL, Node
from slipway.cluster.observed import Observed
from slipway.environments import environment
from slipway.environments.environment import Environment
from slipway.errors import CommandFailed, ConfigError, Refused
from slipway.hosts.host import script
from slipway.hosts.local import LocalHost
from slipway.images import credentials
from slipway.images.sources import Image
from slipway.machines.connect import Cluster
from slipway.releases import (
    existing_objects,
    image_users,
    service_secrets,
    stack,
    swarm_preflight,
)
from slipway.releases.application import Service
from slipway.releases.release import Release
from tests.fakes.host import FakeHost

USER = ("docker", "image", "inspect", "--format", "{{.Config.User}}")


def release(**spec: Any) -> Release:
    """A release of one service with the secret SESSION_KEY."""
    full = {"image": "demo/api", "secrets": [{"source": "SESSION_KEY"}], **spec}
    service = Service("api", "colour", full)
    ids = {"api": "sha256:0"}
    return Release(1, "c0ffee", ids, {"api": "demo/api:1"}, ids, {"SESSION_KEY": "k"}, (service,))


@pytest.fixture(scope="module")
def env() -> Environment:
    return environment.load("prod")


def test_a_secret_that_the_environment_has_not_is_refused_by_its_file(env: Environment) -> None:
    service_secrets.demand(env, release())
    lacking = replace(release(), secrets={})
    with pytest.raises(ConfigError, match=r"^secrets/prod\.sops\.yaml: SESSION_KEY is missing, a"):
        service_secrets.demand(env, lacking)


def test_only_secrets_that_services_have_go_to_the_swarm(env: Environment) -> None:
    build = {"secrets": [{"source": "NPM_TOKEN"}]}
    secrets = {"SESSION_KEY": "k", "NPM_TOKEN": "n", "UNUSED": "u"}
    built = replace(release(build=build), secrets=secrets)
    assert service_secrets.needed(env, built) == {"SESSION_KEY": "k"}


def test_an_authority_that_a_setting_names_is_demanded_too(env: Environment) -> None:
    settings = {**env.settings, "PGSSLROOTCERT": "/run/secrets/DATABASE_CA"}
    verifying = replace(env, settings=settings)
    sentence = (
        r"^secrets/prod\.sops\.yaml: DATABASE_CA is missing, and PGSSLROOTCERT in compose/prod"
    )
    with pytest.raises(ConfigError, match=sentence):
        service_secrets.demand(verifying, release())
    there = replace(release(), secrets={"SESSION_KEY": "k", "DATABASE_CA": "c"})
    service_secrets.demand(verifying, there)


@pytest.mark.parametrize("user", ["app", "10001"])
def test_a_secret_that_the_user_of_the_image_could_not_read_is_refused(
    env: Environment, user: str
) -> None:
    images = {"demo/api:1": Image("demo/api:1", "sha256:0")}
    host = FakeHost().answers(*USER, out=f"{user}\n")
    with pytest.raises(ConfigError, match=rf"services\.api: its image runs as {user}, who could"):
        service_secrets.check(env, release(), host, images)


@pytest.mark.parametrize(
    ("spec", "user"),
    [
        ({}, ""),
        ({}, "root"),
        ({"user": "10001:10001"}, "app"),
        ({"secrets": []}, "app"),
        ({"secrets": [{"source": "SESSION_KEY", "uid": "5"}]}, "app"),
    ],
)
def test_a_secret_that_can_be_read_is_not_refused(
    env: Environment, spec: dict[str, Any], user: str
) -> None:
    images = {"demo/api:1": Image("demo/api:1", "sha256:0")}
    host = FakeHost().answers(*USER, out=f"{user}\n")
    service_secrets.check(env, release(**spec), host, images)
    service_secrets.check(env, release(**spec), FakeHost(), {})  # not built yet


def nodes(*holders: str) -> Observed:
    """Two machines, some of which hold the data."""
    members = [
        Node(name, name, "", "manager", "ready", "active", False, True, "26", labels)
        for name in ("m1", "m2")
        for labels in [{DATA_LABEL: "true"} if name in holders else {}]
    ]
    return Observed("active true", 0, tuple(members), (), {}, frozenset(), frozenset())


def test_an_external_volume_is_looked_for_where_the_data_is(env: Environment) -> None:
    definition = {"external": True, "name": "old"}
    mount = {"type": "volume", "source": "db", "target": "/d", "definition": definition}
    service = Service("db", "data", {"image": "demo/db", "volumes": [mount]})
    made = replace(release(), services=(service,))
    m1, m2 = FakeHost("m1").answers("sh"), FakeHost("m2")
    both = Cluster(m2, {"m1": m1, "m2": m2})
    with pytest.raises(
        Refused, match="m1 has no volume old, which the compose files call external"
    ):
        existing_objects.check(env, both, nodes("m1"), made, None)
    existing_objects.check(env, Cluster(m2, {"m2": m2}), nodes("m1"), made, None)  # m1 is down
    m1.answers("sh", out='volume {"Name": "old", "Driver": "local", "Options": null}\n')
    existing_objects.check(env, both, nodes("m1"), made, None)
    existing_objects.check(env, both, nodes(), made, None)  # the first will be the one


@pytest.mark.parametrize("text", [existing_objects.VOLUMES, existing_objects.NETWORKS])
def test_a_volume_or_network_that_cannot_be_looked_at_is_not_taken_for_a_new_one(
    tmp_path: Path, text: str
) -> None:
    docker = tmp_path / "docker"
    docker.write_text(
        '#!/bin/sh\ncase $2 in\nls) echo old ;;\ninspect) echo "no answer" >&2; exit 1 ;;\nesac\n'
    )
    docker.chmod(0o755)
    host = LocalHost("m1", env={"PATH": f"{tmp_path}:{os.environ['PATH']}"})
    assert script(host, text, "new").out == ""
    with pytest.raises(CommandFailed, match="no answer"):
        script(host, text, "old")


USERS = "root:x:0:0:root:/root:/bin/sh\nweb:x:9:9::/:/bin/sh\n--\nroot:x:0:\nstaff:x:50:\n"


@pytest.mark.parametrize("user", ["nobody", "we", "web:wheel", "9:wheel", "x"])
def test_a_user_that_the_image_does_not_know_is_refused(user: str) -> None:
    images = {"demo/api:1": Image("demo/api:1", "sha256:0")}
    host = FakeHost().answers("sh", out=USERS)
    with pytest.raises(ConfigError, match=r"services\.api\.user: its image knows no (?!web|9)\w+;"):
        image_users.check(release(user=user), host, images)


@pytest.mark.parametrize("user", ["", "12:34", "web", "web:staff", "root", "9:staff", "web:50"])
def test_a_user_that_the_image_knows_or_a_number_is_not_refused(user: str) -> None:
    images = {"demo/api:1": Image("demo/api:1", "sha256:0")}
    image_users.check(release(user=user), FakeHost().answers("sh", out=USERS), images)
    image_users.check(release(user=user), FakeHost(), {})  # not built yet


def test_an_image_without_a_list_of_users_knows_none() -> None:
    images = {"demo/api:1": Image("demo/api:1", "sha256:0")}
    with pytest.raises(ConfigError, match="its image knows no web"):
        image_users.check(release(user="web"), FakeHost().answers("sh", out="--\n"), images)


@pytest.mark.parametrize(
    ("config", "registry", "name"),
    [
        ({"credsStore": "desktop"}, "registry.example.com", "desktop"),
        ({"credHelpers": {"a.example.com:5000": "gcloud"}}, "a.example.com:5000", "gcloud"),
        ({"credHelpers": {"b.example.com": "gcloud"}}, "a.example.com", ""),
        ({"auths": {"a.example.com": {"auth": "YTpi"}}}, "a.example.com", ""),
    ],
)
def test_the_helper_that_docker_would_ask_is_read_from_its_configuration(
    config: dict[str, Any], registry: str, name: str
) -> None:
    assert credentials.helper(json.dumps(config), registry) == name
    assert credentials.helper("", registry) == credentials.helper("{", registry) == ""


def test_a_credential_helper_that_is_not_there_is_refused_by_its_host() -> None:
    host = FakeHost("m1").answers("sh", out='{"credsStore": "desktop"}')
    host.answers("sh", "-euc", credentials.FIND, out="")
    with pytest.raises(Refused, match=r"m1: .* no program docker-credential-desktop; install it"):
        credentials.check(host, "registry.example.com/team")
    host.answers("sh", "-euc", credentials.FIND, out="/usr/bin/docker-credential-desktop\n")
    credentials.check(host, "registry.example.com/team")


def test_docker_signs_in_to_a_registry_only_for_images_that_come_from_one() -> None:
    host = FakeHost().answers("docker", "stack")
    stacks.deploy(host, "a", {"services": {"api": {"image": "sha256:0"}}})
    stacks.deploy(host, "a", {"services": {"api": {"image": "r.example.com/a@sha256:0"}}})
    first, second = host.ran("docker", "stack", "deploy")
    assert "--with-registry-auth" not in first
    assert "--with-registry-auth" in second
    assert (first[-1], second[-1]) == ("a", "a")


def test_what_docker_has_against_a_stack_file_is_said_with_its_reason(env: Environment) -> None:
    host = FakeHost().answers(
        "docker", "stack", "config", code=1, err="services.api.tty must be a bool"
    )
    with pytest.raises(ConfigError, match=r"compose files of prod: docker stack: .*must be a bool"):
        swarm_preflight.read(env, host, release())
    dropped = "WARNING: old\nIgnoring unsupported options: build\n"
    with pytest.raises(ConfigError, match="Ignoring unsupported options: build"):
        swarm_preflight.read(
            env, FakeHost().answers("docker", "stack", "config", err=dropped), release()
        )
    # What the client warns of besides, it warns of when all is well too.
    for warning in ("", "WARNING: Error loading config file: unsupported\n"):
        host = FakeHost().answers("docker", "stack", "config", err=warning)
        swarm_preflight.read(env, host, release())


def test_docker_reads_every_service_of_a_release_at_once(env: Environment) -> None:
    job = Service("tests", "job", {"image": "demo/api", "networks": {"edge": None}})
    both = replace(
        release(),
        services=(*release().services, job),
        images={"api": "sha256:0", "tests": "sha256:0"},
    )
    whole = stack.together(env, both)
    assert sorted(whole["services"]) == ["api-green", "tests"]
    assert whole["networks"] == {"edge": {"external": True, "name": f"{env.prefix}-edge"}}
    assert list(whole["secrets"]) == ["k"]
