"""What the soak tests measured, row by row, and the page docs/soak.md that they write."""

import platform
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.section import machine, put

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/soak.md"
HEAD = """# Soak runs

What held for long. `inv test --only=soak` writes this page; each file of tests has a section with
the day, commit and computer of its last run, so they need not all run in one night.
Sizes are settings: `SOAK_DEPLOYS` (50, or more until `SOAK_REQUESTS`, 500000, were sent),
`SOAK_GB` of a database (10), `SOAK_HOURS` of the schedule (24), and `SOAK_SECONDS` for the
sample of broken modules (600).
"""
TABLE = "| what | how much | seconds | result |\n|---|---|---|---|\n"


@dataclass
class Row:
    """One measurement; `result` is filled in by who measures."""

    what: str
    amount: str
    result: str = ""
    seconds: float = 0.0

    def to_line(self) -> str:
        cells = (self.what, self.amount, f"{self.seconds:.0f}", self.result)
        plain = (" ".join(cell.replace("|", "/").split()) for cell in cells)
        return f"| {' | '.join(plain)} |\n"


@dataclass
class Rows:
    """All measurements of a file of tests, the failed ones too."""

    rows: list[Row] = field(default_factory=list)

    @contextmanager
    def measure(self, what: str, amount: str) -> Iterator[Row]:
        """Time a block and keep its row, whatever becomes of the block."""
        row = Row(what, amount)
        self.rows.append(row)
        began = time.monotonic()
        try:
            yield row
        except BaseException as error:
            first = next(iter(str(error).splitlines()), "")
            row.result = f"**failed**: {row.result or first[:120] or type(error).__name__}"
            raise
        finally:
            row.seconds = time.monotonic() - began


def section(name: str, title: str, rows: Sequence[Row], run: str) -> str:
    """Return the section of a file of tests; `run` says when, of what, and on which computer."""
    lines = "".join(row.to_line() for row in rows)
    return f"## {title.rstrip('.')}\n\n{TABLE}{lines}\n`tests/soak/{name}.py`: {run}."


def write(name: str, title: str, rows: Sequence[Row], path: Path = PAGE) -> None:
    """Put the section of a file of tests in place of its older self, for this commit and day."""
    day = time.strftime("%Y-%m-%d", time.gmtime())
    run = f"{day}, commit {_commit()}, {machine()}, {_system()}"
    page = path.read_text() if path.exists() else HEAD
    path.write_text(put(name, section(name, title, rows, run), page))


def _commit() -> str:
    argv = ["git", "rev-parse", "--short", "HEAD"]
    return subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()


def _system() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except OSError:
        return platform.system()
