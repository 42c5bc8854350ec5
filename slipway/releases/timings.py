"""Where the time of a deploy went: of each step its seconds, its round trips, what was sent."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce

from slipway.hosts.counted import Count, Traffic
from slipway.progress import Reporter

BEFORE, AFTER = "read", "look"  # what comes before the first step, and between and after them


@dataclass(frozen=True)
class StepTiming:
    """What a step took; `commands` counts those begun on each machine, by its name.

    `questions` went to commands that stay open for them: whether tasks are healthy yet.
    """

    step: str
    seconds: float
    commands: Mapping[str, int]
    questions: int
    sent: int

    @property
    def total(self) -> int:
        return sum(self.commands.values())


class Stopwatch:
    """Passes on what is reported, and notes what went by in each step and beside them."""

    def __init__(self, reporter: Reporter) -> None:
        self._traffic = Traffic()
        self._timings: dict[str, StepTiming] = {}
        self._step, self._began = BEFORE, time.monotonic()
        self._before: Mapping[str, Count] = {}
        self._reporter = reporter
        self.note = reporter.note
        self.progress = reporter.progress
        self.lane = reporter.lane
        self.failed = reporter.failed
        self.undone = reporter.undone

    def started(self, step: str, describe: str, usual: float = 0.0) -> None:
        self._enter(step)
        self._reporter.started(step, describe, usual)

    def finished(self, step: str, result: str) -> None:
        self._enter(AFTER)
        self._reporter.finished(step, result)

    def count(self, traffic: Traffic) -> None:
        """Count from now on what goes to some hosts."""
        self._traffic = traffic

    def timings(self) -> tuple[StepTiming, ...]:
        """Return what went by until now, in the order of the steps."""
        self._enter(AFTER)
        after = self._timings.pop(AFTER, None)
        return (*self._timings.values(), *([after] if after else []))

    def _enter(self, step: str) -> None:
        now, counts = time.monotonic(), self._traffic.by_host()
        went = {host: count - self._before.get(host, Count()) for host, count in counts.items()}
        whole = sum(went.values(), Count())
        commands = {host: count.commands for host, count in sorted(went.items()) if count.commands}
        seconds = round(now - self._began, 3)
        timing = StepTiming(self._step, seconds, commands, whole.questions, whole.sent)
        earlier = self._timings.get(self._step)
        self._timings[self._step] = _sum(earlier, timing) if earlier else timing
        self._step, self._began, self._before = step, now, counts


def together(timings: Sequence[StepTiming]) -> StepTiming:
    """Sum up what all steps took."""
    return reduce(_sum, timings, StepTiming("together", 0.0, {}, 0, 0))


def _sum(one: StepTiming, other: StepTiming) -> StepTiming:
    """Add two timings, under the name of the first."""
    hosts = {**one.commands, **other.commands}
    return StepTiming(
        one.step,
        round(one.seconds + other.seconds, 3),
        {host: one.commands.get(host, 0) + other.commands.get(host, 0) for host in hosts},
        one.questions + other.questions,
        one.sent + other.sent,
    )
