"""What became of scheduled jobs: the last run of each, kept beside the backups.

The store has the truth, since a schedule may move to another machine. A copy in the schedule's own
volume tells of runs that failed because the store did not answer.
"""

import contextlib
import dataclasses
import json
import math
import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, get_args

from slipway.backups.format.signature import ANYBODY, Trust
from slipway.backups.schedule.policy import JOBS
from slipway.errors import UNREADABLE, SlipwayError
from slipway.storage.store import Store

State = Literal["running", "ok", "failed", "interrupted"]
FOLDER = Path("/var/lib/slipway")  # the scratch volume
LARGEST = 1 << 20
TEXT = 2000
KIND = "result of a job"


@dataclass(frozen=True)
class JobResult:
    """One run of a job; `good` is when the job last went well, `backup` what it took or proved."""

    job: str
    state: State
    began: str  # 2026-11-22T02:15:00Z
    ended: str = ""
    seconds: float = 0.0
    text: str = ""
    backup: str = ""
    good: str = ""
    where: str = ""

    @property
    def at(self) -> datetime:
        """When it began."""
        return moment(self.began)


def begun(job: str, now: datetime, before: JobResult | None) -> JobResult:
    """Return a run that begins now; what went well before it stays known."""
    good = before.good if before else ""
    return JobResult(job, "running", written(now), good=good, where=socket.gethostname())


def ended(run: JobResult, state: State, now: datetime, text: str, backup: str = "") -> JobResult:
    """Return a run as it ended."""
    return dataclasses.replace(
        run,
        state=state,
        ended=written(now),
        seconds=round((now - run.at).total_seconds(), 1),
        text=text[:TEXT],
        backup=backup,
        good=written(now) if state == "ok" else run.good,
    )


def keep(store: Store, run: JobResult, folder: Path = FOLDER, trust: Trust = ANYBODY) -> str:
    """Write a run down, here and in the store; return why it could not be, or nothing."""
    document = trust.signed(KIND, dataclasses.asdict(run))
    text = json.dumps(document, indent=1, ensure_ascii=False).encode()
    with contextlib.suppress(OSError):
        path = folder / _key(run.job)
        path.parent.mkdir(exist_ok=True)
        draft = path.with_suffix(f".{os.getpid()}")
        draft.write_bytes(text)
        draft.replace(path)
    try:
        store.put(_key(run.job), [text])
    except SlipwayError as error:  # also settings or keys that are wrong
        return f"the result of {run.job} could not be kept: {error}"
    return ""


def read(store: Store, job: str, folder: Path = FOLDER, trust: Trust = ANYBODY) -> JobResult | None:
    """Return the last run of a job that is known and trusted; None for one that never ran."""
    results = [run for run in (_stored(store, job, trust), _local(folder, job)) if run]
    return max(results, key=lambda run: (run.began, run.ended), default=None)


def read_all(store: Store, folder: Path = FOLDER, trust: Trust = ANYBODY) -> dict[str, JobResult]:
    """Return the last run of every job that ever ran."""
    results = {job: read(store, job, folder, trust) for job in JOBS}
    return {job: run for job, run in results.items() if run}


def parse(document: Mapping[str, Any]) -> JobResult:
    """Read what `keep` wrote. Raises one of UNREADABLE for anything else."""
    names = {field.name for field in dataclasses.fields(JobResult)}
    fields = {key: value for key, value in document.items() if key in names}
    run = JobResult(**{**fields, "seconds": float(fields.get("seconds", 0.0))})
    texts = [value for key, value in vars(run).items() if key != "seconds"]
    if run.job not in JOBS or run.state not in get_args(State) or not math.isfinite(run.seconds):
        raise ValueError
    if not all(isinstance(text, str) for text in texts):
        raise TypeError
    for each in filter(None, (run.began, run.ended, run.good)):
        moment(each)
    return run


def moment(text: str) -> datetime:
    """Read a moment as `written` writes it."""
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)


def written(moment: datetime) -> str:
    """Write a moment: 2026-11-22T02:15:00Z."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _key(job: str) -> str:
    return f"runs/{job}.json"


def _stored(store: Store, job: str, trust: Trust) -> JobResult | None:
    """Keys that may only write cannot read it back: then nothing is known here."""
    data = bytearray()
    try:
        for chunk in store.get(_key(job)):
            data += chunk
            if len(data) > LARGEST:
                return None
        document = json.loads(data)
        return parse(document) if trust.accepts(KIND, document) else None
    except (SlipwayError, *UNREADABLE):
        return None


def _local(folder: Path, job: str) -> JobResult | None:
    try:
        return parse(json.loads((folder / _key(job)).read_bytes()))
    except (OSError, *UNREADABLE):
        return None
