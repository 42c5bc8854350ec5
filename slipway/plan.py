"""A change of the world as data: steps that can be shown, run, and undone in reverse order."""

import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from slipway.progress import Reporter


@dataclass(frozen=True)
class Step:
    """One change. `run` must converge when it is repeated; `undo` rolls back what `run` did."""

    name: str
    describe: str
    run: Callable[[], str | None]
    undo: Callable[[], None] | None = None


@dataclass(frozen=True)
class Plan:
    """Steps in the order in which they run."""

    title: str
    steps: Sequence[Step]

    def run(self, reporter: Reporter) -> dict[str, float]:
        """Run every step; return the seconds that each took.

        When one fails, undo it and those before it, last first, then raise. Ctrl-C counts as a
        failure, and so does a reporter that fails: the person it reports to is gone. Once the last
        step is done, nothing is undone.
        """
        begun: list[Step] = []
        seconds: list[float] = []
        try:
            for step in self.steps:
                reporter.started(step.name, step.describe)
                begun.append(step)
                at = time.monotonic()
                result = step.run()
                seconds.append(round(time.monotonic() - at, 3))
                reporter.finished(step.name, result or step.describe)
        except BaseException as error:
            if len(seconds) < len(self.steps):
                _undo(begun, reporter, error)
            raise
        return dict(zip((step.name for step in self.steps), seconds, strict=True))


def _undo(begun: Sequence[Step], reporter: Reporter, error: BaseException) -> None:
    """Undo every step, whether or not somebody still listens."""
    with contextlib.suppress(Exception):
        if begun:
            reporter.failed(begun[-1].name, interrupted=not isinstance(error, Exception))
    for step in reversed(begun):
        with contextlib.suppress(Exception):
            _undo_step(step, reporter)


def _undo_step(step: Step, reporter: Reporter) -> None:
    if step.undo is None:
        return
    try:
        step.undo()
    except Exception as error:  # an undo that fails must not hide the others
        reporter.note(f"could not undo “{step.name}”: {error}")
    else:
        reporter.undone(step.name)
