"""A dump put into an empty database: everything, or a few of its tables."""

import contextlib
import re
import subprocess
from collections.abc import Callable, Collection, Iterator, Sequence

from slipway.backups.format import toc
from slipway.backups.format.pipes import StderrTail
from slipway.backups.format.toc import ENTRY
from slipway.backups.restore import unmarked
from slipway.backups.restore.local_dump import LocalDump
from slipway.backups.take.dump import say
from slipway.database.connection import NoDatabase, Server
from slipway.database.processes import started
from slipway.errors import Refused, SlipwayError
from slipway.progress import Reporter

WHAT = "restoring"
NAME = "slipway restore"
# What only a superuser may make, and a database does without.
SUPERUSERS = re.compile(
    r"\d+; \d+ \d+ (COMMENT - EXTENSION|EVENT TRIGGER|PUBLICATION TABLES IN SCHEMA|SUBSCRIPTION) "
)
# What a table may need, beside itself: made where it can be made, and else not needed.
AROUND = ("SCHEMA", "EXTENSION", "SHELL TYPE", "TYPE", "DOMAIN", "FUNCTION", "SEQUENCE")
LATER = ("SEQUENCE", "SEQUENCE OWNED BY", "DEFAULT", "SEQUENCE SET")
OLD = 13  # the last pg_dump that attached partitions as it made them


def fill(
    server: Server,
    archive: LocalDump,
    report: Reporter,
    *,
    jobs: int,
    is_super: bool,
    size: int = 0,
) -> None:
    """Restore everything into the empty database that `server` names; the first error ends it.

    `size` is how large it will be, for telling how far it is.
    """
    flags = [f"--jobs={jobs}", f"--dbname={_conninfo(server)}"]
    entries = None
    if archive.marks:
        report.note(unmarked.told(archive))
    if not is_super:
        flags += ["--no-owner", "--no-acl"]
        entries = [line for line in archive.entries if not SUPERUSERS.match(line)]
        for line in archive.entries:
            if SUPERUSERS.match(line):
                report.note(f"left out, it takes a superuser: {_said(line)}")
    with server.libpq(application=NAME) as env, _growing(server, report, size) as watch:
        code, lines = unmarked.restore(archive, *flags, env=env, entries=entries, watch=watch)
    if code:
        raise SlipwayError(f"pg_restore failed: {_meaning(lines)}")


def fill_tables(
    server: Server, archive: LocalDump, report: Reporter, tables: Sequence[str]
) -> None:
    """Restore a few tables with their rows, keys and checks, and no index, trigger or foreign key.

    A partitioned one comes with its partitions. Raises Refused for a table that is not in the dump.
    """
    named = dict(_found(archive, table) for table in tables)
    chosen = _with_partitions(archive, named, report)
    flags = ("--no-owner", "--no-acl", f"--dbname={_conninfo(server)}")
    rounds = [
        (_of_kinds(archive, AROUND), False),
        (_made(archive, chosen), True),
        (_of_kinds(archive, LATER), False),
        (_owned(archive, chosen, "DEFAULT"), False),
        (_held(archive, chosen), True),
    ]
    with server.libpq(application=NAME) as env:
        for entries, must in rounds:
            run = unmarked.restore if must else LocalDump.pg_restore
            code, lines = run(archive, *flags, env=env, entries=entries)
            if code and must:
                raise SlipwayError(f"pg_restore failed: {_meaning(lines)}")
    parts = len(chosen) - len(named)
    along = f", and {parts} partition{'s' * (parts != 1)} of them" if parts else ""
    report.note(f"restored {', '.join(named.values())} alone{along}")


def analyze(server: Server, *, jobs: int) -> None:
    """Let the planner know what there is; a dump does not hold that."""
    argv = ["vacuumdb", "--analyze-only", "--quiet", f"--jobs={jobs}"]
    argv.append(f"--dbname={_conninfo(server)}")
    with (
        contextlib.closing(StderrTail()) as words,
        server.libpq(application=NAME) as env,
        started(argv, env=env, stdout=subprocess.DEVNULL, stderr=words.fileno) as child,
    ):
        if child.wait():
            raise SlipwayError(f"the restored database cannot be analyzed: {say(words.lines())}")


