"""Scheduled jobs: what cron runs inside the environment, and what became of it.

A job is reported to the log in one line, to the store as its last result, to a heartbeat when a
backup is intact and to a person when it failed. None of these can change how the job itself ended.
"""

import contextlib
import dataclasses
import json
import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Never

from slipway.agent import activity
from slipway.agent.codec import MessageError, decode
from slipway.agent.context import Context, environment
from slipway.agent.messages.backups import PruneRequest
from slipway.agent.messages.jobs import BackupSummaryRequest, JobReply, JobRequest
from slipway.backups.format import catalogue, manifest
from slipway.backups.format.signature import Trust
from slipway.backups.schedule import crontab, job_results, notify, summary
from slipway.backups.schedule.job_results import JobResult
from slipway.backups.schedule.policy import JOBS, Policy
from slipway.backups.schedule.summary import LOOKED_AT, BackupSummary
from slipway.backups.take.spec import BackupSpec
from slipway.errors import Busy, ConfigError, Refused, SlipwayError, UsageError
from slipway.progress import Reporter
from slipway.storage.store import Store, StoreError

SETTINGS = Path("/run/settings")  # of the container, for jobs, which get none from cron
BUSY_PATIENCE = 30 * 60.0  # for somebody else's backup to end
BUSY_POLL = 20.0
LOOK = 20.0  # a store tried again and again answers late or never
BY = "the schedule"


@dataclass(frozen=True)
class Schedule:
    """What the schedule's container is configured with."""

    policy: Policy
    recipients: tuple[str, ...]
    smoke: str = ""
    signers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class JobOutcome:
    """What a job says of itself, and the backup that it took or proved."""

    summary: str
    backup: str = ""


Job = Callable[[Schedule, Context], JobOutcome]


def job(request: JobRequest, context: Context) -> JobReply:
    """Run one job as cron does: `backup`, `drill`, `prune`; `catch-up` of what was missed; or
    `settle` what was killed.
    """
    name = request.job
    if name not in (*JOBS, crontab.CATCH_UP, crontab.SETTLE):
        raise UsageError(f"there is no job {name[:40]!a} (one of: {', '.join(JOBS)})")
    _load_settings(SETTINGS)
    schedule = _schedule()
    trust = dataclasses.replace(context.trust, signers=schedule.signers)
    context = dataclasses.replace(context, trust=trust)
    if name == crontab.CATCH_UP:
        return JobReply(_catch_up(schedule, context))
    if name == crontab.SETTLE:
        return JobReply(_settle(request.of, context))
    return JobReply(_run(name, schedule, context))


def results(request: BackupSummaryRequest, context: Context) -> BackupSummary:
    """Tell what a status shows: the newest backup, the last drill, the last run of every job."""
    with _within(LOOK):
        return summary.summarize(context.store(), datetime.now(UTC), trust=context.trust)


def _run(name: str, schedule: Schedule, context: Context) -> str:
    store = context.store()
    activity.begin(name)
    before = job_results.read(store, name, trust=context.trust)
    run = job_results.begun(name, datetime.now(UTC), before)
    _keep(context, store, run)
    try:
        outcome = _wait_while_busy(lambda: _load(name)(schedule, context), context.reporter)
    except SlipwayError as error:
        _failed(context, store, run, str(error))
        raise
    except Exception as error:
        # The text of an unexpected error could hold anything.
        _failed(context, store, run, f"a mistake in Slipway: {type(error).__name__}")
        raise
    except BaseException:
        ended = job_results.ended(run, "interrupted", datetime.now(UTC), "it was stopped")
        _keep(context, store, ended)
        raise
    now = datetime.now(UTC)
    _keep(context, store, job_results.ended(run, "ok", now, outcome.summary, outcome.backup))
    if outcome.backup:
        _warn(context, notify.beat())  # the manifest is there by now
    return f"{run.began} {name}: {outcome.summary}"


def _load(name: str) -> Job:
    """Return what does a job; each is loaded only when it is its turn."""
    return {"backup": _back_up, "drill": _drill}.get(name, _prune)


def _back_up(schedule: Schedule, context: Context) -> JobOutcome:
    from slipway.agent.commands import backups

    reply = backups.take_and_describe(_spec(schedule), context)
    return JobOutcome(reply.summary, reply.backup.id)


def _drill(schedule: Schedule, context: Context) -> JobOutcome:
    from slipway.agent.commands import restore

    reply = restore.drill_fresh(_spec(schedule), schedule.smoke, context)
    return JobOutcome(reply.summary, reply.id)


def _prune(schedule: Schedule, context: Context) -> JobOutcome:
    from slipway.agent.commands import prune

    return JobOutcome(prune.prune(PruneRequest(schedule.policy), context).summary)


