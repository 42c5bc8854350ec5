"""What the base images of a run hold, and what is to be left out where one cannot be had.

Distributions move: which versions a stand-in is made from is theirs to say, from day to day. So a
run tells what it has, and a version that is not to be had, or two that do not go together, leave
out the test that wants them; they are no failure of what is tested.
"""

import json
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest

from slipway.bootstrap import images, standins
from slipway.errors import SlipwayError
from slipway.migrations import attver
from slipway.progress import SILENT

OF_NPM = ("npm error network", "npm error FetchError", "npm error code E5", "npm error code E429")
NOT_TO_BE_HAD = (
    *("Unable to locate package", "no installation candidate", "unmet dependencies"),
    *OF_NPM,
)
READY = "until pg_isready --quiet --host 127.0.0.1; do sleep 0.2; done"
TABLE = "create table kept (id bigint generated always as identity primary key, name text)"


def report() -> list[str]:
    """Tell the base images that are here: what each was made from, and when."""
    argv = ["docker", "image", "inspect", *standins.RECIPES]
    try:
        out = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=20).stdout
    except (OSError, subprocess.TimeoutExpired):
        return []
    return [_told(image) for image in json.loads(out or "[]")]


def have(name: str) -> str:
    """Have a base image, or leave out the test: no distribution keeps all versions for ever."""
    try:
        images.ensure_images([name], SILENT)
    except SlipwayError as error:
        pytest.skip(f"no {name} is to be had here today: {error}")
    return name


def build(tag: str, folder: str, *options: str, text: str = "", context: bytes = b"") -> str:
    """Build an image; leave out the test where one of its packages is not to be had.

    For the folder `-` a Dockerfile is the `text`, or a tar archive with one the `context`.
    """
    argv = ["docker", "build", "--progress=plain", *options, "--tag", tag, folder]
    done = subprocess.run(argv, input=context or text.encode(), capture_output=True, check=False)
    error = done.stderr.decode()
    lines = [line for line in error.splitlines() if any(s in line for s in NOT_TO_BE_HAD)]
    if done.returncode and lines:
        pytest.skip(f"a package is not to be had today: {lines[0].strip()}")
    assert done.returncode == 0, error
    return tag


def demand_pair(older: str, newer: str) -> None:
    """Leave out the test where PostgreSQL's own tools bring no table from one to the other.

    The marks that a restore leaves out are known, and no reason.
    """
    with _server(have(older)) as old, _server(have(newer)) as new:
        _in(old, ["psql", "--username=postgres", f"--command={TABLE}"])
        address = _docker("inspect", "--format", "{{.NetworkSettings.IPAddress}}", old).stdout
        dump = _in(new, ["pg_dump", "--username=postgres", f"--host={address.strip()}"])
        sql, _ = attver.without(dump.stdout)
        argv = ["psql", "--username=postgres", "--quiet", "--set=ON_ERROR_STOP=1"]
        restored = _in(new, argv, sql)
    reason = next((each.stderr.strip() for each in (dump, restored) if each.returncode), "")
    if reason:
        pytest.skip(f"{older} and {newer} of today do not go together: {reason.splitlines()[0]}")


@contextmanager
def _server(image: str) -> Iterator[str]:
    name = f"slipway-test-{uuid.uuid4().hex[:8]}"
    options = ("--detach", "--name", name, "--label", "slipway.test=pair")
    trust = ("--env", "POSTGRES_HOST_AUTH_METHOD=trust")
    try:
        _docker("run", *options, *trust, image, check=True)
        _in(name, ["timeout", "120", "sh", "-c", READY])
        yield name
    finally:
        _docker("rm", "--force", "--volumes", name)


def _in(container: str, argv: list[str], text: str = "") -> "subprocess.CompletedProcess[str]":
    return _docker("exec", "--interactive", container, *argv, text=text)


def _docker(*words: str, text: str = "", check: bool = False) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        ["docker", *words], input=text, capture_output=True, text=True, check=check
    )


def _told(image: dict[str, Any]) -> str:
    labels = image["Config"].get("Labels") or {}
    sources = labels.get(f"{standins.LABEL}.sources", "the official one")
    name = next(tag for tag in image["RepoTags"] if tag in standins.RECIPES)
    made = datetime.fromisoformat(image["Created"][:19]).replace(tzinfo=UTC)
    hours = (datetime.now(UTC) - made).total_seconds() / 3600
    return f"base image {name}: {sources}, made {hours:.1f} h ago"
