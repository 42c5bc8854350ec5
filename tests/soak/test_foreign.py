"""What comes from elsewhere, misshapen in every place, and much of it."""

import subprocess
import sys

import pytest

from slipway.project import ROOT
from tests.foreign.readers import READERS
from tests.foreign.spoiling import lines_misshapen
from tests.unit.test_foreign import HUGE, judge


@pytest.mark.parametrize("name", READERS)
def test_every_document_of_another_shape_is_refused_in_a_sentence(name: str) -> None:
    for whole in READERS[name].whole:
        for data in lines_misshapen(whole):
            judge(name, data)


def test_much_that_has_no_end_takes_neither_memory_nor_time() -> None:
    argv = [sys.executable, "-c", HUGE, "20000", "3072", "60"]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
