"""The test suite on the terminal: a heading for each part, one line for each at the end."""

import sys
from collections.abc import Sequence
from pathlib import Path

from slipway.checks.suite import Part, PartResult

MARKS = {"passed": "✓", "failed": "✗", "left out": "·"}


def begin(part: Part) -> None:
    """Say which part comes; what it prints itself follows."""
    sys.stderr.write(f"\n— {part.name}\n")
    sys.stderr.flush()


def quote(log: Path) -> None:
    """Show what a part has printed that ran beside others."""
    if log.exists():
        sys.stdout.write(log.read_text(errors="replace"))
        sys.stdout.flush()


def warn(reason: str) -> None:
    """Say why this computer could not be made ready."""
    if reason:
        sys.stderr.write(f"! this computer is not ready: {reason}\n")


def summary(results: Sequence[PartResult]) -> None:
    """Print what became of each part."""
    sys.stderr.flush()
    sys.stdout.write("\n")
    for each in results:
        note = f"  {each.note}" if each.note else ""
        sys.stdout.write(
            f"{MARKS[each.result]} {each.part:<12} {each.result:<9}{each.seconds:7.1f} s{note}\n"
        )
