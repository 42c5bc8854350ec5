"""What tests of cells get: a run in a folder of its own, which nobody else may read."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.cell_run import Run


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    yield Run(tmp_path)
    assert [path.name for path in tmp_path.glob("*/*.draft")] == []
    assert {path.stat().st_mode & 0o777 for path in tmp_path.glob("*/[0-9]*")} <= {0o600}
