"""Base backups of pgBackRest beside our dumps, of the same database into the same store."""

import statistics
import tempfile
import time
import uuid
from collections.abc import Callable
from pathlib import Path

from benchmarks.backup import FILL, GB, ROWS, database_size, ours
from benchmarks.section import Section
from slipway.backups.format import encryption
from slipway.backups.restore.spec import RestoreSpec
from slipway.client.pitr.recovery import recover
from slipway.environments import environment
from slipway.progress import Silent
from tests.fakes.s3server import S3Server
from tests.fakes.tls_proxy import NAME
from tests.integration.docker_sandbox import DockerSandbox
from tests.integration.pitr_home import Home, Living, opened, show_exactly
from tests.integration.postgres_stack import PostgresStack, start_ops

ROUNDS = 3
SIZE = 1  # GB on the server's disk
ENVIRONMENT = "testing"


def measure() -> list[Section]:
    """Fill a database, back it up both ways in turn, and return to a moment once."""
    corner = DockerSandbox(f"b{uuid.uuid4().hex[:7]}-test")
    try:
        with (
            tempfile.TemporaryDirectory() as folder,
            S3Server() as store,
            opened(corner, store, Path(folder)) as home,
        ):
            return [_compare(home)]
    finally:
        corner.sweep()


def _compare(home: Home) -> Section:
    living = home.move_in(ENVIRONMENT)
    living.settle()
    place = _ops(home, living)
    tables = 0
    while database_size(place) < SIZE * GB:
        living.sql(FILL.format(tables, ROWS))
        tables += 1
    living.sql("checkpoint")
    living.archive.mark(time.sleep)
    _, recipient = encryption.new_key()
    physical, logical = [], []
    for _ in range(ROUNDS):
        physical.append(_timed(lambda: living.archive.take(Silent(), "full")))
        logical.append(ours(place, recipient)[0])
    moment = show_exactly(living.now())
    session = place.session(environment.load("testing"), living.archive.container)
    back = _timed(lambda: recover(session, moment, RestoreSpec("testing"), Silent()))
    base, dump = statistics.median(physical), statistics.median(logical)
    size = database_size(place) / 10**6
    return Section(
        name="physical",
        title="Backup: dumps beside base backups",
        goal="none; to know what point-in-time recovery costs",
        met=True,
        columns=("of the same database", "median", "of the database", "times"),
        rows=[
            ("pgBackRest, full", f"{base:.1f} s", f"{size / base:.0f} MB/s", "1.00"),
            ("`db.backup`", f"{dump:.1f} s", f"{size / dump:.0f} MB/s", f"{base / dump:.2f}"),
            ("`db.restore --to-time`", f"{back:.1f} s", f"{size / back:.0f} MB/s", ""),
        ],
        method=f"A database of {size / 1000:.1f} GB, {ROUNDS} times each, in turn, into the same "
        "S3 server over TLS. pgBackRest reads files, with as many processes as there are cores, "
        "zstd and AES; a dump writes rows, decoded and counted meanwhile. The return to a moment "
        "is done once: base backup and changes onto a second server, dump of it, restore, "
        "comparison, swap.",
    )


def _ops(home: Home, living: Living) -> PostgresStack:
    """An ops container whose dumps go where the archive is."""
    options = ["--add-host", f"{NAME}:{home.gateway}", "--volume", f"{home.folder}:/run/secrets:ro"]
    options += ["--env", "BACKUP_STORE=s3://backups/some/path"]
    options += ["--env", f"BACKUP_S3_ENDPOINT=https://{NAME}:{home.door.port}"]
    password = living.server.password_file
    ident = start_ops(home.corner, home.network, "logbook", password, *options)
    return PostgresStack(home.corner, home.network, living.db, ident, living.server)


def _timed(work: Callable[[], object]) -> float:
    time.sleep(1)
    began = time.monotonic()
    work()
    return time.monotonic() - began
