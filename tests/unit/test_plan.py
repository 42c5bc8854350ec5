"""Plans: steps run in order, and what was begun is undone in reverse order."""

from collections.abc import Callable

import pytest

from slipway.plan import Plan, Step
from tests.fakes.reporter import RecordingReporter


class World:
    """Something that steps change; it keeps what was done to it, in order."""

    def __init__(self) -> None:
        self.log: list[str] = []

    def step(self, name: str, fails: BaseException | None = None, undo_fails: bool = False) -> Step:
        def run() -> None:
            self.log.append(f"do {name}")
            if fails is not None:
                raise fails

        def undo() -> None:
            self.log.append(f"undo {name}")
            if undo_fails:
                raise OSError("disk full")

        return Step(name, name, run, undo)

    def once(self, name: str) -> Step:
        """A step that cannot be taken back."""
        record: Callable[[], None] = lambda: self.log.append(f"do {name}")  # noqa: E731
        return Step(name, name, record)


@pytest.fixture
def world() -> World:
    return World()


def test_steps_run_in_order_and_their_results_are_told(world: World) -> None:
    told = RecordingReporter()
    Plan("p", [world.step("a"), world.step("b")]).run(told)
    assert world.log == ["do a", "do b"]
    assert told.events == [
        *(("started", "a"), ("finished", "a")),
        *(("started", "b"), ("finished", "b")),
    ]


def test_a_failed_step_is_undone_too_and_those_before_it_last_first(world: World) -> None:
    steps = [world.step("a"), world.once("b"), world.step("c", ValueError("no")), world.step("d")]
    with pytest.raises(ValueError, match="no"):
        Plan("p", steps).run(RecordingReporter())
    assert world.log == ["do a", "do b", "do c", "undo c", "undo a"]


def test_ctrl_c_takes_back_what_was_begun(world: World) -> None:
    told = RecordingReporter()
    with pytest.raises(KeyboardInterrupt):
        Plan("p", [world.step("a"), world.step("b", KeyboardInterrupt())]).run(told)
    assert world.log == ["do a", "do b", "undo b", "undo a"]
    assert ("undone", "a") in told.events


def test_an_undo_that_fails_is_told_and_hides_neither_the_others_nor_the_error(
    world: World,
) -> None:
    told = RecordingReporter()
    steps = [world.step("a"), world.step("b", ValueError("first"), undo_fails=True)]
    with pytest.raises(ValueError, match="first"):
        Plan("p", steps).run(told)
    assert world.log[-2:] == ["undo b", "undo a"]
    assert ("note", "could not undo “b”: disk full") in told.events


class Gone(RecordingReporter):
    """A person who is gone once a step has begun or ended: nothing reaches them any more."""

    def __init__(self, event: str, step: str) -> None:
        super().__init__()
        self._last = (event, step)

    def started(self, step: str, describe: str, usual: float = 0.0) -> None:
        self._report(("started", step))

    def finished(self, step: str, result: str) -> None:
        self._report(("finished", step))

    def failed(self, step: str, *, interrupted: bool) -> None:
        self._report(("failed", step))

    def undone(self, step: str) -> None:
        self._report(("undone", step))

    def _report(self, event: tuple[str, str]) -> None:
        self.events.append(event)
        if self._last in self.events:
            raise ConnectionError("nobody listens")


@pytest.mark.parametrize(
    ("event", "step", "log"),
    [
        ("started", "a", []),
        ("finished", "a", ["do a", "undo a"]),
        ("started", "b", ["do a", "undo a"]),
        ("finished", "b", ["do a", "do b"]),  # it is over: nothing is taken back any more
    ],
)
def test_when_nobody_listens_any_more_what_was_begun_is_taken_back(
    world: World, event: str, step: str, log: list[str]
) -> None:
    with pytest.raises(ConnectionError):
        Plan("p", [world.step("a"), world.step("b")]).run(Gone(event, step))
    assert world.log == log


def test_a_plan_says_how_long_each_step_took(world: World) -> None:
    assert list(Plan("p", [world.step("a"), world.once("b")]).run(RecordingReporter())) == [
        "a",
        "b",
    ]
