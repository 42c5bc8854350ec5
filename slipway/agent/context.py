"""What a verb works with: what it was given, who is told, where backups live."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from slipway.agent.channel import Channel
from slipway.plan import Plan
from slipway.progress import Reporter
from slipway.storage.store import Store

PROGRESS_EVERY = 0.2


@dataclass(frozen=True)
class Context:
    """One request; values of `given` are what JSON can hold."""

    given: Mapping[str, Any]
    report: Reporter
    store: Callable[[], Store]


class Command(Protocol):
    """A function that does one thing to the environment's database; its result is JSON."""

    def __call__(self, work: Context, /) -> dict[str, Any]: ...


class ChannelReporter:
    """Tells a person at the other end of a channel; progress a few times a second at most."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._told = 0.0

    def note(self, text: str) -> None:
        self._channel.send("note", text=text)

    def progress(self, label: str, current: int, total: int) -> None:
        now = time.monotonic()
        if now - self._told >= PROGRESS_EVERY:
            self._told = now
            self._channel.send("progress", what=label, done=current, total=total)

    def started(self, step: str, describe: str) -> None:
        self._channel.send("step", event="started", step=step, text=describe)

    def finished(self, step: str, result: str) -> None:
        self._channel.send("step", event="finished", step=step, text=result)

    def failed(self, step: str, *, interrupted: bool) -> None:
        self._channel.send("step", event="failed", step=step, text="yes" if interrupted else "")

    def undone(self, step: str) -> None:
        self._channel.send("step", event="undone", step=step, text="")


def plan_document(plan: Plan, notes: Sequence[str]) -> dict[str, Any]:
    """Return what a change would do, as a client shows it."""
    steps = [(step.name, step.describe) for step in plan.steps]
    return {"steps": steps, "notes": list(notes), "summary": f"it would {plan.title}"}


def summary(result: Mapping[str, Any]) -> str:
    """Return the one line of a result that a log keeps."""
    return str(result.get("summary") or json.dumps(dict(result), sort_keys=True))
