"""The table of docs/locks.md: written from what was measured, and read again by tests."""

import re
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from datetime import date
from functools import cache
from pathlib import Path
from typing import NamedTuple

from slipway.migrations import files
from slipway.migrations.files import Migration
from slipway.migrations.known_schema import KnownSchema
from slipway.migrations.review import Finding, learn, review
from slipway.migrations.verdict import Risk
from slipway.project import ROOT
from tests.lock_cases import BEFORE, CASES, Case

PATH = ROOT / "docs/locks.md"
MAJORS = (15, 16, 17, 18)
CELL = re.compile(r"(?<!\\)\|")
HEAD = """# What migrations lock, read and rewrite

Measured by `python -m tests.peers.locks` on PostgreSQL {versions} ({day}), each
statement in a database of its own, with 1,000 rows in each table. A row without versions was the
same on all. The schema is that of [lock_cases.py](../tests/lock_cases.py): `users` refers to
`owners`, `shelves` is partitioned and has a DEFAULT partition `rest`, the domain `natural_number`
has a check, the domain `number` has none, the table `people` is made of the type `person`, `remote`
is a foreign table. A lock on an index (`users_b`, `users_id`) is shown where its table has a weaker
one: under ACCESS EXCLUSIVE on an index nobody can read or write its table.

The last column is what `inv db.lint` says, knowing the files before: *unsafe* stops a deploy unless
a comment allows it, *careful* is noted. A lock is held until the file is done, so what reads or
rewrites rows goes into a later file than what locks. SHARE and stronger locks hold up writes,
ACCESS EXCLUSIVE reads too, and whoever waits for it keeps all others waiting behind. Tests hold the
review to this table.
"""
TABLE = ["| operation | locks, reads, rewrites | review |", "|---|---|---|"]


class Row(NamedTuple):
    """One operation, what was measured, and what the review says."""

    operation: str
    measured: str
    word: str


def label(case: Case) -> str:
    """Say what is done, as the table does."""
    after = f", after `{case.before}`" if case.before else ""
    return f"`{case.sql}`{after}".replace("|", "\\|")


def migration(case: Case) -> Migration:
    """Write an operation as a migration, which runs behind one with what has run before."""
    option = " transaction:false" if case.stands_alone else ""
    text = f"-- migrate:up{option}\n{case.sql};\n-- migrate:down\nselect 1;"
    return files.parse("2_b.sql", text)


@cache
def findings(case: Case, major: int) -> list[Finding]:
    """Review an operation, knowing what has run before."""
    return review(migration(case), major, deepcopy(_schema(case.before, major)))


@cache
def _schema(before: str, major: int) -> KnownSchema:
    return learn([files.parse("1_a.sql", f"-- migrate:up\n{BEFORE};{before};")], major)


def word(case: Case) -> str:
    """Say in a word what the review says, for each version where that differs."""
    words = {major: _word(findings(case, major)) for major in MAJORS}
    return _join(words)


def _word(of_case: Sequence[Finding]) -> str:
    worst = max((each.risk for each in of_case), key=list(Risk).index)
    rules = [f"`{each.rule}`" for each in of_case if each.rule and each.risk is worst]
    return " ".join([worst.value, ", ".join(dict.fromkeys(rules))]).strip()


def measured(by_major: Mapping[int, str]) -> str:
    """Say what was measured, for each version where that differs."""
    return _join(by_major)


def _join(by_major: Mapping[int, str]) -> str:
    if len(set(by_major.values())) == 1:
        return next(iter(by_major.values()))
    texts = dict.fromkeys(by_major.values())
    majors = {
        text: ", ".join(str(major) for major, each in by_major.items() if each == text)
        for text in texts
    }
    return "; ".join(f"{majors[text]}: {text}" for text in texts)


def of_version(cell: str, major: int) -> str:
    """Read what a cell says of one version."""
    for part in re.split(r"; (?=\d\d[\d, ]*: )", cell):
        majors, _, text = part.partition(": ")
        if re.fullmatch(r"[\d, ]+", majors):
            if str(major) in majors.split(", "):
                return text
        else:
            return cell
    return ""


def write(results: Mapping[str, Mapping[int, str]], versions: Sequence[str]) -> None:
    """Write the page."""
    lines = [HEAD.format(versions=", ".join(versions), day=date.today().isoformat())]
    for group, cases in CASES.items():
        lines += [
            f"## {group}\n",
            "| operation | locks, reads, rewrites | review |",
            "|---|---|---|",
        ]
        for case in cases:
            cells = (label(case), measured(results[label(case)]), word(case))
            lines.append(f"| {' | '.join(cells)} |")
        lines.append("")
    PATH.write_text("\n".join(lines), encoding="utf-8")


def rewrite_words() -> None:
    """Write the review's words of today beside what was measured before."""
    words = {label(case): word(case) for cases in CASES.values() for case in cases}
    lines = PATH.read_text(encoding="utf-8").split("\n")
    for number, line in enumerate(lines):
        for row in _rows(line):
            cells = (row.operation, row.measured, words[row.operation])
            lines[number] = f"| {' | '.join(cells)} |"
    PATH.write_text("\n".join(lines), encoding="utf-8")


def rows(path: Path = PATH) -> Iterator[Row]:
    """Read the page."""
    for line in path.read_text(encoding="utf-8").splitlines():
        yield from _rows(line)


def _rows(line: str) -> Iterator[Row]:
    cells = [cell.strip() for cell in CELL.split(line)[1:-1]]
    if len(cells) == 3 and cells[0].startswith("`"):
        yield Row(*cells)
