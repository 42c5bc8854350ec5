"""Production's dump scrubbed apart, before the environment's own server sees anything of it.

It is restored in the container of drills, held against its manifest, scrubbed there and dumped
again. The container then starts anew with nothing in it.
"""

import contextlib
import os
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from slipway.backups.format.manifest import sized
from slipway.backups.format.pipes import StderrTail
from slipway.backups.restore import compare, fill, local_dump, scrub, trial
from slipway.backups.restore.compare import DatabaseState
from slipway.backups.restore.local_dump import LOOK, DumpSource, LocalDump
from slipway.backups.restore.spec import RestoreSpec
from slipway.backups.take import dump as dumps
from slipway.database import isolated, throwaway
from slipway.database.connection import Server
from slipway.database.processes import reason_in, started
from slipway.errors import Refused, SlipwayError
from slipway.progress import SILENT, Reporter

NAME = "scrubbed"
ROOM = 2.3  # times the size that the database had: what is restored, and what scrubbing writes anew
APPLICATION = "slipway restore"


@dataclass(frozen=True)
class ScrubbedDump:
    """What may go to the server, and what it holds, as counted before it was taken."""

    dump: LocalDump
    state: DatabaseState
    statements: int


def is_needed(
    origins: AbstractSet[str], spec: RestoreSpec, environ: Mapping[str, str] = os.environ
) -> bool:
    """Whether data of these origins is to be scrubbed first. Raises Refused where it cannot be."""
    scrub.demand(origins, spec.environment, spec.scrub)
    if not scrub.is_due(origins, spec.environment):
        return False
    if not isolated.is_named(environ):
        raise Refused(
            "this holds the data of production's users, and there is no container to scrub it in "
            f"before the database's own server sees it; {isolated.REMEDY}; nothing was changed"
        )
    return True


def demand_version(client: str, server: int) -> None:
    """Refuse where what the newer programs here make would not go into the server."""
    if int(client.partition(".")[0]) > server:
        raise Refused(
            f"it would be scrubbed by PostgreSQL {client} and does not go back into a server of "
            f"{server}; upgrade the server first: runbooks/upgrade-postgres.md; nothing was changed"
        )


def scrub_alone(
    dump: LocalDump,
    source: DumpSource,
    spec: RestoreSpec,
    files: contextlib.ExitStack,
    reporter: Reporter,
    *,
    roles: AbstractSet[str],
) -> ScrubbedDump:
    """Restore a dump apart, scrub it there and dump it again.

    `files` hold the room of the dump, and that of the new one afterwards. `roles` are those of the
    server that it is for, which the scrub file may name.
    """
    with isolated.trial_server(reporter) as place:
        manifest = source.manifest
        size = manifest.database_size if manifest else 0
        trial.demand_room(f"scrubbing {source.label}", int(size * ROOM), place)
        reporter.note("restoring it alone, where nobody else can see it")
        database = place.server.named(NAME)
        if spec.untrusted:
            database = trial.prepare_without_rights(place.server, NAME)
            findings = trial.WITHOUT_RIGHTS
        else:
            findings = trial.prepare(database, dump, manifest, SILENT, roles=roles)
        fill.fill(database, dump, reporter, findings, size=size)
        fill.analyze(database, jobs=findings.jobs)
        if manifest:
            left_out = spec.untrusted
            state = compare.look(database, reporter)
            compare.demand(compare.differences(manifest, state, left_out=left_out))
        reporter.note("scrubbing it there")
        count = scrub.scrub(database, spec.scrub)
        state = compare.look(database, SILENT)
        files.close()
        reporter.note("taking what is left from there")
        taken = files.enter_context(dumped(database, source.label, reporter))
        return ScrubbedDump(taken, state, count)


@contextlib.contextmanager
def dumped(server: Server, label: str, reporter: Reporter) -> Iterator[LocalDump]:
    """Dump a database for a block; nothing of it is left on the disk either."""
    with tempfile.TemporaryFile(dir=throwaway.ROOT) as file:
        _dump(server, file.fileno(), reporter)
        yield local_dump.decode(file.fileno(), label)


def _dump(server: Server, descriptor: int, reporter: Reporter) -> None:
    """Have pg_dump write into a file, where it can also write down what lies where."""
    with server.connect(application=APPLICATION) as session:
        argv = dumps.dump_line(session.info.server_version // 10_000)
    with (
        contextlib.closing(StderrTail()) as stderr,
        server.libpq(application=APPLICATION) as env,
        started(argv, env=env, stdout=descriptor, stderr=stderr.fileno) as child,
    ):
        while True:
            with contextlib.suppress(subprocess.TimeoutExpired):
                code = child.wait(LOOK)
                break
            reporter.progress("dumping", os.fstat(descriptor).st_size, 0)
        if code:
            raise SlipwayError(
                f"what was restored apart cannot be dumped: {reason_in(stderr.lines())} "
                f"({sized(throwaway.room())} are free in the scratch volume); nothing was changed"
            )
