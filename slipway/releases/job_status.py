"""What runs once in an environment, or ran and nobody has taken away: for a status."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from slipway import shell_scripts
from slipway.cluster.observed import Observed
from slipway.hosts.answers import reading
from slipway.hosts.host import Host, script
from slipway.releases import stack

ROLES = ("job", stack.ONCE)
STATES = {"complete": "ok", "failed": "failed", "rejected": "failed", "running": "running"}
LOOK = shell_scripts.read(__file__, "job_status.sh")


@dataclass(frozen=True)
class JobRun:
    """One run: ok, failed, running or starting; `code` is what its program ended with."""

    job: str
    state: str
    began: str
    seconds: float
    code: int | None
    by: str
    reason: str = ""


def read(manager: Host, observed: Observed, app: str) -> tuple[JobRun, ...]:
    """Read what there is; nothing is asked where no such service is."""
    if not any(service.role in ROLES for service in observed.services):
        return ()
    lines = script(manager, LOOK, app, *ROLES, timeout=60).out.splitlines()
    with reading(manager.name, "what runs once"):
        return tuple(sorted(_runs(lines, observed, app), key=lambda run: run.job))


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
