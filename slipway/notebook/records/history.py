"""Past runs: who, when, how they ended, where they stand; only the lines that tell are parsed."""

import datetime
import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from slipway.errors import SlipwayError, UsageError
from slipway.notebook.problem import nearest
from slipway.notebook.reading import collection
from slipway.notebook.records.event import Ending, Event, parse_line
from slipway.notebook.records.record import EVENTS, RUNS, is_running

SHOWN = 5
REACHING = ("start", "end", "manual", "decline", "finish")  # events about an action under way


@dataclass(frozen=True)
class RunSummary:
    """One run; `cell` is the action it stands at, "" when the run ended well."""

    id: str
    runbook: str
    env: str
    user: str
    host: str
    began: datetime.datetime
    ended: datetime.datetime  # its last event
    seconds: float  # from the first event to the last, without the pauses before it was resumed
    result: Ending | Literal["running"]
    cell: str
    folder: Path
    commit: str = ""
    scope: str = ""  # "" when the whole runbook was run

    @property
    def may_be_resumed(self) -> bool:
        return self.result in ("unfinished", "failed", "stopped")

    @property
    def proves(self) -> bool:
        """Whether the runbook was run as a whole and worked."""
        return self.result == "done" and not self.scope


@dataclass(frozen=True)
class RunStore:
    """What lies in the folder of runs; `damaged` names what cannot be read, with the reason."""

    runs: tuple[RunSummary, ...]
    damaged: tuple[str, ...]


def read_store(folder: Path = RUNS) -> RunStore:
    """Read every run, newest first, and name what cannot be read as one."""
    summaries: list[RunSummary] = []
    damaged: list[str] = []
    try:
        entries = sorted(path for path in folder.iterdir() if path.is_dir())
    except FileNotFoundError:
        entries = []
    except OSError as error:
        return RunStore((), (f"{folder} cannot be read: {error.strerror}",))
    for path in entries:
        summary = _summary(path)
        if isinstance(summary, RunSummary):
            summaries.append(summary)
        else:
            damaged.append(summary)
    summaries.sort(key=lambda run: (run.began, run.id), reverse=True)
    return RunStore(tuple(summaries), tuple(damaged))


def runs(folder: Path = RUNS) -> list[RunSummary]:
    """Return every run, newest first."""
    return list(read_store(folder).runs)


def unfinished(
    runbook: str, env: str | None, user: str, host: str = "", folder: Path = RUNS
) -> list[RunSummary]:
    """Return the runs that this person may resume, newest first.

    An empty `runbook` or an `env` of None matches any. A run on another computer is left out,
    and so is one after which the same person ran the same runbook to its end.
    """
    import socket

    owner = (user, host or socket.gethostname())
    return [
        run
        for run in left_open(runs(folder))
        if (run.user, run.host) == owner
        if runbook in ("", run.runbook) and env in (None, run.env)
    ]


def left_open(summaries: Iterable[RunSummary]) -> list[RunSummary]:
    """Return the runs that whoever began them may resume, newest first."""
    unfinished: list[RunSummary] = []
    proven: set[tuple[str, str, str, str]] = set()
    for run in sorted(summaries, key=lambda run: (run.began, run.id), reverse=True):
        kind = (run.user, run.host, run.runbook, run.env)
        if run.proves:
            proven.add(kind)
        if run.may_be_resumed and kind not in proven:
            unfinished.append(run)
    return unfinished


def select(summaries: Sequence[RunSummary], env: str | None, runbook: str = "") -> list[RunSummary]:
    """Return the runs on an environment and of a runbook, each where given.

    Raises UsageError for a runbook that there neither is nor was.
    """
    runbook = runbook and collection.typed_name(runbook)
    if runbook and not any(run.runbook == runbook for run in summaries):
        collection.find(runbook)
    return [r for r in summaries if env in (None, r.env) and runbook in ("", r.runbook)]


def last_runs(summaries: Iterable[RunSummary]) -> Mapping[str, RunSummary]:
    """Return the newest run of each runbook."""
    newest: dict[str, RunSummary] = {}
    for run in sorted(summaries, key=lambda run: run.began):
        newest[run.runbook] = run
    return newest


