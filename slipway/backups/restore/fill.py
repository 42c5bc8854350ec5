"""A dump put into an empty database: everything, or a few of its tables."""

import contextlib
import re
import subprocess
from collections.abc import Callable, Collection, Iterator, Sequence

from slipway.backups.format import toc
from slipway.backups.format.pipes import StderrTail
from slipway.backups.format.toc import ENTRY
from slipway.backups.restore import left_out, unmarked
from slipway.backups.restore.local_dump import LocalDump
from slipway.database.connection import NoDatabase, Server
from slipway.database.processes import reason_in, started
from slipway.errors import Refused, SlipwayError
from slipway.progress import Reporter

WHAT = "restoring"
NAME = "slipway restore"
# What a table may need, beside itself: made where it can be made, and else not needed.
AROUND = ("SCHEMA", "EXTENSION", "SHELL TYPE", "TYPE", "DOMAIN", "FUNCTION", "SEQUENCE")
LATER = ("SEQUENCE", "SEQUENCE OWNED BY", "DEFAULT", "SEQUENCE SET")
OLD = 13  # the last pg_dump that attached partitions as it made them


def fill(
    server: Server,
    dump: LocalDump,
    reporter: Reporter,
    *,
    jobs: int,
    is_super: bool,
    size: int = 0,
) -> None:
    """Restore everything into the empty database that `server` names; the first error ends it.

    `size` is how large it will be, for telling how far it is.
    """
    flags = [f"--jobs={jobs}", f"--dbname={_conninfo(server)}"]
    if dump.marks:
        reporter.note(unmarked.describe(dump))
    if not is_super:
        flags += ["--no-owner", "--no-acl"]
    entries = left_out.without(dump, reporter, is_super=is_super)
    with server.libpq(application=NAME) as env, _watch_size(server, reporter, size) as watch:
        code, lines = unmarked.restore(dump, *flags, env=env, entries=entries, watch=watch)
    if code:
        raise SlipwayError(f"pg_restore failed: {_explain(lines)}")


def fill_tables(server: Server, dump: LocalDump, reporter: Reporter, tables: Sequence[str]) -> None:
    """Restore a few tables with their rows, keys and checks, and no index, trigger or foreign key.

    A partitioned one comes with its partitions. Raises Refused for a table that is not in the dump.
    """
    named = dict(_find_table(dump, table) for table in tables)
    chosen = _with_partitions(dump, named, reporter)
    flags = ("--no-owner", "--no-acl", f"--dbname={_conninfo(server)}")
    rounds = [
        (_of_kinds(dump, AROUND), False),
        (_definitions(dump, chosen), True),
        (_of_kinds(dump, LATER), False),
        (_owned(dump, chosen, "DEFAULT"), False),
        (_rows_and_keys(dump, chosen), True),
    ]
    with server.libpq(application=NAME) as env:
        for entries, required in rounds:
            run = unmarked.restore if required else LocalDump.pg_restore
            code, lines = run(dump, *flags, env=env, entries=entries)
            if code and required:
                raise SlipwayError(f"pg_restore failed: {_explain(lines)}")
    parts = len(chosen) - len(named)
    along = f", and {parts} partition{'s' * (parts != 1)} of them" if parts else ""
    reporter.note(f"restored {', '.join(named.values())} alone{along}")


def analyze(server: Server, *, jobs: int) -> None:
    """Let the planner know what there is; a dump does not hold that."""
    argv = ["vacuumdb", "--analyze-only", "--quiet", f"--jobs={jobs}"]
    argv.append(f"--dbname={_conninfo(server)}")
    with (
        contextlib.closing(StderrTail()) as stderr,
        server.libpq(application=NAME) as env,
        started(argv, env=env, stdout=subprocess.DEVNULL, stderr=stderr.fileno) as child,
    ):
        if child.wait():
            raise SlipwayError(
                f"the restored database cannot be analyzed: {reason_in(stderr.lines())}"
            )


