"""What happens in a run, as it is written down, and what follows from it for the next step.

The events are the truth: transcript, page, history and resume are made from them alone.
"""

import datetime
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, cast, get_args

# Each kind with the fields it carries.
#   begin      runbook path digest env params user email host commit branch dirty mode scope
#              `scope` is "" for the whole runbook, else what was left to it: --only verify-1
#   resume     user host from changed(bool)     somebody resumes; `scope` when that left out what
#              was not done; `standing`, `digests` and `part` where ids or what is done changed
#   start      cell section n digest by attempt   written before the cell's process exists
#   end        cell n outcome code seconds lines bytes left(list) captured(name) missing(list)
#              message; `again` when a resumed run repeats a check: the state stays as it was before
#   skip       cell reason by                   also for `when`, {skip}, --from and --only
#   manual     cell text outcome(done|skipped) reason by
#   decline    cell by                          somebody said no at a gate
#   part       section reason by                the run goes to *Roll back*
#   note       text                             what a reader of the transcript should know
#   finish     result seconds cell              the last line of a run that ended in order
Kind = Literal[
    "begin", "resume", "start", "end", "skip", "manual", "decline", "part", "note", "finish"
]
Outcome = Literal["passed", "failed", "timed out", "interrupted"]
Standing = Literal["passed", "skipped", "failed", "timed out", "interrupted", "may have run"]
Ending = Literal["done", "failed", "stopped", "rolled back", "unfinished"]

# What a reader of the events relies on; a line without it is no event.
NEEDED: Mapping[str, Mapping[str, type | tuple[type, ...]]] = {
    "begin": {"runbook": str},
    "resume": {},
    "start": {"cell": str, "n": int},
    "end": {"cell": str, "n": int, "outcome": str, "seconds": (int, float)},
    "skip": {"cell": str},
    "manual": {"cell": str, "outcome": str},
    "decline": {},
    "part": {"section": str},
    "note": {"text": str},
    "finish": {"result": str},
}
# What may be missing, but not be of another type.
OPTIONAL: Mapping[str, type] = {"params": dict, "left": list, "missing": list}
# The words that a reader knows; a line with any other is no event.
WORDS: Mapping[str, tuple[str, frozenset[str]]] = {
    "end": ("outcome", frozenset(get_args(Outcome))),
    "manual": ("outcome", frozenset(("done", "skipped"))),
    "finish": ("result", frozenset(get_args(Ending))),
}
YEARS = range(1970, 9000)  # with room around them for what is added and subtracted
LONGEST = 1e9  # seconds, thirty years
UTC = datetime.timedelta(0)


@dataclass(frozen=True)
class Event:
    """One line of events.jsonl; `n` counts from 1, `at` is ISO time in UTC with milliseconds."""

    n: int
    at: str
    kind: Kind
    data: Mapping[str, Any] = field(default_factory=dict)

    @property
    def cell(self) -> str:
        """The action it is about, if it is about one."""
        return str(self.data.get("cell", ""))

    @property
    def moment(self) -> datetime.datetime:
        """When it was."""
        return datetime.datetime.fromisoformat(self.at)


def parse_line(line: bytes) -> Event | None:
    """Parse one line of events.jsonl; nothing where it is no event."""
    try:
        return parse(json.loads(line))
    except (ValueError, RecursionError):  # no JSON, or nested deeper than anything of ours
        return None


def parse(document: object) -> Event | None:
    """Parse one line's JSON; nothing where it is no event."""
    if not isinstance(document, dict):
        return None
    n, at, kind = document.get("event"), document.get("at"), document.get("kind")
    if not isinstance(n, int) or not isinstance(at, str) or not isinstance(kind, str):
        return None
    if kind not in NEEDED or not _is_moment(at):
        return None
    data = {name: value for name, value in document.items() if name not in ("event", "at", "kind")}
    if not all(isinstance(data.get(name), needed) for name, needed in NEEDED[kind].items()):
        return None
    if not _makes_sense(kind, data):
        return None
    return Event(n, at, cast(Kind, kind), data)


def _is_moment(at: str) -> bool:
    try:
        moment = datetime.datetime.fromisoformat(at)
    except ValueError:
        return False
    return moment.utcoffset() == UTC and moment.year in YEARS


def _makes_sense(kind: str, data: Mapping[str, Any]) -> bool:
    """Whether a reader of the event can take its values as they are."""
    if kind in WORDS:
        name, words = WORDS[kind]
        if data[name] not in words:
            return False
    if kind == "end" and not 0 <= data["seconds"] <= LONGEST:  # which NaN is not either
        return False
    for name, expected in OPTIONAL.items():
        value = data.get(name, ())
        if name in data and not isinstance(value, expected):
            return False
        if expected is list and not all(isinstance(item, str) for item in value):
            return False
    return True


@dataclass(frozen=True)
class EventProgress:
    """How far a run is; `actions` maps the id of each action that was reached to its standing."""

    actions: Mapping[str, Standing]
    ending: Ending
    part: str  # "roll back" once the run went there
    number: int  # of the last cell that was started; names its log and its state
    state: int  # of the last cell that passed: where the shell's state is to be taken from
    seconds: float  # spent in cells


def follow(events: Iterable[Event]) -> EventProgress:
    """Fold events into progress; a cell that was started and has no end may have run."""
    actions: dict[str, Standing] = {}
    ending: Ending = "unfinished"
    part, number, state, seconds = "", 0, 0, 0.0
    for event in events:
        data = event.data
        match event.kind:
            case "start":
                actions[event.cell] = "may have run"
                number = max(number, int(data["n"]))
            case "end":
                actions[event.cell] = data["outcome"]
                seconds += float(data["seconds"])
                if data["outcome"] == "passed" and not data.get("again"):
                    state = int(data["n"])
            case "skip":
                actions[event.cell] = "skipped"
            case "manual":
                actions[event.cell] = "passed" if data["outcome"] == "done" else "skipped"
            case "part":
                part = str(data["section"])
            case "finish":
                ending = data["result"]
            case "resume":
                ending = "unfinished"
            case _:
                pass
    return EventProgress(actions, ending, part, number, state, seconds)
