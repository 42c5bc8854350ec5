"""Progress for programs: a line of JSON on stderr for each thing that happens."""

import json
import time

from slipway.progress import Lane
from slipway.show.writer import tell


class JsonReporter:
    """Writes events: steps that are started, finished, failed or undone; notes; progress.

    An event `machine` says how far one is with its part of the step that was started last.
    """

    def note(self, text: str) -> None:
        self._write("note", text=text)

    def progress(self, label: str, current: int, total: int) -> None:
        self._write("progress", label=label, current=current, total=total)

    def lane(self, lane: Lane) -> None:
        amount = {"done": lane.current, "total": lane.total, "unit": lane.unit}
        self._write("machine", machine=lane.machine, doing=lane.doing, **amount)

    def started(self, step: str, describe: str, usual: float = 0.0) -> None:
        known = {"usual": round(usual, 1)} if usual else {}
        self._write("started", step=step, describe=describe, **known)

    def finished(self, step: str, result: str) -> None:
        self._write("finished", step=step, result=result)

    def failed(self, step: str, *, interrupted: bool) -> None:
        self._write("failed", step=step, interrupted=interrupted)

    def undone(self, step: str) -> None:
        self._write("undone", step=step)

    def _write(self, event: str, **fields: str | float | bool) -> None:
        tell(json.dumps({"at": round(time.time(), 3), "event": event, **fields}))
