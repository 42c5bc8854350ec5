"""Progress of a plan on stderr: one line a step, and a live one on a terminal."""

import sys
import time
from typing import TYPE_CHECKING

from slipway.plan import Step

if TYPE_CHECKING:
    from rich.status import Status

WIDTH = 10


class PlanProgress:
    """An observer that tells a person how far a plan is."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._status: Status | None = None
        self._step = ""

    def started(self, step: Step) -> None:
        self._began = time.monotonic()
        self._step = step.name
        if sys.stderr.isatty():
            self._live(f"{step.name:<{WIDTH}} {step.describe}")

    def note(self, text: str) -> None:
        if self._status is not None:
            self._live(f"{self._step:<{WIDTH}} {text}")
        else:
            self._line("·", self._step or text, text if self._step else "")

    def finished(self, step: Step, result: str | None) -> None:
        took = time.monotonic() - self._began
        self._line("✓", step.name, f"{result or step.describe}  {took:.1f} s")

    def failed(self, step: Step, error: BaseException) -> None:
        # What went wrong is the command's last word, not said twice.
        what = "interrupted" if isinstance(error, KeyboardInterrupt) else "failed"
        self._line("✗", step.name, f"{what} after {time.monotonic() - self._began:.1f} s")

    def undone(self, step: Step) -> None:
        self._line("↩", step.name, "taken back")

    def _line(self, mark: str, name: str, text: str) -> None:
        if self._status is not None:
            self._status.stop()
            self._status = None
        sys.stderr.write(f"{mark} {name:<{WIDTH}} {text}".rstrip() + "\n")
        sys.stderr.flush()

    def _live(self, text: str) -> None:
        from rich.console import Console
        from rich.markup import escape
        from rich.status import Status

        if self._status is None:
            self._status = Status("", console=Console(stderr=True), spinner="dots")
            self._status.start()
        self._status.update(escape(text))
