"""Whether a stack came up: every task healthy, or the reason why not with its last words."""

import time
from collections.abc import Sequence
from dataclasses import replace

from slipway.cluster.node import Node
from slipway.errors import SlipwayError
from slipway.hosts.host import Host
from slipway.progress import Lane, Reporter
from slipway.releases import stack_watch
from slipway.releases.stack_watch import StackState, StackWatch
from slipway.releases.task_failures import Task, diagnose, explain

POLL = 0.25  # seconds between two looks
SOON = 0.1  # where a deploy waits for nothing else
REST = 2  # or so many times what a look takes: a busy machine is not kept busy by being looked at
EXPLAIN_EVERY = 10.0  # seconds without a healthy stack, after which it is said what is in the way
FAILURES = 3  # a service whose tasks failed this often does not come up by itself
MOVING = {"updating", "rollback_started"}
GIVEN_UP = {"paused", "rollback_paused", "rollback_completed"}


class NotHealthy(SlipwayError):
    """A stack did not come up; the text ends with the last lines of a container."""


class LaneReporter:
    """Reports the machines that got further with a stack, or that lost something of it."""

    def __init__(self, reporter: Reporter, nodes: Sequence[Node] = ()) -> None:
        """`nodes` say what the machines are called."""
        self._reporter = reporter
        self._names = {node.hostname: node.name for node in nodes}
        self._lanes: set[Lane] = set()  # as they were reported last

    def report(self, state: StackState) -> None:
        """Report what is another than at the last look."""
        lanes = {
            replace(lane, machine=self._names.get(lane.machine, lane.machine))
            for lane in state.lanes
        }
        for lane in sorted(lanes - self._lanes, key=lambda lane: lane.machine):
            self._reporter.lane(lane)
        self._lanes = lanes


class HealthWatch:
    """Watches one stack on its way to users, and with them.

    It remembers since when that is healthy, and which of its tasks failed before. What is done
    between two looks counts as watched: a task that failed meanwhile is still seen.
    """

    def __init__(
        self, stack: str, timeout: float, reporter: Reporter, nodes: Sequence[Node] = ()
    ) -> None:
        self._stack, self._timeout, self._reporter = stack, timeout, reporter
        self._lanes = LaneReporter(reporter, nodes)
        self._since: float | None = None
        self._failures: frozenset[str] = frozenset()  # ids of tasks

    def wait(
        self, manager: Host, steady: float = 0, hosts: Sequence[Host] = (), *, least: int = 0
    ) -> None:
        """Wait until every service has had all its tasks healthy for `steady` seconds.

        There are `least` of them, since a Swarm wants none of a service of each machine at first. A
        task that fails within them begins them again. Raises NotHealthy when tasks keep failing or
        the time is over.
        """
        deadline = time.monotonic() + self._timeout + steady
        seen, explained = "", time.monotonic()
        with StackWatch(manager, self._stack) as watch:
            while True:
                looked = time.monotonic()
                state = watch.look()
                self._lanes.report(state)
                now = time.monotonic()
                is_up = state.is_healthy and state.desired >= least
                is_steady = is_up and state.failures <= self._failures
                self._since = (self._since or now) if is_steady else None
                self._failures |= state.failures
                if self._since is not None and now - self._since >= steady:
                    return
                text = f"{state.running} of {state.desired} healthy"
                if text != seen:
                    self._reporter.note(text)
                    seen = text
                if not state.is_healthy and now - explained > EXPLAIN_EVERY:
                    explained = now
                    _note_reasons(state, hosts or [manager], self._reporter)
                own = [task for task in state.failed if not task.is_too_early]
                if len(own) >= FAILURES:
                    raise NotHealthy(explain(manager, own, hosts))
                if time.monotonic() > deadline:
                    reason = explain(manager, state.failed or state.waiting, hosts)
                    raise NotHealthy(f"not healthy after {self._timeout:.0f} s: {reason}")
                time.sleep(_rest(looked, SOON))

    def begin(self) -> None:
        """Count the seconds from now: it has users."""
        self._since = time.monotonic()

    def hold(self, manager: Host, seconds: float, hosts: Sequence[Host] = ()) -> None:
        """See that no more tasks fail until it has had users for so long. Raises NotHealthy."""
        until = (self._since or time.monotonic()) + seconds
        with StackWatch(manager, self._stack) as watch:
            while True:
                looked = time.monotonic()
                self._demand(watch.look(), manager, hosts)
                now = time.monotonic()
                if now >= until:
                    return
                time.sleep(min(_rest(looked, POLL), until - now))

    def demand(self, manager: Host, hosts: Sequence[Host] = ()) -> None:
        """Raise NotHealthy unless every task runs and no more have failed."""
        self._demand(stack_watch.look(manager, self._stack), manager, hosts)

    def _demand(self, state: StackState, manager: Host, hosts: Sequence[Host]) -> None:
        fresh = [task for task in state.failed if task.ident not in self._failures]
        if fresh or not state.is_healthy:
            reason = explain(manager, fresh or state.waiting, hosts)
            raise NotHealthy(f"it was healthy, then {reason}")


