"""Past runs: who, when, how they ended, where they stand; only the lines that tell are parsed."""

import datetime
import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from slipway.errors import SlipwayError, UsageError
from slipway.notebook.problem import nearest
from slipway.notebook.reading import parse
from slipway.notebook.records.event import Ending, Event, read
from slipway.notebook.records.record import EVENTS, RUNS, is_going_on

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
    """What lies in the folder of runs; `strange` names what is none, with the reason."""

    runs: tuple[RunSummary, ...]
    strange: tuple[str, ...]


def look(folder: Path = RUNS) -> RunStore:
    """Read every run, newest first, and name what cannot be read as one."""
    found: list[RunSummary] = []
    strange: list[str] = []
    try:
        entries = sorted(path for path in folder.iterdir() if path.is_dir())
    except FileNotFoundError:
        entries = []
    except OSError as error:
        return RunStore((), (f"{folder} cannot be read: {error.strerror}",))
    for path in entries:
        summary = _summary(path)
        if isinstance(summary, RunSummary):
            found.append(summary)
        else:
            strange.append(summary)
    found.sort(key=lambda run: (run.began, run.id), reverse=True)
    return RunStore(tuple(found), tuple(strange))


def runs(folder: Path = RUNS) -> list[RunSummary]:
    """Return every run, newest first."""
    return list(look(folder).runs)


def unfinished(
    runbook: str, env: str | None, user: str, host: str = "", folder: Path = RUNS
) -> list[RunSummary]:
    """Return the runs that this person may go on with, newest first.

    An empty `runbook` or an `env` of None matches any. A run on another computer is left out,
    and so is one after which the same person ran the same runbook to its end.
    """
    import socket

    whose = (user, host or socket.gethostname())
    return [
        run
        for run in left_open(runs(folder))
        if (run.user, run.host) == whose
        if runbook in ("", run.runbook) and env in (None, run.env)
    ]


def left_open(found: Iterable[RunSummary]) -> list[RunSummary]:
    """Return the runs that whoever began them may go on with, newest first."""
    left: list[RunSummary] = []
    done: set[tuple[str, str, str, str]] = set()
    for run in sorted(found, key=lambda run: (run.began, run.id), reverse=True):
        kind = (run.user, run.host, run.runbook, run.env)
        if run.proves:
            done.add(kind)
        if run.may_be_resumed and kind not in done:
            left.append(run)
    return left


def chosen(found: Sequence[RunSummary], env: str | None, runbook: str = "") -> list[RunSummary]:
    """Return the runs on an environment and of a runbook, each where given.

    Raises UsageError for a runbook that there neither is nor was.
    """
    runbook = Path(runbook).name.removesuffix(".md")
    if runbook and not any(run.runbook == runbook for run in found):
        parse.find(runbook)
    return [r for r in found if env in (None, r.env) and runbook in ("", r.runbook)]


def last_runs(found: Iterable[RunSummary]) -> Mapping[str, RunSummary]:
    """Return the newest run of each runbook."""
    newest: dict[str, RunSummary] = {}
    for run in sorted(found, key=lambda run: run.began):
        newest[run.runbook] = run
    return newest


def dates(folder: Path = RUNS) -> Mapping[str, datetime.date]:
    """Return when each runbook was last run as a whole and worked."""
    proven = (run for run in runs(folder) if run.proves)
    return {name: run.began.date() for name, run in last_runs(proven).items()}


def find(name: str = "", folder: Path = RUNS) -> RunSummary:
    """Return a run by its name or the beginning of it; the newest without one."""
    shelf = look(folder)
    found = shelf.runs
    if not found and not shelf.strange:
        raise UsageError("no runbook has been run on this computer yet: inv runbook.list")
    if not found:
        raise SlipwayError(f"no run here can be read: {_first(shelf.strange)}")
    if not name:
        return found[0]
    matching = [run for run in found if run.id.startswith(name)]
    damaged = [text for text in shelf.strange if text.startswith(f"{folder}/{name}")]
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
    hint = nearest(name[:120], [run.id for run in found])
    raise UsageError(f"there is no run {name[:80]!a}{hint}; see inv runbook.history")


def _first(strange: Sequence[str]) -> str:
    """Return the first of what is no run, and how many more there are."""
    return strange[0] + (f" (and {len(strange) - 1} more)" if len(strange) > 1 else "")


def _summary(folder: Path) -> RunSummary | str:
    """Read one run from both ends of its record; or say why it is none."""
    try:
        lines = (folder / EVENTS).read_bytes().split(b"\n")[:-1]  # not what a kill cut off
    except FileNotFoundError:
        return f"{folder} is not a run: it has no {EVENTS}"
    except OSError as error:
        return f"{folder / EVENTS} cannot be read: {error.strerror}"
    first = read(lines[0]) if lines else None
    if first is None or first.kind != "begin":
        return f"{folder / EVENTS} does not begin as a run does"
    last, result, cell = _standing(lines[1:], first)
    if result != "done" and is_going_on(folder):
        went: Ending | Literal["running"] = "running"
    else:
        went = result
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
        result=went,
        cell="" if result == "done" else cell,
        folder=folder,
        commit=str(begin.get("commit") or ""),
        scope=str(begin.get("scope") or "") or _narrowed(lines),
    )


def _standing(lines: list[bytes], first: Event) -> tuple[Event, Ending, str]:
    """Return the last event, how the run ended, and the action that was reached last."""
    last, result, cell = first, None, ""
    for line in reversed(lines):
        happened = read(line)
        if happened is None:
            continue
        last = happened if last is first else last
        if result is None and happened.kind == "finish":
            result = happened.data["result"]
        elif result is None:
            result = "unfinished"  # it went on after its last end, or never came to one
        cell = happened.cell if happened.kind in REACHING else ""
        if cell:
            break
    return last, result or "unfinished", cell


def _paused(lines: list[bytes]) -> float:
    """Return the seconds between the last event of one sitting and the first of the next."""
    pauses = 0.0
    for before, line in itertools.pairwise(lines):
        if b'"kind": "resume"' in line:
            end, start = read(before), read(line)
            pauses += _between(end, start) if end and start else 0.0
    return pauses


def _narrowed(lines: list[bytes]) -> str:
    """Return the --from of a resumption that left out what had not been done, or nothing."""
    resumed = (read(line) for line in lines if b'"kind": "resume"' in line)
    return next((str(e.data["scope"]) for e in resumed if e and e.data.get("scope")), "")


def _between(first: Event, last: Event) -> float:
    return (last.moment - first.moment).total_seconds()
