"""Backups beside the bare pipe `pg_dump | age | file`; the memory that they and restores take."""

import json
import re
import statistics
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.section import Section
from slipway.backups.format import encryption
from tests.integration import postgres_stack
from tests.integration.docker_sandbox import DockerSandbox
from tests.integration.postgres_stack import PostgresStack

GB = 10**9
ROUNDS = 3
SIZES = (1, 3, 10)  # GB on the server's disk
COMPARED = 10  # at this size in turns with the bare pipe
PIPE_GOAL = 0.95
MEMORY_GOAL = 150  # MB
ROWS = 800_000  # of this kind make a GB
# Text, JSON and numbers, as applications have them.
FILL = """
    create table entry{0} as
    select n as id, md5(n::text) as token, repeat(md5((n * 7)::text), 12) as body,
           jsonb_build_object('at', n, 'who', md5((n % 1000)::text), 'tags',
                              jsonb_build_array(n % 7, md5(n::text))) as data
    from generate_series(1, {1}) n
"""
# Starts a program, prints how long it took and the most memory that any one process had, in kB.
CLOCK = """
import os, sys, time
began = time.monotonic()
pid = os.fork()
if not pid:
    os.dup2(2, 1)
    os.execvp(sys.argv[1], sys.argv[1:])
_, status, usage = os.wait4(pid, 0)
print(time.monotonic() - began, usage.ru_maxrss)
sys.exit(os.waitstatus_to_exitcode(status))
"""
# The key comes by standard input and never stands in a command line.
RESTORE = """
import sys
sys.argv = ["slipway.agent", "restore", "--given", sys.stdin.read()]
from slipway.agent.__main__ import main
sys.exit(main())
"""
KEPT = """
import json, os
from slipway.backups.format import catalogue
from slipway.storage.open import open_store
kept = catalogue.find(open_store(os.environ, os.environ.get("ENVIRONMENT", "dev")))
print(json.dumps({"id": kept.id, "key": kept.manifest.key}))
"""
BARE = """
import subprocess, sys
from slipway.database.connection import server
with server().libpq() as env:
    sys.exit(subprocess.run(["bash", "-o", "pipefail", "-c", sys.argv[1]], env=env).returncode)
"""
LINE = (
    "pg_dump -Fc --compress=zstd:1 | age -r {} | "
    "dd of=/var/lib/slipway/bare bs=1M iflag=fullblock conv=fsync status=none"
)


def measure() -> list[Section]:
    """Fill a database step by step; at one size compare, at each look at the memory."""
    memory: list[tuple[object, ...]] = []
    sections: list[Section] = []
    flat = True
    with stage() as place:
        key, recipient = encryption.new_key()
        tables = 0
        for size in SIZES:
            while database_size(place) < size * GB:
                place.sql(FILL.format(tables, ROWS))
                tables += 1
            if size == COMPARED:
                sections.append(compare(place, recipient))
            for what, (seconds, peak) in (
                ("backup", ours(place, recipient)),
                ("restore", restored(place, key)),
            ):
                memory.append((f"{size} GB", what, f"{seconds:.0f} s", f"{peak} MB"))
                flat = flat and peak < MEMORY_GOAL
            clean(place)
    sections.append(
        Section(
            name="backup-memory",
            title="Backup and restore: memory",
            goal=f"less than {MEMORY_GOAL} MB, whatever the size",
            met=flat,
            columns=("database", "", "took", "peak of any one process"),
            rows=memory,
            method="The largest resident set of our process or one of its children (pg_dump, "
            "pg_restore, age). A restore goes into a new database and is compared with what was "
            "backed up.",
        )
    )
    return sections


