"""Load in a process of its own, so that what measures does not slow what is measured."""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.load.record import Run

ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Load:
    """Load that runs until the block that began it ends; then `run` holds the records."""

    run: Run

    @property
    def failed(self) -> int:
        return len(self.run.failed)


@contextmanager
def load(
    urls: Sequence[str],
    records: Path,
    *,
    rate: float = 100.0,
    at_least: int = 0,
    after: int = 0,
    seconds: float = 1200.0,
) -> Iterator[Load]:
    """Make load while a block runs, and on until `at_least` requests were sent, `after` of them
    since it ended.
    """
    argv = [sys.executable, "-m", "tests.load", "--until-closed", "--records", str(records)]
    argv += [f"--rate={rate}", f"--seconds={seconds}", f"--at-least={at_least}"]
    argv += [f"--after={after}"]
    for url in urls:
        argv += ["--url", url]
    made = Load(Run([]))
    process = subprocess.Popen(
        argv, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        yield made
        assert process.poll() is None, f"the load ended early after {seconds:.0f} s"
        process.communicate(timeout=seconds + 60)
        made.run = Run.read(records)
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
