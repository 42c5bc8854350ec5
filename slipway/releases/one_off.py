"""A service of the serving release run once more: a job on request, or another command."""

import secrets
import shlex
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from slipway import shell_scripts
from slipway.cluster.observed import observe
from slipway.environments.environment import Environment
from slipway.errors import Interrupted, Refused, UsageError
from slipway.hosts.host import Host, script
from slipway.machines import connect
from slipway.machines.connect import Cluster
from slipway.progress import Reporter
from slipway.releases import history, jobs, stack
from slipway.releases.application import Service
from slipway.releases.jobs import Job
from slipway.releases.release import Release
from slipway.suggest import nearest

START_PATIENCE = 60.0
LEFT = 600  # seconds after which what has ended is nobody's any more

SWEEP = shell_scripts.read(__file__, "one_off_sweep.sh")


@dataclass(frozen=True)
class RunResult:
    """How a run ended; `code` is None where it goes on without us."""

    service: str
    release: int
    code: int | None
    seconds: float
    reason: str = ""


def run(
    env: Environment,
    name: str,
    command: Sequence[str],
    *,
    detach: bool,
    on_line: Callable[[str], None],
    reporter: Reporter,
) -> RunResult:
    """Run a service once as the serving release has it, with another command where one is given.

    Raises Busy where the job runs already, Interrupted when Ctrl-C has ended it.
    """
    with connect.connected(env, lenient=True) as cluster:
        manager, release = cluster.manager, serving(env, cluster)
        job = job_of(release, runnable(env, release, name, command))
        sweep(manager, env.prefix, LEFT)
        began, env = time.monotonic(), release.environment(env)
        try:
            if detach:
                outcome = jobs.start(manager, env, release, job, START_PATIENCE)
            else:
                outcome = jobs.run(manager, env, release, job, reporter, on_line)
        except KeyboardInterrupt:
            raise Interrupted(f"{job.name} was ended") from None
        code = None if detach and outcome.succeeded else outcome.code
        seconds = round(time.monotonic() - began, 1)
        label = job.name if code is None else name  # under which its lines are found, while it runs
        return RunResult(label, release.number, code, seconds, outcome.error)


def words(command: str) -> list[str]:
    """Split a command line as a shell would. Raises UsageError."""
    try:
        return shlex.split(command)
    except ValueError as error:
        raise UsageError(
            f"--command={command[:60]!a} is no command line: {str(error).lower()}; "
            "quote it as for a shell"
        ) from None


def sweep(manager: Host, app: str, seconds: int, *roles: str) -> None:
    """Remove what was run once and ended so long ago: who began it was killed, or let it go."""
    script(manager, SWEEP, app, str(seconds), *(roles or (stack.ONCE,)), timeout=60)


def serving(env: Environment, cluster: Cluster) -> Release:
    """Read the release that serves. Raises Refused where there is none."""
    observed = observe(cluster.manager, env.prefix)
    release = history.serving(cluster.manager, observed, env.prefix)
    if release is None:
        raise Refused(f"{env.name} has no release to run; run: inv deploy --env={env.name}")
    return release


def find(env: Environment, release: Release, name: str) -> Service:
    """Find a service that may be run once more. Raises UsageError."""
    services = {one.name: one for role in ("job", "colour") for one in release.of(role)}
    if name in services:
        return services[name]
    if any(one.name == name for one in release.services):
        raise UsageError(
            f"{name} runs once in {env.name}; look inside: inv exec --env={env.name} "
            f"--service={name}"
        )
    hint = nearest(name, services) or f" (one of: {', '.join(sorted(services)) or 'none'})"
    raise UsageError(f"{release.label} has no service {name[:40]!a} to run{hint}")


def runnable(env: Environment, release: Release, name: str, command: Sequence[str]) -> Service:
    """Return what shall run: a job as it is, or any service with a command of its own."""
    service = find(env, release, name)
    if command:
        escaped = [word.replace("$", "$$") for word in command]
        return replace(service, spec={**service.spec, "command": escaped})
    if service.role != "job":
        names = ", ".join(sorted(job.name for job in release.of("job"))) or "none"
        raise UsageError(
            f"{name} is no job and would not end; give it --command=..., or run a job ({names})"
        )
    return service


def job_of(release: Release, service: Service) -> Job:
    """Return a service as a job; what is none stands beside the one that serves."""
    beside = "" if service.role == "job" else secrets.token_hex(2)
    return Job(service, jobs.facts(release), None, beside)
