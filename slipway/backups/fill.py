"""A dump put into an empty database: everything, or a few of its tables."""

import contextlib
import re
import subprocess
from collections.abc import Callable, Iterator, Sequence

from slipway.backups.archive import Archive
from slipway.backups.dump import say
from slipway.backups.pump import Words
from slipway.database.children import started
from slipway.database.connection import NoDatabase, Server
from slipway.database.report import Report
from slipway.errors import Refused, SlipwayError

WHAT = "restoring"
NAME = "slipway restore"
# What only a superuser may make, and a database does without.
SUPERUSERS = re.compile(
    r"\d+; \d+ \d+ (COMMENT - EXTENSION|EVENT TRIGGER|PUBLICATION TABLES IN SCHEMA|SUBSCRIPTION) "
)
# What a table may need, beside itself: made where it can be made, and else not needed.
AROUND = ("SCHEMA", "EXTENSION", "SHELL TYPE", "TYPE", "DOMAIN", "FUNCTION", "SEQUENCE")
LATER = ("SEQUENCE", "SEQUENCE OWNED BY", "DEFAULT", "SEQUENCE SET")
ENTRY = re.compile(r"\d+; \d+ \d+ (?P<rest>.*)")


def fill(
    server: Server, archive: Archive, report: Report, *, jobs: int, is_super: bool, size: int = 0
) -> None:
    """Restore everything into the empty database that `server` names; the first error ends it.

    `size` is how large it will be, for telling how far it is.
    """
    flags = ["--exit-on-error", f"--jobs={jobs}", f"--dbname={_conninfo(server)}"]
    entries = None
    if not is_super:
        flags += ["--no-owner", "--no-acl"]
        entries = [line for line in archive.entries if not SUPERUSERS.match(line)]
        for line in archive.entries:
            if SUPERUSERS.match(line):
                report.note(f"left out, it takes a superuser: {_said(line)}")
    with server.libpq(application=NAME) as env, _growing(server, report, size) as watch:
        code, lines = archive.pg_restore(*flags, env=env, entries=entries, watch=watch)
    if code:
        raise SlipwayError(f"pg_restore failed: {_meaning(lines)}")


def fill_tables(server: Server, archive: Archive, report: Report, tables: Sequence[str]) -> None:
    """Restore a few tables with their rows, keys and checks, and no index, trigger or foreign key.

    Raises Refused for a table that the dump does not hold.
    """
    names = [_found(archive, table) for table in tables]
    flags = ("--no-owner", "--no-acl", f"--dbname={_conninfo(server)}")
    rounds = [
        (_of_kinds(archive, AROUND), False),
        (_of_tables(archive, names, ("TABLE",)), True),
        (_of_kinds(archive, LATER), False),
        (_of_tables(archive, names, ("DEFAULT",)), False),
        (_of_tables(archive, names, ("TABLE DATA", "CONSTRAINT")), True),
    ]
    with server.libpq(application=NAME) as env:
        for entries, must in rounds:
            strict = ("--exit-on-error",) if must else ()
            code, lines = archive.pg_restore(*flags, *strict, env=env, entries=entries)
            if code and must:
                raise SlipwayError(f"pg_restore failed: {_meaning(lines)}")
    report.note(f"restored {', '.join('.'.join(name) for name in names)} alone")


def analyze(server: Server, *, jobs: int) -> None:
    """Let the planner know what there is; a dump does not hold that."""
    argv = ["vacuumdb", "--analyze-only", "--quiet", f"--jobs={jobs}"]
    argv.append(f"--dbname={_conninfo(server)}")
    with (
        contextlib.closing(Words()) as words,
        server.libpq(application=NAME) as env,
        started(argv, env=env, stdout=subprocess.DEVNULL, stderr=words.fileno) as child,
    ):
        if child.wait():
            raise SlipwayError(f"the restored database cannot be analyzed: {say(words.lines())}")


@contextlib.contextmanager
def _growing(server: Server, report: Report, size: int) -> "Iterator[Callable[[], None]]":
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


def _found(archive: Archive, table: str) -> tuple[str, str]:
    """Find a table by `name` or `schema.name`."""
    schema, _, name = table.rpartition(".")
    wanted = f"{schema or 'public'} {name} "
    for line in archive.entries:
        found = ENTRY.match(line)
        if found and found["rest"].startswith(f"TABLE {wanted}"):
            return schema or "public", name
    raise Refused(f"the backup holds no table {schema or 'public'}.{name}; nothing was changed")


def _of_kinds(archive: Archive, kinds: Sequence[str]) -> list[str]:
    starts = tuple(re.compile(rf"\d+; \d+ \d+ {kind} (?!OWNED|SET|DATA)") for kind in kinds)
    return [line for line in archive.entries if any(start.match(line) for start in starts)]


def _of_tables(
    archive: Archive, names: Sequence[tuple[str, str]], kinds: Sequence[str]
) -> list[str]:
    starts = tuple(f"{kind} {schema} {name} " for kind in kinds for schema, name in names)
    return [
        line
        for line in archive.entries
        if (found := ENTRY.match(line)) and found["rest"].startswith(starts)
    ]


def _said(line: str) -> str:
    found = ENTRY.match(line)
    return found["rest"].strip() if found else line
