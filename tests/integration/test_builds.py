"""Builds of images: read as BuildKit reads them, ended at once when they are cancelled."""

import hashlib
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from slipway.errors import SlipwayError
from slipway.hosts.local import LocalHost
from slipway.images import dockerfile, sources
from slipway.images.references import plain
from slipway.images.sources import Build
from slipway.progress import SILENT
from tests.integration.docker_sandbox import DockerSandbox, base_image
from tests.waiting import wait_until

pytestmark = pytest.mark.engine

# A deploy's signals mean what they mean here: tasks/command.py raises KeyboardInterrupt for each.
BUILDER = """
import signal, sys
from pathlib import Path
from slipway.hosts.local import LocalHost
from slipway.images import sources
from slipway.progress import SILENT
for number in (signal.SIGTERM, signal.SIGINT):
    signal.signal(number, signal.default_int_handler)
folders = [Path(name) for name in sys.argv[2:]]
builds = [sources.Build(f.name, sys.argv[1], f, f / "Dockerfile", {}) for f in folders]
sources.build(LocalHost(), [(b, f"{sys.argv[1]}/{b.service}:bad") for b in builds], SILENT)
"""


def sleeping(corner: DockerSandbox, folder: Path, seconds: int) -> Build:
    """A build that does nothing for long; its number of seconds tells it from others."""
    folder.mkdir()
    dockerfile = folder / "Dockerfile"
    dockerfile.write_text(
        f"FROM {base_image('debian:trixie-slim')}\nLABEL {corner.label}\nRUN sleep {seconds}\n"
    )
    return Build(folder.name, corner.app, folder, dockerfile, {})


def asleep(*seconds: int) -> list[int]:
    """Which of these sleeps run, in whatever container."""
    text = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    return [each for each in seconds if f"sleep {each}" in text.splitlines()]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_builds_end_at_once_when_they_are_cancelled_and_pending_ones_never_begin(
    corner: DockerSandbox, tmp_path: Path, number: signal.Signals
) -> None:
    seconds = (72_001, 72_002, 72_003)
    builds = [sleeping(corner, tmp_path / f"s{each}", each) for each in seconds]
    argv = [sys.executable, "-c", BUILDER, corner.app, *(str(build.context) for build in builds)]
    with subprocess.Popen(argv, stderr=subprocess.PIPE) as process:
        try:
            wait_until("two builds", lambda: asleep(*seconds) == [72_001, 72_002])
            cancelled = time.monotonic()
            process.send_signal(number)
            _, error = process.communicate(timeout=60)
        finally:
            process.kill()
    assert b"KeyboardInterrupt" in error
    assert time.monotonic() - cancelled < 20
    wait_until("the end of all builds", lambda: not asleep(*seconds), timeout=20)


def test_a_build_that_fails_ends_the_others(corner: DockerSandbox, tmp_path: Path) -> None:
    slow = sleeping(corner, tmp_path / "slow", 72_004)
    broken = sleeping(corner, tmp_path / "broken", 1)
    broken.dockerfile.write_text(f"{broken.dockerfile.read_text()}RUN false\n")
    builds = [(each, f"{corner.app}/{each.service}:bad") for each in (slow, broken)]
    with pytest.raises(SlipwayError, match="the image of broken does not build"):
        sources.build(LocalHost(), builds, SILENT)
    wait_until("the end of the other build", lambda: not asleep(72_004), timeout=20)


LOADED = re.compile(r"load metadata for (\S+)$", re.MULTILINE)
TRICKY = """# escape=`
ARG SUITE=trixie
ARG BASE="docker.io/library/debian:${SUITE}-slim"
FROM --platform=$BUILDPLATFORM `
# of all things
  $BASE AS One
RUN <<EOF
cat <<X
FROM nothing:1
X
EOF
FROM nowhere:1 AS unused
FROM python:${VERSION:-3.13}-slim-${SUITE}${VERSION:+-x}
FROM caddy:2 AS two
COPY --from=one /etc/passwd /1
COPY --from=0 /etc/passwd /2
RUN --mount=type=bind,from=python:3.13-slim-trixie,target=/m true
"""


@pytest.mark.parametrize("target", ["", "one", "two"])
def test_a_build_loads_the_images_that_were_read_from_its_dockerfile(target: str) -> None:
    for name in ("debian:trixie-slim", "caddy:2", "python:3.13-slim-trixie"):
        base_image(name)
    argv = ["docker", "build", "--progress=plain", "--output=type=cacheonly", "-"]
    argv += [f"--target={target}"] if target else []
    result = LocalHost().run(argv, stdin=TRICKY.encode(), check=False)
    loaded = {plain(name) for name in LOADED.findall(result.err)}
    assert loaded, result.err
    assert set(dockerfile.bases(TRICKY, target=target)) == loaded


def test_a_build_takes_other_folders_and_secrets_and_shows_no_secret(
    corner: DockerSandbox, tmp_path: Path
) -> None:
    folder, shared = tmp_path / "app", tmp_path / "shared"
    folder.mkdir()
    shared.mkdir()
    (shared / "words").write_text("one")
    (shared / "left-out").write_text("x")
    (shared / ".dockerignore").write_text("left-out\n")
    (folder / "Dockerfile").write_text(
        f"FROM {base_image('debian:trixie-slim')} AS first\nLABEL {corner.label}\n"
        "COPY --from=shared . /shared\n"
        "RUN --mount=type=secret,id=npm sha256sum /run/secrets/npm >/sum\n"
        "RUN ls -A /shared >/listed\n"
        "FROM first AS last\nRUN false\n"
    )
    build = Build(
        service="app",
        image=corner.app,
        context=folder,
        args={},
        dockerfile=folder / "Dockerfile",
        target="first",
        contexts={"shared": shared},
        secrets={"npm": "NPM_TOKEN"},
    )
    name, host, asked = f"{corner.app}/app:one", LocalHost(), list[str]()

    def secret(build: Build, source: str) -> bytes:
        asked.append(source)
        return b"hunter2-of-builds"

    sources.build(host, [(build, name)], SILENT, secret)
    show = ["docker", "run", "--rm", "--label", corner.label, name, "cat", "/sum", "/listed"]
    digest, *listed = host.run(show).out.split()
    assert digest == hashlib.sha256(b"hunter2-of-builds").hexdigest()
    assert listed[1:] == [".dockerignore", "words"]
    assert asked == ["NPM_TOKEN"]
    for argv in (["image", "inspect", name], ["history", "--no-trunc", name]):
        assert "hunter2" not in host.run(["docker", *argv]).out
    before = sources.tag(build)
    (shared / "left-out").write_text("y")
    assert sources.tag(build) == before
    (shared / "words").write_text("two")
    assert sources.tag(build) != before
