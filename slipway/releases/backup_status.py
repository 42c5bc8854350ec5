"""How safe an environment's database is: the part of a status that is about backups."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from slipway.agent.messages.backups import PruneReply, PruneRequest
from slipway.agent.messages.files import FilesSummary, FilesSummaryRequest
from slipway.agent.messages.jobs import BackupSummaryRequest
from slipway.backups.schedule import job_results
from slipway.backups.schedule.job_results import JobResult
from slipway.backups.schedule.policy import Policy
from slipway.backups.schedule.prune import Pruning
from slipway.backups.schedule.summary import BackupSummary, LastDrill, NewestBackup, summarize
from slipway.client import backups as client_backups
from slipway.client import call, container, signing
from slipway.client.pitr import pgbackrest
from slipway.client.pitr.pgbackrest import ArchiveCatalogue
from slipway.client.session import Session
from slipway.cluster.observed import Observed
from slipway.environments.environment import Environment
from slipway.environments.protection import is_production
from slipway.errors import SlipwayError
from slipway.machines.connect import Cluster
from slipway.progress import SILENT, Reporter
from slipway.releases import schedule, volumes
from slipway.releases.release import Release

HOUR = 3600.0


@dataclass(frozen=True)
class JobState:
    """One job by the clock: its next time, and what became of its last run."""

    job: str
    next: str
    last: str = ""
    result: str = ""
    seconds: float = 0.0
    said: str = ""


@dataclass(frozen=True)
class Backups:
    """What is kept of the database. `newest` and `drill` are None where there is none;
    `recovery_seconds` is how long the restore of the last good drill took."""

    where: str
    scheduled: bool
    overdue: bool
    unknown: str
    newest: NewestBackup | None
    drill: LastDrill | None
    recovery_seconds: float | None
    jobs: tuple[JobState, ...]
    problems: tuple[str, ...]
    archive: ArchiveCatalogue | None = None  # with PITR=on: base backups, windows, what is lost
    files: FilesSummary | None = None  # where volumes are backed up as files, to a store


def read(
    env: Environment, cluster: Cluster, observed: Observed, release: Release | None = None
) -> Backups:
    """Look at the store of an environment; what cannot be seen is reported, not raised."""
    policy = schedule.policy_of(env)
    scheduled = schedule.exists(env, observed)
    try:
        summary = _summarize(env, cluster)
    except SlipwayError as error:
        summary = BackupSummary(env.settings.get("BACKUP_STORE", ""), unknown=str(error))
    backups = judge(env, policy, summary, scheduled=scheduled)
    if release and volumes.kept(release) and client_backups.store_here(env) is None:
        backups = _with_files(backups, env, cluster, policy)
    return _with_archive(backups, env, cluster) if env.switch("PITR") else backups


def _with_files(backups: Backups, env: Environment, cluster: Cluster, policy: Policy) -> Backups:
    """Add how old the newest backup of files is and how its last drill ended, or why that is not
    known."""
    take = f"type: inv files.backup --env={env.name}"
    try:
        ops = container.deployed(cluster.all, env.prefix, env.name)
        files = call.call(ops, FilesSummaryRequest(), SILENT, signers=signing.signers(env))
    except SlipwayError as error:
        problem = f"the backups of files cannot be listed: {error}"
        return dataclasses.replace(backups, problems=(*backups.problems, problem))
    problem, drill = "", files.drill
    failed = f"the last drill of files failed at {drill.at}: {drill.why}" if drill else ""
    if not files.at and not env.is_throwaway:
        problem = f"there is no backup of files yet; {take}"
    elif files.age > policy.stale_after and not env.is_throwaway:
        problem = f"the newest backup of files is {_hours(files.age)} old; {take}"
    problems = (*backups.problems, *filter(None, [problem, "" if drill and drill.ok else failed]))
    return dataclasses.replace(backups, files=files, problems=problems)


def _with_archive(backups: Backups, env: Environment, cluster: Cluster) -> Backups:
    """Add what the database's archive of changes says, or why it says nothing."""
    try:
        ops = container.deployed(cluster.all, env.prefix, env.name)
        archive = pgbackrest.Archive(container.database(cluster.all, ops)).catalogue()
    except SlipwayError as error:
        problem = f"{pgbackrest.UNKNOWN}: {error}"
        return dataclasses.replace(backups, problems=(*backups.problems, problem))
    stuck = (f"the archive is behind: {archive.summary}",) if archive.stuck else ()
    return dataclasses.replace(backups, archive=archive, problems=(*backups.problems, *stuck))


