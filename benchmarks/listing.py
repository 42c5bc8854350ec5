"""`inv --list` of this repository against an empty Invoke collection: CPU time of the process."""

import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.section import Section

ROOT = Path(__file__).resolve().parents[1]
ROUNDS = 21
GOAL = 1.10
EMPTY = "from invoke.collection import Collection\n\nnamespace = Collection()\n"


def measure() -> list[Section]:
    """Take turns, so that whatever else the machine does hits both alike."""
    inv = Path(sys.executable).with_name("inv")
    with tempfile.TemporaryDirectory() as name:
        Path(name, "tasks.py").write_text(EMPTY)
        ways = [(inv, Path(name)), (inv, ROOT), (ROOT / "inv", ROOT)]
        for way in ways:
            _cpu_seconds(*way)  # the first start compiles
        rounds = [[_cpu_seconds(*way) for way in ways] for _ in range(ROUNDS)]
    bare, ours, launched = (
        statistics.median(column) * 1000 for column in zip(*rounds, strict=True)
    )
    rows = [
        ("an empty collection", f"{bare:.0f} ms", "1.00"),
        ("this repository", f"{ours:.0f} ms", f"{ours / bare:.2f}"),
        ("the same by `./inv`", f"{launched:.0f} ms", f"{launched / bare:.2f}"),
    ]
    return [
        Section(
            name="list",
            title="Starting: `inv --list`",
            goal=f"at most {GOAL:.2f} times an empty Invoke collection",
            met=ours / bare <= GOAL,
            columns=("`inv --list` of", "CPU time, median", "times"),
            rows=rows,
            method=f"{ROUNDS} starts of each, in turn; user and system time of the process. "
            "`./inv` first sees that `.venv` is that of the lock.",
        )
    ]


def _cpu_seconds(inv: Path, folder: Path) -> float:
    process = subprocess.Popen(
        [inv, "--list"], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0 or folder != ROOT, "inv --list failed"
    return usage.ru_utime + usage.ru_stime
