"""A few tables of a dump put into an empty database, with all that they need and no more.

What needs what stands in the dump's own table of contents, where pg_dump wrote what pg_depend says.
That knows neither what the text of a function names nor whose operators an exclusion constraint
takes, so functions, extensions and the like are tried too where nothing says they are needed.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from slipway.backups.format import toc
from slipway.backups.format.toc import Entry
from slipway.backups.restore import fill, unmarked
from slipway.backups.restore.local_dump import LocalDump
from slipway.database.connection import Server
from slipway.errors import Refused, SlipwayError
from slipway.progress import Reporter

TRIED = frozenset(
    {"SCHEMA", "EXTENSION", "SHELL TYPE", "TYPE", "DOMAIN", "COLLATION", "FUNCTION", "AGGREGATE"}
    | {"CAST", "OPERATOR", "OPERATOR CLASS", "OPERATOR FAMILY", "ACCESS METHOD"}
    | {"TEXT SEARCH DICTIONARY", "TEXT SEARCH CONFIGURATION", "PROCEDURAL LANGUAGE"}
)
BELONGING = ("SEQUENCE", "DEFAULT")  # to a table, where they need one
KEYS = ("CONSTRAINT", "CHECK CONSTRAINT")
# What a table has and does not get, and how that is called; the last two without names.
NOT_RESTORED = {
    "INDEX": "indexes",
    "FK CONSTRAINT": "foreign keys",
    "TRIGGER": "triggers",
    "RULE": "rules",
    "POLICY": "policies",
    "ROW SECURITY": "row security",
    "STATISTICS": "statistics",
    "TABLE": "tables made from them",
}
NAMELESS = {"ACL": "rights", "COMMENT": "comments"}
AFTER_TABLE = ("FK CONSTRAINT", "TRIGGER", "RULE", "POLICY", "ROW SECURITY")  # as names stand
SHOWN = 5  # names of a kind
OLD = 13  # the last pg_dump that attached partitions as it made them


@dataclass(frozen=True)
class Selection:
    """The numbers of what a few tables need, and of what they may need."""

    tables: frozenset[int]  # chosen ones, with their partitions
    needed: frozenset[int]
    tried: frozenset[int]
    apart: frozenset[int]  # of both: what needs no table itself
    rows: frozenset[int]  # with keys, checks and the numbers of sequences

    @property
    def restored(self) -> frozenset[int]:
        return self.needed | self.rows

    @property
    def rounds(self) -> list[tuple[frozenset[int], bool]]:
        """What to restore after what, and whether it is required.

        A table is not created before the functions that its functions call.
        """
        return [
            (self.needed & self.apart, True),
            (self.tried & self.apart, False),
            (self.needed - self.apart, True),
            (self.tried - self.apart, False),
            (self.rows, True),
        ]


def demand_tables(dump: LocalDump, tables: Sequence[str]) -> None:
    """Refuse tables that are not in a dump."""
    _find(toc.parse(dump.entries, dump.needs), tables)


def fill_tables(
    server: Server, dump: LocalDump, reporter: Reporter, tables: Sequence[str]
) -> frozenset[str]:
    """Restore a few tables with their rows, keys and checks, and no index, trigger or foreign key.

    A partitioned one comes with its partitions. Return the tables that are there without rows,
    because others need them, as `schema name`. Raises Refused for one that is not in the dump.
    """
    contents = toc.parse(dump.entries, dump.needs)
    named = _find(contents, tables)
    selection = _select(dump, contents, named, reporter)
    flags = ("--no-owner", "--no-acl", f"--dbname={fill.conninfo(server)}")
    with server.libpq(application=fill.NAME) as env:
        for numbers, is_required in selection.rounds:
            lines = [entry.line for entry in contents if entry.number in numbers]
            run = unmarked.restore if is_required else LocalDump.pg_restore
            code, stderr = run(dump, *flags, env=env, entries=lines)
            if code and is_required:
                raise SlipwayError(f"pg_restore failed: {fill.explain(stderr)}")
    parts = len(selection.tables) - len(named)
    along = f", and {parts} partition{'s' * (parts != 1)} of them" if parts else ""
    reporter.note(f"restored {', '.join(named.values())} alone{along}")
    empty = frozenset(_without_rows(contents, selection))
    if empty:
        names = ", ".join(name.replace(" ", ".", 1) for name in sorted(empty))
        reporter.note(f"created without rows, because others need them: {names}")
    if rest := _not_restored(contents, selection):
        reporter.note(f"left out of them: {'; '.join(rest)}")
    return empty


def _find(contents: Sequence[Entry], tables: Sequence[str]) -> dict[int, str]:
    return dict(_find_table(contents, table) for table in tables)


def _find_table(contents: Sequence[Entry], table: str) -> tuple[int, str]:
    """Find a table by `name` or `schema.name`: its number in the dump, its full name.

    A dot may also be a part of either.
    """
    dots = [at for at, letter in enumerate(table) if letter == "."]
    splits = [*((table[:at], table[at + 1 :]) for at in dots), ("public", table)]
    numbers = {entry.name: entry.number for entry in contents if entry.kind == "TABLE"}
    for schema, name in splits:
        if number := numbers.get(f"{schema} {name}"):
            return number, f"{schema}.{name}"
    raise Refused(f"the backup holds no table {'.'.join(splits[0])}; nothing was changed")


def _select(
    dump: LocalDump, contents: Sequence[Entry], named: Collection[int], reporter: Reporter
) -> Selection:
    tables = _with_partitions(dump, contents, named, reporter)
    joins = {
        entry.number
        for entry in contents
        if entry.kind == "TABLE ATTACH" and len(entry.needs & tables) > 1
    }
    own = _needing(contents, BELONGING, tables)
    needs = toc.standing_alone(contents, dump.needs, is_old=dump.client <= OLD)
    needed = toc.closure(needs, tables | joins | own)
    needed |= _needing(contents, ("SEQUENCE OWNED BY",), needed)
    tried = {entry.number for entry in contents if entry.kind in TRIED}
    apart = {number for number in tried if toc.closure(needs, {number}) <= tried}
    keys = _needing(contents, KEYS, tables)
    # A key of a partition is a part of the whole's.
    parts = {
        entry.number
        for entry in contents
        if entry.kind == "INDEX ATTACH" and entry.needs and entry.needs <= tables | keys
    }
    # Checks that are not validated yet stand alone, also those of a domain or of a parent.
    checks = _needing(contents, ("CHECK CONSTRAINT",), needed)
    rows = _needing(contents, ("TABLE DATA",), tables) | keys | parts | checks
    rows |= _needing(contents, ("SEQUENCE SET",), needed)
    return Selection(*map(frozenset, (tables, needed, tried - needed, apart, rows)))


def _with_partitions(
    dump: LocalDump, contents: Sequence[Entry], named: Collection[int], reporter: Reporter
) -> set[int]:
    """Add the partitions of the tables; a foreign one has its rows elsewhere, and is noted."""
    numbers = set(named)
    for table in named:
        numbers |= toc.partitions(contents, dump.needs, table, is_old=dump.client <= OLD)
    for entry in contents:
        if entry.kind == "FOREIGN TABLE" and entry.number in numbers:
            reporter.note(f"left out, its rows are on another server: {entry}")
            numbers.remove(entry.number)
    return numbers


def _needing(contents: Sequence[Entry], kinds: Collection[str], numbers: set[int]) -> set[int]:
    """Find entries of some kinds that need any of these."""
    return {
        entry.number
        for entry in contents
        if entry.kind in kinds and not entry.needs.isdisjoint(numbers)
    }


def _without_rows(contents: Sequence[Entry], selection: Selection) -> list[str]:
    numbers = selection.needed - selection.tables
    return [each.name for each in contents if each.kind == "TABLE" and each.number in numbers]


def _not_restored(contents: Sequence[Entry], selection: Selection) -> list[str]:
    """Say by kind what belongs to the tables and was left out."""
    names = [entry.name for entry in contents if entry.number in selection.tables]
    prefixes = tuple(f"{name} " for name in names)
    rest: dict[str, list[str]] = {}
    for entry in contents:
        if entry.number in selection.restored or entry.needs.isdisjoint(selection.tables):
            continue
        if entry.kind in AFTER_TABLE and not f"{entry.name} ".startswith(prefixes):
            continue  # another table's, which looks at this one
        if entry.kind in NOT_RESTORED or entry.kind in NAMELESS:
            rest.setdefault(entry.kind, []).append(entry.name.partition(" ")[2])
    named = [f"{label} {_list(rest[kind])}" for kind, label in NOT_RESTORED.items() if kind in rest]
    return [*named, *(label for kind, label in NAMELESS.items() if kind in rest)]


def _list(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return f"{', '.join(names[:SHOWN])}{more}"
