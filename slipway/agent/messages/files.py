"""Backups of files, as far as `ops` sees them in the store: how old they are, the last drill."""

from dataclasses import dataclass
from typing import ClassVar

from slipway.agent.messages.request import Request
from slipway.backups.schedule.file_drill import FilesDrill


@dataclass(frozen=True)
class FilesSummary:
    """The newest backup of files: its moment, nothing where there is none, its age, and the last
    drill."""

    summary: str
    at: str = ""
    age: float = 0.0  # seconds
    drill: FilesDrill | None = None


@dataclass(frozen=True)
class FilesSummaryRequest(Request[FilesSummary]):
    """Tell the newest backup of files."""

    verb: ClassVar[str] = "files"
