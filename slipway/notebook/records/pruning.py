"""Which records of runs nobody needs any more, and their removal when a run ends."""

import contextlib
import datetime
import shutil
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from slipway.notebook.records import history
from slipway.notebook.records.history import RunSummary
from slipway.notebook.records.record import EVENTS, exclusive

NEWEST = 50  # of each runbook in each environment
AGE = datetime.timedelta(days=90)


def expired(runs: Sequence[RunSummary], now: datetime.datetime) -> list[RunSummary]:
    """Return the runs that are neither recent nor among the newest, nor needed for anything.

    Needed are those that somebody may resume, and the last proof of each runbook.
    """
    needed = {run.id for run in history.left_open(runs)}
    seen: Counter[tuple[str, str]] = Counter()
    proven: set[tuple[str, str]] = set()
    expired_runs: list[RunSummary] = []
    for run in sorted(runs, key=lambda run: (run.ended, run.id), reverse=True):
        kind = (run.runbook, run.env)
        seen[kind] += 1
        is_proof = run.proves and kind not in proven
        if is_proof:
            proven.add(kind)
        is_old = seen[kind] > NEWEST and now - run.ended > AGE
        if is_old and not is_proof and run.result != "running" and run.id not in needed:
            expired_runs.append(run)
    return expired_runs


def prune(folder: Path, now: datetime.datetime | None = None) -> list[str]:
    """Remove what is expired, and return the names; what cannot be removed stays as it is."""
    now = now or datetime.datetime.now(datetime.UTC)
    removed: list[str] = []
    with contextlib.suppress(OSError):
        if not _holds_old(folder, now):
            return []
        for run in expired(history.runs(folder), now):
            with contextlib.suppress(OSError), exclusive(run.folder) as is_ours:
                if is_ours:
                    _remove(run.folder)
                    removed.append(run.id)
    return removed


def _holds_old(folder: Path, now: datetime.datetime) -> bool:
    """Whether any name tells of a time so long ago: most often none does, and nothing is read."""
    limit = f"{now - AGE:%Y%m%dT%H%M%SZ}"
    return any(path.name < limit for path in folder.iterdir())


def _remove(folder: Path) -> None:
    """Remove the events last: what was removed in part is still a run, and is tried again."""
    for path in list(folder.iterdir()):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        elif path.name != EVENTS:
            path.unlink()
    (folder / EVENTS).unlink()
    folder.rmdir()
