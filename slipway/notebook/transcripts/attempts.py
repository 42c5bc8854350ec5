"""What happened in a run, in order and with times: its events joined to attempts and remarks."""

import datetime
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from slipway.notebook.document import Attributes, Cell, Runbook
from slipway.notebook.reading import parse
from slipway.notebook.records.event import Ending, Event, Standing, follow

UNSEEN = "may have run: nobody saw it end"


@dataclass(frozen=True)
class Attempt:
    """A cell that was started; `end` is what its end said, empty where nobody saw it end."""

    cell: str
    n: int  # names its log
    attempt: int
    digest: str  # of what it ran, SHA-256
    by: str  # who said yes; "" where nobody was asked
    waited_since: datetime.datetime  # when what came before it was over
    began: datetime.datetime
    ended: datetime.datetime | None = None
    standing: Standing = "may have run"
    end: Mapping[str, Any] = field(default_factory=dict)

    @property
    def seconds(self) -> float:
        return float(self.end.get("seconds") or 0.0)

    def facts(self, cell: Cell | None) -> list[str]:
        """Say how it went: the outcome first, then what else is to be known.

        `cell` is what the runbook had there when the run began.
        """
        attributes = cell.attributes if cell else Attributes()
        limit = attributes.timeout or self.seconds
        words = {"timed out": f"timed out after {span(limit)}", "may have run": UNSEEN}
        facts = [words.get(self.standing, f"{self.standing} after {span(self.seconds)}")]
        if attributes.interactive and self.ended:
            facts = [self.standing, f"interactive, {span(self.seconds)}"]
        if self.attempt > 1:
            facts[0] = f"attempt {self.attempt} {facts[0]}"
        if self.end.get("code") is not None:
            facts.append(f"exit code {self.end['code']}")
        if cell and self.digest and self.digest != sha256(cell.source.encode()).hexdigest():
            facts.append("ran a changed text, not the one shown here")
        if self.end.get("message"):
            facts.append(str(self.end["message"]))
        if self.by:
            facts.append(f"confirmed by {self.by}")
        if self.end.get("captured"):
            facts.append(f"kept as {self.end['captured']}")
        if self.end.get("missing"):
            facts.append(f"not kept, for they hold secrets: {', '.join(self.end['missing'])}")
        if self.end.get("left"):
            facts.append(f"left running: {', '.join(self.end['left'])}")
        return facts


@dataclass(frozen=True)
class Remark:
    """Anything else, in one sentence; `cell` is the action it is about or comes right before."""

    cell: str
    waited_since: datetime.datetime
    at: datetime.datetime
    text: str
    standing: Standing | None = None  # of a step that was done or skipped
    is_break: bool = False  # nobody was at work before it


Happening = Attempt | Remark


@dataclass(frozen=True)
class RunHistory:
    """A run as a whole."""

    begin: Mapping[str, Any]
    began: datetime.datetime
    ended: datetime.datetime  # of the last thing that was written down
    ending: Ending
    cell: str  # where it ended, when it did not end well
    actions: Mapping[str, Standing]
    in_cells: float  # seconds
    happenings: tuple[Happening, ...]

    @property
    def breaks(self) -> list[tuple[datetime.datetime, datetime.datetime]]:
        """Return the times before each resumption, when nobody was at work."""
        return [
            (each.waited_since, each.at)
            for each in self.happenings
            if isinstance(each, Remark) and each.is_break
        ]

    def of(self, action: str) -> Iterator[Happening]:
        """Return what happened at an action; of "" what came after the last one."""
        return (each for each in self.happenings if each.cell == action)

    def facts(self) -> dict[str, str]:
        """Return what is known about the run as a whole, in words."""
        begin = self.begin
        email = f" <{begin['email']}>" if begin.get("email") else ""
        branch = f" on {begin['branch']}" if begin.get("branch") else ""
        dirty = ", with changes that were not committed" if begin.get("dirty") else ""
        commit = str(begin.get("commit") or "")[:12]
        whole = (self.ended - self.began).total_seconds()
        paused = sum((end - begin).total_seconds() for begin, end in self.breaks)
        pauses = f"; before it was resumed nobody worked for {span(paused)}" if paused else ""
        params = {n: v for n, v in (begin.get("params") or {}).items() if n != "ENV"}
        facts = {
            "Result": self.result,
            "Runbook": str(begin.get("path") or begin.get("runbook") or ""),
            "Environment": str(begin.get("env") or ""),
            "Parameters": ", ".join(f"{name}={value}" for name, value in params.items()),
            "By": f"{begin.get('user', '')}{email}",
            "Host": str(begin.get("host") or ""),
            "Commit": f"{commit}{branch}{dirty}" if commit else "",
            "Began": f"{self.began:%Y-%m-%d %H:%M:%S} UTC",
            "Took": f"{span(whole - paused)}, of it {span(self.in_cells)} in cells{pauses}",
        }
        return {name: value for name, value in facts.items() if value}

    def clock(self, at: datetime.datetime) -> str:
        """Write a moment, with its date where the run took more than a day."""
        return (
            f"{at:%H:%M:%S}" if self.began.date() == self.ended.date() else f"{at:%m-%d %H:%M:%S}"
        )

    @property
    def result(self) -> str:
        """Say how it ended and where."""
        where = f" at {self.cell}" if self.cell else ""
        words: Mapping[Ending, str] = {
            "done": "done",
            "failed": f"failed{where}",
            "stopped": f"stopped by a person{where}",
            "rolled back": f"failed{where}, rolled back",
            "unfinished": f"not finished{where}",
        }
        return words[self.ending]


