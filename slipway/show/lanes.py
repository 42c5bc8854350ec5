"""What each machine does within a step, drawn below its live line: a bar each, or folded."""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from slipway.progress import Lane
from slipway.show.writer import visible_line

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.progress import Progress, TaskID

ROOM = 8  # lanes that are shown at once; of more, only those of machines that still work
AROUND = 4  # lines of the terminal that are left to what stands above and below
BAR, NAME = 20, 20  # columns
MEGABYTE = 1_000_000


class Lanes:
    """The lanes of one step, in the order of their machines' names."""

    def __init__(self, console: "Console") -> None:
        self._console = console
        self._progress = _progress(console)
        self._tasks: dict[str, TaskID] = {}
        self._lanes: dict[str, Lane] = {}

    def take(self, lane: Lane) -> None:
        """Show how far a machine is by now."""
        if lane.machine not in self._tasks:
            self._tasks[lane.machine] = self._progress.add_task("", total=None)
        self._lanes[lane.machine] = lane
        task = self._tasks[lane.machine]
        if not lane.is_done:  # again, where a replica of it failed
            self._progress.reset(task)
        self._progress.update(
            task,
            description=visible_line(lane.machine),
            total=lane.total or None,
            completed=min(lane.current, lane.total) if lane.total else lane.current,
            amount=AMOUNTS[lane.unit](lane),
            doing=visible_line(lane.doing),
        )

    def renderable(self) -> "RenderableType":
        """Return the lanes that there is room for, and a line about the others."""
        from rich.console import Group
        from rich.text import Text

        shown, line = self._folded()
        tasks = {task.id: task for task in self._progress.tasks}
        bars = self._progress.make_tasks_table([tasks[self._tasks[name]] for name in shown])
        style = "progress.remaining"
        rest = Text(f"    {line}", style=style, no_wrap=True, overflow="ellipsis")
        return Group(bars, rest) if line else bars

    def _folded(self) -> tuple[list[str], str]:
        """Choose the machines that are shown; say how many of the others work or are done."""
        room = max(1, min(ROOM, self._console.height - AROUND))
        names = sorted(self._lanes, key=_counted)
        if len(names) <= room:
            return names, ""
        working = [name for name in names if not self._lanes[name].is_done]
        rest, more = len(self._lanes) - len(working), len(working) - room
        counts = (f"{more} more at work" if more > 0 else "", f"{rest} done" if rest else "")
        return working[:room], ", ".join(filter(None, counts))


def _counted(name: str) -> str:
    """Write a name so that m10 comes after m9."""
    return re.sub(r"\d+", lambda number: number[0].zfill(9), name)


def _bytes(lane: Lane) -> str:
    if not lane.total:
        return f"{lane.current / MEGABYTE:.1f} MB"
    total = f"{lane.total / MEGABYTE:.1f}"
    current = f"{min(lane.current, lane.total) / MEGABYTE:.1f}"
    return f"{current:>{len(total)}} of {total} MB"


def _replicas(lane: Lane) -> str:
    return f"{lane.current} of {lane.total} replicas"


AMOUNTS: dict[str, Callable[[Lane], str]] = {
    "bytes": _bytes,
    "replicas": _replicas,
    "edges": lambda lane: "",
}


def _progress(console: "Console") -> "Progress":
    """Return the table of bars; it is drawn by the live display that it is part of."""
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn
    from rich.table import Column

    def text(form: str, style: str = "none", width: int | None = None) -> TextColumn:
        column = Column(no_wrap=True, overflow="ellipsis", max_width=width)
        return TextColumn(form, style=style, table_column=column, markup=False)

    return Progress(
        TextColumn(" "),
        SpinnerColumn(style="status.spinner", finished_text="✓"),
        text("{task.description}", width=NAME),
        BarColumn(bar_width=BAR),
        text("{task.fields[amount]}", style="progress.download"),
        text("{task.fields[doing]}", style="progress.remaining"),
        console=console,
        auto_refresh=False,
    )
