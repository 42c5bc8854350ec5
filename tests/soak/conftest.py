"""What the soak tests get: a clean clone, a database, and the rows of the page they write."""

import os
from collections.abc import Iterator

import pytest

from tests.e2e import leftovers
from tests.e2e.checkout import Checkout
from tests.integration.conftest import s3
from tests.integration.docker_sandbox import sweep_images
from tests.integration.fixtures import peopled, person, place, server
from tests.integration.schedule_clock import clock, outside
from tests.soak import rows as measured
from tests.soak.rows import Rows

__all__ = ["clock", "outside", "peopled", "person", "place", "s3", "server"]


@pytest.fixture(scope="module")
def rows(request: pytest.FixtureRequest) -> Iterator[Rows]:
    """Where each test puts what it measured; the page gets it also after a failure."""
    file = Rows()
    yield file
    if file.rows:
        title = (request.module.__doc__ or request.module.__name__).splitlines()[0]
        measured.write(request.path.stem, title, file.rows)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    """A clean clone; whatever it makes in the engine is removed at the end."""
    with leftovers.lent_clone(tmp_path_factory.mktemp("soak")) as checkout:
        yield checkout


@pytest.fixture(scope="session")
def size() -> dict[str, float]:
    """How much to run, as the environment says."""
    default = {
        "SOAK_DEPLOYS": 50.0,
        "SOAK_REQUESTS": 500_000.0,
        "SOAK_GB": 10.0,
        "SOAK_HOURS": 24.0,
        "SOAK_SECONDS": 600.0,
    }
    return {name: float(os.environ.get(name, value)) for name, value in default.items()}


@pytest.fixture(scope="session", autouse=True)
def shared_images() -> Iterator[None]:
    """Remove the images that tests share, at the end."""
    yield
    sweep_images()
