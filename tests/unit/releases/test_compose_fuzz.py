"""Whatever stands in the compose files of a team ends in an application or in a sentence."""

import copy
import json
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slipway.environments import environment
from slipway.errors import ConfigError
from slipway.releases import application, stack
from tests.compose import has_compose
from tests.unit.releases.compose_project import release_of

pytestmark = pytest.mark.skipif(not has_compose(), reason="docker compose is not installed")

FILE: dict[str, Any] = {
    "name": "demo",
    "services": {
        "api": {
            "image": "demo/api",
            "build": {
                "context": "./api",
                "dockerfile": "Dockerfile",
                "args": ["A=1", "B"],
                "extra_hosts": ["a:1.2.3.4"],
                "labels": {"a": "b"},
                "ulimits": {"nofile": {"soft": 1, "hard": 2}, "nproc": 3},
                "target": "slim",
            },
            "command": "run",
            "environment": {"A": "1", "B": "{{ b }}"},
            "deploy": {
                "mode": "replicated",
                "replicas": 2,
                "labels": {
                    "slipway.role": "colour",
                    "slipway.route": "/*",
                    "slipway.port": "80",
                },
                "resources": {
                    "limits": {"cpus": "0.5", "memory": "64M", "pids": 5},
                    "reservations": {"cpus": "0.25", "memory": "20M"},
                },
                "restart_policy": {"condition": "any"},
                "placement": {"constraints": ["node.role == worker"]},
            },
            "healthcheck": {"test": ["CMD", "true"], "interval": "5s"},
            "logging": {"driver": "json-file", "options": {"max-size": "1m"}},
            "networks": {"edge": None, "own": {"aliases": ["a"]}},
            "secrets": ["DATABASE_PASSWORD", {"source": "SESSION_KEY", "target": "K", "mode": 288}],
            "tmpfs": ["/tmp:size=64m"],
            "ulimits": {"nofile": {"soft": 1, "hard": 2}, "nproc": 3},
            "user": "1:1",
            "volumes": [{"type": "tmpfs", "target": "/t", "tmpfs": {"size": 1024}}],
            "labels": ["a=b"],
        },
        "db": {
            "image": "demo/db",
            "deploy": {"labels": ["slipway.role=data"]},
            "networks": ["data"],
            "volumes": [
                {
                    "type": "volume",
                    "source": "db",
                    "target": "/d",
                    "volume": {"subpath": "a", "nocopy": True},
                },
                "more:/more:ro",
            ],
        },
    },
    "networks": {
        "edge": None,
        "data": {"internal": True},
        "own": {"driver": "overlay", "driver_opts": {"encrypted": ""}},
    },
    "volumes": {"db": {"name": "old", "external": True}, "more": {"driver_opts": {"o": "a"}}},
    "secrets": {"SESSION_KEY": {"file": "./f"}, "DATABASE_PASSWORD": {"file": "./g"}},
}
ENV = environment.load("prod")


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in a document, by the keys that lead to it."""
    keys = (
        value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    )
    for key in keys:
        yield (*path, key)
        yield from places(value[key], (*path, key))


PLACES = list(places(FILE))
KINDS = {
    "empty": {dict: {}, list: [], str: "", int: 0, bool: False},
    "odd": {dict: {"x": 1}, list: ["x y"], str: "\u00e9:{{$$x/", int: -1, bool: "yes"},
}


def changed(document: Any, path: tuple[Any, ...], how: str) -> None:
    """Take away what stands at a place, or empty it, or write something odd in its place."""
    *above, last = path
    try:
        for key in above:
            document = document[key]
        kind = type(document[last])
    except (IndexError, KeyError, TypeError):
        return  # another change has taken it away
    if how == "gone":
        del document[last]
    else:
        document[last] = copy.copy(KINDS.get(how, {}).get(kind))


def outcome(document: Any) -> Any:
    """What a deploy makes of the file: stack files, or a sentence."""
    with tempfile.TemporaryDirectory() as folder:
        env = replace(ENV, compose=Path(folder))
        for name in ("common.env", "prod.env"):
            (env.compose / name).touch()
        (env.compose / "compose.yml").write_text(json.dumps(document))
        try:
            services = application.read(env).services
        except ConfigError as error:
            return str(error)
        return stack.together(ENV, release_of(services))


def test_the_file_that_is_changed_is_one_that_can_be_deployed() -> None:
    whole = outcome(FILE)
    assert whole["volumes"]["db"] == {"external": True, "name": "old"}
    assert whole["services"]["api-green"]["secrets"][1]["mode"] == 0o440


@given(
    st.lists(
        st.tuples(st.sampled_from(PLACES), st.sampled_from(["gone", "null", "empty", "odd"])),
        min_size=1,
        max_size=3,
    )
)
@settings(max_examples=25)
def test_a_file_in_which_something_is_odd_is_read_or_refused_by_a_sentence(
    changes: list[tuple[tuple[Any, ...], str]],
) -> None:
    document = copy.deepcopy(FILE)
    for path, how in changes:
        changed(document, path, how)
    result = outcome(document)
    assert isinstance(result, dict) or result.startswith(("compose/compose.yml", "the compose fil"))
