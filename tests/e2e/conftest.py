"""What a group of end-to-end tests gets: a clean clone, a rig of machines; both leave nothing.

Groups run side by side, each on a worker of its own: nothing that one makes has a name, port or
machine of another's.
"""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests import priority
from tests.e2e import canary, checkout, leftovers, rig
from tests.e2e.checkout import Checkout, CommandOutcome
from tests.e2e.process_watch import ProcessWatch
from tests.e2e.rig import Follow, Rig
from tests.waiting import MINUTES

HERE = Path(__file__).parent
# Files whose tests share machines, in this order.
THREE = ("test_three_hosts", "test_three_hosts_database", "test_three_hosts_machines")
# What takes longest comes first, so that no worker is left alone with it at the end.
LONGEST = (
    *(THREE[0], "test_three_hosts_runbooks", "test_point_in_time", "test_lost_with_its_data"),
    *(
        "test_new_project",
        "test_upgrade_kit",
        "test_bad_releases",
        "test_schedule",
        "test_postgres_upgrade",
    ),
    *("test_dev", "test_runbooks"),
)
# A job with times, for the timer that starts it; it comes while no test runs.
YEARLY = """
  yearly:
    image: ${PROJECT:-logbook}/web
    networks: [data]
    profiles: [jobs]
    deploy: {labels: {slipway.role: job, slipway.schedule: "0 0 1 1 *"}}

  api:
"""
SURE = ("--yes", "--yes-destroy=staging", "--manual-done")


def pytest_configure() -> None:
    priority.give_way()


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist reads the marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the tests of a file on one worker, and the files that share machines."""
    here = [each for each in items if each.path.parent == HERE]
    groups = {each: THREE[0] if each.path.stem in THREE else each.path.stem for each in here}
    for item, group in groups.items():
        item.add_marker(pytest.mark.xdist_group(group))
    order = {group: place for place, group in enumerate(LONGEST)}
    items.sort(key=lambda item: order.get(groups.get(item, ""), len(LONGEST)))


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    """The clean clone; whatever it makes in the engine is removed at the end."""
    with leftovers.lent_clone(tmp_path_factory.mktemp("e2e")) as made:
        yield made


@pytest.fixture
def clone(project: Checkout) -> Iterator[Checkout]:
    """The clone for a test that changes files; they are brought back afterwards."""
    with checkout.kept_as_it_is(project):
        yield project


@pytest.fixture(scope="module")
def dev(project: Checkout) -> Iterator[httpx.Client]:
    """Dev deployed from the fresh clone, removed when its tests are through."""
    project.inv("deploy", "--env=dev").expect()
    url = f"http://127.0.0.1:{project.setting('dev', 'HTTP_PORT')}"
    with httpx.Client(base_url=url, timeout=10) as client:
        yield client
    project.inv("destroy", "--env=dev", "--yes=dev").expect()


@pytest.fixture(scope="session")
def three(project: Checkout, eavesdropper: ProcessWatch) -> Rig:
    """Three machines of staging with its first release; in the end none of them is left."""
    project.borrow_packages()
    project.replace("compose/compose.yml", "\n  api:\n", YEARLY)
    canaries = {name: canary.new() for name in ("DATABASE_PASSWORD", "SESSION_KEY")}
    return rig.deployed(project, impatient=True, secrets=canaries)


@pytest.fixture
def follow(three: Rig, project: Checkout) -> Follow:
    """Run a runbook on staging without a terminal, every question answered in advance."""

    def run(name: str, *words: str, code: int = 0) -> CommandOutcome:
        words = (f"--name={name}", "--env=staging", *SURE, *words)
        return project.inv("runbook.run", *words, timeout=30 * MINUTES).expect(code)

    return run


@pytest.fixture(scope="session")
def eavesdropper() -> Iterator[ProcessWatch]:
    """Watches the command lines of every process while the tests run."""
    with ProcessWatch() as watching:
        yield watching


@pytest.fixture
def records(tmp_path: Path) -> Path:
    """Where a load writes its records."""
    return tmp_path / "records.tsv"
