"""How safe an environment's database is: the part of a status that is about backups."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from slipway.backups.schedule import summary
from slipway.backups.schedule.policy import Policy
from slipway.client import backups, call, container
from slipway.client.pitr import pgbackrest
from slipway.client.session import Session
from slipway.cluster.observed import Observed
from slipway.environments.environment import Environment
from slipway.environments.protection import is_production
from slipway.errors import SlipwayError
from slipway.machines.connect import Cluster
from slipway.progress import Reporter, Silent
from slipway.releases import schedule

HOUR = 3600.0


@dataclass(frozen=True)
class JobState:
    """One job by the clock: its next time, and what became of its last run."""

    job: str
    next: str
    last: str
    result: str
    seconds: float
    said: str


@dataclass(frozen=True)
class Backups:
    """What is kept of the database. `newest` and `drill` are None where there is none;
    `recovery_seconds` is how long the restore of the last good drill took."""

    where: str
    scheduled: bool
    overdue: bool
    unknown: str
    newest: Mapping[str, Any] | None
    drill: Mapping[str, Any] | None
    recovery_seconds: float | None
    jobs: tuple[JobState, ...]
    problems: tuple[str, ...]
    archive: Mapping[str, Any] | None = None  # with PITR=on: base backups, windows, what is lost


def read(env: Environment, cluster: Cluster, observed: Observed) -> Backups:
    """Look at the store of an environment; what cannot be seen is told, not raised."""
    policy = schedule.policy_of(env)
    scheduled = schedule.exists(env, observed)
    try:
        drawn = _draw(env, cluster)
    except SlipwayError as error:
        where = env.settings.get("BACKUP_STORE", "")
        drawn = {"where": where, "unknown": str(error), "newest": None, "drill": None, "runs": {}}
    judged = judge(env, policy, drawn, scheduled=scheduled)
    return _with_archive(judged, env, cluster) if env.switch("PITR") else judged


def _with_archive(judged: Backups, env: Environment, cluster: Cluster) -> Backups:
    """Add what the database's archive of changes says, or why it says nothing."""
    try:
        inside = container.deployed(cluster.all, env.prefix, env.name)
        archive = pgbackrest.Archive(container.database(cluster.all, inside)).catalogue()
    except SlipwayError as error:
        problem = f"{pgbackrest.UNKNOWN}: {error}"
        return dataclasses.replace(judged, problems=(*judged.problems, problem))
    stuck = (f"the archive is behind: {archive['summary']}",) if archive["stuck"] else ()
    return dataclasses.replace(judged, archive=archive, problems=(*judged.problems, *stuck))


def prune(beside: Session, report: Reporter, *, plan: bool) -> dict[str, Any]:
    """Remove what the policy does not keep; with `plan`, only say what it would be."""
    given = {"policy": schedule.policy_of(beside.env).to_json(), "plan": plan}
    return beside.do("prune", given, report, backups.store_here(beside.env))


def judge(
    env: Environment, policy: Policy, drawn: Mapping[str, Any], *, scheduled: bool
) -> Backups:
    """Say what is wrong with what was seen."""
    newest, drill = drawn["newest"], drawn["drill"]
    unknown = str(drawn["unknown"] or drawn.get("unlisted", ""))
    counts = scheduled or not env.is_throwaway
    overdue = bool(newest and newest["age"] > policy.stale_after and counts)
    problems = []
    if drawn["unknown"]:
        problems.append(f"what is kept of the database cannot be seen: {unknown}")
    if overdue:
        problems.append(
            f"the newest backup is {_hours(newest['age'])} old (more than "
            f"{_hours(policy.stale_after)}); type: inv db.backup --env={env.name}"
        )
    running = (drawn["runs"].get("backup") or {}).get("state") == "running"
    if not (newest or unknown or running) and (scheduled or is_production(env)):
        problems.append(f"there is no backup of the database yet: inv db.backup --env={env.name}")
    if scheduled:
        problems += _failures(drawn["runs"], newest)
    recovery = drill["seconds"] if drill and drill["ok"] else None
    jobs = _jobs(policy, drawn["runs"]) if scheduled else ()
    told = (str(drawn["where"]), scheduled, overdue, unknown, newest, drill, recovery, jobs)
    return Backups(*told, problems=tuple(problems))


def _draw(env: Environment, cluster: Cluster) -> dict[str, Any]:
    """See it from here where it lies here, else from inside."""
    if store := backups.store_here(env):
        return summary.draw(store, datetime.now(UTC))
    inside = container.deployed(cluster.all, env.prefix, env.name)
    return call.run(inside, "results", {}, Silent())


def _failures(runs: Mapping[str, Any], newest: Mapping[str, Any] | None) -> list[str]:
    """Name each job whose last run was no success; a newer backup settles a failed one."""
    problems = []
    for job, run in runs.items():
        settled = job == "backup" and newest is not None and newest["at"] >= run["began"]
        if run["state"] in ("failed", "interrupted") and not settled:
            problems.append(f"the last {job} {_was(run['state'])} at {run['began']}: {run['text']}")
    return problems


def _jobs(policy: Policy, runs: Mapping[str, Any]) -> tuple[JobState, ...]:
    states = []
    for job, at in schedule.next_times(policy.when).items():
        run = runs.get(job) or {"began": "", "state": "", "seconds": 0.0, "text": ""}
        took, said = float(run["seconds"]), str(run["text"])
        state = JobState(job, f"{at:%Y-%m-%dT%H:%MZ}", run["began"], run["state"], took, said)
        states.append(state)
    return tuple(states)


def _was(state: str) -> str:
    return "failed" if state == "failed" else "was interrupted"


def _hours(seconds: float) -> str:
    return f"{seconds / HOUR:.0f} h"
