"""Scheduled jobs: one run, as cron starts it, and what became of them."""

from dataclasses import dataclass
from typing import ClassVar

from slipway.agent.messages.request import Request
from slipway.backups.schedule.summary import BackupSummary


@dataclass(frozen=True)
class JobReply:
    """A job that went well."""

    summary: str


@dataclass(frozen=True)
class JobRequest(Request[JobReply]):
    """Run a job; `settle` records the failure of the job `of`, which was killed."""

    verb: ClassVar[str] = "job"
    job: str
    of: str = ""


@dataclass(frozen=True)
class BackupSummaryRequest(Request[BackupSummary]):
    """Tell the newest backup, the last drill and the last run of every job."""

    verb: ClassVar[str] = "results"
