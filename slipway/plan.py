"""A change of the world as data: steps that can be shown, run, and undone in reverse order."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from slipway.progress import Reporter


@dataclass(frozen=True)
class Step:
    """One change. `run` must converge when it is repeated; `undo` takes back what `run` did."""

    name: str
    describe: str
    run: Callable[[], str | None]
    undo: Callable[[], None] | None = None


@dataclass(frozen=True)
class Plan:
    """Steps in the order in which they run."""

    title: str
    steps: Sequence[Step]

    def run(self, reporter: Reporter) -> None:
        """Run every step; when one fails, undo it and those before it, last first, then raise.

        Ctrl-C counts as a failure, so an interrupted plan is taken back too.
        """
        done: list[Step] = []
        for step in self.steps:
            reporter.started(step.name, step.describe)
            done.append(step)
            try:
                result = step.run()
            except BaseException as error:
                reporter.failed(step.name, interrupted=isinstance(error, KeyboardInterrupt))
                _undo(done, reporter)
                raise
            reporter.finished(step.name, result or step.describe)


def _undo(done: Sequence[Step], reporter: Reporter) -> None:
    for step in reversed(done):
        if step.undo is None:
            continue
        try:
            step.undo()
        except Exception as error:  # an undo that fails must not hide the others
            reporter.note(f"could not undo “{step.name}”: {error}")
        else:
            reporter.undone(step.name)
