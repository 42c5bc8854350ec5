"""Why a task is not well: its state, its health check, its memory, the last lines it printed."""

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from slipway import errors, shell_scripts
from slipway.errors import UNREADABLE
from slipway.hosts import parallel
from slipway.hosts.host import Host
from slipway.releases import secret_variables

LOG_LINES = 12
KILLED = 137
CHECKED = "its health check"
# Of an engine that has only just started, or that has the network of that name which was removed.
TOO_EARLY = ("cannot create a swarm scoped network", "no configured subnet or ip-range contain")
NOT_STARTED = "starting container failed"  # how the engine begins what it says of itself

CONTAINER = shell_scripts.read(__file__, "task_container.sh")

# The Swarm has no log of a task that has not been well yet; its machine has.
LOG_HERE = f"""
id=$(docker ps -aq --filter "label=com.docker.swarm.service.name=$1" | head -n 1)
[ -z "$id" ] || docker logs --tail {LOG_LINES} "$id"
"""


@dataclass(frozen=True)
class Task:
    """One attempt to run a container of a service."""

    service: str
    node: str
    state: str
    desired_state: str
    error: str
    ident: str = ""

    @property
    def name(self) -> str:
        """What compose files call its service."""
        return self.service.rpartition("_")[2].removesuffix("-blue").removesuffix("-green")

    @property
    def is_too_early(self) -> bool:
        """Whether its machine knew too little of the Swarm yet, which tries it again."""
        return any(reason in self.error for reason in TOO_EARLY)

    @property
    def has_not_started(self) -> bool:
        """Whether the engine did not get as far as running it, which is worth another try."""
        return self.error.startswith(NOT_STARTED)


def explain(manager: Host, tasks: Sequence[Task], hosts: Sequence[Host] = ()) -> str:
    """Say what became of the first of the tasks, as the host that has its container knows."""
    if not tasks:
        return "no task could be placed; has a machine room and the right label?"
    first, hosts = tasks[0], hosts or [manager]
    text = f"{first.service} on {first.node or 'no machine'} is {first.state.lower()}"
    if first.error:
        text += f" ({errors.reason(first.error.removeprefix('task: '))})"
    reasons = [f"    {reason}" for reason in diagnose(first, hosts)]
    if any(reason.lstrip().startswith(CHECKED) for reason in reasons):
        reasons.append(f"    the check is services.{first.name}.healthcheck of the compose files,")
        reasons[-1] += " or without one HEALTHCHECK of the image"
    lines = last_words(manager, first.service, hosts, task=first.ident)
    return "\n".join([text, *reasons, *(f"    {line}" for line in lines)])


def diagnose(task: Task, hosts: Sequence[Host]) -> list[str]:
    """Say what its container shows that its state does not: a failing check, too little memory."""

    def ask(host: Host) -> str:
        argv = ["sh", "-euc", CONTAINER, "sh", task.ident]
        return host.run(argv, timeout=15, check=False).out.strip()

    texts = [text for text in parallel.attempt(hosts, ask) if isinstance(text, str) and text]
    try:
        return reasons(json.loads(texts[0])) if texts else []
    except UNREADABLE:
        return []  # what it shows only adds to what is known


def reasons(container: Mapping[str, Any]) -> list[str]:
    """Read what task_container.sh prints."""
    state, limit, sentences = container["state"], int(container["limit"] or 0), []
    memory = (
        f"its limit is {limit >> 20} MB" if limit else "it has no limit, so the machine ran out"
    )
    if state.get("OOMKilled"):
        sentences.append(f"out of memory: {memory}")
    elif state.get("ExitCode") == KILLED:
        why = f"; out of memory? {memory[0].upper()}{memory[1:]}" if limit else ""
        sentences.append(f"it was killed (signal 9){why}")
    failing = [each for each in (state.get("Health") or {}).get("Log") or () if each["ExitCode"]]
    if failing:
        check, last = container["check"] or {}, failing[-1]
        test = secret_variables.without(check.get("Test") or ["?"])
        command = shlex.join(test).removeprefix("CMD ")
        output = (str(last["Output"]).strip().splitlines() or ["it printed nothing"])[-1]
        sentences.append(f"{CHECKED} `{command}` ended with {last['ExitCode']}: {output}")
    return sentences


def last_words(manager: Host, service: str, hosts: Sequence[Host], *, task: str = "") -> list[str]:
    """Return the last lines that the containers of a service printed, or that of one task.

    The Swarm has no log of a container that was never well; the host it was on still has it.
    """
    argv = ["docker", "service", "logs", "--raw", "--tail", str(LOG_LINES), task or service]
    result = manager.run(["timeout", "8", *argv], timeout=15, check=False)
    for host in hosts:
        if (result.out + result.err).strip():
            break
        result = host.run(["sh", "-c", LOG_HERE, "sh", service], timeout=15, check=False)
    return (result.out + result.err).strip().splitlines()[-LOG_LINES:]
