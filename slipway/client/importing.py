"""Imports from the operator's side: what a file is, where a server is, who gives its password."""

import contextlib
import gzip
import re
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from slipway.agent.messages.restore import ImportRequest, RestorePlan, RestoreReply
from slipway.backups.restore.spec import ForeignSource, Kind, RestoreSpec, Way
from slipway.client import grant, restore
from slipway.client.session import Session
from slipway.errors import Refused, UsageError
from slipway.progress import Reporter
from slipway.secrets.secret import Secret
from slipway.storage.folder import FolderStore

URL = re.compile(r"postgres(ql)?://")
ARCHIVE, GZIP, PACKED_ROWS = b"PGDMP", b"\x1f\x8b", "toc.dat"
PACKED = {
    b"PK\x03\x04": "unzip",
    b"\xfd7zXZ": "xz -d",
    b"BZh": "bzip2 -d",
    b"\x28\xb5\x2f\xfd": "zstd -d",
}
HERE = ("localhost", "127.0.0.1", "::1", "0.0.0.0")  # noqa: S104  what an address may say
SSL = ("disable", "allow", "prefer", "require", "verify-full")


@dataclass(frozen=True)
class ImportOptions:
    """The flags of an import."""

    source: str
    into: str = ""
    plan: bool = False

    @property
    def replaces(self) -> bool:
        """Whether the live database is to be replaced."""
        return not (self.into or self.plan)


def take_over(
    session: Session,
    options: ImportOptions,
    reporter: Reporter,
    password: Callable[[str], Secret],
) -> RestoreReply | RestorePlan:
    """Restore what others have, while nobody deploys; `password` asks for that of a server."""
    spec = RestoreSpec(
        environment=session.env.name,
        into=options.into,
        scrub=restore.read_sql(session.env, "scrub"),
        room=restore.room(session),
        untrusted=True,
    )
    with contextlib.ExitStack() as stack:
        if URL.match(options.source):
            way = way_of(options.source)
            label = f"{way.database} of {way.host}"
            if not options.plan:
                secret = password(f"password of {way.user} for {label}")
                way = replace(way, password=secret.reveal())
            source, file, granted = ForeignSource("server", way), "", None
        else:
            path = Path(options.source).expanduser()
            label, kind = path.name, kind_of(path)
            store, file = stack.enter_context(readable(path, kind))
            source, granted = ForeignSource(kind), grant.to_read_file(store, file)
        stack.enter_context(session.locked("importing a database", needed=options.replaces))
        request = ImportRequest(
            **vars(spec), source=source, label=label, file=file, plan=options.plan
        )
        return session.call(request, reporter, granted)


def kind_of(path: Path) -> Kind:
    """Tell what a file is by what it begins with. Raises UsageError for what it cannot be."""
    if path.is_dir():
        if not (path / PACKED_ROWS).is_file():
            raise UsageError(f"--from={path}: this folder has no {PACKED_ROWS} of pg_dump -Fd")
        return "folder"
    if not path.is_file():
        raise UsageError(
            f"--from={str(path)[:200]} is no file, no folder of pg_dump -Fd, and no "
            "postgres://USER@HOST/DATABASE"
        )
    with path.open("rb") as file:
        start = file.read(8)
    if start.startswith(ARCHIVE):
        return "custom"
    if start.startswith(GZIP):
        with contextlib.suppress(OSError, EOFError), gzip.open(path) as unpacked:
            if unpacked.read(5) == ARCHIVE:
                raise UsageError(f"{path.name} is packed twice; unpack it first: gunzip {path}")
        return "sql"
    if program := next((PACKED[sign] for sign in PACKED if start.startswith(sign)), ""):
        raise UsageError(f"{path.name} is packed; unpack it first: {program} {path}")
    if not start:
        raise UsageError(f"{path.name} is empty")
    return "tar" if _is_dump_in_tar(path) else "sql"


def way_of(text: str) -> Way:
    """Read the address of a server. Raises UsageError for what is missing or does not belong."""
    try:
        parts = urlsplit(text)
        port = parts.port or 5432
    except ValueError as error:
        raise UsageError(f"--from is no address: {error}") from None
    query = parse_qs(parts.query, keep_blank_values=True)
    if parts.password is not None or "password" in query:
        raise UsageError(
            "a password in --from is seen by everybody on this computer, and stays in the shell's "
            "history; leave it out, it is asked for (or read from a pipe)"
        )
    database = unquote(parts.path.strip("/"))
    if not (parts.hostname and parts.username and database) or "/" in database:
        raise UsageError("--from: write postgres://USER@HOST:PORT/DATABASE")
    if unknown := sorted(query.keys() - {"sslmode"}):
        raise UsageError(f"--from: only sslmode may follow the ?, not {unknown[0][:40]!a}")
    ssl = query.get("sslmode", [""])[-1]
    if ssl and ssl not in SSL:
        raise UsageError(f"--from: sslmode is one of {', '.join(SSL)}")
    user = unquote(parts.username)
    if parts.hostname in HERE:
        raise Refused(
            f"the environment would look for {parts.hostname} within its own container; take a "
            f"dump here and import that: pg_dump -Fc -h {parts.hostname} -p {port} -U {user} "
            f"{database} > old.dump. Nothing was changed"
        )
    return Way(parts.hostname, port, user, database, ssl)


def _is_dump_in_tar(path: Path) -> bool:
    try:
        with tarfile.open(path, "r:") as archive:
            return (archive.next() or tarfile.TarInfo()).name == PACKED_ROWS
    except (tarfile.TarError, OSError):
        return False


@contextlib.contextmanager
def readable(path: Path, kind: Kind) -> Iterator[tuple[FolderStore, str]]:
    """Lend a store with the one file that is read; a folder becomes one for the time."""
    if kind != "folder":
        path = path.resolve()
        yield FolderStore(path.parent, str(path.parent)), path.name
        return
    with tempfile.TemporaryDirectory(prefix="slipway-") as scratch:
        name = "folder.tar"
        with tarfile.open(Path(scratch, name), "w") as archive:
            for each in sorted(path.iterdir()):
                if each.is_file():
                    archive.add(each, each.name)
        yield FolderStore(Path(scratch), scratch), name
