"""Whether a stack came up: every task healthy, or the reason why not with its last words."""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from slipway import shell_scripts
from slipway.errors import SlipwayError
from slipway.hosts.host import Host, script
from slipway.progress import Reporter
from slipway.releases.task_failures import Task, diagnose, explain

POLL = 0.25  # seconds between two looks
REST = 2  # or so many times what a look takes: a busy machine is not kept busy by being looked at
EXPLAIN_EVERY = 10.0  # seconds without a healthy stack, after which it is said what is in the way
FAILURES = 3  # a service whose tasks failed this often does not come up by itself
TERMINAL = ("Failed", "Rejected", "Orphaned", "Remove")

WATCH = shell_scripts.read(__file__, "health_watch.sh")
UPDATES = shell_scripts.read(__file__, "health_updates.sh")
GIVEN_UP = ("paused", "rollback_paused", "rollback_completed")


@dataclass(frozen=True)
class HealthProgress:
    """How far a stack is; counts are tasks."""

    running: int
    desired: int
    tasks: tuple[Task, ...]

    @property
    def is_healthy(self) -> bool:
        return self.running >= self.desired

    @property
    def failed(self) -> list[Task]:
        return [task for task in self.tasks if task.state in TERMINAL]

    @property
    def waiting(self) -> list[Task]:
        return [task for task in self.tasks if task.state not in ("Running", "Shutdown")]

    @property
    def failures(self) -> frozenset[str]:
        """The ids of the tasks that failed."""
        return frozenset(task.ident for task in self.failed)


class NotHealthy(SlipwayError):
    """A stack did not come up; the text ends with the last lines of a container."""


def wait(
    manager: Host,
    stack: str,
    timeout: float,
    reporter: Reporter,
    *,
    steady: float = 0,
    hosts: Sequence[Host] = (),
) -> frozenset[str]:
    """Wait until every service of a new stack has had all its tasks healthy for `steady` seconds.

    A task that fails within them begins them again. Returns the ids of the tasks that failed
    before it became healthy. Raises NotHealthy when tasks keep failing or
    the time is over.
    """
    deadline = time.monotonic() + timeout + steady
    healthy_since: float | None = None
    failures: frozenset[str] = frozenset()
    seen, explained = "", time.monotonic()
    while True:
        looked = time.monotonic()
        progress = look(manager, stack)
        now = time.monotonic()
        is_steady = progress.is_healthy and progress.failures <= failures
        healthy_since = (healthy_since or now) if is_steady else None
        failures |= progress.failures
        if healthy_since is not None and now - healthy_since >= steady:
            return failures
        text = f"{progress.running} of {progress.desired} healthy"
        if text != seen:
            reporter.note(text)
            seen = text
        if not progress.is_healthy and now - explained > EXPLAIN_EVERY:
            explained = now
            _note_reasons(progress, hosts or [manager], reporter)
        failed = progress.failed
        if len(failed) >= FAILURES:
            raise NotHealthy(explain(manager, failed, hosts))
        if time.monotonic() > deadline:
            reason = explain(manager, failed or progress.waiting, hosts)
            raise NotHealthy(f"not healthy after {timeout:.0f} s: {reason}")
        time.sleep(_rest(looked))


def hold(
    manager: Host,
    stack: str,
    seconds: float,
    failures: frozenset[str],
    hosts: Sequence[Host] = (),
) -> None:
    """Watch a healthy stack for so long; `failures` are the ids of tasks that failed before.

    Raises NotHealthy as soon as one more has failed.
    """
    until = time.monotonic() + seconds
    while True:
        looked = time.monotonic()
        demand_healthy(manager, stack, failures, hosts)
        now = time.monotonic()
        if now >= until:
            return
        time.sleep(min(_rest(looked), until - now))


