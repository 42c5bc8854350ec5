"""Migrations: a thousand pending and five thousand applied, beside dbmate on the same server."""

import os
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from benchmarks.section import Section
from slipway.agent.messages.migrations import MigrateRequest, MigrationPlanRequest
from slipway.migrations.files import from_texts
from slipway.migrations.runner import MigrationOptions, baseline
from tests.fakes.reporter import RecordingReporter
from tests.integration.docker_sandbox import DockerSandbox
from tests.integration.migration_database import Texts, dbmate, up, written
from tests.integration.postgres_stack import PostgresStack, start, start_ops

PENDING, APPLIED, ROUNDS = 1000, 5000, 5
PENDING_GOAL, APPLIED_GOAL = 30.0, 1.0
METHOD = (
    "PostgreSQL 17 in a container on this computer, with fsync. Slipway: the whole command inside "
    "the ops container as `inv db.migrate` runs it, files sent over the line. dbmate: "
    "`dbmate --no-dump-schema up` on this computer, over the published port."
)


def measure() -> list[Section]:
    """Apply, and look again, in turn, each on a database of its own."""
    corner = DockerSandbox(f"t{os.getpid():x}-bench")
    with tempfile.TemporaryDirectory() as name:
        try:
            place = start(corner, Path(name), server_options=("-c", "fsync=on"))
            return [_pending(place, Path(name)), _applied(place, Path(name))]
        finally:
            corner.sweep()


def _pending(place: PostgresStack, folder: Path) -> Section:
    texts = _files(PENDING)
    files = written(folder / "pending", texts)
    ours, theirs = [], []
    for number in range(ROUNDS):
        for name in (f"ours{number}", f"theirs{number}"):
            there = _fresh(place, name)
            try:
                if name.startswith("ours"):
                    ours.append(_seconds(partial(_migrate, there, texts, PENDING)))
                else:
                    theirs.append(_seconds(partial(dbmate, there.server, files, "up")))
            finally:
                there.leave()
    return _section(
        "migrations-pending",
        f"Applying {PENDING:,} migrations",
        f"less than {PENDING_GOAL:.0f} s, and faster than dbmate",
        ours,
        theirs,
        min(ours) < min(PENDING_GOAL, *theirs),
    )


def _applied(place: PostgresStack, folder: Path) -> Section:
    texts = _files(APPLIED)
    files = written(folder / "applied", texts)
    there = _fresh(place, "applied")
    try:
        newest = max(texts).split("_")[0]
        baseline(there.server, from_texts(texts), RecordingReporter(), MigrationOptions(), newest)
        ours, theirs = [], []
        for _ in range(ROUNDS):
            ours.append(_seconds(partial(_migrate, there, texts, 0)))
            theirs.append(_seconds(partial(dbmate, there.server, files, "up")))
    finally:
        there.leave()
    return _section(
        "migrations-applied",
        f"{APPLIED:,} migrations applied, none pending",
        f"less than {APPLIED_GOAL:.0f} s",
        ours,
        theirs,
        min(ours) < APPLIED_GOAL,
    )


def _fresh(place: PostgresStack, name: str) -> PostgresStack:
    """Make a database, and an ops container for it."""
    place.sql(f"CREATE DATABASE {name}", "postgres")
    password = place.server.password_file
    ops = start_ops(place.corner, place.network, name, password)
    there = PostgresStack(place.corner, place.network, place.db, ops, place.server.named(name))
    there.call(MigrationPlanRequest(migrations={}))
    return there


def _section(
    name: str, title: str, goal: str, ours: list[float], theirs: list[float], met: bool
) -> Section:
    bare = min(theirs)
    rows = [
        (way, f"{min(each):.2f} s", f"{min(each) / bare:.2f}")
        for way, each in (("dbmate", theirs), ("Slipway", ours))
    ]
    return Section(
        name=name,
        title=title,
        goal=goal,
        met=met,
        columns=("with", "best", "times"),
        rows=rows,
        method=f"{len(ours)} rounds, in turn, the best of each; a file makes one table. {METHOD}",
    )


def _files(count: int) -> Texts:
    return {
        f"{20260101000000 + n}_t.sql": up(f"CREATE TABLE t{n} (n int);", f"DROP TABLE t{n};")
        for n in range(count)
    }


def _migrate(there: PostgresStack, texts: Texts, count: int) -> None:
    assert len(there.call(MigrateRequest(migrations=texts)).files) == count


def _seconds(act: Callable[[], object]) -> float:
    began = time.monotonic()
    act()
    return time.monotonic() - began
