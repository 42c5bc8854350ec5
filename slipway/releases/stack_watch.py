"""How far a stack is, looked at again and again: its tasks, and the updates of its services."""

import contextlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from slipway import shell_scripts
from slipway.cluster import engine_api
from slipway.cluster.engine_api import FAILURES, EngineApi
from slipway.hosts.answers import reading
from slipway.hosts.host import Host, script
from slipway.progress import Lane
from slipway.releases.task_failures import Task

TERMINAL = ("Failed", "Rejected", "Orphaned", "Remove")
STARTING = ("Assigned", "Accepted", "Preparing", "Ready", "Starting")
STACK = "com.docker.stack.namespace"

WATCH = shell_scripts.read(__file__, "stack_watch.sh")
UPDATES = shell_scripts.read(__file__, "stack_updates.sh")


@dataclass(frozen=True)
class StackState:
    """How far a stack is; counts are tasks. Of each update: how it stands, and when it began."""

    running: int
    desired: int
    tasks: tuple[Task, ...]
    updates: frozenset[str] = frozenset()

    @property
    def is_healthy(self) -> bool:
        return self.running >= self.desired

    @property
    def failed(self) -> list[Task]:
        return [task for task in self.tasks if task.state in TERMINAL]

    @property
    def lanes(self) -> list[Lane]:
        """How far each machine is with the tasks that it should run."""
        tasks: dict[str, list[Task]] = {}
        for task in self.tasks:
            if task.desired_state == "Running" and task.node:
                tasks.setdefault(task.node, []).append(task)
        return [_lane(node, each) for node, each in sorted(tasks.items())]

    @property
    def waiting(self) -> list[Task]:
        return [task for task in self.tasks if task.state not in ("Running", "Shutdown")]

    @property
    def failures(self) -> frozenset[str]:
        """The ids of the tasks that failed."""
        return frozenset(task.ident for task in self.failed)

    def is_starting_beside(self, failed: Sequence[Task]) -> bool:
        """Whether another service than those that failed is not up yet."""
        names = {task.service for task in failed}
        return any(
            task.desired_state == "Running" and task.state in STARTING and task.service not in names
            for task in self.tasks
        )


def _lane(node: str, tasks: Sequence[Task]) -> Lane:
    """Say what one machine waits for: its replicas that are not healthy yet, by their service."""
    waiting = [task for task in tasks if task.state != "Running"]
    names = sorted({task.name for task in waiting})
    doing = f"starts {', '.join(names)}" if names else "healthy"
    return Lane(node, doing, len(tasks) - len(waiting), len(tasks), "replicas")


class StackWatch:
    """Looks at one stack by a connection to the engine's API, kept for a block.

    Where there is none, or it breaks, each look is a command of its own, which knows the other
    managers and says what is wrong.
    """

    def __init__(self, manager: Host, stack: str) -> None:
        self._manager, self._stack = manager, stack
        self._block = contextlib.ExitStack()
        self._api: EngineApi | None = None
        self._hostnames: Mapping[str, str] = {}

    def __enter__(self) -> Self:
        with contextlib.suppress(*FAILURES):
            self._api = self._block.enter_context(engine_api.dialled(self._manager))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._hang_up(error)

    def look(self) -> StackState:
        """Read the state of the stack; one that is not there is complete."""
        if self._api is not None:
            try:
                return self._ask(self._api)
            except FAILURES as error:
                self._hang_up(error)
        return _look_by_command(self._manager, self._stack)

    def _hang_up(self, error: BaseException | None) -> None:
        self._api = None
        with contextlib.suppress(*FAILURES):
            self._block.__exit__(type(error) if error else None, error, None)

    def _ask(self, api: EngineApi) -> StackState:
        label = f"{STACK}={self._stack}"
        services, tasks = api.services(label), api.tasks(label)
        if any(task.get("NodeID", "") not in self._hostnames for task in tasks):
            nodes = {node["ID"]: node["Description"]["Hostname"] for node in api.nodes()}
            self._hostnames = {"": "", **nodes}
        names = {service["ID"]: service["Spec"]["Name"] for service in services}
        desired = sum(service["ServiceStatus"]["DesiredTasks"] for service in services)
        updates = (service.get("UpdateStatus") or {} for service in services)
        return _state(
            [_api_task(task, names, self._hostnames) for task in tasks],
            desired,
            [f"{one['State']} {json.dumps(one['StartedAt'])}" for one in updates if one],
        )


def look(manager: Host, stack: str) -> StackState:
    """Read the state of a stack once; one that is not there is complete."""
    with StackWatch(manager, stack) as watch:
        return watch.look()


def _look_by_command(manager: Host, stack: str) -> StackState:
    services: list[int] = []
    tasks: list[Task] = []
    updates: list[str] = []
    lines = script(manager, UPDATES + WATCH, stack, timeout=30).out.splitlines()
    with reading(manager.name, f"the state of {stack}"):
        for word, _, text in (line.partition("\t") for line in lines):
            if not text:
                continue
            if word == "update":
                updates.append(text)
            elif word == "service":
                entry = json.loads(text)
                services.append(int(entry["Replicas"].split(" ")[0].partition("/")[2]))
            else:
                tasks.append(_task(json.loads(text)))
    return _state(tasks, sum(services) if services else None, updates)


def _state(tasks: Sequence[Task], desired: int | None, updates: Sequence[str]) -> StackState:
    # Docker's own count includes tasks that are being stopped.
    expected = [task for task in tasks if task.desired_state == "Running"]
    running = sum(task.state == "Running" for task in expected)
    count = len(expected) if desired is None else desired
    return StackState(running, count, tuple(tasks), frozenset(updates))


def _task(entry: Mapping[str, str]) -> Task:
    return Task(
        service=entry["Name"].rpartition(".")[0],
        node=entry["Node"],
        state=entry["CurrentState"].split(" ")[0],
        desired_state=entry["DesiredState"],
        error=entry["Error"].strip('"'),
        ident=entry["ID"],
    )


def _api_task(
    task: Mapping[str, Any], services: Mapping[str, str], hostnames: Mapping[str, str]
) -> Task:
    return Task(
        service=services.get(task["ServiceID"], task["ServiceID"]),
        node=hostnames.get(task.get("NodeID", ""), ""),
        state=task["Status"]["State"].capitalize(),
        desired_state=task["DesiredState"].capitalize(),
        error=task["Status"].get("Err", ""),
        ident=task["ID"],
    )
