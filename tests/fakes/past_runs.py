"""Records of runs that took place at times of choice, as the notebook would have written them."""

import datetime
import json
import socket
from pathlib import Path
from typing import Any

from slipway.notebook.records.record import EVENTS

HOST = socket.gethostname()
BEGAN = datetime.datetime(2026, 11, 22, 19, 30, tzinfo=datetime.UTC)


class PastRuns:
    """Runs that took place at times of choice."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def run(self, hours: float, *kinds: str, **begin: Any) -> Path:
        """Write a run that began so many hours after BEGAN; every event takes a minute."""
        known = {"runbook": "deploy", "env": "staging", "user": "anna", "host": HOST} | begin
        moment = BEGAN + datetime.timedelta(hours=hours)
        name = f"{moment:%Y%m%dT%H%M%SZ}-{known['runbook']}-{known['env']}-{known['user']}"
        folder = self.folder / name
        folder.mkdir(parents=True)
        lines = [self._line(1, moment, "begin", **known)]
        for n, kind in enumerate(kinds, 2):
            moment += datetime.timedelta(minutes=1)
            word, _, rest = kind.partition(":")
            extra: dict[str, Any] = {"cell": rest or "verify-1", "n": 1, "seconds": 1.0}
            extra |= {"outcome": "passed"} if word == "end" else {}
            extra |= {"result": rest, "cell": ""} if word == "finish" else {}
            lines.append(self._line(n, moment, word, **extra))
        (folder / EVENTS).write_text("".join(lines))
        return folder

    def _line(self, event: int, moment: datetime.datetime, kind: str, /, **data: Any) -> str:
        fields = {"event": event, "at": moment.isoformat().replace("+00:00", "Z"), "kind": kind}
        return json.dumps(fields | data) + "\n"
