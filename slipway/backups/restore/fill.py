"""A dump put into an empty database."""

import contextlib
import re
import subprocess
from collections.abc import Callable, Iterator, Sequence

from slipway.backups.format.pipes import StderrTail
from slipway.backups.restore import left_out, unmarked
from slipway.backups.restore.local_dump import LocalDump
from slipway.backups.restore.preflight import RestoreFindings
from slipway.database.connection import NoDatabase, Server
from slipway.database.processes import reason_in, started
from slipway.errors import SlipwayError
from slipway.progress import Reporter

WHAT = "restoring"
NAME = "slipway restore"


def fill(
    server: Server,
    dump: LocalDump,
    reporter: Reporter,
    findings: RestoreFindings,
    *,
    size: int = 0,
) -> None:
    """Restore everything into the empty database that `server` names; the first error ends it.

    Without a superuser all belongs to who restores.
    `size` is how large it will be, for telling how far it is.
    """
    is_super, flags = findings.is_super, [f"--jobs={findings.jobs}", f"--dbname={conninfo(server)}"]
    if dump.marks:
        reporter.note(unmarked.describe(dump))
    if not is_super:
        flags += ["--no-owner"] if findings.keeps_rights else ["--no-owner", "--no-acl"]
    entries = left_out.without(dump, reporter, is_super=is_super)
    with server.libpq(application=NAME) as env, _watch_size(server, reporter, size) as watch:
        code, lines = unmarked.restore(dump, *flags, env=env, entries=entries, watch=watch)
    if code:
        raise SlipwayError(f"pg_restore failed: {explain(lines)}")


def analyze(server: Server, *, jobs: int) -> None:
    """Let the planner know what there is; a dump does not hold that."""
    argv = ["vacuumdb", "--analyze-only", "--quiet", f"--jobs={jobs}"]
    argv.append(f"--dbname={conninfo(server)}")
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


def conninfo(server: Server) -> str:
    """Name the database in a way that takes any name: `=` and quotes are no options in it."""
    escaped = server.database.replace("\\", "\\\\").replace("'", "\\'")
    return f"dbname='{escaped}'"


def explain(lines: Sequence[str]) -> str:
    """Say why pg_restore failed, and what to add to the command."""
    reason = reason_in(lines)
    missing = re.search(r'role "(.+?)" does not exist', reason)
    if missing:
        return f"{reason}; add --create-roles to create it"
    if extension := re.search(r'permission denied to create extension "(.+?)"', reason):
        return f"{reason}; name {extension[1]} as trusted in compose/db/Dockerfile and deploy"
    return reason
