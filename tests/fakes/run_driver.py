"""`python -m tests.fakes.run_driver JSON`: a real run, whose records lie where a test wants them.

With `die` it is killed right after so many events have been recorded, as by `kill -9`. With
`serve` in place of JSON it is a fork server: a Python is slow to start, and to import.
"""

import json
import os
import signal
import sys
import tempfile
from pathlib import Path
from typing import Any, Never

from slipway.environments import environment
from slipway.errors import SlipwayError, UsageError
from slipway.notebook.records.event import Event, Kind
from slipway.notebook.records.record import Record
from slipway.notebook.runs import resume, start
from slipway.notebook.runs.interfaces import Interfaces
from slipway.notebook.runs.options import Mode, RunOptions
from slipway.show.prompts import TerminalPrompter
from slipway.show.runbook_run import RunDisplay
from tests.fakes.fork_server import serve
from tests.fakes.runners import Tasks


class MortalRecord(Record):
    """A record whose writer dies at a chosen event."""

    dies_after = 0  # events

    def append(self, kind: Kind, **data: Any) -> Event:
        event = super().append(kind, **data)
        if event.n == self.dies_after:
            os.kill(os.getpid(), signal.SIGKILL)
        return event


def main(request: dict[str, Any]) -> int:
    MortalRecord.dies_after = request.get("die", 0)
    signal.signal(signal.SIGTERM, _interrupt)
    signal.signal(signal.SIGHUP, _interrupt)
    interfaces = Interfaces(
        TerminalPrompter(),
        RunDisplay(),
        Tasks(),
        Mode.detect(),
        runs=Path(request["runs"]),
        records=MortalRecord,
    )
    env = environment.load(request["env"]) if "env" in request else None
    options = RunOptions(**request.get("options", {}))
    assignments = request.get("set", [])
    name = request.get("name", "")
    try:
        if "resume" in request:
            run = request["resume"]
            return resume.resume(run, name, env, assignments, options, interfaces)
        return start.start(name, env, assignments, options, interfaces)
    except SlipwayError as error:
        sys.stderr.write(f"error: {error}\n")
        return error.exit_code
    except KeyboardInterrupt:
        return 130


def _interrupt(*_: object) -> Never:
    raise KeyboardInterrupt


def warm_up() -> None:
    """Import, before anything is forked, what runs import while they run."""
    text = "# A\n\n```sh {capture=B}\necho b\n```\n\n```sh {confirm}\necho $B\n```\n"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.md"
        path.write_text(text)
        request = {"name": str(path), "runs": f"{folder}/runs", "env": "staging"}
        assert main({**request, "options": {"yes": True}}) == 0
        assert main({**request, "options": {"dry_run": True}}) == 0
        assert main({**request, "resume": ""}) == UsageError.exit_code  # none is unfinished


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve(main, warm_up)
    else:
        sys.exit(main(json.loads(sys.argv[1])))
