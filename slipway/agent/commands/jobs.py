"""Jobs by the clock: what cron runs inside the environment, and what became of it.

A job is told to the log in one line, to the store as its last result, to a heartbeat when a backup
is whole and to a person when it failed. None of these can change how the job itself ended.
"""

import contextlib
import json
import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Never

from slipway.agent.context import Context
from slipway.backups.format import catalogue, manifest
from slipway.backups.schedule import crontab, job_results, notify, summary
from slipway.backups.schedule.job_results import JobResult
from slipway.backups.schedule.policy import JOBS, Policy
from slipway.errors import Busy, ConfigError, SlipwayError, UsageError
from slipway.progress import Reporter
from slipway.storage.store import Store, StoreError

SETTINGS = Path("/run/settings")  # of the container, for jobs, which get none from cron
BUSY_PATIENCE = 30 * 60.0  # for somebody else's backup to end
BUSY_POLL = 20.0
LOOK = 20.0  # a store tried again and again answers late or never
Does = Callable[[Context], Mapping[str, Any]]


def job(work: Context) -> dict[str, Any]:
    """Run one job as cron does: `backup`, `drill`, `prune`; `catch-up` of what was missed; or
    `settle` what was killed.
    """
    name = str(work.given.get("job", ""))
    if name not in (*JOBS, crontab.CATCH_UP, crontab.SETTLE):
        raise UsageError(f"there is no job {name[:40]!a} (one of: {', '.join(JOBS)})")
    _adopt(SETTINGS)
    schedule = _schedule()
    if name == crontab.CATCH_UP:
        return _catch_up(work, schedule)
    if name == crontab.SETTLE:
        return _settle(work, str(work.given.get("of", "")))
    return _run(name, work, schedule)


def results(work: Context) -> dict[str, Any]:
    """Tell what a status shows: the newest backup, the last drill, the last run of every job."""
    with _within(LOOK):
        return summary.draw(work.store(), datetime.now(UTC))


def _run(name: str, work: Context, schedule: Mapping[str, Any]) -> dict[str, Any]:
    store = work.store()
    run = job_results.begun(name, datetime.now(UTC), job_results.read(store, name))
    _keep(work, store, run)
    asked = Context({"by": "the schedule", **schedule}, work.report, work.store)
    try:
        result = _patiently(lambda: _does(name)(asked), work.report)
    except SlipwayError as error:
        _failed(work, store, run, str(error))
        raise
    except Exception as error:
        # The text of an unexpected error could hold anything.
        _failed(work, store, run, f"a mistake in Slipway: {type(error).__name__}")
        raise
    except BaseException:
        _keep(work, store, job_results.ended(run, "interrupted", datetime.now(UTC), "it was ended"))
        raise
    said = str(result["summary"])
    made = str((result.get("backup") or result).get("id") or "")
    _keep(work, store, job_results.ended(run, "ok", datetime.now(UTC), said, made))
    if made:
        _warn(work, notify.beat())  # the manifest is there by now
    return {"summary": f"{run.began} {name}: {said}"}


def _does(name: str) -> Does:
    """Return what does a job; each is loaded only when it is its turn."""
    if name == "backup":
        from slipway.agent.commands import backups

        return backups.backup
    if name == "drill":
        from slipway.agent.commands import restore

        return restore.drill_fresh
    from slipway.agent.commands import prune

    return prune.prune


def _patiently(does: Callable[[], Mapping[str, Any]], reporter: Reporter) -> Any:
    """Wait for somebody else's backup instead of failing beside it."""
    deadline = time.monotonic() + BUSY_PATIENCE
    told = False
    while True:
        try:
            return does()
        except Busy as error:
            if time.monotonic() > deadline:
                raise
            if not told:
                reporter.note(f"waiting: {error}")
                told = True
            time.sleep(BUSY_POLL)


