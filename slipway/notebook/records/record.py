"""The record of one run: a folder with its events, its logs, its state and the runbook as it was.

<utc>-<runbook>-<env>-<user>/
    events.jsonl     appended and synced before anything is done; the truth
    runbook.md       the runbook as it was when the run began
    cells/03.log     all that the third started cell printed, masked
    state/03.sh      the shell's state after it, without secrets; gone when the run is done
    transcript.md    made from the events whenever the run stops or ends
"""

import contextlib
import datetime
import fcntl
import json
import os
import re
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from slipway import whole_file
from slipway.errors import Busy, Refused, SlipwayError
from slipway.notebook.records.event import Ending, Event, EventProgress, Kind, follow, parse_line
from slipway.project import ROOT

RUNS = ROOT / ".slipway" / "runs"
EVENTS = "events.jsonl"
PATIENCE = 1.0  # seconds; somebody who only looks holds the lock for a moment


class Record:
    """An open record; every event is on the disk before `append` returns.

    The first event locks the file, and a lock ends with its process however that ends: of one
    run there is one writer, and who finds the lock free knows that nobody runs it.
    """

    def __init__(self, folder: Path, events: list[Event], size: int = 0) -> None:
        self.folder = folder
        self.events = events
        self._size = size  # of the file as far as it holds whole events
        self._fd: int | None = None

    @classmethod
    def create(
        cls, name: str, text: str, begin: Mapping[str, object], runs: Path = RUNS
    ) -> "Record":
        """Make the folder, for its owner's eyes only, and write down that the run begins."""
        moment = datetime.datetime.now(datetime.UTC).strftime("%Y%m%dT%H%M%SZ")
        words = [moment, name, str(begin.get("env") or "any"), str(begin["user"])]
        stem = "-".join(re.sub(r"[^A-Za-z0-9_.]+", "_", word)[:60] for word in words)
        with _translated(runs):
            runs.mkdir(mode=0o700, parents=True, exist_ok=True)
            runs.chmod(0o700)
            folder = _folder(runs, stem)
            for inner in ("cells", "state"):
                (folder / inner).mkdir(mode=0o700)
            whole_file.write(
                folder / "runbook.md", text.encode(errors="surrogateescape"), mode=0o600
            )
        record = cls(folder, [])
        record.append("begin", **begin)
        with _translated(runs):
            _sync(folder)
            _sync(runs)
        return record

    @classmethod
    def open(cls, folder: Path) -> "Record":
        """Read a record again; a last line that was cut off by a kill is not an event."""
        events, size, _ = _read(folder)
        if not events:
            raise SlipwayError(f"{folder} holds no run: it was aborted before anything was done")
        return cls(folder, events, size)

    @property
    def id(self) -> str:
        return self.folder.name

    @property
    def begin(self) -> Mapping[str, Any]:
        return self.events[0].data

    def progress(self) -> EventProgress:
        return follow(self.events)

    def append(self, kind: Kind, **data: Any) -> Event:
        """Record one event; what is in it has been masked by the caller.

        Raises SlipwayError when it cannot be written: then nothing more may be done.
        """
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")
        event = Event(len(self.events) + 1, now.replace("+00:00", "Z"), kind, data)
        fields = {"event": event.n, "at": event.at, "kind": kind, **data}
        # A name that is not UTF-8 arrives with halves of characters; JSON can escape them.
        line = (json.dumps(fields, ensure_ascii=False) + "\n").encode(errors="backslashreplace")
        fd = self._locked()
        try:
            _write_all(fd, line)
            os.fsync(fd)
        except OSError as error:
            with contextlib.suppress(OSError):
                os.ftruncate(fd, self._size)
            raise SlipwayError(_cannot(self.folder / EVENTS, error)) from None
        self._size += len(line)
        self.events.append(event)
        return event

    def finish(self, result: Ending, seconds: float, cell: str = "") -> None:
        """Record how the run ended; what nobody can resume any more loses its state."""
        self.append("finish", result=result, seconds=round(seconds, 3), cell=cell)
        if result in ("done", "rolled back"):
            for path in (self.folder / "state").glob("*"):
                with contextlib.suppress(OSError):
                    path.unlink()
        self.close()

    def log(self, n: int) -> Path:
        """Return where the n-th started cell's output goes."""
        return self.folder / "cells" / f"{n:02}.log"

    def close(self) -> None:
        """Let others resume this run."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def _locked(self) -> int:
        """Return the file to append to, ours alone, without what a kill left of a last line."""
        if self._fd is not None:
            return self._fd
        path = self.folder / EVENTS
        with _translated(path):
            fd = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            if not _lock(fd):
                raise Busy(f"the run {self.id} is running in another process")
            self._cut(fd)
        except BaseException:
            os.close(fd)
            raise
        self._fd = fd
        return fd

    def _cut(self, fd: int) -> None:
        events, size, rest = _read(self.folder)
        if len(events) != len(self.events):
            raise Refused(f"the run {self.id} was resumed elsewhere since it was read; try again")
        if b"\n" in rest:
            raise SlipwayError(
                f"{self.folder / EVENTS}:{len(events) + 1} is damaged, and more lines follow it; "
                "this run can be read up to there, but not resumed"
            )
        with _translated(self.folder / EVENTS):
            os.ftruncate(fd, size)
        self._size = size


def read(folder: Path) -> list[Event]:
    """Read the events of a run, up to the first line that is none."""
    return _read(folder)[0]


def is_running(folder: Path) -> bool:
    """Whether a process is writing this record now."""
    try:
        fd = os.open(folder / EVENTS, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False  # a file system without locks
    finally:
        os.close(fd)
    return False


@contextlib.contextmanager
def exclusive(folder: Path) -> Iterator[bool]:
    """Keep others from writing a record for the while; false when somebody writes it now."""
    fd = os.open(folder / EVENTS, os.O_RDWR)
    try:
        yield _lock(fd, patience=0)
    finally:
        os.close(fd)


def _read(folder: Path) -> tuple[list[Event], int, bytes]:
    """Return the events, how many bytes they take, and what follows them."""
    path = folder / EVENTS
    with _translated(path, "read"):
        data = path.read_bytes() if path.exists() else b""
    events: list[Event] = []
    size = 0
    for line in data.split(b"\n")[:-1]:
        event = parse_line(line)
        if event is None or event.n != len(events) + 1:
            break
        events.append(event)
        size += len(line) + 1
    return events, size, data[size:]


def _folder(runs: Path, stem: str) -> Path:
    for n in range(1, 1000):
        folder = runs / (stem if n == 1 else f"{stem}-{n}")
        with contextlib.suppress(FileExistsError):
            folder.mkdir(mode=0o700)
            return folder
    raise SlipwayError(f"cannot make a folder for this run in {runs}")


def _lock(fd: int, patience: float = PATIENCE) -> bool:
    deadline = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.02)


def _write_all(fd: int, data: bytes) -> None:
    while data:
        data = data[os.write(fd, data) :]


def _sync(folder: Path) -> None:
    """Make the names in a folder last, not only what is in its files."""
    fd = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


@contextlib.contextmanager
def _translated(path: Path, act: str = "written") -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise SlipwayError(_cannot(path, error, act)) from None


def _cannot(path: Path, error: OSError, act: str = "written") -> str:
    why = f"{path} cannot be {act}: {error.strerror}"
    return why if act == "read" else f"{why}. Nothing more was done"
