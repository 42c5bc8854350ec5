"""What unit tests get: folders in memory, and a process that does runs of runbooks, with nobody at
a terminal.
"""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.runbook_runner import RunbookServer

MEMORY = Path("/dev/shm")
GB = 1 << 30


def pytest_configure() -> None:
    """Keep what tests write in memory where programs can be started there.

    On a disk the many small files, and that the product waits until each is safe, take a seventh
    of the processors' time and more of ours.
    """
    if MEMORY.is_dir() and os.access(MEMORY, os.W_OK):
        is_roomy = shutil.disk_usage(MEMORY).free > GB
        if is_roomy and not os.statvfs(MEMORY).f_flag & os.ST_NOEXEC:
            os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))


@pytest.fixture(scope="session")
def runbook_server() -> Iterator[RunbookServer]:
    found = RunbookServer()
    yield found
    found.close()
