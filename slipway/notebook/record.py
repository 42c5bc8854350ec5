"""The record of one run: a folder with its events, its logs, its state and the runbook as it was.

<utc>-<runbook>-<env>-<user>/
    events.jsonl     appended and synced before anything is done; the truth
    runbook.md       the runbook as it was when the run began
    cells/03.log     all that the third started cell printed, masked
    state/03.sh      the shell's state after it, without secrets
    transcript.md    made from the events, anew after each; page.html likewise on export
"""

import datetime
import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from slipway.errors import SlipwayError
from slipway.notebook.event import Event, Kind, Progress, follow
from slipway.project import ROOT

RUNS = ROOT / ".slipway" / "runs"


class Record:
    """An open record; every event is on the disk before `append` returns."""

    def __init__(self, folder: Path, events: list[Event]) -> None:
        self.folder = folder
        self.events = events

    @classmethod
    def create(cls, name: str, text: str, begin: Mapping[str, Any], runs: Path = RUNS) -> "Record":
        """Make the folder, for its owner's eyes only, and write down that the run begins."""
        moment = datetime.datetime.now(datetime.UTC).strftime("%Y%m%dT%H%M%SZ")
        words = [moment, name, str(begin.get("env") or "any"), str(begin["user"])]
        stem = "-".join(re.sub(r"[^A-Za-z0-9_.]+", "_", word) for word in words)
        runs.mkdir(mode=0o700, parents=True, exist_ok=True)
        for n in range(1, 1000):
            folder = runs / (stem if n == 1 else f"{stem}-{n}")
            try:
                folder.mkdir(mode=0o700)
                break
            except FileExistsError:
                continue
        else:
            raise SlipwayError(f"cannot make a folder for this run in {runs}")
        for inner in ("cells", "state"):
            (folder / inner).mkdir(mode=0o700)
        _write(folder / "runbook.md", text)
        record = cls(folder, [])
        record.append("begin", **begin)
        return record

    @classmethod
    def open(cls, folder: Path) -> "Record":
        """Read a record again; a last line that was cut off by a kill is not an event."""
        return cls(folder, read(folder))

    @property
    def id(self) -> str:
        return self.folder.name

    @property
    def begin(self) -> Mapping[str, Any]:
        return self.events[0].data

    def progress(self) -> Progress:
        return follow(self.events)

    def append(self, kind: Kind, **data: Any) -> Event:
        """Write one event down; what is in it has been masked by the caller."""
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")
        event = Event(len(self.events) + 1, now.replace("+00:00", "Z"), kind, data)
        line = json.dumps({"n": event.n, "at": event.at, "kind": kind, **data}, ensure_ascii=False)
        path = self.folder / "events.jsonl"
        whole = "".join(_line(each) for each in self.events)
        fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            if os.fstat(fd).st_size > len(whole.encode()):
                os.ftruncate(fd, len(whole.encode()))  # half a line of a run that was killed
            os.write(fd, f"{line}\n".encode())
            os.fsync(fd)
        finally:
            os.close(fd)
        self.events.append(event)
        return event

    def log(self, n: int) -> Path:
        """Return where the n-th started cell's output goes."""
        return self.folder / "cells" / f"{n:02}.log"


def read(folder: Path) -> list[Event]:
    """Read the events of a run."""
    path = folder / "events.jsonl"
    events: list[Event] = []
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise SlipwayError(f"{path} cannot be read: {error.strerror}") from None
    for line in text.splitlines():
        try:
            found = json.loads(line)
            n, at, kind = found.pop("n"), found.pop("at"), found.pop("kind")
        except (ValueError, KeyError, AttributeError):
            break
        events.append(Event(n, at, kind, found))
    return events


def _line(event: Event) -> str:
    fields = {"n": event.n, "at": event.at, "kind": event.kind, **event.data}
    return json.dumps(fields, ensure_ascii=False) + "\n"


def _write(path: Path, text: str) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(fd, "w", encoding="utf-8") as file:
        file.write(text)
