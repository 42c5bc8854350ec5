"""Restores: ours against pg_restore alone on the same dump, a drill, and the pause at a swap."""

import contextlib
import tempfile
import threading
import time
import uuid
from pathlib import Path
from typing import NamedTuple

from benchmarks.section import Section
from slipway.agent.messages.backups import BackupReply, BackupRequest
from slipway.agent.messages.restore import DrillReply, DrillRequest, RestoreRequest
from slipway.backups.format import catalogue, encryption
from slipway.backups.format.encryption import Key
from slipway.storage.folder import FolderStore
from tests.integration import postgres_stack
from tests.integration.docker_sandbox import DockerSandbox
from tests.integration.postgres_stack import PASSWORD, PostgresStack

ROWS = 1_500_000
ROUNDS = 5
GOAL = 0.95
SESSIONS = 50
PAUSE = 2.0  # seconds
FILE = "/var/lib/slipway/bare.dump"
SERVER = ("-c", "shared_buffers=256MB", "-c", "max_wal_size=4GB")
DATA = f"""
    create table events (id bigint generated always as identity primary key, at timestamptz,
                         kind text, body jsonb);
    insert into events (at, kind, body)
    select '2026-01-01'::timestamptz + n * interval '1 s', 'kind ' || n % 50,
           jsonb_build_object('n', n, 'name', md5(n::text), 'more', repeat(md5(n::text), 2))
    from generate_series(1, {ROWS}) n;
    create index on events (at);
    create index on events (kind, at);
    create table people as select n as id, md5(n::text) as name from generate_series(1, {ROWS}) n;
    alter table people add primary key (id);
    create index on people (name);
    analyze;
"""  # noqa: S608 - a constant


class Run(NamedTuple):
    """Seconds of one round: pg_restore, with vacuumdb; ours of these two, and of everything."""

    bare: float
    analyzed: float
    filled: float
    ours: float


def measure() -> list[Section]:
    """Measure on containers of its own; minutes."""
    corner = DockerSandbox(f"b{uuid.uuid4().hex[:7]}-bench")
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        stack.callback(corner.sweep)
        place = postgres_stack.start(corner, Path(folder) / "inside", server_options=SERVER)
        place.sql(DATA)
        store = FolderStore(Path(folder) / "backups", "backups")
        key, recipient = encryption.new_key()
        name = _take(place, recipient, store)
        opened = _open(store, name, key)
        _there(place, f"pg_dump -Fc --compress=zstd:1 -f {FILE} logbook")
        runs = [_both(place, store, name, opened, first=n % 2) for n in range(ROUNDS)]
        _there(place, f"rm {FILE}")
        drill = place.call(DrillRequest(id=name, key=opened), store)
        whole = int(place.sql("select pg_database_size('logbook')")[0][0])
        swaps = [_swap(place, Path(folder) / f"small-{n}") for n in range(3)]
        size = catalogue.get(store, name).manifest.plain.size
    return [
        _speed(runs, drill, size, whole),
        _pause(swaps),
    ]


def _both(place: PostgresStack, store: FolderStore, name: str, key: Key, *, first: int) -> Run:
    """Restore both ways, now the one first, now the other."""
    bare = _bare(place) if first else (0.0, 0.0)
    ours = place.restore(RestoreRequest(id=name, key=key, into="ours"), store)
    place.sql("drop database ours", "postgres")
    return Run(*(bare if first else _bare(place)), ours.timings["fill"], ours.seconds)


def _bare(place: PostgresStack) -> tuple[float, float]:
    """Restore the same database with pg_restore alone, from where ours does it, from a file."""
    _there(place, "createdb bare")
    began = time.monotonic()
    _there(place, f"pg_restore --exit-on-error -j 2 -d bare {FILE}")
    bare = time.monotonic() - began
    _there(place, "vacuumdb -q -Z -j 2 bare")
    analyzed = time.monotonic() - began
    _there(place, "dropdb bare")
    return bare, analyzed


def _there(place: PostgresStack, script: str) -> None:
    """Run PostgreSQL's own programs where ours run."""
    let_in = "export PGPASSWORD=$(cat /run/secrets/DATABASE_PASSWORD) PGHOST=db PGUSER=logbook"
    place.corner.docker("exec", place.ops, "sh", "-euc", f"{let_in}\n{script}")