@contextlib.contextmanager
def _watch_size(server: Server, reporter: Reporter, size: int) -> "Iterator[Callable[[], None]]":
    """Yield what tells how large the database is by now, each time it is called."""
    try:
        session = server.connect(patience=0, application=NAME)
    except NoDatabase:
        yield lambda: None
        return
    import psycopg

    def report_size() -> None:
        with contextlib.suppress(psycopg.Error):
            row = session.execute("select pg_database_size(current_database())").fetchone()
            reporter.progress(WHAT, min(int(row[0]), size) if row and size else 0, size)

    with contextlib.closing(session):
        yield report_size


def _conninfo(server: Server) -> str:
    """Name the database in a way that takes any name: `=` and quotes are no options in it."""
    escaped = server.database.replace("\\", "\\\\").replace("'", "\\'")
    return f"dbname='{escaped}'"


def _explain(lines: Sequence[str]) -> str:
    reason = reason_in(lines)
    missing = re.search(r'role "(.+?)" does not exist', reason)
    return f"{reason}; add --create-roles to create it" if missing else reason


def _find_table(dump: LocalDump, table: str) -> tuple[int, str]:
    """Find a table by `name` or `schema.name`: its number in the dump, its full name."""
    schema, _, name = table.rpartition(".")
    schema = schema or "public"
    for number, _ in toc.of_kind(dump.entries, f"TABLE {schema} {name}"):
        return number, f"{schema}.{name}"
    raise Refused(f"the backup holds no table {schema}.{name}; nothing was changed")


def _with_partitions(dump: LocalDump, named: Collection[int], reporter: Reporter) -> set[int]:
    """Add the partitions of the tables; a foreign one has its rows elsewhere, and is told."""
    is_old = dump.client <= OLD
    numbers = set(named)
    for table in named:
        numbers |= toc.partitions(dump.entries, dump.needs, table, is_old=is_old)
    for number, line in toc.of_kind(dump.entries, "FOREIGN TABLE"):
        if number in numbers:
            reporter.note(f"left out, its rows are on another server: {_describe(line)}")
            numbers.remove(number)
    return numbers


def _definitions(dump: LocalDump, tables: Collection[int]) -> list[str]:
    """Select what makes the tables and puts partitions into their places."""
    joined = {
        number
        for number, _ in toc.of_kind(dump.entries, "TABLE ATTACH")
        if len(set(tables) & set(dump.needs.get(number, ()))) > 1
    }
    return _numbered(dump, {*tables, *joined})


def _rows_and_keys(dump: LocalDump, tables: Collection[int]) -> list[str]:
    """Select the rows and keys of the tables; a partition's key is a part of the whole's."""
    lines, needs = dump.entries, dump.needs
    rows = {number for number, _ in toc.owned(lines, needs, tables, "TABLE DATA")}
    keys = {number for number, _ in toc.owned(lines, needs, tables, "CONSTRAINT")}
    joined = {
        number
        for number, _ in toc.owned(lines, needs, keys, "INDEX ATTACH")
        if {*tables, *keys}.issuperset(needs[number])
    }
    return _numbered(dump, rows | keys | joined)


def _of_kinds(dump: LocalDump, kinds: Sequence[str]) -> list[str]:
    starts = tuple(re.compile(rf"\d+; \d+ \d+ {kind} (?!OWNED|SET|DATA)") for kind in kinds)
    return [line for line in dump.entries if any(start.match(line) for start in starts)]


def _owned(dump: LocalDump, tables: Collection[int], kind: str) -> list[str]:
    return [line for _, line in toc.owned(dump.entries, dump.needs, tables, kind)]


def _numbered(dump: LocalDump, numbers: Collection[int]) -> list[str]:
    return [
        line
        for line in dump.entries
        if (entry := ENTRY.match(line)) and int(entry["number"]) in numbers
    ]


def _describe(line: str) -> str:
    entry = ENTRY.match(line)
    return entry["rest"].strip() if entry else line
