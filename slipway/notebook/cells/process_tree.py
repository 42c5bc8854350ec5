"""All processes that a cell has started: those of its session, and those that a run left."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from slipway import child_environment

PROC = Path("/proc")
PATIENCE = 5.0  # seconds for the kernel to take away what was killed


@dataclass(frozen=True)
class ProcessInfo:
    """A living process."""

    pid: int
    name: str

    def __str__(self) -> str:
        return f"{self.pid} {self.name}"


def members(session: int) -> list[ProcessInfo]:
    """Return the processes of a session that still live."""
    return sorted(_members(session), key=lambda process: process.pid)


def of_run(folder: Path) -> list[ProcessInfo]:
    """Return the living processes that cells of a run have started; nothing where /proc is not.

    The folder of its record tells a run from one of the same name in another checkout.
    """
    run_id = f"RUNBOOK_RUN_ID={folder.name}".encode()
    run_folder = f"RUNBOOK_RUN_FOLDER={folder}".encode(errors="surrogateescape")
    processes = []
    for path in PROC.glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):  # another's, or gone meanwhile
            variables = path.read_bytes().split(b"\0")
            if run_id in variables and run_folder in variables:
                processes.append(ProcessInfo(int(path.parent.name), _name(path.parent)))
    return sorted(processes, key=lambda process: process.pid)


def signal_all(session: int, number: signal.Signals) -> None:
    """Send a signal to each of them, whatever group it has put itself into."""
    for member in _members(session):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(member.pid, number)


def kill(session: int) -> None:
    """Kill them, and those that they start meanwhile."""
    deadline = time.monotonic() + PATIENCE
    while members(session) and time.monotonic() < deadline:
        signal_all(session, signal.SIGKILL)
        time.sleep(0.005)


def _members(session: int) -> Iterator[ProcessInfo]:
    for pid, state, name in _from_proc(session) if PROC.is_dir() else _from_ps():
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if state != "Z" and os.getsid(pid) == session:
                yield ProcessInfo(pid, name)


def _from_proc(session: int) -> Iterator[tuple[int, str, str]]:
    for entry in os.listdir(PROC):  # noqa: PTH208  a Path for each process takes three times as long
        if not entry.isdigit():
            continue
        with contextlib.suppress(OSError):
            if os.getsid(int(entry)) == session:
                # The name stands in parentheses and may hold some itself.
                head, _, tail = (PROC / entry / "stat").read_text(errors="replace").rpartition(")")
                yield int(entry), tail.split()[0], head.partition("(")[2]


def _name(process: Path) -> str:
    return (process / "comm").read_text(errors="replace").strip()


def _from_ps() -> Iterator[tuple[int, str, str]]:
    argv = ["ps", "-axo", "pid=,state=,comm="]
    child_env = child_environment.made(argv[0])
    result = subprocess.run(argv, env=child_env, capture_output=True, text=True, check=False)
    for line in result.stdout.splitlines():
        if len(words := line.split(None, 2)) == 3:
            yield int(words[0]), words[1][0], Path(words[2]).name