def _catch_up(work: Context, schedule: Mapping[str, Any]) -> dict[str, Any]:
    """Make up for what was due while nothing ran: the machine was down, or the job was killed."""
    store = work.store()
    when = Policy.from_json(schedule["policy"]).when
    found = job_results.read_all(store)
    now = datetime.now(UTC)
    for run in found.values():
        if run.state == "running":  # by a container that is no more: there is one at a time
            _keep(
                work, store, job_results.ended(run, "interrupted", now, "its container was ended")
            )
    missed = _missed(store, when, found, now)
    for name in missed:
        work.report.note(f"{name} was missed; it is made up for now")
        work.report.note(_run(name, work, schedule)["summary"])
    return {"summary": f"made up for: {', '.join(missed)}" if missed else "nothing was missed"}


def _settle(work: Context, of: str) -> dict[str, Any]:
    """Tell what a job could not tell itself, because it was killed."""
    store = work.store()
    killed = [
        run
        for run in job_results.read_all(store).values()
        if run.state == "running" and of in (run.job, crontab.CATCH_UP)
    ]
    for run in killed:
        _failed(work, store, run, "it was killed; out of memory? (services.ops.deploy.resources)")
    names = ", ".join(run.job for run in killed)
    return {"summary": f"{names}: it was killed" if killed else f"{of}: its failure is on record"}


def _missed(
    store: Store, when: Mapping[str, str], found: Mapping[str, JobResult], now: datetime
) -> list[str]:
    """Name what was due and did not happen; a drill takes a backup, so it makes up for both."""
    last_backup = _newest(store)
    drill = found.get("drill")
    if "drill" in when and drill and drill.at < _due(when["drill"], now):
        return ["drill"]
    if "drill" in when and drill and drill.state in ("running", "interrupted"):
        return ["drill"]
    if "backup" in when and (last_backup is None or last_backup < _due(when["backup"], now)):
        return ["backup"]
    return []


def _due(expression: str, now: datetime) -> datetime:
    return crontab.last_time(expression, now) - timedelta(seconds=1)


def _newest(store: Store) -> datetime | None:
    """Return the moment of the newest backup; with keys that may not list, of the last run."""
    try:
        held = store.entries(catalogue.MILLENNIUM)
        names = [e.key.removesuffix(".json") for e in held if e.key.endswith(".json")]
    except StoreError:
        last = job_results.read(store, "backup")
        return job_results.moment(last.good) if last and last.good else None
    found = [name for name in names if manifest.ID.fullmatch(name)]
    return max((manifest.moment(name) for name in found), default=None)


def _failed(work: Context, store: Store, run: JobResult, text: str) -> None:
    work.report.note(f"{run.began} {run.job} failed")
    _keep(work, store, job_results.ended(run, "failed", datetime.now(UTC), text))
    name = os.environ.get("ENVIRONMENT", "dev")
    said = f"{name}: the scheduled {run.job} failed: {text}\nLook at it: inv status --env={name}"
    _warn(work, notify.tell(said))


def _keep(work: Context, store: Store, run: JobResult) -> None:
    _warn(work, job_results.keep(store, run))


def _warn(work: Context, trouble: str) -> None:
    if trouble:
        work.report.note(f"warning: {trouble}")


class _Late(BaseException):
    """The time is over; no library takes it for a failure that it could try again."""


@contextlib.contextmanager
def _within(seconds: float) -> Iterator[None]:
    """End a block in time: who asks for a status has other things to see."""

    def ring(*_: object) -> Never:
        raise _Late

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    except _Late:
        raise StoreError(f"the store does not answer within {seconds:.0f} s") from None
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _adopt(path: Path) -> None:
    """Take on the settings of the container, where they lie."""
    if path.is_file():
        for entry in path.read_text().split("\0"):
            key, is_set, value = entry.partition("=")
            if is_set and key != "HOME":
                os.environ[key] = value


def _schedule() -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(os.environ[crontab.SCHEDULE])
    except (KeyError, ValueError):
        raise ConfigError("nothing is scheduled here; type: inv db.schedule --env=...") from None
    return found
