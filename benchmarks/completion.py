"""TAB in bash, zsh and fish: from the key to the completed word on the terminal."""

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pexpect

from benchmarks.section import Section
from slipway.project import ROOT

ROUNDS = 21
GOAL = 100  # milliseconds
SHELLS = {
    "bash": (["--norc", "--noprofile", "-i"], "source '{script}'"),
    "zsh": (["-f", "-i"], "autoload -Uz compinit; compinit -u -D; source '{script}'"),
    "fish": (["--no-config", "-i"], "set -g fish_autosuggestion_enabled 0; source '{script}'"),
}
# What is typed, and what TAB adds to it.
LINES = (("inv rollb", "ack"), ("inv deploy --sk", "ip-un"), ("inv deploy --env=stag", "ing"))
CLEAR_LINE = "\x15"


def measure() -> list[Section]:
    """Press TAB in each shell that is installed; ask Invoke's own completion for comparison."""
    own = _milliseconds_of_invoke()
    found = {name: list(_milliseconds(name)) for name in SHELLS if shutil.which(name)}
    slowest = max(max(times) for times in found.values())
    rows = [("Invoke's own, its program alone", _row(own)[0], _row(own)[1])]
    rows += [(f"TAB in {name}", *_row(times)) for name, times in found.items()]
    return [
        Section(
            name="completion",
            title="Completing: TAB behind `inv`",
            goal=f"less than {GOAL} ms for every TAB",
            met=slowest < GOAL and found.keys() == SHELLS.keys(),
            columns=("", "median", "slowest"),
            rows=rows,
            method=f"{ROUNDS} times each for a task, a flag and an environment, at a terminal, "
            "from the key to the completed word. The first TAB after the kit itself has changed "
            f"makes the index anew: {_milliseconds_of_index():.0f} ms. Invoke's: `inv --complete`, "
            "which knows tasks and flags and no values.",
        )
    ]


def _milliseconds(shell: str) -> Iterator[float]:
    words, begin = SHELLS[shell]
    script = ROOT / "slipway" / "completion" / f"inv.{shell}"
    with tempfile.TemporaryDirectory() as home:
        env = {**os.environ, "HOME": home, "TERM": "dumb", "INPUTRC": os.devnull}
        terminal = pexpect.spawn(shell, words, cwd=str(ROOT), env=env, encoding="utf-8")
        terminal.delaybeforesend = None
        terminal.send(f"{begin.format(script=script)}; echo -n rea; echo dy\r")
        terminal.expect_exact("ready")
        for number in range(ROUNDS + 1):
            for typed, added in LINES:
                terminal.send(typed)
                terminal.expect_exact(typed)
                time.sleep(0.05)
                began = time.perf_counter()
                terminal.send("\t")
                terminal.expect_exact(added)
                if number:  # the first makes the index, and zsh loads its functions
                    yield (time.perf_counter() - began) * 1000
                time.sleep(0.05)
                terminal.send(CLEAR_LINE)
        terminal.close(force=True)


def _milliseconds_of_invoke() -> list[float]:
    inv = str(Path(sys.executable).with_name("inv"))
    return [_wall([inv, "--complete", "--", "inv deploy --sk"]) for _ in range(ROUNDS)]


def _milliseconds_of_index() -> float:
    argv = [sys.executable, "-m", "tasks.completion_index"]
    return statistics.median(_wall(argv) for _ in range(5))


def _wall(argv: list[str]) -> float:
    began = time.perf_counter()
    subprocess.run(argv, cwd=ROOT, capture_output=True, check=True)
    return (time.perf_counter() - began) * 1000


def _row(times: list[float]) -> tuple[str, str]:
    return f"{statistics.median(times):.0f} ms", f"{max(times):.0f} ms"