def demand_healthy(
    manager: Host, stack: str, failures: frozenset[str], hosts: Sequence[Host] = ()
) -> None:
    """Raise NotHealthy unless every task runs and none but `failures` has failed."""
    progress = look(manager, stack)
    fresh = [task for task in progress.failed if task.ident not in failures]
    if fresh or not progress.is_healthy:
        reason = explain(manager, fresh or progress.waiting, hosts)
        raise NotHealthy(f"it was healthy, then {reason}")


def look(manager: Host, stack: str) -> HealthProgress:
    """Read the state of a stack once; a stack that is not there is complete."""
    services: list[int] = []
    tasks: list[Task] = []
    for line in script(manager, WATCH, stack, timeout=30).out.splitlines():
        word, _, text = line.partition("\t")
        entry = json.loads(text)
        if word == "service":
            services.append(int(entry["Replicas"].split(" ")[0].partition("/")[2]))
        else:
            tasks.append(_task(entry))
    # Docker's own count includes tasks that are being stopped.
    expected = [task for task in tasks if task.desired_state == "Running"]
    running = sum(task.state == "Running" for task in expected)
    desired = sum(services) if services else len(expected)
    return HealthProgress(running, desired, tuple(tasks))


def _rest(looked: float) -> float:
    return max(POLL, REST * (time.monotonic() - looked))


def _note_reasons(progress: HealthProgress, hosts: Sequence[Host], reporter: Reporter) -> None:
    waiting = [task for task in progress.tasks if task.state == "Starting"]
    for task in waiting[:1]:
        for reason in diagnose(task, hosts):
            reporter.note(f"{task.service}: {reason}")


def _task(entry: Mapping[str, str]) -> Task:
    return Task(
        service=entry["Name"].rpartition(".")[0],
        node=entry["Node"],
        state=entry["CurrentState"].split(" ")[0],
        desired_state=entry["DesiredState"],
        error=entry["Error"].strip('"'),
        ident=entry["ID"],
    )


def updates(manager: Host, stack: str) -> frozenset[str]:
    """Read the last update of each service: how it stands, and when it began."""
    lines = script(manager, UPDATES, stack, timeout=30).out.splitlines()
    return frozenset(line for line in lines if line)


def settle(manager: Host, stack: str, timeout: float, before: frozenset[str] = frozenset()) -> None:
    """Wait until the services of a stack that stays have taken their new description.

    Reads UpdateStatus, since Docker's own exit codes call a rolled-back update a success; updates
    that were there `before` say nothing of this one. Raises NotHealthy.
    """
    deadline = time.monotonic() + timeout
    calm = 0
    rest = POLL
    earlier: frozenset[str] | None = None  # tasks that had failed before
    while calm < 2:  # the update of a service that was just described begins a moment later
        time.sleep(rest)
        looked = time.monotonic()
        states = [update.split()[0] for update in updates(manager, stack) - before]
        progress = look(manager, stack)
        rest = _rest(looked)
        earlier = progress.failures if earlier is None else earlier
        fresh = [task for task in progress.failed if task.ident not in earlier]
        ended = [state for state in states if state in GIVEN_UP]
        if ended and not _is_tried_again(ended, fresh):
            reason = explain(manager, progress.failed) if progress.failed else stack
            raise NotHealthy(f"{reason}\n    (the update ended as {ended[0]})")
        if len(fresh) >= FAILURES:
            raise NotHealthy(explain(manager, fresh))
        is_moving = any(state in ("updating", "rollback_started") for state in states)
        calm = calm + 1 if progress.is_healthy and not is_moving else 0
        if time.monotonic() > deadline:
            failed = progress.failed or [t for t in progress.tasks if t.state != "Running"]
            raise NotHealthy(f"not settled after {timeout:.0f} s: {explain(manager, failed)}")


def _is_tried_again(ended: Sequence[str], failed: Sequence[Task]) -> bool:
    """Whether an update stopped only because an engine could not start a container.

    The Swarm tries again what is missing all the same, here a service's one task.
    """
    has_paused = set(ended) == {"paused"}
    return has_paused and bool(failed) and all(task.has_not_started for task in failed)
