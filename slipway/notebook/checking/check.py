"""All that is wrong with runbooks and documents, found in one pass; nothing is run."""

import datetime
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from slipway.errors import UsageError
from slipway.notebook.checking import (
    command_check,
    form,
    library,
    links,
    prompts,
    syntax,
    variable_sources,
)
from slipway.notebook.commands import Commands
from slipway.notebook.document import Cell, Runbook
from slipway.notebook.problem import Problem, where, without_house_style
from slipway.notebook.reading import collection, parse
from slipway.notebook.reading.collection import INDEXES
from slipway.project import ROOT


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
        runbook, problems = _read(path)
        complaints += problems
        if runbook is None:
            continue
        file = where(path)
        commanded = list(command_check.named(runbook))
        mentioned[runbook.name] = {word for _, words in commanded for word in words}
        complaints += command_check.problems(runbook, file, commands, commanded)
        complaints += links.check(path, runbook.text)
        complaints += prompts.problems(runbook, file)
        complaints += variable_sources.problems(runbook, file, commands)
        cells += [(file, cell) for cell in runbook.cells()]
        if path.name in INDEXES:  # its commands run; owner, sections and the like are a runbook's
            complaints += form.without_way_back(runbook, file)
            continue
        books.append(runbook)
        last_run = (last_runs or {}).get(runbook.name)
        complaints += form.problems(runbook, file, commands, today, last_run)
        complaints += form.unmentioned(runbook, file, mentioned[runbook.name])
    for path in documents:
        runbook, problems = _read(path)
        if runbook is None:
            complaints += problems
            continue
        complaints += command_check.problems(
            runbook, where(path), commands, list(command_check.named(runbook))
        )
        complaints += links.check(path, runbook.text)
    complaints += [Problem(file, line, text) for file, line, text in syntax.faults(cells)]
    if len(books) > 1:
        complaints += library.problems(books, mentioned, commands)
    return sorted(set(complaints))


def check_others(paths: Sequence[Path], commands: Commands, top: Path = ROOT) -> list[Problem]:
    """Return what breaks a run, or what a reader would miss, of runbooks without the house style.

    `top` is the folder that they lie in.
    """
    complaints: list[Problem] = []
    cells: list[tuple[str, Cell]] = []
    for path in paths:
        runbook, problems = _read(path, native=False)
        if runbook is None:
            complaints += problems
            continue
        cells += [(where(path), cell) for cell in runbook.cells()]
        problems += _of_others(runbook, commands, top)
        complaints += problems if runbook.native else without_house_style(problems)
    complaints += [Problem(file, line, text) for file, line, text in syntax.faults(cells)]
    return sorted(set(complaints))


def blocking_errors(
    runbook: Runbook, slips: Sequence[Problem], commands: Commands
) -> list[Problem]:
    """Return the errors that a run would stumble over; `slips` were found when it was read.

    A broken link or a missing owner is none: neither may keep anybody from working at night.
    """
    errors, file = list(slips), where(runbook.path)
    cells = [(file, cell) for cell in runbook.cells()]
    commanded = [each for each in command_check.named(runbook) if is_in_a_cell(runbook, each[0])]
    errors += command_check.problems(runbook, file, commands, commanded)
    if runbook.native:
        errors += prompts.problems(runbook, file)
        errors += variable_sources.problems(runbook, file, commands)
    else:  # a run takes prompts away, and asks for what nothing sets
        errors = list(without_house_style(errors))
    errors += form.without_way_back(runbook, file)
    errors += [Problem(file, line, text) for file, line, text in syntax.faults(cells)]
    return sorted({each for each in errors if each.severity == "error"})


def with_faults(runbook: Runbook, errors: Sequence[Problem]) -> Runbook:
    """Return a runbook whose cells say why they cannot run, those that hold an error."""
    blocks = list(runbook.blocks)
    for number, block in enumerate(blocks):
        if isinstance(block, Cell):
            inside = [each for each in errors if block.line <= each.line <= block.end]
            if inside:
                fault = f"line {inside[0].line}: {inside[0].text}"
                blocks[number] = replace(block, fault=fault)
    return replace(runbook, blocks=tuple(blocks))


def is_in_a_cell(runbook: Runbook, line: int) -> bool:
    """Whether a line of the file belongs to one of its cells."""
    return any(cell.line <= line <= cell.end for cell in runbook.cells())


def documents(root: Path = ROOT) -> list[Path]:
    """Return the other documents of the project, the indexes of the runbooks among them."""
    paths = {
        path for place in ("*.md", "docs/**/*.md", "backups/*.md") for path in root.glob(place)
    }
    shown = {path for path in paths if not _is_hidden(path.relative_to(root))}
    runbooks = root / collection.RUNBOOKS.name
    return sorted(shown | set(collection.read(runbooks).indexes() if runbooks.is_dir() else ()))


def _of_others(runbook: Runbook, commands: Commands, top: Path) -> Iterator[Problem]:
    file = where(runbook.path)
    commanded = list(command_check.named(runbook))
    for problem in command_check.problems(runbook, file, commands, commanded):
        in_a_cell = is_in_a_cell(runbook, problem.line)
        yield problem if in_a_cell else replace(problem, elsewhere="warning")
    yield from links.check(runbook.path, runbook.text, top=top)
    yield from prompts.problems(runbook, file)
    yield from form.without_way_back(runbook, file)
    if runbook.native:
        yield from variable_sources.problems(runbook, file, commands)


def _read(path: Path, *, native: bool = True) -> tuple[Runbook | None, list[Problem]]:
    """Read a file; one that cannot be read is a problem like others."""
    try:
        return parse.read(path, native=native)
    except UsageError as error:
        return None, [_unread(path, error)]


def _is_hidden(path: Path) -> bool:
    """Whether it is an editor's own, such as the lock `.#deploy.md`."""
    return any(part.startswith(".") for part in path.parts)


def _unread(path: Path, error: UsageError) -> Problem:
    # Of a link that leads nowhere, the link is named and not what is missing at its end.
    file = str(Path(where(path.parent)) / path.name)
    _, _, why = str(error).partition(" cannot be read: ")
    return Problem(file, 1, f"this file cannot be read: {why}")
