"""The test suite on the terminal: a heading for each part, one line for each at the end."""

from collections.abc import Sequence
from pathlib import Path

from slipway.checks.changes import Changes
from slipway.checks.impact import Selection
from slipway.checks.suite import Part, PartResult
from slipway.show.writer import pass_on, say, tell

MARKS = {"passed": "✓", "failed": "✗", "left out": "·"}


def begin(part: Part) -> None:
    """Say which part comes; what it prints itself follows."""
    tell(f"\n— {part.name}")


def quote(log: Path) -> None:
    """Show what a part that ran next to others has printed."""
    if log.exists():
        pass_on(log.read_bytes())


def selection(changes: Changes, chosen: Selection) -> None:
    """Say what a change can break."""
    count = f"{len(changes.paths)} changed file{'s' * (len(changes.paths) != 1)}"
    since = f"{count} since {changes.since[:7]}" if changes.since else "no commit to compare with"
    files = f"{len(chosen.tests)} test file{'s' * (len(chosen.tests) != 1)} to run"
    what = f"all tests to run: {chosen.whole}" if chosen.whole else files
    tell(f"{since}: {what}")
    for path in chosen.tests:
        tell(f"  {path}")


def warn(reason: str) -> None:
    """Say why this computer could not be made ready."""
    if reason:
        tell(f"! this computer is not ready: {reason}")


def summary(results: Sequence[PartResult]) -> None:
    """Print what became of each part."""
    say()
    for each in results:
        note = f"  {each.note}" if each.note else ""
        say(f"{MARKS[each.result]} {each.part:<12} {each.result:<9}{each.seconds:7.1f} s{note}")
