"""Progress for programs: a line of JSON on stderr for each thing that happens."""

import json
import time

from slipway.show.writer import tell


class JsonReporter:
    """Writes events: steps that are started, finished, failed or undone; notes; progress."""

    def note(self, text: str) -> None:
        self._write("note", text=text)

    def progress(self, label: str, current: int, total: int) -> None:
        self._write("progress", label=label, current=current, total=total)

    def started(self, step: str, describe: str) -> None:
        self._write("started", step=step, describe=describe)

    def finished(self, step: str, result: str) -> None:
        self._write("finished", step=step, result=result)

    def failed(self, step: str, *, interrupted: bool) -> None:
        self._write("failed", step=step, interrupted=interrupted)

    def undone(self, step: str) -> None:
        self._write("undone", step=step)

    def _write(self, event: str, **fields: str | int | bool) -> None:
        tell(json.dumps({"at": round(time.time(), 3), "event": event, **fields}))
