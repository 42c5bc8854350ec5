"""The rows of each table as PostgreSQL writes them out, summed, to tell two apart."""

import contextlib
import hashlib
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence

from slipway.backups.format.pipes import BLOCK, StderrTail
from slipway.backups.restore.local_dump import LocalDump
from slipway.database.connection import Server
from slipway.database.processes import reason_in, started
from slipway.errors import SlipwayError

BEGIN, END, LAST = b"COPY ", b" FROM stdin;\n", b"\\.\n"


def of_archive(dump: LocalDump) -> dict[str, str]:
    """Sum the rows of every table that a dump holds."""
    argv = ["pg_restore", "--data-only", "--file=-", dump.path]
    with _lines(argv, None, (dump.descriptor,)) as lines:
        return of(lines)


def of_database(server: Server) -> dict[str, str]:
    """Sum the rows of every table of a database."""
    with server.libpq(application="slipway drill") as env:
        argv = ["pg_dump", "--data-only", "--no-sync"]
        with _lines(argv, env, ()) as lines:
            return of(lines)


def of(pieces: Iterable[bytes]) -> dict[str, str]:
    """Sum each table of a script of COPY: its name and columns, and SHA-256 of its rows.

    `pieces` are lines; a very long one may come in several.
    """
    digests: dict[str, str] = {}
    name, digest, is_new = "", hashlib.sha256(), True
    for piece in pieces:
        if name and is_new and piece == LAST:
            digests[name] = digest.hexdigest()
            name = ""
        elif name:
            digest.update(piece)
        elif is_new and piece.startswith(BEGIN) and piece.endswith(END):
            name, digest = piece[len(BEGIN) : -len(END)].decode(errors="replace"), hashlib.sha256()
        is_new = piece.endswith(b"\n")
    return digests


def differences(expected: Mapping[str, str], restored: Mapping[str, str]) -> list[str]:
    """Name the tables whose rows are not those of the backup."""
    names = sorted(expected.keys() | restored.keys())
    return [
        f"the rows of {name.partition(' (')[0]} differ from the backup (SHA-256)"
        for name in names
        if expected.get(name) != restored.get(name)
    ]


@contextlib.contextmanager
def _lines(
    argv: Sequence[str], env: Mapping[str, str] | None, descriptors: tuple[int, ...]
) -> Iterator[Iterable[bytes]]:
    """Yield what a program writes, and raise when it failed."""
    with (
        contextlib.closing(StderrTail()) as stderr,
        started(
            argv, env=env, stdout=subprocess.PIPE, stderr=stderr.fileno, pass_fds=descriptors
        ) as child,
    ):
        if child.stdout is None:
            raise ValueError("the child was started without this pipe")
        with open(child.stdout.fileno(), "rb", BLOCK, closefd=False) as lines:
            yield iter(lambda: lines.readline(BLOCK), b"")
        if child.wait():
            raise SlipwayError(f"{argv[0]} failed: {reason_in(stderr.lines())}")
