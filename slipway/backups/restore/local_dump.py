"""A dump on its way into a database: in a file without a name, decoded in full before its use."""

import contextlib
import os
import re
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from slipway.backups.format import pipes, toc
from slipway.backups.format.encryption import Key
from slipway.backups.format.manifest import Damaged, Manifest
from slipway.backups.format.pipes import StderrTail
from slipway.backups.restore import decrypt
from slipway.database import throwaway
from slipway.database.processes import reason_in, started
from slipway.errors import Refused, SlipwayError
from slipway.migrations import attver
from slipway.progress import Reporter
from slipway.storage.store import Store

LOOK = 0.5  # seconds between two looks at how far a program is
SEALED = b"age-encryption.org/v1"
MADE_BY = re.compile(r"^;\s+Dumped (from database|by pg_dump) version: (\d+)", re.MULTILINE)
NEWER = "unsupported version"


@dataclass(frozen=True)
class DumpSource:
    """What is restored: a backup of a store with its key, or a foreign file without a manifest."""

    store: Store
    manifest: Manifest | None = None
    key: Key | None = None
    file: str = ""  # its key in the store
    name: str = ""  # what people call it, where that is not its key

    @property
    def label(self) -> str:
        return self.manifest.id if self.manifest else self.name or self.file


@dataclass(frozen=True)
class LocalDump:
    """A whole dump; `entries` are the lines of its table of contents, `needs` what each needs."""

    descriptor: int
    server: int  # major versions: of the server it was taken from, of the pg_dump that wrote it
    client: int
    entries: tuple[str, ...]
    needs: toc.Needs = field(default_factory=dict)
    marks: int = 0  # columns with PostgreSQL's own pg_attver among their options

    @property
    def path(self) -> str:
        """What a child finds it under that is given the descriptor."""
        return f"/dev/fd/{self.descriptor}"

    def pg_restore(
        self,
        *flags: str,
        env: Mapping[str, str] | None = None,
        entries: Sequence[str] | None = None,
        watch: Callable[[], None] = lambda: None,
    ) -> tuple[int, list[str]]:
        """Run pg_restore on it, on some of its entries; return the exit code and what it said."""
        with contextlib.ExitStack() as stack:
            stderr = stack.enter_context(contextlib.closing(StderrTail()))
            argv, descriptors = self._line(stack, flags, entries)
            child = stack.enter_context(
                started(argv, env=env, stderr=stderr.fileno, pass_fds=descriptors)
            )
            while True:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    return child.wait(LOOK), stderr.lines()
                watch()

    def definitions(self, *flags: str, entries: Sequence[str] | None = None) -> str:
        """Return as SQL what comes before the rows. Raises Damaged when it cannot be read."""
        return self.sql("--section=pre-data", *flags, entries=entries)

    def sql(self, *flags: str, entries: Sequence[str] | None = None) -> str:
        """Return some of it as SQL; bytes that are no UTF-8 are kept as they are.

        Raises Damaged when it cannot be read.
        """
        with contextlib.ExitStack() as stack:
            argv, descriptors = self._line(stack, ("--file=-", *flags), entries)
            child = stack.enter_context(started(argv, stdout=subprocess.PIPE, pass_fds=descriptors))
            out, err = child.communicate()
        if child.returncode:
            raise Damaged(f"its definitions cannot be read: {reason_in(err.decode().splitlines())}")
        return out.decode("utf-8", "surrogateescape")

    def _line(
        self, stack: contextlib.ExitStack, flags: Sequence[str], entries: Sequence[str] | None
    ) -> tuple[list[str], tuple[int, ...]]:
        """Return the command, and the descriptors that it is to be given."""
        argv, descriptors = ["pg_restore", *flags], [self.descriptor]
        if entries is not None:
            chosen = stack.enter_context(_listed(entries))
            descriptors.append(chosen.fileno())
            argv.append(f"--use-list=/dev/fd/{chosen.fileno()}")
        return [*argv, self.path], tuple(descriptors)


