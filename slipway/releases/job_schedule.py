"""Jobs at their times: what the machines' timer finds, in configs of the Swarm.

Each holds the stack of one job as the serving release has it, and in its labels when it is due. The
timer (slipway/machines/job_timer.sh) knows nothing else, so a deploy, a rollback and a destroy
change what runs by changing these.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from slipway.cluster import ledger
from slipway.cluster.observed import Observed
from slipway.environments.environment import Environment
from slipway.errors import HostError, last_line
from slipway.hosts import parallel
from slipway.hosts.host import Host
from slipway.machines import job_timer
from slipway.machines.connect import Cluster
from slipway.plan import Step
from slipway.releases import compose_labels, job_times, jobs, stack
from slipway.releases.application import Service
from slipway.releases.job_times import JobTimes
from slipway.releases.release import Release

SECRET = "BACKUP_NOTICE"  # noqa: S105  the name of a secret, which the notices of backups have too
POST = (
    "from slipway.backups.schedule import notify; import os; print(notify.tell(os.environ['TEXT']))"
)
TELL = ["python", "-c", POST]


@dataclass(frozen=True)
class Timer:
    """A job and when it is due."""

    service: Service
    times: JobTimes


def of(release: Release) -> list[Timer]:
    """Return the jobs of a release that have times."""
    pairs = ((job, job_times.of(compose_labels.of(job.spec))) for job in release.of("job"))
    return [Timer(job, times) for job, times in pairs if times is not None]


def configs(env: Environment, release: Release) -> dict[str, tuple[dict[str, str], str]]:
    """Return what the timer is to find: configs by name, each with its labels and its content."""
    env = release.environment(env)
    app, by_name = env.prefix, {}
    for timer in of(release):
        name = timer.service.name
        content = json.dumps(_stack(env, release, timer.service), sort_keys=True)
        labels = {
            "slipway.app": app,
            job_timer.LABEL: app,
            "slipway.name": name,
            "slipway.key": key(app, name),
            "slipway.expression": timer.times.expression,
            "slipway.missed": "run" if timer.times.is_made_up else "skip",
            "slipway.timeout": str(timer.times.limit),
            **job_times.fields(timer.times.expression),
        }
        digest = stack.fingerprint([labels, content])[:12]
        by_name[f"{app}.job.{key(app, name)}.{digest}"] = labels, content
    if by_name and release.operations and SECRET in release.secrets:
        content = json.dumps(_notice(env, release, release.operations), sort_keys=True)
        labels = {"slipway.app": app, "slipway.notice": app}
        by_name[f"{app}.notice.{stack.fingerprint(content)[:12]}"] = labels, content
    return by_name


def key(app: str, name: str) -> str:
    """Name a job of an environment shortly: names of configs have 64 characters."""
    return hashlib.sha256(f"{app}/{name}".encode()).hexdigest()[:8]


def present(observed: Observed, app: str) -> set[str]:
    """Name what the timer finds now."""
    starts = (f"{app}.job.", f"{app}.notice.")
    return {name for name in observed.configs if name.startswith(starts)}


def is_stale(
    env: Environment, cluster: Cluster, observed: Observed, release: Release | None
) -> bool:
    """Whether the timer knows of other jobs than the release's, or a machine is without it."""
    if release is None:
        return False
    is_other = present(observed, env.prefix) != configs(env, release).keys()
    return is_other or bool(_without_timer(env, cluster, release))


def problems(env: Environment, cluster: Cluster, release: Release | None) -> Iterator[str]:
    """Name the machines that would start no job, with what to type."""
    for name in _without_timer(env, cluster, release) if release else []:
        again = f"inv machine.provision --env={env.name} --name={name}"
        yield f"{name} starts no jobs at their times: {again}"


def _without_timer(env: Environment, cluster: Cluster, release: Release) -> list[str]:
    """Name the machines that should have the timer and answer that it does not run there."""
    if env.is_local or not of(release):
        return []
    answers = parallel.attempt(cluster.all, job_timer.is_running)
    return [host.name for host, answer in zip(cluster.all, answers, strict=True) if answer is False]


