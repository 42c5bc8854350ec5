"""The transcript of a run in Markdown: the runbook as it was, each cell followed by what it did."""

from collections.abc import Sequence
from pathlib import Path

from slipway.notebook import record
from slipway.notebook.event import Event

NAME = "transcript.md"


def write(folder: Path) -> Path:
    """Make the transcript of a run anew, beside its events."""
    text = (folder / "runbook.md").read_text(encoding="utf-8", errors="replace")
    path = folder / NAME
    path.write_text(make(record.read(folder), text, folder), encoding="utf-8")
    path.chmod(0o600)
    return path


def make(events: Sequence[Event], text: str, folder: Path) -> str:
    """Put events and logs into the text of the runbook."""
    return text
