"""`inv runbook.run` from Enter to its first prompt, in a terminal, secrets and git looked at."""

import os
import pty
import select
import statistics
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.project import copied, median_and_slowest
from benchmarks.section import Section

ROUNDS, GOAL, PATIENCE = 15, 0.5, 60
RUN = ["runbook.run", "--name=deploy", "--env=dev", "--from=deploy"]
PROMPT = b"[dev from "


def measure() -> list[Section]:
    """Take turns with `inv --list`, which is what starting costs at the least."""
    with copied() as folder:
        for _ in range(2):  # the first start compiles
            _to_prompt(folder)
        pairs = [(_to_prompt(folder), _to_list(folder)) for _ in range(ROUNDS)]
    first, bare = ([pair[i] for pair in pairs] for i in range(2))
    rows = [
        ("`inv runbook.run`, to the first prompt", *median_and_slowest(first)),
        ("`inv --list`, for comparison", *median_and_slowest(bare)),
    ]
    return [
        Section(
            name="prompt",
            title="Starting a runbook: `inv runbook.run`",
            goal=f"at most {GOAL} s to the first prompt",
            met=statistics.median(first) <= GOAL,
            columns=("", "median", "slowest"),
            rows=rows,
            method=(
                f"{ROUNDS} starts of each, in turn, of `inv {' '.join(RUN)}` in a pseudo-terminal; "
                "the runbook is checked, git asked, and the secrets of dev are opened to be masked."
            ),
        )
    ]


def _to_list(folder: Path) -> float:
    began = time.perf_counter()
    argv = [sys.executable, "-m", "invoke", "--list"]
    subprocess.run(argv, cwd=folder, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - began


def _to_prompt(folder: Path) -> float:
    """Return how long the prompt took, then quit."""
    ours, theirs = pty.openpty()
    env = {name: value for name, value in os.environ.items() if name not in ("CI", "NO_TTY")}
    began = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, "-m", "invoke", *RUN],
        cwd=folder,
        env=env | {"TERM": "xterm"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    ) as process:
        os.close(theirs)
        said = b""
        while PROMPT not in said:
            if not select.select([ours], [], [], PATIENCE)[0]:
                process.kill()
                raise AssertionError(said.decode())
            said += os.read(ours, 65536)
        took = time.perf_counter() - began
        os.write(ours, b"q\n")
        while process.poll() is None:
            if select.select([ours], [], [], 0.1)[0]:
                try:
                    os.read(ours, 65536)
                except OSError:  # the end of a terminal, on Linux
                    break
    os.close(ours)
    return took
