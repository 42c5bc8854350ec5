"""All that is wrong with runbooks and documents, found in one pass; nothing is run."""

import datetime
from collections.abc import Mapping, Sequence
from pathlib import Path

from slipway.errors import UsageError
from slipway.notebook.checking import command_check, form, library, links, syntax, variable_sources
from slipway.notebook.commands import Commands
from slipway.notebook.document import Cell, Runbook
from slipway.notebook.problem import Problem, where
from slipway.notebook.reading import parse
from slipway.project import ROOT

INDEX = "README.md"  # its commands run; owner, sections and the like are a runbook's


def check(
    paths: Sequence[Path],
    commands: Commands,
    *,
    today: datetime.date,
    last_runs: Mapping[str, datetime.date] | None = None,
    documents: Sequence[Path] = (),
) -> list[Problem]:
    """Return every problem of some runbooks, by file and line; of documents, links and commands.

    Several runbooks are taken for the whole collection, and then held against the tasks too.
    """
    complaints: list[Problem] = []
    cells: list[tuple[str, Cell]] = []
    books: list[Runbook] = []
    mentioned: dict[str, set[str]] = {}
    for path in paths:
        try:
            runbook, problems = parse.read(path)
        except UsageError as error:
            complaints.append(_unread(path, error))
            continue
        file = where(path)
        commanded = list(command_check.named(runbook))
        mentioned[runbook.name] = {word for _, words in commanded for word in words}
        complaints += problems
        complaints += command_check.problems(runbook, file, commands, commanded)
        complaints += links.check(path, runbook.text)
        complaints += variable_sources.problems(runbook, file, commands)
        cells += [(file, cell) for cell in runbook.cells()]
        if path.name == INDEX:
            complaints += form.without_way_back(runbook, file)
            continue
        books.append(runbook)
        last_run = (last_runs or {}).get(runbook.name)
        complaints += form.problems(runbook, file, commands, today, last_run)
        complaints += form.unmentioned(runbook, file, mentioned[runbook.name])
    for path in documents:
        try:
            runbook, _ = parse.read(path)
        except UsageError as error:
            complaints.append(_unread(path, error))
            continue
        complaints += command_check.problems(
            runbook, where(path), commands, list(command_check.named(runbook))
        )
        complaints += links.check(path, runbook.text)
    complaints += [Problem(file, line, text) for file, line, text in syntax.faults(cells)]
    if len(books) > 1:
        complaints += library.problems(books, mentioned, commands)
    return sorted(set(complaints))


def blocking_errors(
    runbook: Runbook, slips: Sequence[Problem], commands: Commands
) -> list[Problem]:
    """Return the errors that a run would stumble over; `slips` were found when it was read.

    A broken link or a missing owner is none: neither may keep anybody from working at night.
    """
    errors, file = list(slips), where(runbook.path)
    cells = [(file, cell) for cell in runbook.cells()]
    commanded = [each for each in command_check.named(runbook) if _is_in_a_cell(runbook, each[0])]
    errors += command_check.problems(runbook, file, commands, commanded)
    errors += variable_sources.problems(runbook, file, commands)
    errors += form.without_way_back(runbook, file)
    errors += [Problem(file, line, text) for file, line, text in syntax.faults(cells)]
    return sorted({each for each in errors if each.severity == "error"})


def _is_in_a_cell(runbook: Runbook, line: int) -> bool:
    ends = ((cell.line, cell.line + cell.source.count("\n") + 1) for cell in runbook.cells())
    return any(first <= line <= last for first, last in ends)


def documents(root: Path = ROOT) -> list[Path]:
    """Return the other documents of the project, the index of the runbooks among them."""
    places = ("*.md", "docs/**/*.md", "backups/*.md", "runbooks/README.md")
    paths = {path for place in places for path in root.glob(place)}
    return sorted(path for path in paths if not _is_hidden(path.relative_to(root)))


def _is_hidden(path: Path) -> bool:
    """Whether it is an editor's own, such as the lock `.#deploy.md`."""
    return any(part.startswith(".") for part in path.parts)


def _unread(path: Path, error: UsageError) -> Problem:
    # Of a link that leads nowhere, the link is named and not what is missing at its end.
    file = str(Path(where(path.parent)) / path.name)
    _, _, why = str(error).partition(" cannot be read: ")
    return Problem(file, 1, f"this file cannot be read: {why}")
