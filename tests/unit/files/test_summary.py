"""What a status knows of backups of files: the newest, without opening any."""

import os
import time
from pathlib import Path

from slipway.agent.commands.files import files
from slipway.agent.context import Context
from slipway.agent.messages.files import FilesSummaryRequest
from slipway.progress import SILENT
from slipway.storage.folder import FolderStore


def test_the_newest_backup_of_files_is_told_by_when_it_was_written(tmp_path: Path) -> None:
    store = FolderStore(tmp_path, "here")
    context = Context(SILENT, lambda: store)
    assert files(FilesSummaryRequest(), context).at == ""
    now = time.time()
    for key, age in {
        "files/snapshots/a": 7200,
        "files/snapshots/b": 3600,
        "files/data/c": 1,
    }.items():
        store.put(key, [b"x"])
        os.utime(tmp_path / key, (now - age, now - age))
    assert 3600 <= files(FilesSummaryRequest(), context).age < 3700