def _swap(place: PostgresStack, folder: Path) -> tuple[float, float]:
    """Restore under sessions that keep asking; return the swap's own time and the longest pause."""
    place.sql("truncate events; truncate people")  # how much there is does not matter to a swap
    store = FolderStore(folder, "small")
    key, recipient = encryption.new_key()
    name = _take(place, recipient, store)
    asking = _Asking(place)
    time.sleep(1)
    done = place.restore(RestoreRequest(id=name, key=_open(store, name, key)), store)
    time.sleep(1)
    return float(done.swap_seconds), asking.end()


class _Asking:
    """Sessions that ask, and connect again when they are cut off."""

    def __init__(self, place: PostgresStack) -> None:
        self._place, self._over, self._gap = place, threading.Event(), 0.0
        self._threads = [threading.Thread(target=self._ask) for _ in range(SESSIONS)]
        for thread in self._threads:
            thread.start()

    def end(self) -> float:
        self._over.set()
        for thread in self._threads:
            thread.join()
        return self._gap

    def _ask(self) -> None:
        import psycopg

        server, session, last = self._place.server, None, time.monotonic()
        while not self._over.is_set():
            with contextlib.suppress(psycopg.Error):
                if session is None or session.closed:
                    session = psycopg.connect(
                        host=server.host,
                        port=server.port,
                        dbname=server.database,
                        user=server.user,
                        password=PASSWORD,
                        autocommit=True,
                    )
                    last = last or time.monotonic()
                session.execute("select count(*) from people")
                self._gap, last = max(self._gap, time.monotonic() - last), time.monotonic()
                time.sleep(0.05)
        if session is not None:
            session.close()


def _speed(runs: list[Run], drill: DrillReply, size: int, disk: int) -> Section:
    bare, analyzed, filled, ours = (min(times) for times in zip(*runs, strict=True))
    ratio = analyzed / filled
    rows = [
        ("`pg_restore -j 2` of a plain file", f"{bare:.1f} s", ""),
        ("the same, and `vacuumdb --analyze-only`", f"{analyzed:.1f} s", "1.00"),
        ("ours: these two", f"{filled:.1f} s", f"{ratio:.2f}"),
        (
            "ours, whole: fetched, unsealed, decoded, restored, compared",
            f"{ours:.1f} s",
            f"{analyzed / ours:.2f}",
        ),
        ("a drill's restore, in a throw-away server", f"{drill.proof.seconds:.1f} s", ""),
        ("a drill, whole: every row summed twice", f"{drill.stages['all']:.1f} s", ""),
    ]
    return Section(
        name="restore",
        title="Restore",
        goal=f"the restore itself at least {GOAL} × as fast as pg_restore and vacuumdb alone",
        met=ratio >= GOAL,
        columns=["what", "took", "×"],
        rows=rows,
        method=(
            f"A database of {disk >> 20} MB ({ROWS:,} rows in each of two tables, five indexes), "
            f"a dump of {size >> 20} MB (zstd:1), both from the ops container to the same server "
            f"(PostgreSQL 17, fsync off), in turns; the best of {ROUNDS} each."
        ),
    )


def _pause(swaps: list[tuple[float, float]]) -> Section:
    return Section(
        name="swap",
        title="Time without the database at a swap",
        goal=f"less than {PAUSE:.0f} s under {SESSIONS} sessions that keep asking",
        met=all(pause < PAUSE for _, pause in swaps),
        columns=["run", "the swap took", "longest wait of a session for an answer"],
        rows=[(n, f"{took:.2f} s", f"{gap:.2f} s") for n, (took, gap) in enumerate(swaps, 1)],
        method=(
            f"{SESSIONS} sessions ask every 50 ms and connect again when they are cut off, while a "
            "backup is restored and swapped in; the longest time from one answer to the next."
        ),
    )


def _take(place: PostgresStack, recipient: str, store: FolderStore) -> str:
    reply = place.call(BackupRequest(recipients=(recipient,)), store)
    assert isinstance(reply, BackupReply)
    return reply.backup.id


def _open(store: FolderStore, name: str, key: Key) -> Key:
    sealed = catalogue.get(store, name).manifest.key
    return Key(encryption.unseal(sealed.encode(), key).decode().strip())