def compare(place: PostgresStack, recipient: str) -> Section:
    """Take turns, so that whatever else the machine does hits both alike."""
    ours(place, recipient)
    clean(place)
    pairs = []
    for _ in range(ROUNDS):
        bare_seconds = bare(place, recipient)
        pairs.append((bare_seconds, ours(place, recipient)[0]))
        clean(place)
    before, after = (statistics.median(column) for column in zip(*pairs, strict=True))
    size = database_size(place) / 10**6
    rows = [
        ("the bare pipe", f"{before:.1f} s", f"{size / before:.0f} MB/s", "1.00"),
        ("`db.backup`", f"{after:.1f} s", f"{size / after:.0f} MB/s", f"{before / after:.2f}"),
    ]
    return Section(
        name="backup",
        title="Backup: throughput",
        goal=f"at least {PIPE_GOAL} of `pg_dump -Fc --compress=zstd:1 | age | store`",
        met=before / after >= PIPE_GOAL,
        columns=("of the same database", "median", "of the database", "times"),
        rows=rows,
        method=f"A database of {size / 1000:.1f} GB, {ROUNDS} times each, in turn, in the ops "
        "container into a folder there, with fsync. Ours decodes the whole dump meanwhile, counts "
        "every row in its snapshot, sums it twice, and stores roles and manifest; its start is in "
        "the figure.",
    )


@contextmanager
def stage() -> Iterator[PostgresStack]:
    """A database and an ops container whose store is a folder of its own."""
    corner = DockerSandbox(f"b{uuid.uuid4().hex[:7]}-test")
    settings = ["wal_level=minimal", "max_wal_senders=0", "autovacuum=off", "shared_buffers=512MB"]
    settings += ["max_wal_size=4GB"]
    options = tuple(word for each in settings for word in ("-c", each))
    try:
        with tempfile.TemporaryDirectory() as folder:
            made = postgres_stack.start(corner, Path(folder, "inside"), server_options=options)
            made.leave()
            made.ops = postgres_stack.start_ops(
                corner,
                made.network,
                made.server.database,
                made.server.password_file,
                "--env",
                "BACKUP_STORE=/var/lib/slipway/store",
            )
            yield made
    finally:
        corner.sweep()


def ours(place: PostgresStack, recipient: str) -> tuple[float, int]:
    """Take a backup as a schedule does; return seconds, and MB of the largest process."""
    given = json.dumps({"recipients": [recipient]})
    argv = ["python", "-m", "slipway.agent", "backup", "--given", given]
    return clocked(place, argv)


def restored(place: PostgresStack, key: encryption.Key) -> tuple[float, int]:
    """Restore the newest backup into a new database, and compare; drop it again."""
    kept = json.loads(place.corner.docker("exec", place.ops, "python", "-c", KEPT))
    opened = encryption.unseal(kept["key"].encode(), key).decode().strip()
    given = {"id": kept["id"], "key": {"identity": opened}, "into": "again"}
    seconds, peak = clocked(place, ["python", "-c", RESTORE], json.dumps(given))
    place.sql("drop database again", "postgres")
    return seconds, peak


def bare(place: PostgresStack, recipient: str) -> float:
    """Run the pipe that anybody would write."""
    return clocked(place, ["python", "-c", BARE, LINE.format(recipient)])[0]


def clocked(place: PostgresStack, argv: list[str], given: str = "") -> tuple[float, int]:
    time.sleep(1)
    clock = ["docker", "exec", "-i", place.ops, "python", "-c", CLOCK, *argv]
    done = subprocess.run(clock, input=given, capture_output=True, text=True, check=False)
    found = re.fullmatch(r"([\d.]+) (\d+)", done.stdout.strip())
    assert done.returncode == 0 and found, done.stderr
    return float(found[1]), int(found[2]) // 1000


def clean(place: PostgresStack) -> None:
    """Remove what was stored; the disk is not ours alone."""
    place.corner.docker("exec", place.ops, "sh", "-c", "rm -rf /var/lib/slipway/*")


def database_size(place: PostgresStack) -> int:
    return int(place.sql("select pg_database_size(current_database())")[0][0])
