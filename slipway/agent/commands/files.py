"""What a status says of backups of files: nothing is decrypted for it."""

from datetime import UTC, datetime

from slipway.agent.context import Context
from slipway.agent.messages.files import FilesSummary, FilesSummaryRequest
from slipway.backups.schedule import file_drill, job_results

SNAPSHOTS = "files/snapshots/"  # restic writes one when a backup is whole, and changes none


def files(request: FilesSummaryRequest, context: Context) -> FilesSummary:
    """Look when the newest backup of files was written."""
    moments = [entry.written for entry in context.store().entries(SNAPSHOTS)]
    if not moments:
        return FilesSummary("no backup of files yet")
    newest = datetime.fromtimestamp(max(moments), UTC)
    age = max(0.0, (datetime.now(UTC) - newest).total_seconds())
    at = job_results.written(newest)
    drill = file_drill.read(context.store(), context.trust)
    return FilesSummary(f"the newest backup of files is of {at}", at, age, drill)
