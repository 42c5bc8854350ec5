"""What a dump's table of contents says: its entries, and which of them need which."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence

ENTRY = re.compile(r"(?P<number>\d+); \d+ \d+ (?P<rest>.*)")
NEEDS = ";\tdepends on:"
Needs = Mapping[int, tuple[int, ...]]


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
            needs_of[last] = tuple(map(int, line.removeprefix(NEEDS).split()))
    return needs_of


def of_kind(lines: Sequence[str], kind: str) -> Iterator[tuple[int, str]]:
    """Yield the entries of a kind such as `TABLE DATA`: number and line."""
    for line in lines:
        entry = ENTRY.match(line)
        if entry and entry["rest"].startswith(f"{kind} "):
            yield int(entry["number"]), line


def owned(
    lines: Sequence[str], needed: Needs, tables: Collection[int], kind: str
) -> Iterator[tuple[int, str]]:
    """Yield the entries of a kind that belong to one of the tables."""
    for number, line in of_kind(lines, kind):
        if not set(tables).isdisjoint(needed.get(number, ())):
            yield number, line


def partitions(lines: Sequence[str], needed: Needs, table: int, *, is_old: bool) -> set[int]:
    """Find the partitions of a table, and theirs; `is_old` is for pg_dump 13 and before.

    That one attaches them as it makes them: there, whatever is made out of the table is taken.
    """
    attachments = [needed.get(number, ()) for number, _ in of_kind(lines, "TABLE ATTACH")]
    pairs = {
        (join[0], join[1]) for join in attachments if len(join) > 1
    }  # the partition comes first
    if is_old:
        tables = (number for number, _ in of_kind(lines, "TABLE"))
        pairs |= {(number, whole) for number in tables for whole in needed.get(number, ())}
    parts = {table}
    while more := {part for part, whole in pairs if whole in parts} - parts:
        parts |= more
    return parts - {table}