def _rest(looked: float, least: float) -> float:
    return max(least, REST * (time.monotonic() - looked))


def _note_reasons(state: StackState, hosts: Sequence[Host], reporter: Reporter) -> None:
    waiting = [task for task in state.tasks if task.state == "Starting"]
    for task in waiting[:1]:
        for reason in diagnose(task, hosts):
            reporter.note(f"{task.service}: {reason}")


def settle(
    manager: Host,
    stack: str,
    timeout: float,
    before: StackState,
    lanes: LaneReporter | None = None,
) -> None:
    """Wait until the services of a stack that stays have taken their new description.

    Reads UpdateStatus, since Docker's own exit codes call a rolled-back update a success. `before`
    is how the stack was until then: its updates and failures say nothing of this one, and whatever
    failed since does, also before the first look. Raises NotHealthy.

    All services start at once, and one may end until another answers, as an application without
    its database: what fails beside one that still starts is no reason yet.
    """
    deadline = time.monotonic() + timeout
    calm = 0
    excused: frozenset[str] = frozenset()
    rest = POLL
    with StackWatch(manager, stack) as watch:
        while calm < 2:  # the update of a service that was just described begins a moment later
            time.sleep(rest)
            looked = time.monotonic()
            state = watch.look()
            rest = _rest(looked, POLL)
            if lanes:
                lanes.report(state)
            stages = {update.split()[0] for update in state.updates - before.updates}
            fresh = [task for task in state.failed if task.ident not in before.failures]
            ended = sorted(stages & GIVEN_UP)
            if ended and not _is_tried_again(ended, fresh):
                reason = explain(manager, state.failed) if state.failed else stack
                raise NotHealthy(f"{reason}\n    (the update ended as {ended[0]})")
            if state.is_starting_beside(fresh):
                excused |= {task.ident for task in fresh}
            own = [task for task in fresh if task.ident not in excused]
            if len(own) >= FAILURES:
                raise NotHealthy(explain(manager, own))
            is_moving = bool(stages & MOVING)
            calm = calm + 1 if state.is_healthy and not is_moving else 0
            if time.monotonic() > deadline:
                failed = state.failed or [t for t in state.tasks if t.state != "Running"]
                raise NotHealthy(f"not settled after {timeout:.0f} s: {explain(manager, failed)}")


def _is_tried_again(ended: Sequence[str], failed: Sequence[Task]) -> bool:
    """Whether an update stopped only because an engine could not start a container.

    The Swarm tries again what is missing all the same, here a service's one task.
    """
    has_paused = ended == ["paused"]
    return has_paused and bool(failed) and all(task.has_not_started for task in failed)
