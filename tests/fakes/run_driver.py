"""`python -m tests.fakes.run_driver JSON`: a real run, whose records lie where a test wants them.

With `die` it is killed right after so many events have been written down, as by `kill -9`. With
`serve` in place of JSON it does one run after the other, each in a process of its own, for lines
of JSON on stdin, and answers each with one: a Python is slow to start.
"""

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any, Never

from slipway.environments import environment
from slipway.errors import SlipwayError
from slipway.notebook.records.event import Event, Kind
from slipway.notebook.records.record import Record
from slipway.notebook.runs import resume, start
from slipway.notebook.runs.options import Mode, RunOptions
from slipway.notebook.runs.preconditions import Interfaces
from slipway.show.prompts import TerminalPrompter
from slipway.show.runbook_run import RunDisplay
from tests.fakes.runners import Tasks


class Mortal(Record):
    """A record whose writer dies at a chosen event."""

    dies_after = 0

    def append(self, kind: Kind, **data: Any) -> Event:
        event = super().append(kind, **data)
        if event.n == self.dies_after:
            os.kill(os.getpid(), signal.SIGKILL)
        return event


def main(asked: dict[str, Any]) -> int:
    Mortal.dies_after = asked.get("die", 0)
    signal.signal(signal.SIGTERM, _interrupt)
    signal.signal(signal.SIGHUP, _interrupt)
    ports = Interfaces(
        TerminalPrompter(),
        RunDisplay(),
        Tasks(),
        Mode.here(),
        runs=Path(asked["runs"]),
        records=Mortal,
    )
    env = environment.load(asked["env"]) if "env" in asked else None
    wish, given = RunOptions(**asked.get("wish", {})), asked.get("set", [])
    try:
        if "resume" in asked:
            return resume.resume(asked["resume"], asked.get("name", ""), env, given, wish, ports)
        return start.start(asked["name"], env, given, wish, ports)
    except SlipwayError as error:
        sys.stderr.write(f"error: {error}\n")
        return error.exit_code
    except KeyboardInterrupt:
        return 130


def _interrupt(*_: object) -> Never:
    raise KeyboardInterrupt


def serve() -> None:
    for line in sys.stdin:
        asked = json.loads(line)
        child = os.fork()
        if not child:
            said = os.open(asked["said"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            nothing = os.open(os.devnull, os.O_RDONLY)
            for here, there in ((nothing, 0), (said, 1), (said, 2)):
                os.dup2(here, there)
            code = main(asked)
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
        _, status = os.waitpid(child, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve()
    else:
        sys.exit(main(json.loads(sys.argv[1])))
