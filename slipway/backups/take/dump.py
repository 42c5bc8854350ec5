"""pg_dump's archive, decoded in full and sealed while it streams; nothing of it touches a disk.

pg_dump ─┬─ age ── the store        sums of both streams on the way,
         └─ pg_restore -f /dev/null  every exit code read before the last byte is handed over
"""

import contextlib
import re
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from slipway.backups.format import encryption, pipes
from slipway.backups.format.manifest import Part
from slipway.backups.format.pipes import Checksum, Pipe, StderrTail
from slipway.database.connection import Connection, Server
from slipway.database.processes import reason_in, started
from slipway.errors import Refused, SlipwayError
from slipway.migrations import attver

FIRST_WITH_ZSTD = 16
VERSION = re.compile(r"\(PostgreSQL\) (\d+)(?:[.\w]*)")
NAMES = ("pg_dump", "pg_restore", "age")


class DumpFailed(SlipwayError):
    """No dump came about; nothing of it is kept."""


@dataclass(frozen=True)
class DumpStream:
    """A dump under way; `plain` and `sealed` are known when `chunks` is at its end."""

    chunks: Iterator[bytes]
    plain: Callable[[], Part]
    sealed: Callable[[], Part]


def client_version() -> str:
    """Return pg_dump's own version as `17.11`."""
    with started(["pg_dump", "--version"], stdout=subprocess.PIPE) as process:
        out, _ = process.communicate(timeout=20)
    match = VERSION.search(out.decode(errors="replace"))
    return match[0].partition(") ")[2] if match else "of unknown version"


def judge_client(client: str, server: str) -> str:
    """Return what is to be known of a client newer than the server; nothing of one as new.

    Before an upgrade `ops` brings the newer one, whose dump the new server is made from.
    Raises Refused for an older one, which cannot read what the server has.
    """
    match, major = re.match(r"\d+", client), server.partition(".")[0]
    if match is None or int(match[0]) < int(major):
        raise Refused(
            f"the server is PostgreSQL {server} and its client here {client}; nothing was backed "
            f"up; write FROM postgres:{major} into compose/ops/Dockerfile and deploy"
        )
    if int(match[0]) == int(major):
        return ""
    return (
        f"the server is PostgreSQL {server} and its client here {client}, as before an upgrade; "
        f"the tools of {major} may not read this backup, those of {match[0]} do"
    )


def judge_marks(server: Server, session: Connection) -> str:
    """Return what is to be known of a server whose own marks this pg_dump writes out."""
    row = session.execute(attver.MARKED.encode()).fetchone()
    if row is None:
        return ""
    argv = ["pg_dump", "--schema-only", f"--table={row[0]}", "--no-password"]
    with (
        server.libpq(application="slipway backup: pg_dump") as env,
        started([*argv, "--lock-wait-timeout=2s"], env=env, stdout=subprocess.PIPE) as child,
    ):
        out, _ = child.communicate()  # if it fails, the dump itself will say why
    if not attver.without(out.decode(errors="replace"))[1]:
        return ""
    return (
        f"the server marks its columns ({attver.NAME}), and the pg_dump here, released before it, "
        "writes them into the backup: inv db.restore and inv db.drill leave out exactly those, "
        "a pg_restore by hand fails at them (backups/README.md says how)"
    )


@contextlib.contextmanager
def dumping(
    server: Server,
    snapshot: str,
    recipient: str,
    *,
    major: int,
    lock_wait: float,
    first: Callable[[], None],
) -> Iterator[DumpStream]:
    """Start the programs for a block; leaving it early ends them. `first` hears of a first byte."""
    with contextlib.ExitStack() as stack:
        environ = stack.enter_context(server.libpq(application="slipway backup: pg_dump"))
        errors = [stack.enter_context(contextlib.closing(StderrTail())) for _ in range(3)]
        pipe = subprocess.PIPE
        wait = f"--lock-wait-timeout={int(lock_wait * 1000)}"
        argv = dump_line(major, f"--snapshot={snapshot}", wait)
        dump = started(argv, env=environ, stdout=pipe, stderr=errors[0].fileno)
        decode = started(["pg_restore", "-f", "/dev/null"], stdin=pipe, stderr=errors[1].fileno)
        sealing = started(
            encryption.encrypt_line(recipient), stdin=pipe, stdout=pipe, stderr=errors[2].fileno
        )
        children = [stack.enter_context(child) for child in (dump, decode, sealing)]
        source = pipes.read(pipes.output(children[0]))
        moving = Pipe(source, pipes.pipes(*children[1:]), first=first)
        stack.callback(moving.join)
        stack.callback(_end, children)
        total = Checksum()
        chunks = _chunks(children, errors, moving, total)
        yield DumpStream(chunks, moving.sum.piece, total.piece)


def dump_line(major: int, *flags: str) -> list[str]:
    """Return the command; which database, and who asks, is in its environment."""
    return [
        "pg_dump",
        "--format=custom",
        f"--compress={'zstd:1' if major >= FIRST_WITH_ZSTD else '1'}",
        *flags,
        "--no-sync",
        "--no-password",
    ]


def _chunks(
    children: "Sequence[subprocess.Popen[bytes]]",
    errors: Sequence[StderrTail],
    moving: Pipe,
    checksum: Checksum,
) -> Iterator[bytes]:
    """Yield what is sealed; raise instead of ending when one of the programs failed."""
    for chunk in pipes.read(pipes.output(children[-1])):
        checksum.add(chunk)
        yield chunk
    moving.join()
    programs = zip(NAMES, children, errors, strict=True)
    if moving.broken is not None:  # the others only followed the one that took no more
        programs = zip(
            *([group[moving.broken + 1]] for group in (NAMES, children, errors)), strict=True
        )
    for name, child, stderr in programs:
        if code := child.wait():
            raise DumpFailed(_why(name, code, stderr.lines()))
    if moving.error is not None or moving.broken is not None:
        raise DumpFailed("the dump was interrupted; nothing was kept")


def _why(name: str, code: int, lines: Sequence[str]) -> str:
    reason = reason_in(lines) or f"it ended with {code}"
    if code == -9:
        reason = (
            "it was killed (out of memory? It needs four times the largest single value; "
            "services.ops.deploy.resources in compose/slipway.yml limits it)"
        )
    if name == "pg_dump":
        return f"pg_dump failed, nothing was kept: {reason}"
    if name == "pg_restore":
        return f"what pg_dump wrote cannot be read back, nothing was kept: {reason}"
    return f"age failed, nothing was kept: {reason}"


def _end(children: "Sequence[subprocess.Popen[bytes]]") -> None:
    """End what still runs, all at once, so that nobody waits for a pipe any more."""
    for child in children:
        if child.poll() is None:
            child.terminate()
