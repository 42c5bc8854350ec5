"""The transcript of a run in Markdown: the runbook as it was, each cell followed by what it did."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from slipway import whole_file
from slipway.errors import SlipwayError
from slipway.notebook.cells import output
from slipway.notebook.document import Cell, ManualStep, Runbook
from slipway.notebook.reading import markup
from slipway.notebook.records import record
from slipway.notebook.records.event import Event
from slipway.notebook.transcripts.ansi import plain, visible
from slipway.notebook.transcripts.attempts import (
    Attempt,
    Happening,
    Remark,
    RunHistory,
    join_events,
    runbook_as_run,
)
from slipway.notebook.transcripts.timeline import MARKS

NAME = "transcript.md"
LIMIT = 200  # lines of one cell's output
# What Markdown would take for more than a letter.
SPECIAL = re.compile(r"([\\`*_\[\]<>|~&$@])")


def write(folder: Path) -> Path:
    """Write the transcript of a run into its folder, replacing an earlier one."""
    text = make(record.read(folder), markup.runbook_of(folder), folder)
    path = folder / NAME
    try:
        whole_file.write(path, text, mode=0o600)
    except OSError as error:
        raise SlipwayError(f"{path} cannot be written: {error.strerror}") from None
    return path


def make(events: Sequence[Event], text: str, folder: Path) -> str:
    """Put events and logs into the text of the runbook."""
    runbook = runbook_as_run(text, events)
    numbers = {cell.id: n for n, cell in enumerate(runbook.cells(), start=1)}
    history = join_events(events, numbers)
    ids = {action.id for action in runbook.actions()}
    unknown = [each for each in history.happenings if each.cell and each.cell not in ids]
    after = list(history.of(""))
    parts = [*_head(history, folder), *_events_table(history, runbook), "---", ""]
    parts += _body(text, runbook, history, folder)
    if unknown:
        parts += ["", "**At cells that the runbook did not have when the run began**", ""]
        parts += _report(unknown, history, None, folder)
    if after:
        parts += ["", *_report(after, history, None, folder)]
    return visible("\n".join(parts).rstrip("\n") + "\n")


def escaped(text: str) -> str:
    """Write text so that Markdown shows it as it is, on one line."""
    return SPECIAL.sub(r"\\\1", visible(" ".join(text.split())))


def fenced(text: str, language: str = "text") -> list[str]:
    """Put text between fences that are longer than any run of backticks in it."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return [fence + language, *text.rstrip("\n").split("\n"), fence]


def mark(standing: str | None) -> str:
    """Return the sign for a standing."""
    return MARKS.get(standing or "", "·")


def _head(history: RunHistory, folder: Path) -> list[str]:
    rows = [f"| {name} | {escaped(value)} |" for name, value in history.facts().items()]
    return [
        "# Run `" + visible(folder.name).replace("`", "'") + "`",
        "",
        "| | |",
        "|---|---|",
        *rows,
        "",
    ]


def _events_table(history: RunHistory, runbook: Runbook) -> list[str]:
    """Tell in order what happened, one line each; all times are UTC."""
    cells = {cell.id: cell for cell in runbook.cells()}
    rows = ["| Time (UTC) | At | What happened |", "|---|---|---|"]
    for each in history.happenings:
        at = each.began if isinstance(each, Attempt) else each.at
        text = _describe(each, cells.get(each.cell))
        rows.append(f"| {history.clock(at)} | {escaped(each.cell)} | {text} |")
    return [*rows, ""] if history.happenings else ["Nothing was done.", ""]


def _describe(each: Happening, cell: Cell | None) -> str:
    if isinstance(each, Remark):
        return f"{mark(each.standing)} {escaped(each.text)}"
    first, *others = each.facts(cell)
    return ", ".join([f"{mark(each.standing)} {escaped(first)}", *map(escaped, others)])


def _body(text: str, runbook: Runbook, history: RunHistory, folder: Path) -> Iterator[str]:
    """Yield the runbook's lines and, behind each cell and step, what became of it."""
    lines = markup.lines(text)
    places = markup.places(text)
    matter = places.matter
    behind: dict[int, list[str]] = {}
    for action in runbook.actions():
        end = places.ends.get(action.line, action.line)
        indent = re.sub(r"[^>\s]", " ", re.match(r"[^`~\[]*", lines[action.line - 1])[0])  # type: ignore[index]
        happened = list(history.of(action.id))
        cell = action if isinstance(action, Cell) else None
        report = _report(happened, history, cell, folder) or ["> · not run"]
        if isinstance(action, ManualStep) and history.actions.get(action.id) == "passed":
            lines[action.line - 1] = lines[action.line - 1].replace("[ ]", "[x]", 1)
        behind.setdefault(end, []).extend((indent + line).rstrip() for line in ["", *report])
    if matter:
        yield from [*fenced("\n".join(lines[1 : matter - 1]), "yaml"), ""]
    for number, line in enumerate(lines, start=1):
        if number > matter:
            yield visible(line)
        yield from behind.get(number, ())


def _report(
    happened: Sequence[Happening], history: RunHistory, cell: Cell | None, folder: Path
) -> list[str]:
    lines: list[str] = []
    for each in happened:
        at = each.began if isinstance(each, Attempt) else each.at
        lines += ["", f"> {_describe(each, cell)}, {history.clock(at)} UTC"]
        if isinstance(each, Attempt):
            log = folder / "cells" / f"{each.n:02}.log"
            output_text = plain(output.excerpt(log, LIMIT))
            lines += ["", *fenced(output_text)] if output_text.strip() else ["", "> no output"]
    return lines[1:]
