"""What a runbook has to have for a person at three in the morning: owner, checks, a way back."""

import datetime
import re
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from typing import Literal

from slipway.notebook.commands import Commands
from slipway.notebook.document import Block, Cell, Heading, ManualStep, Prose, Runbook, SectionName
from slipway.notebook.problem import Problem, nearest

STALE = 180  # days
LINES, CELLS = 150, 15
WANTED: dict[SectionName, str] = {
    "before": "what must be true before anything is changed",
    "verify": "cells that fail when it did not work",
    "escalate": "whom to call, after how long, with what",
}
ORDER: tuple[SectionName, ...] = (  # in a file, which is how a person reads
    *("about", "before", "steps", "verify", "roll back", "escalate", "afterwards"),
)
PROSE = {"about", "steps"}  # sections that may stand anywhere while there is nothing to do in them


def problems(
    runbook: Runbook,
    file: str,
    commands: Commands,
    today: datetime.date,
    last_run: datetime.date | None,
) -> Iterator[Problem]:
    """Find what a runbook lacks, what stands in the wrong place, what has grown old."""
    for line, text in [*_dangers(runbook), *_tasks(runbook, commands)]:
        yield Problem(file, line, text)
    tested = _tested(runbook, today, last_run)
    yield from (Problem(file, line, text, severity) for line, text, severity in tested)
    lacks = [*_owner(runbook), *_size(runbook), *_order(runbook), *_empty(runbook)]
    yield from (Problem(file, line, text, "warning") for line, text in lacks)


def without_way_back(runbook: Runbook, file: str) -> Iterator[Problem]:
    """Find cells that destroy in a runbook that says nothing of the way back."""
    yield from (Problem(file, line, text) for line, text in _dangers(runbook))


def unmentioned(runbook: Runbook, file: str, mentioned: AbstractSet[str]) -> Iterator[Problem]:
    """Find tasks of the front matter that the text never speaks of."""
    for task in runbook.matter.tasks:
        if task not in mentioned:
            text = (
                f"`task` names {task}, and the text never says inv {task}: say it, or take it out"
            )
            yield Problem(file, key_line(runbook, "task"), text, "warning")


def key_line(runbook: Runbook, key: str) -> int:
    """Return the line of a key of the front matter, 1 where it is missing."""
    lines = runbook.text.split("\n")
    for number, text in enumerate(lines[1:] if lines[0].rstrip() == "---" else [], 2):
        if text.rstrip() == "---":
            break
        if re.match(rf"['\"]?{key}['\"]?\s*:", text):
            return number
    return 1


def _dangers(runbook: Runbook) -> Iterator[tuple[int, str]]:
    if runbook.has_way_back:
        return
    for cell in runbook.cells():
        if cell.attributes.destructive and not cell.attributes.skip:
            advice = "say how to go back, or that there is no way"
            yield cell.line, f'"{cell.id}" destroys and there is no section ## Roll back: {advice}'


def _tasks(runbook: Runbook, commands: Commands) -> Iterator[tuple[int, str]]:
    existing, matter = commands.tasks(), runbook.matter
    for task in matter.tasks:
        if task not in existing and task not in matter.awaits:
            yield key_line(runbook, "task"), f'there is no task "{task}"{nearest(task, existing)}'
    for task in matter.awaits:
        if task in existing:
            text = f"inv {task} exists now: take it out of `awaits`"
            yield key_line(runbook, "awaits"), text


def _owner(runbook: Runbook) -> Iterator[tuple[int, str]]:
    if not runbook.matter.owner:
        yield 1, 'it has no owner: write owner: "@ops" or a name into the front matter'


def _tested(
    runbook: Runbook, today: datetime.date, last_run: datetime.date | None
) -> Iterator[tuple[int, str, Literal["error", "warning"]]]:
    line = key_line(runbook, "last_tested")
    written = runbook.matter.last_tested
    tested = datetime.date.fromisoformat(written) if written else None
    if tested and tested > today + datetime.timedelta(days=1):  # it may be tomorrow elsewhere
        yield line, f"last_tested: {written} is in the future: write the day of a real run", "error"
        return
    dates = [each for each in (tested, last_run) if each]
    again = f"run it, then write last_tested: {today}"
    if not dates:
        yield line, f"it was never tested: {again}", "warning"
    elif (age := (today - max(dates)).days) > STALE:
        yield line, f"it was last tested {age} days ago ({max(dates)}): {again}", "warning"


def _size(runbook: Runbook) -> Iterator[tuple[int, str]]:
    lines, cells = len(runbook.text.splitlines()), list(runbook.cells())
    if lines > LINES:
        yield 1, f"{lines} lines are too many for a bad night ({LINES}): link a second runbook"
    if len(cells) > CELLS:
        text = f"this is cell {CELLS + 1} of {len(cells)}, more than {CELLS}: link a second runbook"
        yield cells[CELLS].line, text


def _order(runbook: Runbook) -> Iterator[tuple[int, str]]:
    """Find sections that are missing, or stand where nobody looks for them."""
    parts = _parts(runbook)
    present = {heading.section for heading, _ in parts}
    for section, what in WANTED.items():
        if section not in present:
            yield 1, f"there is no section ## {_title(section)}: {what}"
    furthest: Heading | None = None
    for heading, blocks in parts:
        if heading.section in PROSE and not _acts(blocks):
            continue
        if furthest and ORDER.index(heading.section) < ORDER.index(furthest.section):
            text = f'"{heading.text}" runs before "{furthest.text}": move it above'
            if heading.section in ("roll back", "escalate"):
                text = f'"{heading.text}" belongs above "{furthest.text}"'
            yield heading.line, text
        else:
            furthest = heading


def _empty(runbook: Runbook) -> Iterator[tuple[int, str]]:
    """Find steps in which there is nothing to do."""
    parts = _parts(runbook)
    begun = next((n for n, (each, _) in enumerate(parts) if each.section == "before"), 0)
    for heading, blocks in parts[begun:]:
        is_limit = heading.text.casefold().startswith("stop")
        if heading.section == "steps" and not is_limit and not (_acts(blocks) or _leads(blocks)):
            text = f'"{heading.text}" has nothing to do: add a cell, a box to tick or a link'
            yield heading.line, text


def _parts(runbook: Runbook) -> list[tuple[Heading, list[Block]]]:
    """Return each heading of level 2 with all that is under it."""
    parts: list[tuple[Heading, list[Block]]] = []
    for block in runbook.blocks:
        if isinstance(block, Heading) and block.level == 2:
            parts.append((block, []))
        elif parts:
            parts[-1][1].append(block)
    return parts


def _acts(blocks: Sequence[Block]) -> bool:
    return any(isinstance(block, Cell | ManualStep) for block in blocks)


def _leads(blocks: Sequence[Block]) -> bool:
    return any(isinstance(block, Prose) and "](" in block.text for block in blocks)


def _title(section: str) -> str:
    return {"before": "Before you start"}.get(section, section.capitalize())