def prune(session: Session, reporter: Reporter, *, plan: bool) -> PruneReply:
    """Remove what the policy does not keep; with `plan`, only say what it would be."""
    env, policy = session.env, schedule.policy_of(session.env)
    store = client_backups.store_here(env)
    if store is None:
        return session.call(PruneRequest(policy, plan), reporter)
    database = env.settings.get("DATABASE_NAME", "")
    trust = signing.trust(env)
    pruning = Pruning(store, policy, reporter, datetime.now(UTC), plan, database, trust)
    pruned = pruning.run([*job_results.read_all(store, trust=trust).values()])
    if pruned and pruned.held:
        return PruneReply.of(pruned, None, plan=plan)
    request = PruneRequest(policy, plan, databases_only=True)
    return PruneReply.of(pruned, session.call(request, reporter).databases, plan=plan)


def judge(env: Environment, policy: Policy, summary: BackupSummary, *, scheduled: bool) -> Backups:
    """Say what is wrong with what was seen."""
    newest, drill, runs = summary.newest, summary.drill, summary.runs
    unknown = summary.unknown or summary.unlisted
    overdue = bool(newest and newest.age > policy.stale_after)
    overdue = overdue and (scheduled or not env.is_throwaway)
    problems = []
    if summary.unknown:
        problems.append(f"the backups of the database cannot be listed: {unknown}")
    if newest and overdue:
        problems.append(
            f"the newest backup is {_hours(newest.age)} old (more than "
            f"{_hours(policy.stale_after)}); type: inv db.backup --env={env.name}"
        )
    if summary.unsigned:
        problems.append(
            f"{summary.unsigned[0]} is newer than the newest backup, and not signed by a trusted "
            f"key (backups/signers.yml): inv db.backups --env={env.name}"
        )
    running = "backup" in runs and runs["backup"].state == "running"
    if not (newest or unknown or running) and (scheduled or is_production(env)):
        problems.append(f"there is no backup of the database yet: inv db.backup --env={env.name}")
    if scheduled:
        problems += _failures(runs, newest)
    return Backups(
        where=summary.where,
        scheduled=scheduled,
        overdue=overdue,
        unknown=unknown,
        newest=newest,
        drill=drill,
        recovery_seconds=drill.seconds if drill and drill.ok else None,
        jobs=_jobs(policy, runs) if scheduled else (),
        problems=tuple(problems),
    )


def _summarize(env: Environment, cluster: Cluster) -> BackupSummary:
    """See it from here where it lies here, else from the environment."""
    if store := client_backups.store_here(env):
        return summarize(store, datetime.now(UTC), trust=signing.trust(env))
    ops = container.deployed(cluster.all, env.prefix, env.name)
    return call.call(ops, BackupSummaryRequest(), SILENT, signers=signing.signers(env))


def _failures(runs: Mapping[str, JobResult], newest: NewestBackup | None) -> list[str]:
    """Name each job whose last run was no success; a newer backup settles a failed one."""
    problems = []
    for job, run in runs.items():
        settled = job == "backup" and newest is not None and newest.at >= run.began
        if run.state in ("failed", "interrupted") and not settled:
            problems.append(f"the last {job} {_was(run.state)} at {run.began}: {run.text}")
    return problems


def _jobs(policy: Policy, runs: Mapping[str, JobResult]) -> tuple[JobState, ...]:
    states = []
    for job, at in schedule.next_times(policy.when).items():
        state = JobState(job, f"{at:%Y-%m-%dT%H:%MZ}")
        if run := runs.get(job):
            state = dataclasses.replace(
                state, last=run.began, result=run.state, seconds=run.seconds, said=run.text
            )
        states.append(state)
    return tuple(states)


def _was(state: str) -> str:
    return "failed" if state == "failed" else "was interrupted"


def _hours(seconds: float) -> str:
    return f"{seconds / HOUR:.0f} h"
