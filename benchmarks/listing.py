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
GOAL = 1.15
EMPTY = "from invoke.collection import Collection\n\nnamespace = Collection()\n"


def measure() -> list[Section]:
    """Take turns, so that whatever else the machine does hits both alike."""
    with tempfile.TemporaryDirectory() as name:
        empty = Path(name)
        (empty / "tasks.py").write_text(EMPTY)
        for folder in (empty, ROOT):
            _cpu_seconds(folder)  # the first start compiles
        pairs = [(_cpu_seconds(empty), _cpu_seconds(ROOT)) for _ in range(ROUNDS)]
    bare, ours = (statistics.median(column) * 1000 for column in zip(*pairs, strict=True))
    rows = [
        ("an empty collection", f"{bare:.0f} ms", "1.00"),
        ("this repository", f"{ours:.0f} ms", f"{ours / bare:.2f}"),
    ]
    return [
        Section(
            name="list",
            title="Starting: `inv --list`",
            goal=f"at most {GOAL} times an empty Invoke collection",
            met=ours / bare <= GOAL,
            columns=("`inv --list` of", "CPU time, median", "times"),
            rows=rows,
            method=f"{ROUNDS} starts of each, in turn; user and system time of the process.",
        )
    ]


def _cpu_seconds(folder: Path) -> float:
    argv = [str(Path(sys.executable).with_name("inv")), "--list"]
    process = subprocess.Popen(
        argv, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0 or folder != ROOT, "inv --list failed"
    return usage.ru_utime + usage.ru_stime
