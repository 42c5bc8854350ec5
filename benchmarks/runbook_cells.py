"""A cell of a runbook beside the same text under plain `bash -c`: what keeping the state costs."""

import statistics
import subprocess
import tempfile
import time
from pathlib import Path

from benchmarks.section import Section
from slipway.notebook.cells.mask import Mask
from slipway.notebook.cells.session import CellSession
from slipway.notebook.document import Cell

ROUNDS = 51
GOAL = 30  # ms
SOURCE = 'printf "%s\\n" "$PWD"'
# As much as a long runbook has by its end: variables, a list, functions.
STATE = """
for n in {1..50}; do eval "VALUE_$n='some text that is about as long as values are: $n'"; done
LIST=(); for n in {1..200}; do LIST+=("web-$n"); done
for n in {1..20}; do eval "step_$n() { for each in a; do echo \\"\\$each $n\\" | cat; done; }"; done
"""


class Deaf:
    """A screen that forgets."""

    def write(self, data: bytes) -> None:
        pass


def measure() -> list[Section]:
    """Take turns, so that whatever else the machine does hits all alike."""
    with tempfile.TemporaryDirectory() as name:
        sessions = [_session(Path(name) / str(n)) for n in range(2)]
        _run(sessions[1], STATE)
        rounds = [(_plain(), *(_run(each, SOURCE) for each in sessions)) for _ in range(ROUNDS)]
    plain, empty, full = (statistics.median(column) * 1000 for column in zip(*rounds, strict=True))
    rows = [
        ("`bash -c`", f"{plain:.1f} ms", ""),
        ("a cell, nothing to carry", f"{empty:.1f} ms", f"{empty - plain:.1f} ms"),
        ("a cell, 51 variables and 20 functions", f"{full:.1f} ms", f"{full - plain:.1f} ms"),
    ]
    section = Section(
        name="runbook-cells",
        title="Runbooks: a cell",
        goal=f"at most {GOAL} ms over plain `bash -c`",
        met=full - plain <= GOAL,
        columns=("the same line as", "time, median", "more"),
        rows=rows,
        method=f"{ROUNDS} of each, in turn, with 12 secrets to mask, a log and the state written.",
    )
    return [section]


def _session(folder: Path) -> CellSession:
    for inner in ("cells", "state"):
        (folder / inner).mkdir(parents=True)
    return CellSession(folder, {"ENV": "staging"}, Mask(f"not-so-secret-{n}" for n in range(12)))


def _run(session: CellSession, source: str) -> float:
    began = time.perf_counter()
    result = session.run(Cell(1, "steps", "it", "It", "sh", source), 1, Deaf())
    assert result.passed, result.log.read_text()
    return time.perf_counter() - began


def _plain() -> float:
    began = time.perf_counter()
    subprocess.run(["bash", "-c", SOURCE], stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - began
