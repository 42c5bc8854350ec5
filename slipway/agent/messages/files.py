"""Backups of files, as far as `ops` sees them in the store: that they are there, and how old."""

from dataclasses import dataclass
from typing import ClassVar

from slipway.agent.messages.request import Request


@dataclass(frozen=True)
class FilesSummary:
    """The newest backup of files: its moment, nothing where there is none, and its age."""

    summary: str
    at: str = ""
    age: float = 0.0  # seconds


@dataclass(frozen=True)
class FilesSummaryRequest(Request[FilesSummary]):
    """Tell the newest backup of files."""

    verb: ClassVar[str] = "files"