def runbook_as_run(text: str, events: Sequence[Event]) -> Runbook:
    """Read the text of a run as the run itself did."""
    native = bool(events[0].data.get("native", True)) if events else True
    return parse.parse(text, Path("runbook.md"), native=native)[0]


def join_events(events: Sequence[Event], numbers: Mapping[str, int] | None = None) -> RunHistory:
    """Join events; `numbers` says which cell of the runbook an id is, counted from 1."""
    progress = follow(events)
    happenings: list[Happening] = []
    waiting: list[int] = []  # remarks whose next action is still to come
    before = events[0].moment if events else datetime.datetime.fromtimestamp(0, datetime.UTC)
    began, cell = before, ""
    for event in events:
        at = event.moment
        if event.kind == "finish":
            cell = event.cell
        if event.kind == "end":
            _end(happenings, event, at)
        elif event.kind == "start":
            data = event.data
            tries = 1 + sum(isinstance(e, Attempt) and e.cell == event.cell for e in happenings)
            by = str(data.get("by") or "")
            digest = str(data.get("digest") or "")
            happenings.append(Attempt(event.cell, data["n"], tries, digest, by, before, at))
        elif text := _sentence(event, numbers or {}):
            standing = _standing(event)
            happenings.append(
                Remark(event.cell, before, at, text, standing, event.kind == "resume")
            )
            if not event.cell:
                waiting.append(len(happenings) - 1)
        if event.cell and event.kind != "finish":
            for i in waiting:
                happenings[i] = replace(happenings[i], cell=event.cell)
            waiting.clear()
        before = at
    reached = list(progress.actions)
    stuck = reached[-1] if reached and progress.ending == "unfinished" else ""
    return RunHistory(
        begin=events[0].data if events else {},
        began=began,
        ended=before,
        ending=progress.ending,
        cell="" if progress.ending == "done" else cell or stuck,
        actions=progress.actions,
        in_cells=progress.seconds,
        happenings=tuple(happenings),
    )


def span(seconds: float) -> str:
    """Write how long something took, in two units at most."""
    if 0 < seconds < 0.1:
        return f"{max(seconds * 1000, 1):.0f} ms"
    if seconds < 9.95:
        return f"{seconds:.1f}".removesuffix(".0") + " s"
    whole = round(seconds)
    for unit, name, part, part_name in (
        (86_400, "d", 3_600, "h"),
        (3_600, "h", 60, "min"),
        (60, "min", 1, "s"),
    ):
        if whole >= unit:
            rest = whole % unit // part
            return f"{whole // unit} {name}" + (f" {rest} {part_name}" if rest else "")
    return f"{whole} s"


def _end(happenings: list[Happening], event: Event, at: datetime.datetime) -> None:
    """Close the attempt that began with the same number; further ends are further attempts."""
    for i in range(len(happenings) - 1, -1, -1):
        each = happenings[i]
        if isinstance(each, Attempt) and each.n == event.data.get("n"):
            closed = replace(each, ended=at, standing=event.data["outcome"], end=event.data)
            if each.ended is None:
                happenings[i] = closed
            else:
                took = datetime.timedelta(seconds=closed.seconds)
                fresh = replace(closed, attempt=each.attempt + 1, began=at - took)
                happenings.append(replace(fresh, waited_since=each.ended))
            return


def _sentence(event: Event, numbers: Mapping[str, int]) -> str:
    data = event.data
    by = f" by {data['by']}" if data.get("by") else ""
    reason = f": {data['reason']}" if data.get("reason") else ""
    match event.kind:
        case "resume":
            changed = "; the runbook had changed since" if data.get("changed") else ""
            since = f" from {data['from']}" if data.get("from") else ""
            host = f" on {data['host']}" if data.get("host") else ""
            return f"resumed by {data.get('user', 'someone')}{host}{since}{changed}"
        case "skip":
            return f"skipped{by}{reason}"
        case "manual":
            return f"{data['outcome']}{by}{reason}"
        case "decline":
            number = numbers.get(event.cell)
            place = f"cell {number} ({event.cell})" if number else event.cell
            return f"declined{by} at {place}"
        case "part":
            because = f", after {data['reason']}" if data.get("reason") else ""
            return f"went to {str(data['section']).capitalize()}{by}{because}"
        case "note":
            return str(data.get("text", ""))
        case _:
            return ""


def _standing(event: Event) -> Standing | None:
    if event.kind == "skip":
        return "skipped"
    if event.kind == "manual":
        return "passed" if event.data["outcome"] == "done" else "skipped"
    return None
