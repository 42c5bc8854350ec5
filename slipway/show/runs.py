"""Past runs and the runbooks there are, as tables for people and as JSON for programs."""

import datetime
from collections import Counter
from collections.abc import Mapping, Sequence

from slipway.notebook.problem import where
from slipway.notebook.reading.titles import Title
from slipway.notebook.records.history import RunStore, RunSummary
from slipway.show import table
from slipway.show.writer import tell

UNITS = (("day", 86_400), ("hour", 3_600), ("minute", 60))


def show_history(
    store: RunStore, runs: Sequence[RunSummary], *, hide: Sequence[str], as_json: bool
) -> None:
    """Print runs, newest first; `hide` names columns that would say the same in every line."""
    for text in store.damaged:
        tell(f"! {text}")
    if as_json:
        table.document([_document(run) for run in runs])
        return
    if not runs:
        tell("no runs; the runbooks that there are: inv runbook.list")
        return
    columns = ["run", "when", "runbook", "env", "who", "result", "min", "at"]
    stamps = Counter(_stamp(run) for run in store.runs)
    rows = [_row(run, stamps) for run in runs]
    table.rows([column for column in columns if column not in hide], rows)


def show_titles(titles: Sequence[Title], last: Mapping[str, RunSummary], *, as_json: bool) -> None:
    """Print runbooks with what became of their last run."""
    if as_json:
        table.document([_title_document(title, last.get(title.name)) for title in titles])
        return
    rows = []
    for title in titles:
        run = last.get(title.name)
        rows.append(
            {
                "name": title.name,
                "risk": title.risk,
                "time": title.time,
                "last run": age(run.began) if run else "never",
                "result": run.result if run else "",
                "min": _minutes(run) if run else "",
                "title": title.title,
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
        "runbook": f"{run.runbook} {run.scope}".strip(),
        "env": run.env,
        "who": run.user,
        "result": run.result,
        "min": _minutes(run),
        "at": run.cell,
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


def _title_document(title: Title, run: RunSummary | None) -> dict[str, object]:
    return {
        "name": title.name,
        "title": title.title,
        "summary": title.summary,
        "risk": title.risk,
        "time": title.time,
        "tasks": list(title.tasks),
        "path": where(title.path),
        "last_run": _document(run) if run else None,
    }
