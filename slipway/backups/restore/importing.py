"""Somebody else's database imported: made a dump apart, then restored as one that nobody vouches
for.

Plain SQL, tar files and folders are read in the container of drills, which holds no secret and has
no way out; what is there afterwards is dumped again. A server is dumped from here.
"""

import contextlib
import os
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

from slipway.backups.format import pipes
from slipway.backups.format.pipes import StderrTail
from slipway.backups.restore import apart, compare, fill, local_dump, preflight, sql_script, trial
from slipway.backups.restore.compare import DatabaseState
from slipway.backups.restore.local_dump import DumpSource, LocalDump
from slipway.backups.restore.restore import Restore
from slipway.backups.restore.spec import ForeignSource, Kind, Way
from slipway.database import isolated, siblings, throwaway
from slipway.database.connection import MAINTENANCE, Server
from slipway.database.processes import reason_in, started
from slipway.errors import Refused, SlipwayError
from slipway.progress import SILENT, Reporter

NAME = "imported"
SYSTEM = "system"  # whom libpq believes that has no authority of its own
APPLICATION = "slipway import"
CUSTOM = ForeignSource("custom")


@dataclass
class Import(Restore):
    """A restore whose dump is made of what others have."""

    foreign: ForeignSource = CUSTOM
    expected: DatabaseState | None = None

    def fetch(self) -> str:
        kind, label, owners = self.foreign.kind, self.source.label, frozenset[str]()
        if kind == "custom":
            super().fetch()
        elif kind == "server":
            self.dump = self.files.enter_context(_of_server(self.foreign, label, self.reporter))
        else:
            owners = self._make_apart(label)
        if names := sorted(preflight.extensions_of(None, self.dump)):
            self.reporter.note(f"it uses the extensions {', '.join(names)}")
        if names := sorted((owners or preflight.roles_of(None, self.dump)) - {throwaway.USER}):
            self.reporter.note(
                f"what is {', '.join(names)}'s there is the environment's own roles' here"
            )
        return f"{label} is read"

    def _make_apart(self, label: str) -> frozenset[str]:
        """Have it read in the container of drills; return the roles that it names."""
        with _fetched(self.source, self.reporter) as file, isolated.trial_server(SILENT) as place:
            if place.is_in_ops:
                raise Refused(
                    f"{label} was not imported: there is no container to read it in; "
                    f"{isolated.REMEDY}; nothing was changed"
                )
            database = place.server.named(NAME)
            if self.foreign.kind == "sql":
                names = _run_sql(database, file, label, self.reporter)
            else:
                names = _run_archive(database, file, label, self.foreign.kind, self.reporter)
            self.expected = compare.look(database, SILENT)
            self.dump = self.files.enter_context(apart.dumped(database, label, self.reporter))
            return names

    def _demand_same(self) -> None:
        if self.expected is None or self.scrubbed or self.spec.tables:
            super()._demand_same()
            return
        compare.demand(compare.differences(self.expected, self.restored, left_out=True))


@contextlib.contextmanager
def _fetched(source: DumpSource, reporter: Reporter) -> Iterator[IO[bytes]]:
    """Fetch a file of a client's for a block; nothing of it is left on the disk."""
    with tempfile.TemporaryFile(dir=throwaway.ROOT) as file:
        for count, chunk in enumerate(source.store.get(source.file)):
            try:
                pipes.write(file, chunk)
            except OSError as error:
                raise SlipwayError(
                    f"the scratch volume cannot take {source.label} ({error.strerror}); nothing "
                    "was changed; free some room on the machine that runs ops"
                ) from None
            reporter.progress("fetching", count, 0)
        file.seek(0)
        yield file


def _run_sql(database: Server, file: IO[bytes], label: str, reporter: Reporter) -> frozenset[str]:
    with tempfile.TemporaryFile(dir=throwaway.ROOT) as plain:
        chunks = iter(lambda: file.read(1 << 20), b"")
        script = sql_script.keep(sql_script.unpacked(chunks, label), plain, label)
        for what in sorted(script.left_out):
            reporter.note(f"left out: {what}")
        with database.named(MAINTENANCE).connect() as session:
            roles = script.roles - preflight.look(session).roles
            preflight.create_roles(session, sorted(roles), SILENT, rights="superuser")
            siblings.create(session, NAME, siblings.text_settings(session, MAINTENANCE))
        sql_script.run(database, plain, label, reporter)
    return frozenset(script.roles)


def _run_archive(
    database: Server, file: IO[bytes], label: str, kind: Kind, reporter: Reporter
) -> frozenset[str]:
    """Restore without owners and rights, which are those of the environment afterwards."""
    with contextlib.ExitStack() as stack:
        descriptor = file.fileno()
        if kind == "folder":
            folder = stack.enter_context(throwaway.own_folder(SILENT))
            descriptor = _unpack(file, folder, label)
            stack.callback(os.close, descriptor)
        dump = local_dump.decode(descriptor, label)
        findings = trial.prepare(database, dump, None, reporter)
        simple = replace(findings, jobs=1, is_super=False, keeps_rights=False)
        fill.fill(database, dump, reporter, simple)
        return preflight.roles_of(None, dump)


def _unpack(file: IO[bytes], folder: Path, label: str) -> int:
    """Unpack a folder of pg_dump's, and open it: pg_restore finds it by its number."""
    try:
        with tarfile.open(fileobj=file, mode="r:") as archive:
            archive.extractall(folder / "dump", filter="data")
    except (tarfile.TarError, OSError) as error:
        raise Refused(f"{label} cannot be unpacked ({error}); nothing was changed") from None
    return os.open(folder / "dump", os.O_RDONLY | os.O_DIRECTORY)


@contextlib.contextmanager
def _of_server(foreign: ForeignSource, label: str, reporter: Reporter) -> Iterator[LocalDump]:
    """Dump what a server of others holds for a block; it is read and not changed."""
    way = foreign.way
    if way is None:
        raise Refused(f"nothing says where {label} is; nothing was changed")
    with tempfile.TemporaryFile(dir=throwaway.ROOT) as file, _password(way) as password:
        server = Server(way.host, way.port, way.user, way.database, password)
        reporter.note(f"reading {label} from inside the environment")
        argv = ["pg_dump", "--format=custom", "--no-password"]
        with (
            contextlib.closing(StderrTail()) as stderr,
            server.libpq(application=APPLICATION) as env,
            started(
                argv, env=_transport(env, way), stdout=file.fileno(), stderr=stderr.fileno
            ) as child,
        ):
            while True:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    code = child.wait(local_dump.LOOK)
                    break
                reporter.progress("dumping", os.fstat(file.fileno()).st_size, 0)
            if code:
                raise Refused(
                    f"{label} cannot be read: {reason_in(stderr.lines())}; nothing was changed"
                )
        yield local_dump.decode(file.fileno(), label)


def _transport(env: Mapping[str, str], way: Way) -> dict[str, str]:
    """Speak to it as its address says, and not as with the environment's own database."""
    own = {key: value for key, value in env.items() if not key.startswith("PGSSL")}
    verified = {"PGSSLROOTCERT": SYSTEM} if way.ssl == "verify-full" else {}
    return {**own, **verified, **({"PGSSLMODE": way.ssl} if way.ssl else {})}


@contextlib.contextmanager
def _password(way: Way) -> Iterator[Path]:
    with tempfile.NamedTemporaryFile("w", prefix="pgpass-") as file:
        file.write(way.password)
        file.flush()
        yield Path(file.name)