def dates(folder: Path = RUNS) -> Mapping[str, datetime.date]:
    """Return when each runbook was last run as a whole and worked."""
    proven = (run for run in runs(folder) if run.proves)
    return {name: run.began.date() for name, run in last_runs(proven).items()}


def find(name: str = "", folder: Path = RUNS) -> RunSummary:
    """Return a run by its name or the beginning of it; the newest without one."""
    store = read_store(folder)
    summaries = store.runs
    if not summaries and not store.damaged:
        raise UsageError("no runbook has been run on this computer yet: inv runbook.list")
    if not summaries:
        raise SlipwayError(f"no run here can be read: {_first(store.damaged)}")
    if not name:
        return summaries[0]
    matching = [run for run in summaries if run.id.startswith(name)]
    damaged = [text for text in store.damaged if text.startswith(f"{folder}/{name}")]
    if exact := [run for run in matching if run.id == name]:
        return exact[0]
    if damaged and len(matching) <= 1:  # the other one may be what was meant
        raise SlipwayError(f"{_first(damaged)}; the runs that can be read: inv runbook.history")
    if len(matching) == 1:
        return matching[0]
    if matching:
        names = ", ".join(run.id for run in matching[:SHOWN])
        more = f" and {len(matching) - SHOWN} more" if len(matching) > SHOWN else ""
        raise UsageError(f"{name!a} may be any of {names}{more}; give more of the name")
    hint = nearest(name[:120], [run.id for run in summaries])
    raise UsageError(f"there is no run {name[:80]!a}{hint}; see inv runbook.history")


def _first(damaged: Sequence[str]) -> str:
    """Return the first of what cannot be read, and how many more there are."""
    return damaged[0] + (f" (and {len(damaged) - 1} more)" if len(damaged) > 1 else "")


def _summary(folder: Path) -> RunSummary | str:
    """Read one run from both ends of its record; or say why it is none."""
    try:
        lines = (folder / EVENTS).read_bytes().split(b"\n")[:-1]  # not what a kill cut off
    except FileNotFoundError:
        return f"{folder} is not a run: it has no {EVENTS}"
    except OSError as error:
        return f"{folder / EVENTS} cannot be read: {error.strerror}"
    first = parse_line(lines[0]) if lines else None
    if first is None or first.kind != "begin":
        return f"{folder / EVENTS} is damaged: its first line is not the start of a run"
    last, result, cell = _standing(lines[1:], first)
    if result != "done" and is_running(folder):
        state: Ending | Literal["running"] = "running"
    else:
        state = result
    begin = first.data
    return RunSummary(
        id=folder.name,
        runbook=str(begin["runbook"]),
        env=str(begin.get("env") or ""),
        user=str(begin.get("user") or ""),
        host=str(begin.get("host") or ""),
        began=first.moment,
        ended=last.moment,
        seconds=max(0.0, _between(first, last) - _paused(lines)),
        result=state,
        cell="" if result == "done" else cell,
        folder=folder,
        commit=str(begin.get("commit") or ""),
        scope=str(begin.get("scope") or "") or _narrowed(lines),
    )


def _standing(lines: list[bytes], first: Event) -> tuple[Event, Ending, str]:
    """Return the last event, how the run ended, and the action that was reached last."""
    last, result, cell = first, None, ""
    for line in reversed(lines):
        event = parse_line(line)
        if event is None:
            continue
        last = event if last is first else last
        if result is None and event.kind == "finish":
            result = event.data["result"]
        elif result is None:
            result = "unfinished"  # it was resumed after its last end, or never came to one
        cell = event.cell if event.kind in REACHING else ""
        if cell:
            break
    return last, result or "unfinished", cell


def _paused(lines: list[bytes]) -> float:
    """Return the seconds between the last event of one sitting and the first of the next."""
    pauses = 0.0
    for before, line in itertools.pairwise(lines):
        if b'"kind": "resume"' in line:
            end, start = parse_line(before), parse_line(line)
            pauses += _between(end, start) if end and start else 0.0
    return pauses


def _narrowed(lines: list[bytes]) -> str:
    """Return the --from of a resumption that left out what had not been done, or nothing."""
    resumed = (parse_line(line) for line in lines if b'"kind": "resume"' in line)
    return next((str(e.data["scope"]) for e in resumed if e and e.data.get("scope")), "")


def _between(first: Event, last: Event) -> float:
    return (last.moment - first.moment).total_seconds()
