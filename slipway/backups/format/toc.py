"""What a dump's table of contents says: its entries, and which of them need which."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

ENTRY = re.compile(r"(?P<number>[0-9]{1,10}); [0-9]+ [0-9]+ (?P<rest>.*)")
NUMBER = re.compile(r"[0-9]{1,10}")
NEEDS = ";\tdepends on:"
Needs = Mapping[int, tuple[int, ...]]
# Kinds of two words or more, as pg_dump calls them; all others are one word.
LONG_KINDS = re.compile(
    r"(?:TABLE (?:DATA|ATTACH)|INDEX ATTACH|SEQUENCE (?:SET|OWNED BY)|(?:FK|CHECK) CONSTRAINT"
    r"|ROW SECURITY|STATISTICS DATA|SHELL TYPE|OPERATOR (?:CLASS|FAMILY)|ACCESS METHOD"
    r"|TEXT SEARCH (?:DICTIONARY|CONFIGURATION|PARSER|TEMPLATE)|PROCEDURAL LANGUAGE"
    r"|MATERIALIZED VIEW(?: DATA)?|FOREIGN (?:TABLE|DATA WRAPPER)|USER MAPPING|EVENT TRIGGER"
    r"|DEFAULT ACL|SECURITY LABEL|PUBLICATION TABLES? IN SCHEMA|PUBLICATION TABLE"
    r"|SUBSCRIPTION TABLE) "
)


@dataclass(frozen=True)
class Entry:
    """An entry of a table of contents: `TABLE`, `public people`, `ada`; and what it needs."""

    line: str
    number: int
    kind: str
    name: str  # with the schema before it; `-` where it is in none
    needs: frozenset[int]

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


def entries(text: str) -> tuple[str, ...]:
    """Return the lines that name an entry."""
    return tuple(line for line in text.splitlines() if line and not line.startswith(";"))


def needs(text: str) -> Needs:
    """Return for each entry the numbers of those it needs, as `pg_restore --verbose` lists them."""
    needs_of: dict[int, tuple[int, ...]] = {}
    last = 0
    for line in text.splitlines():
        if entry := ENTRY.match(line):
            last = int(entry["number"])
        elif line.startswith(NEEDS):
            needs_of[last] = tuple(map(int, NUMBER.findall(line.removeprefix(NEEDS))))
    return needs_of


def parse(lines: Sequence[str], needed: Needs) -> list[Entry]:
    """Read the lines of entries."""
    return [
        _entry(line, int(match["number"]), match["rest"], needed)
        for line in lines
        if (match := ENTRY.match(line))
    ]


def closure(needed: Needs, numbers: Collection[int]) -> set[int]:
    """Return these entries with all that they need, and all that those need."""
    reached: set[int] = set()
    pending = set(numbers)
    while pending:
        reached |= pending
        pending = {each for number in pending for each in needed.get(number, ())} - reached
    return reached


def standing_alone(contents: Sequence[Entry], needed: Needs, *, is_old: bool) -> Needs:
    """Return what needs what where a partition is a table of its own, as pg_dump makes it first.

    Up to version 13 it made them attached.
    """
    pairs = set() if is_old else _attached(contents, needed)
    return {
        number: tuple(each for each in numbers if (number, each) not in pairs)
        for number, numbers in needed.items()
    }


def partitions(contents: Sequence[Entry], needed: Needs, table: int, *, is_old: bool) -> set[int]:
    """Find the partitions of a table, and theirs; `is_old` is for pg_dump 13 and before.

    That one attaches them as it makes them: there, whatever is made out of the table is taken.
    """
    pairs = _attached(contents, needed)
    if is_old:
        tables = (entry for entry in contents if entry.kind == "TABLE")
        pairs |= {(entry.number, whole) for entry in tables for whole in entry.needs}
    parts = {table}
    while more := {part for part, whole in pairs if whole in parts} - parts:
        parts |= more
    return parts - {table}


def _attached(contents: Sequence[Entry], needed: Needs) -> set[tuple[int, int]]:
    """Return pairs of a partition and its whole; so they stand in what an attachment needs."""
    joins = [needed.get(entry.number, ()) for entry in contents if entry.kind == "TABLE ATTACH"]
    return {(join[0], join[1]) for join in joins if len(join) > 1}


def _entry(line: str, number: int, rest: str, needed: Needs) -> Entry:
    long = LONG_KINDS.match(rest)
    kind = long[0].strip() if long else rest.partition(" ")[0]
    name = rest.removeprefix(f"{kind} ").rpartition(" ")[0]  # the owner is last, or nothing
    return Entry(line, number, kind, name, frozenset(needed.get(number, ())))
