"""A plain SQL dump on its way into a server that is thrown away: what it needs, what is left out.

psql runs it, for only psql reads its rows; restricted, so that no line of it is a command of psql's
own, which would run where secrets are.
"""

import contextlib
import re
import secrets
import subprocess
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import IO

from slipway.backups.format.pipes import StderrTail
from slipway.database.connection import Server
from slipway.database.processes import reason_in, started
from slipway.errors import Refused
from slipway.progress import Reporter

NAME = "slipway import"
FLAGS = ("--no-psqlrc", "--quiet", "--no-password", "--set=ON_ERROR_STOP=1")
GZIP = b"\x1f\x8b"
LONGEST = 64 << 20  # of a line that is looked at whole
ROWS = re.compile(rb"COPY .+ FROM stdin;\s*$", re.IGNORECASE)
END_OF_ROWS = re.compile(rb"\\\.\r?\n?$")
# What pg_dump and pg_dumpall write around one database's contents, a line each.
OWN_COMMAND = re.compile(rb"\\(un)?restrict \S+\s*$")
CONNECT = re.compile(rb'\\c(?:onnect)? (?:-reuse-previous=on )?"?(.+?)"?\s*$')
DATABASE = re.compile(
    rb"(CREATE|ALTER|DROP) DATABASE .*;\s*$|COMMENT ON DATABASE .*;\s*$"
    rb"|(GRANT|REVOKE) .* ON DATABASE .*;\s*$|ALTER ROLE .* IN DATABASE .*;\s*$"
)
ROLE = re.compile(rb"(?:CREATE|ALTER|DROP) (?:ROLE|USER) .*;\s*$")
NAMED_ROLE = re.compile(
    rb'(?:OWNER TO|FOR ROLE|(?:^GRANT .* TO)|(?:^REVOKE .* FROM)) ("(?:[^"]|"")+"|\w+)'
)
OTHERS = {
    b"MySQL dump": "MySQL; move it with pgloader first",
    b"MariaDB dump": "MariaDB; move it with pgloader first",
    b"SQLite format 3": "SQLite; move it with pgloader first",
}
NO_NAMES = ("public", "current_user", "session_user", "current_role")
MAINTENANCE = ("postgres", "template1")


@dataclass
class Script:
    """What a look at all lines came to; `left_out` are kinds of lines that were not kept."""

    roles: set[str] = field(default_factory=set)
    databases: set[str] = field(default_factory=set)
    left_out: set[str] = field(default_factory=set)


def unpacked(chunks: Iterable[bytes], label: str) -> Iterator[bytes]:
    """Unpack what gzip has packed; anything else passes. Raises Refused for a broken one."""
    unpack = None
    for number, chunk in enumerate(chunks):
        if number == 0 and chunk.startswith(GZIP):
            unpack = zlib.decompressobj(wbits=31)
        try:
            yield unpack.decompress(chunk) if unpack else chunk
        except zlib.error as error:
            raise Refused(f"{label} cannot be unpacked ({error}); nothing was changed") from None
    if unpack and not unpack.eof:
        raise Refused(f"{label} is cut: its end is missing; nothing was changed")


def keep(chunks: Iterable[bytes], file: IO[bytes], label: str) -> Script:
    """Write a script down without what is about other databases, and say what it needs."""
    script, in_rows, is_first = Script(), False, True
    for line, is_start in _lines(chunks):
        if is_first and (other := next((OTHERS[s] for s in OTHERS if s in line[:200]), "")):
            raise Refused(f"{label} is of {other}; nothing was changed")
        is_first = False
        if in_rows:
            in_rows = not (is_start and END_OF_ROWS.match(line))
        elif is_start and (what := _not_kept(line, script)):
            script.left_out.add(what)
            continue
        elif is_start:
            in_rows = ROWS.match(line) is not None
            for match in NAMED_ROLE.finditer(line):
                name = match[1].decode(errors="replace")
                script.roles.add(name[1:-1].replace('""', '"') if name[0] == '"' else name)
        file.write(line)
    script.roles -= {*NO_NAMES, *(n for n in script.roles if n.startswith("pg_"))}
    if len(others := script.databases - {*MAINTENANCE}) > 1:
        raise Refused(
            f"{label} holds the databases {', '.join(sorted(others))}; take one of them: "
            "pg_dump -Fc NAME; nothing was changed"
        )
    file.flush()
    return script


def run(server: Server, file: IO[bytes], label: str, reporter: Reporter) -> None:
    """Run a script in an empty database. Raises Refused with the first error."""
    argv = ["psql", *FLAGS]
    size = file.seek(0, 2)
    file.seek(0)
    with (
        contextlib.closing(StderrTail()) as stderr,
        server.libpq(application=NAME) as env,
        started(argv, env=env, stdin=subprocess.PIPE, stderr=stderr.fileno) as child,
    ):
        assert child.stdin is not None  # noqa: S101  it is a pipe
        with contextlib.suppress(BrokenPipeError):
            child.stdin.write(f"\\restrict {secrets.token_hex(16)}\n".encode())
            while chunk := file.read(1 << 20):
                child.stdin.write(chunk)
                reporter.progress("reading", file.tell(), size)
            child.stdin.close()
        code = child.wait()
        lines = stderr.lines()
    if code:
        raise Refused(f"{label} was not imported: {_reason(lines)}; nothing was changed")


def _reason(lines: list[str]) -> str:
    reason = reason_in(lines)
    if "invalid command \\restrict" in "\n".join(lines):
        return "the psql of ops is older than 17.6 and cannot run it safely; deploy a newer image"
    if "backslash commands are restricted" in reason:
        return "it holds commands of psql's own, which are not run; take a dump with pg_dump"
    if "is not available" in reason:
        return f"{reason}; add the extension's package to compose/db/Dockerfile and deploy"
    return f"PostgreSQL does not take it as SQL: {reason}"


def _not_kept(line: bytes, script: Script) -> str:
    """Say what a line is that is not for one database; nothing of one that is kept."""
    if OWN_COMMAND.match(line):
        return "restrictions of psql"
    if match := CONNECT.match(line):
        script.databases.add(match[1].decode(errors="replace"))
        return "the database's own name and settings"
    if DATABASE.match(line):
        return "the database's own name and settings"
    if ROLE.match(line):
        return "roles and their passwords"
    return ""


def _lines(chunks: Iterable[bytes]) -> Iterator[tuple[bytes, bool]]:
    """Part a stream into lines, and say of each piece whether a line begins with it."""
    rest, is_start = b"", True
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            yield line + b"\n", is_start
            is_start = True
        if len(rest) > LONGEST:
            yield rest, is_start
            rest, is_start = b"", False
    if rest:
        yield rest, is_start
