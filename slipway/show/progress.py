"""Progress on stderr: a line a step, sentences, and on a terminal a live line or a bar."""

import os
import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, Self

from slipway.show.writer import harmless, tell, visible_line

if TYPE_CHECKING:
    from rich.live import Live
    from rich.progress import Progress, TaskID
    from rich.spinner import Spinner

WIDTH = 10
IN_A_CELL = "RUNBOOK_CELL"  # set where a runbook runs this


class TerminalReporter:
    """Reports to a person; leaving its block takes whatever is live down.

    With `lasting`, what is said during a step stays on the screen. With `quiet`, a step that went
    well has no line where nobody watches: cron sends by mail whatever is written. What is not
    `live` leaves the terminal to programs that print there, below a heading for each step.
    """

    def __init__(self, *, lasting: bool = False, quiet: bool = False, live: bool = True) -> None:
        self._lasting = lasting
        self._live = live
        self._quiet = quiet and not sys.stderr.isatty()
        self._steps: list[tuple[str, float]] = []  # under way, the outermost first; when they began
        self._status: Live | None = None
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
            self._show(f"{self._steps[-1][0]:<{WIDTH}} {text}")
        elif self._status is not None:
            self._status.console.print(harmless(text), markup=False, highlight=False)
        elif self._steps and not self._quiet:
            self._line("·", self._steps[-1][0], text)
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

    def started(self, step: str, describe: str) -> None:
        self._clear()
        self._steps.append((step, time.monotonic()))
        if not self._live:
            self._line("—", step, describe)
        elif sys.stderr.isatty():
            self._show(f"{step:<{WIDTH}} {describe}")

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
            name, began = self._steps.pop()
            if name == step:
                break
        return f"{now - began:.1f} s"

    def _line(self, mark: str, name: str, text: str) -> None:
        self._clear()
        tell(f"{mark} {name:<{WIDTH}} {text}".rstrip())

    def _show(self, text: str) -> None:
        from rich.console import Console
        from rich.live import Live
        from rich.spinner import Spinner

        self._text = visible_line(text)
        if self._status is None:
            spinner, console = Spinner("dots", style="status.spinner"), Console(stderr=True)
            self._status = Live(
                get_renderable=lambda: self._turning(spinner, console.width - 2),
                console=console,
                refresh_per_second=8,
                transient=True,
            )
            self._status.start()

    def _turning(self, spinner: "Spinner", width: int) -> "Spinner":
        """Return the live line: what runs now, and for how long the innermost step has."""
        from rich.text import Text

        elapsed = time.monotonic() - self._steps[-1][1] if self._steps else 0.0
        elapsed_text = f"  {elapsed:.0f} s" if elapsed >= 1 else ""
        room = width - len(elapsed_text)
        text = self._text if len(self._text) <= room else f"{self._text[: room - 1]}…"
        spinner.update(text=Text(text + elapsed_text))
        return spinner

    def _clear(self) -> None:
        for live in (self._status, self._bar):
            if live is not None:
                live.stop()
        self._status = self._bar = None
        self._tasks = {}


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
