"""One-shot services: run to the end, their output handed over, removed afterwards."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from slipway.cluster import stacks
from slipway.environments.environment import Environment
from slipway.errors import SlipwayError
from slipway.hosts.answers import reading
from slipway.hosts.host import MINUTES, Host, script
from slipway.progress import SILENT, Reporter
from slipway.releases import stack
from slipway.releases.application import Service
from slipway.releases.release import Release
from slipway.releases.task_failures import NOT_STARTED

POLL = 0.3
HEAR = 2.0  # seconds between looks at what a job says
RETRIES = 2  # where an engine could not start the container: nothing of it has run
ENDED = ("Complete", "Failed", "Rejected", "Orphaned", "Shutdown")

TASK = "docker stack ps \"$1\" --no-trunc --format '{{json .}}' | head -n 1"


class JobFailed(SlipwayError):
    """A one-shot service ended with another code than 0."""


@dataclass(frozen=True)
class Job:
    """A service of role job: the variables it gets besides its own, and how long it may take."""

    service: Service
    facts: Mapping[str, str] = field(default_factory=dict)
    timeout: float = 10 * MINUTES


@dataclass(frozen=True)
class JobOutput:
    """How a job ended and what it printed."""

    succeeded: bool
    error: str
    lines: tuple[str, ...]


def run(
    manager: Host, env: Environment, release: Release, job: Job, reporter: Reporter = SILENT
) -> JobOutput:
    """Run a job in the environment, once, whatever the number of machines.

    Raises JobFailed when it has not ended in time.
    """
    name = f"{env.prefix}-{job.service.name}"
    description = stack.job_stack(env, release, job.service, job.facts)
    try:
        state, error = _attempt(manager, name, description, job, reporter)
        for _ in range(RETRIES):
            if error.startswith(NOT_STARTED):
                reporter.note(f"it did not run: {error}")
                state, error = _attempt(manager, name, description, job, reporter)
        argv = ["docker", "service", "logs", "--raw", f"{name}_{job.service.name}"]
        result = manager.run(["timeout", "20", *argv], timeout=30, check=False)
        lines = tuple((result.out + result.err).strip().splitlines())
        return JobOutput(state == "Complete", error, lines)
    finally:
        stacks.remove(manager, name)


def _attempt(
    manager: Host, name: str, description: stack.Stack, job: Job, reporter: Reporter
) -> tuple[str, str]:
    stacks.remove(manager, name)  # left over by a run that was killed, or an attempt
    stacks.deploy(manager, name, description)
    return _wait(manager, name, job, reporter)


def _wait(manager: Host, name: str, job: Job, reporter: Reporter) -> tuple[str, str]:
    deadline = time.monotonic() + job.timeout
    printed_at = time.monotonic()
    seen = ""
    while True:
        line = script(manager, TASK, name, timeout=30).out.strip()
        with reading(manager.name, f"the task of {name}"):
            entry = json.loads(line) if line else {"CurrentState": "Pending", "Error": ""}
            state, error = str(entry["CurrentState"]).split(" ")[0], str(entry["Error"])
        if state in ENDED:
            return state, error.strip('"').removeprefix("task: ")
        if state != seen:
            reporter.note(state.lower())
            seen = state
        elif time.monotonic() - printed_at > HEAR:
            printed_at = time.monotonic()
            if word := _last_word(manager, f"{name}_{job.service.name}"):
                reporter.note(word)
        if time.monotonic() > deadline:
            raise JobFailed(f"{name} has not ended after {job.timeout:.0f} s ({state.lower()})")
        time.sleep(POLL)


def _last_word(manager: Host, service: str) -> str:
    argv = ["timeout", "5", "docker", "service", "logs", "--raw", "--tail", "1", service]
    return manager.run(argv, timeout=10, check=False).out.strip()[:200]
