"""The schedule of an environment: a service in which a real cron takes backups by the policy."""

import contextlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from slipway.backups.schedule import crontab, policy
from slipway.backups.schedule.policy import Policy
from slipway.client import activity
from slipway.cluster import lease, stacks
from slipway.cluster.observed import Observed, observe
from slipway.environments import environment
from slipway.environments.environment import Environment
from slipway.errors import ConfigError, Refused
from slipway.hosts.host import Host
from slipway.machines import connect
from slipway.machines.connect import Cluster
from slipway.plan import Step
from slipway.progress import Reporter
from slipway.project import ROOT
from slipway.releases import differences, health, history, stack, stack_watch
from slipway.releases.release import Release

PATIENCE = 90.0
SERVICES = ("schedule",)
LARGEST_SMOKE = 64 << 10  # it is handed over as a setting, which may hold 128 kB


@dataclass(frozen=True)
class ScheduleState:
    """What is scheduled from now on: the next time of each job."""

    changed: bool
    times: Mapping[str, datetime]


def policy_of(env: Environment) -> Policy:
    """Read what backups/policy.yml says of an environment. Raises ConfigError."""
    return policy.read(ROOT / policy.NAME, env.name, environment.names())


def schedule(env: Environment, reporter: Reporter) -> ScheduleState:
    """Schedule the environment's backups as the policy says.

    Raises Refused where a container could not keep them, Busy while a job would be ended.
    """
    document = container_settings(env)
    if not document["policy"]["when"]:
        raise Refused(
            f"{policy.NAME} leaves out every job of {env.name}; name a time, or stop the schedule: "
            f"inv db.unschedule --env={env.name}"
        )
    with _leased(env, "scheduling backups") as cluster:
        manager = cluster.manager
        observed = observe(manager, env.prefix)
        release = _live(env, manager, observed)
        try:
            changed = keep(env, cluster, observed, release, reporter)
        except BaseException:
            if not exists(env, observed):  # what does not come up must not be tried for ever
                stacks.remove(manager, _name(env))
            raise
    return ScheduleState(changed, next_times(document["policy"]["when"]))


def unschedule(env: Environment, reporter: Reporter) -> bool:
    """Remove the schedule; return whether there was one. Raises Busy while a job runs on."""
    with _leased(env, "ending the schedule of backups") as cluster:
        existed = exists(env, observe(cluster.manager, env.prefix))
        activity.wait(cluster.all, env.prefix, SERVICES, reporter)
        stacks.remove(cluster.manager, _name(env))
        return existed


def exists(env: Environment, observed: Observed) -> bool:
    """Say whether backups are scheduled."""
    return bool(observed.stack(_name(env)))


def is_stale(env: Environment, observed: Observed, release: Release | None) -> bool:
    """Say whether a schedule is there and runs another release, policy or recipients."""
    if release is None or not exists(env, observed):
        return False
    return not _is_as_described(env, observed, release, _description(env, release))


def keep(
    env: Environment, cluster: Cluster, observed: Observed, release: Release, reporter: Reporter
) -> bool:
    """Bring the schedule to what release and policy say; return whether that changed anything.

    Waits for a job that runs. Raises Busy when that takes too long.
    """
    description = _description(env, release)
    if _is_as_described(env, observed, release, description):
        return False
    activity.wait(cluster.all, env.prefix, SERVICES, reporter)
    try:
        before = stack_watch.look(cluster.manager, _name(env))
        stacks.deploy(cluster.manager, _name(env), description)
        health.settle(cluster.manager, _name(env), PATIENCE, before)
    finally:
        activity.release(cluster.all, env.prefix, SERVICES)
    return True


def steps(
    env: Environment,
    cluster: Cluster,
    observed: Observed,
    release: Release | None,
    reporter: Reporter,
) -> list[Step]:
    """Return what a deploy has to do for a schedule: nothing where there is none."""
    if release is None or not exists(env, observed):
        return []

    def refresh() -> str:
        changed = keep(env, cluster, observed, release, reporter)
        return "runs this release" if changed else "as described"

    return [Step("schedule", "switch the schedule of backups to this release", refresh)]


def container_settings(env: Environment) -> dict[str, Any]:
    """Return what the container is told: policy, recipients, what a drill asks the database."""
    from slipway.client import backups, signing

    if backups.store_here(env) is not None:
        raise Refused(
            f"a schedule inside {env.name} needs a store outside of it; set "
            f"BACKUP_STORE=s3://bucket/path in compose/{env.name}.env and deploy, or take backups "
            f"from this computer by its own cron (docs/operations.md, Backups on a schedule)"
        )
    return {
        "policy": policy_of(env).to_json(),
        "recipients": sorted(backups.recipients(env)),
        "smoke": _smoke(env),
        "signers": dict(signing.signers(env)),
    }


def next_times(when: Mapping[str, str]) -> dict[str, datetime]:
    """Return when each job is due next."""
    now = datetime.now(UTC)
    return {job: crontab.next_time(expression, now) for job, expression in when.items()}


@contextlib.contextmanager
def _leased(env: Environment, reason: str) -> Iterator[Cluster]:
    """Change the environment while nobody deploys to it."""
    with connect.connected(env, lenient=True) as cluster:
        if not observe(cluster.manager, env.prefix).is_manager:
            raise _not_deployed(env)
        with lease.hold(cluster.manager, env.prefix, reason):
            yield cluster


def _description(env: Environment, release: Release) -> stack.Stack:
    env = release.environment(env)
    return stack.schedule_stack(env, release, json.dumps(container_settings(env), sort_keys=True))


def _smoke(env: Environment) -> str:
    """Read the project's own questions to a restored database, where there are any."""
    from slipway.backups.restore.drill import SMOKE
    from slipway.client import restore

    text = restore.read_sql(env, "smoke")
    if len(text.encode()) > LARGEST_SMOKE:
        raise ConfigError(f"{SMOKE} is larger than {LARGEST_SMOKE >> 10} kB; ask less of a drill")
    return text


def _is_as_described(
    env: Environment, observed: Observed, release: Release, description: stack.Stack
) -> bool:
    """Whether it runs, healthy, with this policy; one changed past us has its label still."""
    labels = description["services"]["schedule"]["deploy"]["labels"]
    services = observed.stack(_name(env))
    digests = {s.labels.get("slipway.fingerprint", "") for s in services if s.is_healthy}
    is_labelled = digests == {labels["slipway.fingerprint"]}
    return is_labelled and not differences.of_schedule(env, observed, release)


def _name(env: Environment) -> str:
    return f"{env.prefix}-schedule"


def _live(env: Environment, manager: Host, observed: Observed) -> Release:
    release = history.serving(manager, observed, env.prefix)
    if release is None:
        raise _not_deployed(env)
    if not release.of("ops"):
        raise Refused(f"{env.name} has no service with role ops, in which a schedule could run")
    return release


def _not_deployed(env: Environment) -> Refused:
    return Refused(
        f"{env.name} is not deployed, so nothing can run there; type: inv deploy --env={env.name}"
    )