@contextlib.contextmanager
def _growing(server: Server, report: Reporter, size: int) -> "Iterator[Callable[[], None]]":
    """Yield what tells how large the database is by now, each time it is called."""
    try:
        session = server.connect(patience=0, application=NAME)
    except NoDatabase:
        yield lambda: None
        return
    import psycopg

    def tell() -> None:
        with contextlib.suppress(psycopg.Error):
            row = session.execute("select pg_database_size(current_database())").fetchone()
            report.progress(WHAT, min(int(row[0]), size) if row and size else 0, size)

    with contextlib.closing(session):
        yield tell


def _conninfo(server: Server) -> str:
    """Name the database in a way that takes any name: `=` and quotes are no options in it."""
    escaped = server.database.replace("\\", "\\\\").replace("'", "\\'")
    return f"dbname='{escaped}'"


def _meaning(lines: Sequence[str]) -> str:
    said = say(lines)
    missing = re.search(r'role "(.+?)" does not exist', said)
    return f"{said}; add --create-roles to make it" if missing else said


def _found(archive: LocalDump, table: str) -> tuple[int, str]:
    """Find a table by `name` or `schema.name`: its number in the dump, its full name."""
    schema, _, name = table.rpartition(".")
    schema = schema or "public"
    for number, _ in toc.of_kind(archive.entries, f"TABLE {schema} {name}"):
        return number, f"{schema}.{name}"
    raise Refused(f"the backup holds no table {schema}.{name}; nothing was changed")


def _with_partitions(archive: LocalDump, named: Collection[int], report: Reporter) -> set[int]:
    """Add the partitions of the tables; a foreign one has its rows elsewhere, and is told."""
    is_old = archive.client <= OLD
    found = set(named)
    for table in named:
        found |= toc.partitions(archive.entries, archive.needs, table, is_old=is_old)
    for number, line in toc.of_kind(archive.entries, "FOREIGN TABLE"):
        if number in found:
            report.note(f"left out, its rows are on another server: {_said(line)}")
            found.remove(number)
    return found


def _made(archive: LocalDump, tables: Collection[int]) -> list[str]:
    """Select what makes the tables and puts partitions into their places."""
    joined = {
        number
        for number, _ in toc.of_kind(archive.entries, "TABLE ATTACH")
        if len(set(tables) & set(archive.needs.get(number, ()))) > 1
    }
    return _numbered(archive, {*tables, *joined})


def _held(archive: LocalDump, tables: Collection[int]) -> list[str]:
    """Select the rows and keys of the tables; a partition's key is a part of the whole's."""
    lines, needs = archive.entries, archive.needs
    rows = {number for number, _ in toc.owned(lines, needs, tables, "TABLE DATA")}
    keys = {number for number, _ in toc.owned(lines, needs, tables, "CONSTRAINT")}
    joined = {
        number
        for number, _ in toc.owned(lines, needs, keys, "INDEX ATTACH")
        if {*tables, *keys}.issuperset(needs[number])
    }
    return _numbered(archive, rows | keys | joined)


def _of_kinds(archive: LocalDump, kinds: Sequence[str]) -> list[str]:
    starts = tuple(re.compile(rf"\d+; \d+ \d+ {kind} (?!OWNED|SET|DATA)") for kind in kinds)
    return [line for line in archive.entries if any(start.match(line) for start in starts)]


def _owned(archive: LocalDump, tables: Collection[int], kind: str) -> list[str]:
    return [line for _, line in toc.owned(archive.entries, archive.needs, tables, kind)]


def _numbered(archive: LocalDump, numbers: Collection[int]) -> list[str]:
    return [
        line
        for line in archive.entries
        if (found := ENTRY.match(line)) and int(found["number"]) in numbers
    ]


def _said(line: str) -> str:
    found = ENTRY.match(line)
    return found["rest"].strip() if found else line