def _spec(schedule: Schedule) -> BackupSpec:
    return BackupSpec(environment(), schedule.recipients, by=BY)


def _wait_while_busy(run: Callable[[], JobOutcome], reporter: Reporter) -> JobOutcome:
    """Wait for somebody else's backup instead of failing beside it."""
    deadline = time.monotonic() + BUSY_PATIENCE
    is_noted = False
    while True:
        try:
            return run()
        except Busy as error:
            if time.monotonic() > deadline:
                raise
            if not is_noted:
                reporter.note(f"waiting: {error}")
                is_noted = True
            time.sleep(BUSY_POLL)


def _catch_up(schedule: Schedule, context: Context) -> str:
    """Make up for what was due while nothing ran: the machine was down, or the job was killed."""
    store, now = context.store(), datetime.now(UTC)
    runs = job_results.read_all(store, trust=context.trust)
    for run in runs.values():
        if run.state == "running":  # by a container that is no more: there is one at a time
            why = "its container was stopped"
            _keep(context, store, job_results.ended(run, "interrupted", now, why))
    missed = _missed(store, context.trust, schedule.policy.when, runs, now)
    for name in missed:
        context.reporter.note(f"{name} was missed; running it now")
        context.reporter.note(_run(name, schedule, context))
    return f"caught up on missed jobs: {', '.join(missed)}" if missed else "nothing was missed"


def _settle(of: str, context: Context) -> str:
    """Tell what a job could not tell itself, because it was killed."""
    store = context.store()
    killed = [
        run
        for run in job_results.read_all(store, trust=context.trust).values()
        if run.state == "running" and of in (run.job, crontab.CATCH_UP)
    ]
    why = "it was killed; out of memory? (services.ops.deploy.resources)"
    for run in killed:
        _failed(context, store, run, why)
    names = ", ".join(run.job for run in killed)
    return f"{names}: it was killed" if killed else f"{of}: its failure is recorded"


def _missed(
    store: Store,
    trust: Trust,
    when: Mapping[str, str],
    runs: Mapping[str, JobResult],
    now: datetime,
) -> list[str]:
    """Name what was due and did not happen; a drill takes a backup, so it makes up for both."""
    last_backup = _newest(store, trust)
    drill = runs.get("drill")
    if "drill" in when and drill and drill.at < _due(when["drill"], now):
        return ["drill"]
    if "drill" in when and drill and drill.state in ("running", "interrupted"):
        return ["drill"]
    if "backup" in when and (last_backup is None or last_backup < _due(when["backup"], now)):
        return ["backup"]
    return []


def _due(expression: str, now: datetime) -> datetime:
    return crontab.last_time(expression, now) - timedelta(seconds=1)


def _newest(store: Store, trust: Trust) -> datetime | None:
    """Return the moment of the newest backup; with keys that may not list, of the last run."""
    try:
        held = store.entries(catalogue.MILLENNIUM)
        names = [e.key.removesuffix(".json") for e in held if e.key.endswith(".json")]
    except StoreError:
        last = job_results.read(store, "backup", trust=trust)
        return job_results.moment(last.good) if last and last.good else None
    ids = sorted((name for name in names if manifest.ID.fullmatch(name)), reverse=True)
    # Of many forged ones not all are read: without one that counts a backup is taken.
    return next(
        (manifest.moment(name) for name in ids[:LOOKED_AT] if _is_signed(store, name, trust)), None
    )


def _is_signed(store: Store, name: str, trust: Trust) -> bool:
    """Whether a backup counts; where no signature is demanded, each that lies there."""
    try:
        return not trust.is_required or bool(catalogue.get(store, name, trust))
    except (Refused, StoreError):
        return False


def _failed(context: Context, store: Store, run: JobResult, text: str) -> None:
    context.reporter.note(f"{run.began} {run.job} failed")
    _keep(context, store, job_results.ended(run, "failed", datetime.now(UTC), text))
    name = environment()
    notice = f"{name}: the scheduled {run.job} failed: {text}\nLook at it: inv status --env={name}"
    _warn(context, notify.tell(notice))


def _keep(context: Context, store: Store, run: JobResult) -> None:
    _warn(context, job_results.keep(store, run, trust=context.trust))


def _warn(context: Context, problem: str) -> None:
    if problem:
        context.reporter.note(f"warning: {problem}")


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


def _load_settings(path: Path) -> None:
    """Take on the settings of the container, where they lie."""
    if path.is_file():
        for entry in path.read_text().split("\0"):
            key, is_set, value = entry.partition("=")
            if is_set and key != "HOME":
                os.environ[key] = value


def _schedule() -> Schedule:
    try:
        return decode(Schedule, json.loads(os.environ[crontab.SCHEDULE]))
    except (KeyError, ValueError, MessageError):
        raise ConfigError("nothing is scheduled here; type: inv db.schedule --env=...") from None
