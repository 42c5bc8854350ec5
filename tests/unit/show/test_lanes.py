"""What a person sees of machines while a step runs, and what is left of it at the end."""

import io
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest
from rich.console import Console

from slipway.progress import Lane
from slipway.show.lanes import Lanes
from tests.fakes.terminal import Terminal

ROOT = Path(__file__).resolve().parents[3]
FULL = "━" * 20
# Two machines in one step, which lasts until the last argument is there.
STEPS = """
import sys, time
from pathlib import Path
from slipway.plan import Plan, Step
from slipway.progress import Lane
from slipway.show.progress import TerminalReporter
reporter = TerminalReporter()
def fill():
    reporter.note("2 of 6 healthy")
    reporter.lane(Lane("m1", "healthy", 3, 3, "replicas"))
    reporter.lane(Lane("m2", "starts api", 1, 3, "replicas"))
    time.sleep(0.5)  # it is drawn a few times
    Path(sys.argv[1]).touch()
    while not Path(sys.argv[2]).exists():
        time.sleep(0.05)
    return "healthy"
try:
    Plan("deploy", [Step("fill", "start green", fill)]).run(reporter)
except KeyboardInterrupt:
    print("interrupted", file=sys.stderr)
print("open http://localhost", file=sys.stderr)
"""


def drawn(lanes: Iterable[Lane], width: int = 80, height: int = 50) -> list[str]:
    """Draw lanes on a screen of a size; return its lines."""
    screen = Console(
        file=io.StringIO(), width=width, height=height, force_terminal=True, color_system=None
    )
    drawing = Lanes(screen)
    for lane in lanes:
        drawing.take(lane)
    with screen.capture() as capture:
        screen.print(drawing.renderable())
    return [line.rstrip() for line in capture.get().splitlines()]


def receiving(number: int, done: int) -> Lane:
    return Lane(f"m{number}", "receives api, web", done * 1_000_000, 61_000_000, "bytes")


def test_each_machine_has_a_line_with_a_bar_its_amount_and_what_it_does() -> None:
    first, second, third, fourth = drawn(
        [
            receiving(1, 61),
            receiving(2, 7),
            Lane("m3", "receives api", 7_500_000, 0, "bytes"),
            Lane("m4", "starts api, web", 1, 4, "replicas"),
        ]
    )
    assert first == f"  ✓ m1 {FULL} 61.0 of 61.0 MB receives api, web"
    assert second[4:].startswith("m2 ━━")
    assert second.endswith("  7.0 of 61.0 MB receives api, web")
    assert third.endswith(" 7.5 MB          receives api")
    assert fourth.endswith(" 1 of 4 replicas starts api, web")


@pytest.mark.parametrize("width", [40, 80, 140])
def test_no_line_is_longer_than_the_screen(width: int) -> None:
    services = ", ".join(f"service-{number}" for number in range(30))
    lanes = [Lane(f"a-machine-of-a-long-name-{n}", services, n, 19, "replicas") for n in range(12)]
    lines = drawn(lanes, width)
    assert len(lines) == 9
    assert max(map(len, lines)) <= width


def test_of_many_machines_only_those_that_work_are_shown() -> None:
    lines = drawn([receiving(number, 61 if number <= 9 else number) for number in range(12, 0, -1)])
    assert [line.split()[1] for line in lines[:-1]] == ["m10", "m11", "m12"]
    assert lines[-1] == "    9 done"
    lines = drawn([receiving(number, 61 if number <= 2 else 5) for number in range(1, 13)])
    assert len(lines) == 9 and lines[-1] == "    2 more at work, 2 done"
    lines = drawn([receiving(number, 5) for number in range(1, 13)], height=6)
    assert len(lines) == 3 and lines[-1] == "    10 more at work"


def test_a_machine_that_loses_a_replica_is_at_work_again() -> None:
    healthy, lost = (Lane("m1", "", done, 3, "replicas") for done in (3, 2))
    (line,) = drawn([healthy, lost])
    assert "✓" not in line and "2 of 3 replicas" in line


def played(
    folder: Path,
    variables: Mapping[str, str],
    *,
    seen: str = "",
    keys: str = "",
    columns: int = 80,
) -> tuple[str, str, Terminal]:
    """Run the steps at a terminal; return what is seen while they run, and at the end.

    Before a key is pressed, or the terminal is given another width, what is to be `seen` is there.
    """
    running, go_on = folder / "running", folder / "go on"
    argv = [sys.executable, "-c", STEPS, str(running), str(go_on)]
    with Terminal(argv, env={**variables, "PYTHONPATH": str(ROOT)}) as terminal:
        while not running.exists():
            assert terminal.read()
        terminal.wait(seen)
        before = terminal.text.strip()
        if columns != terminal.screen.columns:
            terminal.child.setwinsize(50, columns)
            terminal.screen.resize(50, columns)
        if keys:
            terminal.child.send(keys)
        else:
            go_on.touch()
        terminal.wait("open http://localhost")
        while terminal.read():
            pass
        return before, terminal.text.strip(), terminal


@pytest.mark.parametrize("columns", [80, 60, 140])
def test_lanes_are_drawn_while_a_step_runs_and_leave_its_line_alone(
    tmp_path: Path, columns: int
) -> None:
    before, text, terminal = played(tmp_path, {}, seen="starts api", columns=columns)
    live, first, second = before.splitlines()
    assert "fill       2 of 6 healthy" in live
    assert first.split()[:2] == ["✓", "m1"]
    assert second.endswith("1 of 3 replicas starts api")
    result, last = text.splitlines()
    assert result.startswith("✓ fill       healthy  ") and last == "open http://localhost"
    assert not terminal.screen.cursor.hidden


@pytest.mark.parametrize("variables", [{"NO_COLOR": "1"}, {"TERM": "dumb"}, {"RUNBOOK_CELL": "1"}])
def test_who_asks_for_plain_text_sees_no_lanes(tmp_path: Path, variables: dict[str, str]) -> None:
    before, text, _ = played(tmp_path, variables)
    assert "m1" not in before and "━" not in before + text
    result, last = text.splitlines()
    assert result.startswith("✓ fill       healthy  ") and last == "open http://localhost"


def test_ctrl_c_leaves_the_terminal_as_it_was(tmp_path: Path) -> None:
    _, text, terminal = played(tmp_path, {}, seen="starts api", keys="\x03")
    assert "✗ fill       interrupted after " in text and "m2" not in text
    assert text.splitlines()[-2:] == ["interrupted", "open http://localhost"]
    assert not terminal.screen.cursor.hidden