@contextlib.contextmanager
def fetch(
    source: DumpSource, reporter: Reporter, root: Path = throwaway.ROOT
) -> Iterator[LocalDump]:
    """Fetch, unseal and decode a dump for a block; nothing of it is left on the disk, ever.

    Raises Damaged or Refused when it is not whole, or not what it says.
    """
    manifest, room = source.manifest, throwaway.room(root)
    if manifest and manifest.plain.size > room:
        raise Refused(
            f"{source.label} needs {manifest.plain.size >> 20} MB of room in the scratch volume "
            f"{root}, which has {room >> 20}; nothing was changed; free some room "
            "on the machine that runs ops"
        )
    with tempfile.TemporaryFile(dir=root) as file:  # it never has a name: a kill leaves nothing
        began = time.monotonic()
        with _plaintext(source) as chunks:
            size = _write(file, chunks, source, reporter)
        reporter.note(
            f"fetched {source.label}: {size >> 20} MB in {time.monotonic() - began:.1f} s"
        )
        yield decode(file.fileno(), source.label)


@contextlib.contextmanager
def _plaintext(source: DumpSource) -> Iterator[Iterable[bytes]]:
    if source.manifest and source.key:
        with decrypt.stream(source.store, source.manifest, source.key) as chunks:
            yield chunks
        return
    yield _read_foreign(source)


def _read_foreign(source: DumpSource) -> Iterator[bytes]:
    is_first = True
    for chunk in source.store.get(source.file):
        if is_first and chunk.startswith(SEALED):
            raise Refused(
                f"{source.file} is encrypted and has no manifest next to it; decrypt it first: "
                f"age --decrypt --identity YOUR_KEY --output plain.dump {source.file}"
            )
        is_first = False
        yield chunk


def _write(file: IO[bytes], chunks: Iterable[bytes], source: DumpSource, reporter: Reporter) -> int:
    total = source.manifest.plain.size if source.manifest else 0
    count = 0
    for chunk in chunks:
        try:
            pipes.write(file, chunk)
        except OSError as error:
            raise SlipwayError(
                f"the scratch volume cannot take the dump ({error.strerror} after {count >> 20} "
                "MB); nothing was changed; free some room on the machine that runs ops"
            ) from None
        count += len(chunk)
        reporter.progress("fetching", count, total)
    return count


def decode(descriptor: int, label: str) -> LocalDump:
    """Read all of a dump as pg_restore would, to nowhere; its table of contents proves nothing.

    Raises Damaged or Refused when it is not whole, or not what it says.
    """
    dump = LocalDump(descriptor, 0, 0, ())
    code, lines = dump.pg_restore("--file=/dev/null")
    if code:
        reason = reason_in(lines)
        if NEWER in reason:
            raise Refused(
                f"{label} was written by a newer pg_dump than the pg_restore here ({reason}); "
                "nothing was changed; write its version into compose/ops/Dockerfile and deploy"
            )
        raise Damaged(f"{label} cannot be decoded: {reason}; nothing was changed")
    text = _contents(dump)
    versions = {what: int(major) for what, major in MADE_BY.findall(text)}
    majors = versions.get("from database", 0), versions.get("by pg_dump", 0)
    _, marks = attver.without(dump.definitions())
    return LocalDump(descriptor, *majors, toc.entries(text), toc.needs(text), marks)


def _contents(archive: LocalDump) -> str:
    argv = ["pg_restore", "--list", "--verbose", archive.path]
    with started(argv, stdout=subprocess.PIPE, pass_fds=(archive.descriptor,)) as child:
        out, err = child.communicate()
    if child.returncode:
        raise Damaged(f"it has no table of contents: {reason_in(err.decode().splitlines())}")
    return out.decode(errors="replace")


@contextlib.contextmanager
def _listed(entries: Sequence[str]) -> Iterator[IO[bytes]]:
    """Hold a list of entries in memory."""
    with os.fdopen(os.memfd_create("entries", 0), "w+b", buffering=0) as file:
        pipes.write(file, "\n".join([*entries, ""]).encode())
        yield file
