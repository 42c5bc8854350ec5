"""Whether the services of the hacking loop are what a deploy would call ready."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from slipway.edge import questions
from slipway.errors import last_line
from slipway.hosts.host import CommandResult
from slipway.releases import compose_labels, readiness, secret_variables
from slipway.releases.readiness import Readiness

PATIENCE = 15.0
POLL = 0.5

Ask = Callable[[str, Sequence[str]], CommandResult]  # of a service, to run a command in it


def complaints(
    model: Mapping[str, Any], ask: Ask, ports: Mapping[str, int], patience: float = PATIENCE
) -> Iterator[str]:
    """Say of each service of the loop's files that is not ready what it answers at last.

    `ports` are those of the services that routes lead to.
    """
    deadline = time.monotonic() + patience
    services: Mapping[str, Any] = model.get("services") or {}
    roles = {name: compose_labels.of(spec).get("slipway.role") for name, spec in services.items()}
    edge = next((name for name, role in roles.items() if role == "edge"), "")
    for name, spec in services.items():
        if roles[name] != "colour" or spec.get("profiles"):
            continue
        labels = compose_labels.of(spec)
        try:
            ready = readiness.of(labels, is_routed=name in ports)
        except ValueError as error:
            yield f"{name}: {readiness.LABEL}: {error}"
            continue
        port = int(labels.get("slipway.port") or ports.get(name, 0))
        inner = partial(_ask_with_variables, ask, spec) if ready.kind == "command" else ask
        if answer := _answer(inner, edge, name, ready, port, deadline):
            yield f"a deploy would not take {name} as it is: {answer}; {readiness.advice(name)}"


def _ask_with_variables(
    ask: Ask, spec: Mapping[str, Any], service: str, argv: Sequence[str]
) -> CommandResult:
    return ask(service, [*secret_variables.before(spec), *argv])


def _answer(ask: Ask, edge: str, name: str, ready: Readiness, port: int, deadline: float) -> str:
    """Return what a service answers that is not ready; nothing of one that is."""
    if ready.kind == "command":
        where, argv, question = name, list(ready.command), f"`{' '.join(ready.command)}`"
    elif ready.is_asked_by_the_edge and edge:
        one = ready.question(name, name, port)
        where, question = edge, one.address
        argv = ["sh", "-euc", questions.ASK, "sh", one.address, one.statuses]
    else:
        return ""
    while (result := ask(where, argv)).code != 0:
        if time.monotonic() > deadline:
            answer = last_line(result.err or result.out or f"it ended with {result.code}")
            return f"{question}: {answer.partition(chr(9))[2] or answer}"
        time.sleep(POLL)
    return ""
