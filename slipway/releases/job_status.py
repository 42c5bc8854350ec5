"""What runs once in an environment, ran, or is due: for a status."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from slipway import shell_scripts
from slipway.backups.schedule import crontab
from slipway.cluster.observed import Observed
from slipway.environments.environment import Environment
from slipway.hosts.answers import reading
from slipway.hosts.host import Host, script
from slipway.machines import job_timer
from slipway.releases import jobs, stack

ROLES = ("job", stack.ONCE)
STATES = {"complete": "ok", "failed": "failed", "rejected": "failed", "running": "running"}
UNDER_WAY = ("starting", "running")
LATE = 300  # seconds after which a job that was due counts as not begun
LOOK = shell_scripts.read(__file__, "job_status.sh")


@dataclass(frozen=True)
class JobRun:
    """One run: ok, failed, running or starting; `code` is what its program ended with.

    A job with times is also due next, and not yet run; `missed` is when it was due and did not run.
    """

    job: str
    state: str
    began: str = ""
    seconds: float = 0.0
    code: int | None = None
    by: str = ""
    reason: str = ""
    next: str = ""
    missed: str = ""


def read(manager: Host, observed: Observed, app: str) -> tuple[JobRun, ...]:
    """Read what there is; nothing is asked where no such service is."""
    runs: dict[str, JobRun] = {}
    if any(service.role in ROLES for service in observed.services):
        lines = script(manager, LOOK, app, *ROLES, timeout=60).out.splitlines()
        with reading(manager.name, "what runs once"):
            runs = {run.job: run for run in _runs(lines, observed, app)}
    for labels in observed.configs.values():
        if job_timer.LABEL in labels:
            with reading(manager.name, "the jobs at their times"):
                name = labels["slipway.name"]
                runs[name] = _at_its_time(labels, observed, runs.get(name))
    return tuple(sorted(runs.values(), key=lambda run: run.job))


def problems(env: Environment, runs: Sequence[JobRun]) -> Iterator[str]:
    """Name the jobs with times whose last run failed, or which did not begin."""
    for run in runs:
        if run.next and run.state == "failed":
            lines = f"inv logs --env={env.name} --service={run.job}"
            yield f"the job {run.job} failed at {run.began}: {run.reason}; its lines: {lines}"
        if run.missed and not env.is_local:
            yield f"the job {run.job} was due at {run.missed} and did not run: runbooks/jobs.md"


def advice(env: Environment, runs: Sequence[JobRun]) -> str:
    """Say of jobs with times that nobody starts them here; nothing where somebody does."""
    names = [run.job for run in runs if run.next]
    if not (env.is_local and names):
        return ""
    return (
        f"on this computer no job starts by itself ({', '.join(names)}); type: "
        f"inv run --env={env.name} --service={names[0]}"
    )


def _at_its_time(labels: Mapping[str, str], observed: Observed, run: JobRun | None) -> JobRun:
    key, expression = labels["slipway.key"], labels["slipway.expression"]
    now = datetime.fromtimestamp(observed.now, UTC)
    fired, ran = _newest(observed, "fired", key), _newest(observed, "ran", key)
    if run is None or run.state not in UNDER_WAY:
        run = _ended(labels["slipway.name"], ran) if ran else run
    run = run or JobRun(labels["slipway.name"], "not yet")
    due = crontab.last_time(expression, now).timestamp()
    begun = float(fired.get("slipway.at", 0)) if fired else 0.0
    is_late = due > max(begun, float(labels["slipway.since"])) and observed.now - due > LATE
    missed = _written(due) if is_late and run.state not in UNDER_WAY else ""
    return replace(
        run, next=_written(crontab.next_time(expression, now).timestamp()), missed=missed
    )


def _newest(observed: Observed, kind: str, key: str) -> Mapping[str, str]:
    """Return the labels of the newest firing, or of the newest end, of a job with times."""
    named = {n: each for n, each in observed.configs.items() if each.get(f"slipway.{kind}") == key}
    return named[max(named)] if named else {}


def _ended(name: str, ran: Mapping[str, str]) -> JobRun:
    began, ended = float(ran["slipway.began"]), float(ran["slipway.ended"])
    state, reason = ran["slipway.state"], ran["slipway.reason"]
    code = jobs.JobOutput(state == "ok", reason, ()).code
    return JobRun(name, state, _written(began), ended - began, code, "schedule", reason)


def _runs(lines: list[str], observed: Observed, app: str) -> Iterator[JobRun]:
    for line in lines:
        labels, task = (json.loads(part) for part in line.split("\t", 1))
        name = labels["slipway.service"]
        claim = observed.configs.get(f"{app}.run.{name}", {})
        yield _run(name, task or {}, claim.get("slipway.owner", ""), observed.now)


def _run(name: str, task: Mapping[str, Any], by: str, now: int) -> JobRun:
    status = task.get("Status") or {}
    state = STATES.get(str(status.get("State", "")).lower(), "starting")
    began = str(task.get("CreatedAt", ""))
    over = str(status.get("Timestamp", "")) if state in ("ok", "failed") else ""
    until = _moment(over) if over else float(now)
    exit_code = (status.get("ContainerStatus") or {}).get("ExitCode", 0)
    return JobRun(
        job=name,
        state=state,
        began=f"{began[:19]}Z" if began else "",
        seconds=round(max(0.0, until - _moment(began)), 1) if began else 0.0,
        code=exit_code if over else None,
        by=by,
        reason=str(status.get("Err", "")).removeprefix("task: "),
    )


def _moment(text: str) -> float:
    """Read a moment as Go writes it, with nanoseconds."""
    return datetime.fromisoformat(f"{text[:19]}+00:00").timestamp()


def _written(moment: float) -> str:
    return f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%dT%H:%M:%SZ}"