def steps(
    env: Environment, cluster: Cluster, observed: Observed, release: Release | None
) -> list[Step]:
    """Return what a deploy has to do for jobs with times: nothing where there are none."""
    if release is None or not (of(release) or present(observed, env.prefix)):
        return []
    names = ", ".join(timer.service.name for timer in of(release)) or "none any more"

    def run() -> str:
        return keep(env, cluster, observed, release)

    return [Step("jobs", f"have jobs at their times: {names}", run)]


def keep(env: Environment, cluster: Cluster, observed: Observed, release: Release) -> str:
    """Have the timer know the jobs of a release, and no others."""
    described, there = configs(env, release), present(observed, env.prefix)
    now = str(observed.now)
    for name, (labels, content) in described.items():
        if name not in there:
            _create(cluster.manager, name, labels | _since(observed, labels, now), content)
    _remove(cluster.manager, sorted(there - described.keys()) + _of_others(observed, described))
    count = len(of(release))
    if not env.is_local:
        job_timer.settle(cluster.manager, cluster.all)
    return f"{count} at {'its time' if count == 1 else 'their times'}" if count else "none any more"


def end(env: Environment, cluster: Cluster, observed: Observed) -> str:
    """Have no job start any more; repeating it finishes what was interrupted."""
    uses = {n for n, labels in observed.configs.items() if any(u in labels for u in job_timer.USES)}
    there = present(observed, env.prefix) | uses
    _remove(cluster.manager, sorted(there))
    if not env.is_local:
        job_timer.settle(cluster.manager, cluster.all)
    return "none starts any more" if there else "none has times"


def _of_others(
    observed: Observed, described: Mapping[str, tuple[dict[str, str], str]]
) -> list[str]:
    """Name what is written down of firings of jobs that have no times any more."""
    keys = {labels.get("slipway.key", "") for labels, _ in described.values()}
    written = {
        name: labels.get("slipway.fired") or labels.get("slipway.ran") or ""
        for name, labels in observed.configs.items()
    }
    return sorted(name for name, of in written.items() if of and of not in keys)


def _stack(env: Environment, release: Release, service: Service) -> stack.Stack:
    from slipway.releases import file_jobs

    facts = jobs.facts(release)
    if service.name == file_jobs.SERVICE:
        service, request = file_jobs.scheduled(env, release)
        facts |= request
    description = stack.job_stack(env, release, service, facts)
    for spec in description["services"].values():
        spec["deploy"]["labels"]["slipway.scheduled"] = "yes"
    return description


def _notice(env: Environment, release: Release, ops: Service) -> stack.Stack:
    """Describe a task that posts a text, which the timer gives it."""
    keys = ("environment", "env_file", "healthcheck", "volumes", "tmpfs")
    secrets = [one for one in ops.spec.get("secrets") or [] if one["source"] == SECRET]
    spec = {k: v for k, v in ops.spec.items() if k not in keys} | {"secrets": secrets}
    spec |= {"command": TELL, "networks": {"edge": None}}
    facts = {"TEXT": "${SLIPWAY_TEXT}"}  # filled in where the timer hands it over
    description = stack.job_stack(env, release, Service(ops.name, "job", spec), facts)
    (service,) = description["services"].values()
    named = {"slipway.service": "notice", "slipway.role": "notice"}
    service["labels"] |= named
    service["deploy"]["labels"] |= named
    return description | {"services": {"notice": service}}


def _since(observed: Observed, labels: Mapping[str, str], otherwise: str) -> dict[str, str]:
    """Return since when a job counts as due: another release of the same times changes nothing."""
    for before in observed.configs.values():
        parts = ("slipway.key", "slipway.expression")
        if "slipway.since" in before and all(before.get(p) == labels.get(p) for p in parts):
            return {"slipway.since": before["slipway.since"]}
    return {"slipway.since": otherwise}


def _remove(manager: Host, names: Sequence[str]) -> None:
    for name in names:
        manager.run(["docker", "config", "rm", name], timeout=20, check=False)


def _create(manager: Host, name: str, labels: Mapping[str, str], content: str) -> None:
    result = manager.run(
        ledger.create(name, labels), stdin=content.encode(), timeout=20, check=False
    )
    if result.code != 0 and "already exists" not in result.err:
        why = last_line(result.err or result.out)
        raise HostError(manager.name, f"the times of jobs cannot be written: {why}")
