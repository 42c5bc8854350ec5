"""One clean clone for all end-to-end tests, and one rig of three machines; both leave nothing."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.e2e import checkout, leftovers, rig
from tests.e2e.checkout import Checkout
from tests.e2e.eavesdropper import Eavesdropper
from tests.e2e.rig import Rig


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    """The clean clone; whatever it makes in the engine is removed at the end."""
    name = leftovers.new_name()
    with leftovers.swept(name):
        yield checkout.clone(tmp_path_factory.mktemp("e2e"), name)


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
def three(project: Checkout) -> Rig:
    """Three machines of staging with its first release; `secret` values are the run's own."""
    project.inv("secrets.create", "--env=staging").expect()
    project.set("staging", HEALTH_TIMEOUT="20")
    project.commit("Make staging's secrets")
    made = rig.build(project)
    made.deploy()
    return made


@pytest.fixture(scope="session")
def eavesdropper() -> Iterator[Eavesdropper]:
    """Watches the command lines of every process while the tests run."""
    with Eavesdropper() as watching:
        yield watching


@pytest.fixture
def records(tmp_path: Path) -> Path:
    """Where a load writes its records."""
    return tmp_path / "records.tsv"
