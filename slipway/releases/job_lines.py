"""The lines of a job as it prints them, all of them, from whichever machine it runs on."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator

from slipway import shell_scripts
from slipway.hosts.host import Host, Process, script

FOLLOW = shell_scripts.read(__file__, "job_lines_follow.sh")
COUNT = 'timeout 60 docker service logs --raw "$1" 2>&1 | wc -l'
PATIENCE = 10.0  # seconds until the last lines have come
POLL = 0.1
CHUNK = 64 << 10

OnLine = Callable[[str], None]


class JobLines:
    """Hands over lines in a thread of its own; `finish` waits for the last one."""

    def __init__(self, process: Process, on_line: OnLine) -> None:
        self._process, self._on_line = process, on_line
        self._count = 0
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def finish(self, manager: Host, service: str) -> None:
        """Wait until as many lines have come as the engine has of a job that has ended."""
        expected = int(script(manager, COUNT, service, timeout=90).out or 0)
        deadline = time.monotonic() + PATIENCE
        while self._count < expected and time.monotonic() < deadline and self._thread.is_alive():
            time.sleep(POLL)
        self._process.end()
        self._thread.join(PATIENCE)

    def _read(self) -> None:
        rest = b""
        with contextlib.suppress(OSError, ValueError):
            while chunk := self._process.read(CHUNK):
                *lines, rest = (rest + chunk).split(b"\n")
                for line in lines:
                    self._hand_over(line)
        if rest:
            self._hand_over(rest)

    def _hand_over(self, line: bytes) -> None:
        self._on_line(line.decode(errors="replace").rstrip("\r"))
        self._count += 1


@contextlib.contextmanager
def following(manager: Host, service: str, on_line: OnLine) -> Iterator[JobLines]:
    """Follow the lines of a service for a block."""
    with manager.open(["sh", "-uc", FOLLOW, "sh", service]) as process:
        yield JobLines(process, on_line)
