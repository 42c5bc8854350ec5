"""A dump restored without the marks (pg_attver) that its pg_dump should have left out.

pg_restore sends a table with its options in one piece: what is wrong with a mark is wrong with the
table. So what comes before the rows goes as SQL through psql, less the marks; rows, indexes and
what comes after them go as ever, by pg_restore, in parallel.
"""

import contextlib
import re
import subprocess
from collections.abc import Callable, Mapping, Sequence

from slipway.backups.format import pipes
from slipway.backups.format.pipes import StderrTail
from slipway.backups.restore.local_dump import LocalDump
from slipway.database.processes import started
from slipway.migrations import attver

PSQL = ("psql", "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--set=VERBOSITY=terse")
REST = ("--section=data", "--section=post-data")
FOR_SQL = ("--no-owner", "--no-acl")  # of pg_restore's flags those that change the SQL
VERDICT = re.compile(r"^(?:ERROR|FATAL): +")


def restore(
    dump: LocalDump,
    *flags: str,
    env: Mapping[str, str],
    entries: Sequence[str] | None = None,
    watch: Callable[[], None] = lambda: None,
) -> tuple[int, list[str]]:
    """Run pg_restore to the first error; return the exit code and what was said."""
    flags = ("--exit-on-error", *flags)
    if not dump.marks:
        return dump.pg_restore(*flags, env=env, entries=entries, watch=watch)
    code, lines = _define(dump, flags, env, entries)
    if code:
        return code, lines
    return dump.pg_restore(*flags, *REST, env=env, entries=entries, watch=watch)


def describe(dump: LocalDump) -> str:
    """Say what is left out, for people."""
    columns = f"{dump.marks} column{'s' * (dump.marks != 1)}"
    return (
        f"left out: {attver.NAME} of {columns}, the server's own mark and nobody's data, which "
        f"pg_dump {dump.client} did not know"
    )


def _define(
    dump: LocalDump, flags: Sequence[str], env: Mapping[str, str], entries: Sequence[str] | None
) -> tuple[int, list[str]]:
    sql, _ = attver.without(
        dump.definitions(*(flag for flag in flags if flag in FOR_SQL), entries=entries)
    )
    argv = [*PSQL, *(flag for flag in flags if flag.startswith("--dbname="))]
    with (
        contextlib.closing(StderrTail()) as stderr,
        started(argv, env=env, stdin=subprocess.PIPE, stderr=stderr.fileno) as child,
    ):
        (sink,) = pipes.pipes(child)
        with contextlib.suppress(BrokenPipeError):  # it stopped at an error, and says at which
            pipes.write(sink, sql.encode("utf-8", "surrogateescape"))
        sink.close()
        code = child.wait()
        return code, [VERDICT.sub("error: ", line) for line in stderr.lines()]
