"""Progress on stderr: a line a step, sentences, and on a terminal a live line or a bar."""

import os
import sys
import threading
import time
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Self

from slipway.progress import Lane
from slipway.show.lanes import Lanes
from slipway.show.writer import harmless, tell, visible_line

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.live import Live
    from rich.progress import Progress, TaskID
    from rich.spinner import Spinner

WIDTH = 10
NOTICED = 1.0  # seconds that a person waits knowingly
IN_A_CELL = "RUNBOOK_CELL"  # set where a runbook runs this


@dataclass(frozen=True)
class _Running:
    """A step under way: when it began, and the seconds that it usually takes."""

    name: str
    began: float
    usual: float = 0.0

    def time(self, now: float) -> str:
        """Say how long it has taken, and how long it usually does."""
        elapsed, usual = now - self.began, f"usually {self.usual:.0f} s"
        if self.usual < NOTICED:
            return f"  {elapsed:.0f} s" if elapsed >= NOTICED else ""
        return f"  {elapsed:.0f} s, {usual}" if elapsed >= NOTICED else f"  {usual}"


class TerminalReporter:
    """Reports to a person; leaving its block takes whatever is live down.

    With `lasting`, what is said during a step stays on the screen. With `quiet`, a step that went
    well has no line where nobody watches: cron sends by mail whatever is written. What is not
    `live` leaves the terminal to programs that print there, below a heading for each step. Names of
    steps have `width` columns.
    """

    def __init__(
        self, *, lasting: bool = False, quiet: bool = False, live: bool = True, width: int = WIDTH
    ) -> None:
        self._lasting = lasting
        self._width = width
        self._live = live
        self._quiet = quiet and not sys.stderr.isatty()
        self._steps: list[_Running] = []  # the outermost first
        self._status: Live | None = None
        self._lanes: Lanes | None = None  # of the innermost step, which several threads report
        self._drawing = threading.RLock()
        self._text = ""
        self._bar: Progress | None = None
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._clear()

    def note(self, text: str) -> None:
        if self._bar is not None:
            self._bar.console.print(harmless(text), markup=False, highlight=False)
        elif self._status is not None and not self._lasting:
            self._show(f"{self._steps[-1].name:<{self._width}} {text}")
        elif self._status is not None:
            self._status.console.print(harmless(text), markup=False, highlight=False)
        elif self._steps and not self._quiet:
            self._line("·", self._steps[-1].name, text)
        else:
            tell(text)

    def progress(self, label: str, current: int, total: int) -> None:
        if not sys.stderr.isatty():
            return
        if IN_A_CELL in os.environ:  # which may draw in one line alone
            share = f"{100 * current // total} %" if total else f"{current // 1_000_000} MB"
            self._show(f"{label}  {share}")
            return
        if self._bar is None:
            self._clear()  # there is room for one live display
            self._bar = _bar()
            self._bar.start()
        if label not in self._tasks:
            self._tasks[label] = self._bar.add_task(visible_line(label), total=total or None)
        self._bar.update(self._tasks[label], completed=current, total=total or None)

    def lane(self, lane: Lane) -> None:
        with self._drawing:
            if self._status is None or not _draws_lanes():
                return
            if self._lanes is None:
                self._lanes = Lanes(self._status.console)
            self._lanes.take(lane)

    def started(self, step: str, describe: str, usual: float = 0.0) -> None:
        self._clear()
        self._steps.append(_Running(step, time.monotonic(), usual))
        if not self._live:
            self._line("—", step, describe)
        elif sys.stderr.isatty():
            self._show(f"{step:<{self._width}} {describe}")

    def finished(self, step: str, result: str) -> None:
        seconds = self._end(step)
        if not self._quiet:
            self._line("✓", step, f"{result}  {seconds}")

    def failed(self, step: str, *, interrupted: bool) -> None:
        # What went wrong is the command's last word, not said twice.
        what = "interrupted" if interrupted else "failed"
        self._line("✗", step, f"{what} after {self._end(step)}")

    def undone(self, step: str) -> None:
        self._line("↩", step, "rolled back")

    def _end(self, step: str) -> str:
        """Forget a step, and those within it; return how long it took."""
        now = began = time.monotonic()
        while self._steps:
            running = self._steps.pop()
            began = running.began
            if running.name == step:
                break
        return f"{now - began:.1f} s"

    def _line(self, mark: str, name: str, text: str) -> None:
        self._clear()
        tell(f"{mark} {name:<{self._width}} {text}".rstrip())

    def _show(self, text: str) -> None:
        from rich.console import Console
        from rich.live import Live
        from rich.spinner import Spinner

        self._text = visible_line(text)
        if self._status is None:
            spinner, console = Spinner("dots", style="status.spinner"), Console(stderr=True)
            self._status = Live(
                get_renderable=lambda: self._picture(spinner, console),
                console=console,
                refresh_per_second=8,
                transient=True,
            )
            self._status.start()

    def _picture(self, spinner: "Spinner", console: "Console") -> "RenderableType":
        """Return the live line, what runs now and for how long, and the lanes below it."""
        from rich.console import Group
        from rich.text import Text

        elapsed = self._steps[-1].time(time.monotonic()) if self._steps else ""
        room = console.width - 2 - len(elapsed)
        text = self._text if len(self._text) <= room else f"{self._text[: room - 1]}…"
        spinner.update(text=Text(text + elapsed))
        with self._drawing:
            return Group(spinner, self._lanes.renderable()) if self._lanes else spinner

    def _clear(self) -> None:
        with self._drawing:
            lives, self._status, self._bar = (self._status, self._bar), None, None
            self._lanes, self._tasks = None, {}
        for live in lives:
            if live is not None:
                live.stop()


def _draws_lanes() -> bool:
    """Whether the terminal can draw, and its person has not asked for plain text."""
    plain = os.environ.get("TERM", "") in ("", "dumb", "unknown") or os.environ.get("NO_COLOR")
    return not plain and IN_A_CELL not in os.environ


def _bar() -> "Progress":
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TransferSpeedColumn,
    )

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=20),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
    )
