"""A change of the world as data: steps that can be shown, run, and undone in reverse order."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Step:
    """One change. `run` must converge when it is repeated; `undo` takes back what `run` did."""

    name: str
    describe: str
    run: Callable[[], str | None]
    undo: Callable[[], None] | None = None


class Observer(Protocol):
    """Who is told how far a plan is: the terminal, the transcript, a test."""

    def started(self, step: Step) -> None: ...
    def note(self, text: str) -> None: ...
    def finished(self, step: Step, result: str | None) -> None: ...
    def failed(self, step: Step, error: BaseException) -> None: ...
    def undone(self, step: Step) -> None: ...


class Silent:
    """An observer that keeps what it was told, for programs and tests."""

    def __init__(self) -> None:
        self.events: list[tuple[str, str]] = []

    def started(self, step: Step) -> None:
        self.events.append(("started", step.name))

    def note(self, text: str) -> None:
        self.events.append(("note", text))

    def finished(self, step: Step, result: str | None) -> None:
        self.events.append(("finished", step.name))

    def failed(self, step: Step, error: BaseException) -> None:
        self.events.append(("failed", step.name))

    def undone(self, step: Step) -> None:
        self.events.append(("undone", step.name))


@dataclass(frozen=True)
class Plan:
    """Steps in the order in which they run."""

    title: str
    steps: Sequence[Step]

    def run(self, observer: Observer) -> None:
        """Run every step; when one fails, undo it and those before it, last first, then raise.

        Ctrl-C counts as a failure, so an interrupted plan is taken back too.
        """
        done: list[Step] = []
        for step in self.steps:
            observer.started(step)
            done.append(step)
            try:
                result = step.run()
            except BaseException as error:
                observer.failed(step, error)
                _undo(done, observer)
                raise
            observer.finished(step, result)


def _undo(done: Sequence[Step], observer: Observer) -> None:
    for step in reversed(done):
        if step.undo is None:
            continue
        try:
            step.undo()
        except Exception as error:  # an undo that fails must not hide the others
            observer.note(f"could not undo “{step.name}”: {error}")
        else:
            observer.undone(step)
