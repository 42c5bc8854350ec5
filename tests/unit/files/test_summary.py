"""What a status knows of backups of files: the newest, without opening any."""

import os
import time
from pathlib import Path

from slipway.agent.commands.files import files
from slipway.agent.context import Context
from slipway.agent.messages.files import FilesSummaryRequest
from slipway.backups.format.signature import OPERATIONS, SigningKey, Trust
from slipway.backups.schedule import file_drill
from slipway.backups.schedule.file_drill import FilesDrill
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
    summary = files(FilesSummaryRequest(), context)
    assert 3600 <= summary.age < 3700 and summary.drill is None


def test_the_last_drill_is_told_unless_nobody_who_is_trusted_signed_it(tmp_path: Path) -> None:
    store = FolderStore(tmp_path, "here")
    store.put("files/snapshots/a", [b"x"])
    ours, others = (SigningKey(bytes([number]) * 32) for number in (1, 2))
    trust = Trust({ours.public: OPERATIONS}, ours)
    context = Context(SILENT, lambda: store, trust)
    drill = FilesDrill("20261130T101754Z-1f3a", "2026-11-30T10:17:54Z", 3.5, ok=False, why="rot")
    file_drill.keep(store, drill, trust)
    assert files(FilesSummaryRequest(), context).drill == drill
    file_drill.keep(store, drill, Trust(key=others))
    assert files(FilesSummaryRequest(), context).drill is None
    store.put(file_drill.KEY, [b"[" * 5000])
    assert files(FilesSummaryRequest(), Context(SILENT, lambda: store)).drill is None
