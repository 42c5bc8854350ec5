"""Progress on stderr: a line a step, sentences, and on a terminal a live line or a bar."""

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID
    from rich.status import Status

WIDTH = 10


class TerminalReporter:
    """Reports to a person; leaving its block takes whatever is live down."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._step = ""
        self._status: Status | None = None
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
            self._bar.console.print(text, markup=False, highlight=False)
        elif self._status is not None:
            self._show(f"{self._step:<{WIDTH}} {text}")
        elif self._step:
            self._line("·", self._step, text)
        else:
            _write(text)

    def progress(self, what: str, done: int, total: int) -> None:
        if not sys.stderr.isatty():
            return
        if self._bar is None:
            self._clear()  # there is room for one live display
            self._bar = _bar()
            self._bar.start()
        if what not in self._tasks:
            self._tasks[what] = self._bar.add_task(what, total=total or None)
        self._bar.update(self._tasks[what], completed=done, total=total or None)

    def started(self, step: str, describe: str) -> None:
        self._clear()
        self._began = time.monotonic()
        self._step = step
        if sys.stderr.isatty():
            self._show(f"{step:<{WIDTH}} {describe}")

    def finished(self, step: str, result: str) -> None:
        self._line("✓", step, f"{result}  {self._seconds()}")
        self._step = ""

    def failed(self, step: str, *, interrupted: bool) -> None:
        # What went wrong is the command's last word, not said twice.
        self._line(
            "✗", step, f"{'interrupted' if interrupted else 'failed'} after {self._seconds()}"
        )
        self._step = ""

    def undone(self, step: str) -> None:
        self._line("↩", step, "taken back")

    def _seconds(self) -> str:
        return f"{time.monotonic() - self._began:.1f} s"

    def _line(self, mark: str, name: str, text: str) -> None:
        self._clear()
        _write(f"{mark} {name:<{WIDTH}} {text}".rstrip())

    def _show(self, text: str) -> None:
        from rich.console import Console
        from rich.markup import escape
        from rich.status import Status

        if self._status is None:
            self._status = Status("", console=Console(stderr=True), spinner="dots")
            self._status.start()
        self._status.update(escape(text))

    def _clear(self) -> None:
        for live in (self._status, self._bar):
            if live is not None:
                live.stop()
        self._status = self._bar = None
        self._tasks = {}


def _write(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


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
