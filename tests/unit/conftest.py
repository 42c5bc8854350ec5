"""What unit tests get: a process that does runs of runbooks, with nobody at a terminal."""

from collections.abc import Iterator

import pytest

from tests.fakes.kitchen import Oven


@pytest.fixture(scope="session")
def oven() -> Iterator[Oven]:
    found = Oven()
    yield found
    found.close()
