"""`inv runbook.check` on a hundred runbooks: the whole process, and the check without its start."""

import re
import statistics
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.project import copied, median_and_slowest
from benchmarks.section import Section

RUNBOOKS, ROUNDS, GOAL = 100, 7, 2.0
ALONE = """
import time
from datetime import date
from slipway.notebook.checking import check
from slipway.notebook.reading import collection
from tasks.cli import namespace
from tasks.command_index import CommandIndex
commands = CommandIndex(namespace)
began = time.perf_counter()
check.check(collection.read().runbooks(), commands, today=date.today(), documents=check.documents())
print(time.perf_counter() - began)
"""


def measure() -> list[Section]:
    """Fill a copy of this project with runbooks and check all of them, with its documents."""
    with copied() as folder:
        _fill(folder)
        lines = sum(len(path.read_text().splitlines()) for path in _runbooks(folder))
        whole, alone = [], []
        _run(folder, "-m", "invoke", "runbook.check")  # the first start compiles
        for _ in range(ROUNDS):
            began = time.perf_counter()
            _run(folder, "-m", "invoke", "runbook.check")
            whole.append(time.perf_counter() - began)
            alone.append(float(_run(folder, "-c", ALONE)))
    rows = [
        ("`inv runbook.check`, the whole process", *median_and_slowest(whole)),
        ("the check alone, in Python", *median_and_slowest(alone)),
    ]
    return [
        Section(
            name="check",
            title=f"Checking {RUNBOOKS} runbooks: `inv runbook.check`",
            goal=f"under {GOAL:.0f} s",
            met=statistics.median(whole) < GOAL,
            columns=(f"{RUNBOOKS} runbooks, {lines:,} lines", "median", "slowest"),
            rows=rows,
            method=(
                f"{ROUNDS} runs over this project's runbooks, varied and copied until there "
                f"are {RUNBOOKS}, and over its documents; each in a process of its own."
            ),
        )
    ]


def _fill(folder: Path) -> None:
    """Have as many runbooks as wanted."""
    ours = _runbooks(folder)
    for number in range(RUNBOOKS - len(ours)):
        model = ours[number % len(ours)]
        # No cell and no page is like another, so that nothing is known from before.
        text = re.sub(
            r"^( *```sh.*)$", rf"\1\n: copy {number}", model.read_text(), flags=re.MULTILINE
        )
        model.with_name(f"{model.stem}-{number}.md").write_text(text)


def _runbooks(folder: Path) -> list[Path]:
    return [path for path in sorted((folder / "runbooks").glob("*.md")) if path.stem != "README"]


def _run(folder: Path, *words: str) -> str:
    argv = [sys.executable, *words]
    done = subprocess.run(argv, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 2) and not done.stderr, done.stderr  # copies have complaints
    return done.stdout
