"""One-shot services: run to the end, their output handed over, removed afterwards."""

import json
import re
import time
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field

from slipway.cluster import stacks
from slipway.environments.environment import Environment
from slipway.errors import SlipwayError
from slipway.hosts.answers import reading
from slipway.hosts.host import MINUTES, Host, script
from slipway.progress import SILENT, Reporter
from slipway.releases import job_lines, run_claim, stack
from slipway.releases.application import Service
from slipway.releases.job_lines import OnLine
from slipway.releases.release import Release
from slipway.releases.task_failures import NOT_STARTED

POLL = 0.3
LONGEST_REST = 2.0  # between two looks at what has run for long
HEAR = 2.0  # seconds between looks at what a job says
RETRIES = 2  # where an engine could not start the container: nothing of it has run
STOPPED = "it was stopped from elsewhere"
ENDED = ("Complete", "Failed", "Rejected", "Orphaned", "Shutdown", "Remove")
CODE = re.compile(r"non-zero exit \((\d+)\)")

TASK = "docker stack ps \"$1\" --no-trunc --format '{{json .}}' | head -n 1"


class JobFailed(SlipwayError):
    """A one-shot service ended with another code than 0."""


@dataclass(frozen=True)
class Job:
    """A service that runs once: the variables it gets besides its own, how long it may take (None:
    for ever), and what tells it from the one that serves where it stands `beside` that."""

    service: Service
    facts: Mapping[str, str] = field(default_factory=dict)
    timeout: float | None = 10 * MINUTES
    beside: str = ""

    @property
    def name(self) -> str:
        """What it is called in its stack."""
        return f"{self.service.name}-{self.beside}" if self.beside else self.service.name


def facts(release: Release) -> dict[str, str]:
    """Return what a job is told of the release it runs for."""
    return {"RELEASE": str(release.number), "COMMIT": release.commit}


@dataclass(frozen=True)
class JobOutput:
    """How a job ended and what it printed, where nobody has heard it already."""

    succeeded: bool
    error: str
    lines: tuple[str, ...]

    @property
    def code(self) -> int:
        """What its program ended with; 1 for one that never ran."""
        match = CODE.search(self.error)
        return 0 if self.succeeded else int(match[1]) if match else 1


def run(
    manager: Host,
    env: Environment,
    release: Release,
    job: Job,
    reporter: Reporter = SILENT,
    on_line: OnLine | None = None,
) -> JobOutput:
    """Run a job in the environment, once, whatever the number of machines.

    `on_line` hears its lines as they come. Raises JobFailed when it has not ended in time,
    Busy where it runs already.
    """
    name = stack_of(env, job)
    description = stack.job_stack(env, release, job.service, job.facts, job.beside)
    claim = "" if job.beside else run_claim.take(manager, env.prefix, job.name)
    try:
        state, error = _attempt(manager, name, description, job, reporter, on_line)
        for _ in range(RETRIES):
            if error.startswith(NOT_STARTED):
                reporter.note(f"it did not run: {error}")
                state, error = _attempt(manager, name, description, job, reporter, on_line)
        lines = () if on_line else _lines(manager, f"{name}_{job.name}")
        succeeded = state == "Complete"
        return JobOutput(succeeded, error or ("" if succeeded else STOPPED), lines)
    finally:
        stacks.remove(manager, name)
        run_claim.release(manager, claim)


def start(manager: Host, env: Environment, release: Release, job: Job, timeout: float) -> JobOutput:
    """Start a job and return once it runs, or has ended. Raises JobFailed when it does neither."""
    name = stack_of(env, job)
    if not job.beside:
        run_claim.take(manager, env.prefix, job.name, is_let_go=True)
    stacks.remove(manager, name)
    description = stack.job_stack(env, release, job.service, job.facts, job.beside)
    stacks.deploy(manager, name, description)
    deadline = time.monotonic() + timeout
    while (end := look(manager, name))[0] not in (*ENDED, "Running"):
        if time.monotonic() > deadline:
            raise JobFailed(f"{name} does not start ({end[0].lower()}; {end[1] or 'no reason'})")
        time.sleep(POLL)
    return JobOutput(end[0] in ("Complete", "Running"), end[1], ())


def stack_of(env: Environment, job: Job) -> str:
    """Name the stack of a job."""
    return f"{env.prefix}-{f'r{job.beside}' if job.beside else job.name}"


def look(manager: Host, name: str) -> tuple[str, str]:
    """Return how the task of a stack of one job stands, and what the engine says of it."""
    line = script(manager, TASK, name, timeout=30).out.strip()
    with reading(manager.name, f"the task of {name}"):
        entry = json.loads(line) if line else {"CurrentState": "Pending", "Error": ""}
        error = str(entry["Error"]).strip('"').removeprefix("task: ")
        return str(entry["CurrentState"]).split(" ")[0], error


def _attempt(
    manager: Host,
    name: str,
    description: stack.Stack,
    job: Job,
    reporter: Reporter,
    on_line: OnLine | None,
) -> tuple[str, str]:
    stacks.remove(manager, name)  # left over by a run that was killed, or an attempt
    stacks.deploy(manager, name, description)
    service = f"{name}_{job.name}"
    following = job_lines.following(manager, service, on_line) if on_line else nullcontext()
    with following as lines:
        end = _wait(manager, name, job, reporter, is_heard=lines is not None)
        if lines is not None:
            lines.finish(manager, service)
        return end


def _wait(
    manager: Host, name: str, job: Job, reporter: Reporter, *, is_heard: bool
) -> tuple[str, str]:
    began = printed_at = time.monotonic()
    seen = ""
    while True:
        state, error = look(manager, name)
        if state in ENDED:
            return state, error
        now = time.monotonic()
        if state != seen:
            reporter.note(state.lower())
            seen = state
        elif not is_heard and now - printed_at > HEAR:
            printed_at = now
            if word := _last_word(manager, f"{name}_{job.name}"):
                reporter.note(word)
        if job.timeout is not None and now - began > job.timeout:
            raise JobFailed(f"{name} has not ended after {job.timeout:.0f} s ({state.lower()})")
        time.sleep(min(LONGEST_REST, POLL + (now - began) / 60))


def _lines(manager: Host, service: str) -> tuple[str, ...]:
    argv = ["timeout", "20", "docker", "service", "logs", "--raw", service]
    result = manager.run(argv, timeout=30, check=False)
    return tuple((result.out + result.err).strip().splitlines())


def _last_word(manager: Host, service: str) -> str:
    argv = ["timeout", "5", "docker", "service", "logs", "--raw", "--tail", "1", service]
    return manager.run(argv, timeout=10, check=False).out.strip()[:200]
