"""Jobs of the release phase: each runs once, before the colour is filled; the application's own
way to migrate is one."""

from collections.abc import Sequence

from slipway.environments.environment import Environment
from slipway.errors import SlipwayError
from slipway.hosts.host import Host
from slipway.progress import Reporter
from slipway.releases import compose_labels, jobs, stack, task_failures
from slipway.releases.application import Service
from slipway.releases.release import Release


def of(release: Release) -> list[Service]:
    """Return the jobs of a release's phase, in the order of their names."""
    services = sorted(release.of("job"), key=lambda service: service.name)
    return [one for one in services if compose_labels.of(one.spec).get("slipway.phase")]


def may_migrate(env: Environment, release: Release, live: Release) -> bool:
    """Whether a job that reaches the database is another one than in the release that serves."""
    return any(
        "data" in (job.spec.get("networks") or {})
        and stack.job_digest(env, release, job.name) != stack.job_digest(env, live, job.name)
        for job in of(release)
    )


def describe(services: Sequence[Service]) -> str:
    """Say what will run, for a plan."""
    return f"run {', then '.join(service.name for service in services)}, once"


def run(manager: Host, env: Environment, release: Release, reporter: Reporter) -> str:
    """Run them one after the other. Raises SlipwayError with the last lines of one that fails."""
    summaries = []
    for service in of(release):
        facts = jobs.facts(release)
        job = jobs.Job(service, facts, timeout=env.number("MIGRATION_TIMEOUT"))
        outcome = jobs.run(manager, env, release, job, reporter)
        if not outcome.succeeded:
            lines = "".join(f"\n    {line}" for line in outcome.lines[-task_failures.LOG_LINES :])
            raise SlipwayError(f"{service.name} failed ({outcome.error}){lines}")
        summaries.append(f"{service.name}: {outcome.lines[-1] if outcome.lines else 'done'}")
    return "; ".join(summaries)
