"""Whether a stack came up: every task healthy, or the reason why not with its last words."""

import time
from collections.abc import Sequence

from slipway.errors import SlipwayError
from slipway.hosts.host import Host
from slipway.progress import Reporter
from slipway.releases import stack_watch
from slipway.releases.stack_watch import StackState, StackWatch
from slipway.releases.task_failures import Task, diagnose, explain

POLL = 0.25  # seconds between two looks
REST = 2  # or so many times what a look takes: a busy machine is not kept busy by being looked at
EXPLAIN_EVERY = 10.0  # seconds without a healthy stack, after which it is said what is in the way
FAILURES = 3  # a service whose tasks failed this often does not come up by itself
GIVEN_UP = {"paused", "rollback_paused", "rollback_completed"}


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
    with StackWatch(manager, stack) as watch:
        while True:
            looked = time.monotonic()
            state = watch.look()
            now = time.monotonic()
            is_steady = state.is_healthy and state.failures <= failures
            healthy_since = (healthy_since or now) if is_steady else None
            failures |= state.failures
            if healthy_since is not None and now - healthy_since >= steady:
                return failures
            text = f"{state.running} of {state.desired} healthy"
            if text != seen:
                reporter.note(text)
                seen = text
            if not state.is_healthy and now - explained > EXPLAIN_EVERY:
                explained = now
                _note_reasons(state, hosts or [manager], reporter)
            if len(state.failed) >= FAILURES:
                raise NotHealthy(explain(manager, state.failed, hosts))
            if time.monotonic() > deadline:
                reason = explain(manager, state.failed or state.waiting, hosts)
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
    with StackWatch(manager, stack) as watch:
        while True:
            looked = time.monotonic()
            _demand_healthy(watch.look(), manager, failures, hosts)
            now = time.monotonic()
            if now >= until:
                return
            time.sleep(min(_rest(looked), until - now))


def demand_healthy(
    manager: Host, stack: str, failures: frozenset[str], hosts: Sequence[Host] = ()
) -> None:
    """Raise NotHealthy unless every task runs and none but `failures` has failed."""
    _demand_healthy(stack_watch.look(manager, stack), manager, failures, hosts)


def _demand_healthy(
    state: StackState, manager: Host, failures: frozenset[str], hosts: Sequence[Host]
) -> None:
    fresh = [task for task in state.failed if task.ident not in failures]
    if fresh or not state.is_healthy:
        reason = explain(manager, fresh or state.waiting, hosts)
        raise NotHealthy(f"it was healthy, then {reason}")


def _rest(looked: float) -> float:
    return max(POLL, REST * (time.monotonic() - looked))


def _note_reasons(state: StackState, hosts: Sequence[Host], reporter: Reporter) -> None:
    waiting = [task for task in state.tasks if task.state == "Starting"]
    for task in waiting[:1]:
        for reason in diagnose(task, hosts):
            reporter.note(f"{task.service}: {reason}")


def settle(manager: Host, stack: str, timeout: float, before: StackState) -> None:
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
            rest = _rest(looked)
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
            is_moving = bool(stages & {"updating", "rollback_started"})
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
