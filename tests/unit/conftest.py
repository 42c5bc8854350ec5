"""What unit tests get: a process that does runs of runbooks, with nobody at a terminal."""

from collections.abc import Iterator

import pytest

from tests.fakes.runbook_runner import RunbookServer


@pytest.fixture(scope="session")
def runbook_server() -> Iterator[RunbookServer]:
    found = RunbookServer()
    yield found
    found.close()
