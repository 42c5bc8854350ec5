"""Past runs and the runbooks there are, as tables for people and as JSON for programs."""

import datetime
import sys
from collections import Counter
from collections.abc import Mapping, Sequence

from slipway.notebook.problem import where
from slipway.notebook.reading.titles import Title
from slipway.notebook.records.history import RunStore, RunSummary
from slipway.show import table
from slipway.show.query_result import quiet

UNITS = (("day", 86_400), ("hour", 3_600), ("minute", 60))


def history(
    shelf: RunStore, found: Sequence[RunSummary], *, hide: Sequence[str], as_json: bool
) -> None:
    """Print runs, newest first; `hide` names columns that would say the same in every line."""
    for text in shelf.strange:
        sys.stderr.write(f"! {quiet(text)}\n")
    if as_json:
        table.document([_document(run) for run in found])
        return
    if not found:
        sys.stderr.write("no runs; the runbooks that there are: inv runbook.list\n")
        return
    columns = ["run", "when", "runbook", "env", "who", "result", "min", "at"]
    stamps = Counter(_stamp(run) for run in shelf.runs)
    rows = [_row(run, stamps) for run in found]
    table.rows([column for column in columns if column not in hide], rows)


def books(found: Sequence[Title], last: Mapping[str, RunSummary], *, as_json: bool) -> None:
    """Print runbooks with what became of their last run."""
    if as_json:
        table.document([_described(book, last.get(book.name)) for book in found])
        return
    rows = []
    for book in found:
        run = last.get(book.name)
        rows.append(
            {
                "name": quiet(book.name),
                "risk": quiet(book.risk),
                "time": quiet(book.time),
                "last run": age(run.began) if run else "never",
                "result": run.result if run else "",
                "min": _minutes(run) if run else "",
                "title": quiet(book.title),
            }
        )
    table.rows(["name", "risk", "time", "last run", "result", "min", "title"], rows)


def age(moment: datetime.datetime, now: datetime.datetime | None = None) -> str:
    """Write how long ago something was: `3 days ago`."""
    seconds = ((now or datetime.datetime.now(datetime.UTC)) - moment).total_seconds()
    for unit, size in UNITS:
        count = int(seconds // size)
        if count >= 1:
            return f"{count} {unit}{'s' if count > 1 else ''} ago"
    return "just now"


def _row(run: RunSummary, stamps: Mapping[str, int]) -> dict[str, object]:
    # The time in a run's name is as much as --run= needs, unless two began in the same second.
    return {
        "run": _stamp(run) if stamps[_stamp(run)] == 1 else run.id,
        "when": age(run.began),
        "runbook": quiet(f"{run.runbook} {run.scope}".strip()),
        "env": quiet(run.env),
        "who": quiet(run.user),
        "result": run.result,
        "min": _minutes(run),
        "at": quiet(run.cell),
    }


def _stamp(run: RunSummary) -> str:
    return run.id.partition("-")[0]


def _minutes(run: RunSummary) -> str:
    return f"{run.seconds / 60:.1f}"


def _document(run: RunSummary) -> dict[str, object]:
    return {
        "run": run.id,
        "runbook": run.runbook,
        "env": run.env,
        "user": run.user,
        "host": run.host,
        "began": run.began.isoformat(),
        "seconds": round(run.seconds, 3),
        "result": run.result,
        "cell": run.cell,
        "scope": run.scope,
        "commit": run.commit,
        "folder": where(run.folder),
    }


def _described(book: Title, run: RunSummary | None) -> dict[str, object]:
    return {
        "name": book.name,
        "title": book.title,
        "summary": book.summary,
        "risk": book.risk,
        "time": book.time,
        "tasks": list(book.tasks),
        "path": where(book.path),
        "last_run": _document(run) if run else None,
    }
