"""Pruning a store: by the policy, manifest first, and nothing that is not a backup of ours."""

import os
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from slipway.backups.format import catalogue, manifest
from slipway.backups.format.catalogue import Proof
from slipway.backups.schedule import job_results, prune
from slipway.backups.schedule.job_results import JobResult
from slipway.backups.schedule.policy import Policy, Retention
from slipway.backups.schedule.prune import PruneResult
from tests.fakes import stored_backup
from tests.fakes.locked_store import LockedStore
from tests.fakes.reporter import RecordingReporter

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
POLICY = Policy({"backup": "15 2 * * *"}, Retention(3, 0, 0, 0), 26 * 3600.0, 7 * 86400.0)


@pytest.fixture
def store(tmp_path: Path) -> LockedStore:
    return LockedStore(tmp_path / "prod")


def days_ago(days: float) -> str:
    return manifest.stamp((NOW - timedelta(days=days)).timestamp()) + "-1f3a"


def keep(store: LockedStore, *ages: float) -> None:
    """Have a backup of each age, in days."""
    for name in map(days_ago, ages):
        stored_backup.put(store, name)


class Unsynced(LockedStore):
    """Does not wait for the disk, which would take most of the time for a thousand backups."""

    def put(self, key: str, chunks: Iterable[bytes], *, expected: int = 0) -> int:
        path = self.folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.write_bytes(b"".join(chunks))


def run(
    store: LockedStore,
    *,
    last: Iterable[JobResult] = (),
    plan: bool = False,
    reporter: RecordingReporter,
) -> PruneResult | None:
    return prune.Pruning(store, POLICY, reporter, NOW, plan).run([*last])


def pruned(store: LockedStore, *last: JobResult, plan: bool = False) -> PruneResult:
    found = run(store, last=last, plan=plan, reporter=RecordingReporter())
    assert found is not None
    return found


def keys(store: LockedStore) -> list[str]:
    return [entry.key for entry in store.entries()]


def test_a_plan_names_exactly_what_is_then_removed_manifest_first(store: LockedStore) -> None:
    keep(store, *(day + 0.4 for day in range(6)))
    proof = Proof("drill", "2026-11-17T02:15:00Z", 4.0, ok=True)
    catalogue.prove(store, days_ago(4.4), proof)
    before = keys(store)
    planned = pruned(store, plan=True)
    assert keys(store) == before
    assert planned == pruned(store)
    assert planned.removed == (days_ago(5.4), days_ago(3.4))  # 4.4 is the newest proven
    assert store.deleted[0] == catalogue.manifest_key(days_ago(5.4))
    assert [one.id for one in catalogue.read(store).backups] == [
        *map(days_ago, (0.4, 1.4, 2.4, 4.4)),
    ]
    assert pruned(store).removed == ()


def test_neighbours_strangers_and_results_are_left_alone(tmp_path: Path) -> None:
    app, staging = LockedStore(tmp_path / "app"), LockedStore(tmp_path / "app-staging")
    for store in (app, staging):
        keep(store, *(day + 0.4 for day in range(6)))
    strange = ["notes.txt", "runs/backup.json", "20200101T000000Z-1f3a.dump.age.txt", "pitr/a.json"]
    for key in strange:
        app.put(key, [b"mine"])
    before = keys(staging)
    assert len(pruned(app).removed) == 3
    assert set(strange) <= set(keys(app))
    assert keys(staging) == before


def test_what_an_interrupted_backup_left_goes_after_a_day(store: LockedStore) -> None:
    keep(store, 0.1)
    old, young = catalogue.dump_key(days_ago(30)), catalogue.roles_key(days_ago(31))
    for key, age in ((old, 25 * 3600), (young, 23 * 3600)):
        store.put(key, [stored_backup.DUMP])
        at = NOW.timestamp() - age
        os.utime(store.folder / key, (at, at))
    assert pruned(store).leftovers == (old,)
    assert young in keys(store)


def test_what_the_store_keeps_locked_stays_and_is_told(store: LockedStore) -> None:
    keep(store, *(day + 0.4 for day in range(5)))
    store.locked = {catalogue.manifest_key(days_ago(4.4))}
    reporter = RecordingReporter()
    found = run(store, reporter=reporter)
    assert found is not None
    assert (found.removed, found.retained) == ((days_ago(3.4),), (days_ago(4.4),))
    assert catalogue.dump_key(days_ago(4.4)) in keys(store)  # the backup is as whole as before
    assert "locked" in reporter.notes[0]
    assert "1 locked by the store and kept" in found.summary(plan=False)


def test_a_store_that_may_not_be_listed_is_not_pruned(store: LockedStore) -> None:
    keep(store, *range(9))
    store.is_listable = False
    reporter = RecordingReporter()
    assert run(store, reporter=reporter) is None
    assert "lifecycle rules" in reporter.notes[0]
    assert store.deleted == []


@pytest.mark.parametrize(
    ("job", "state", "said"),
    [
        ("backup", "failed", "the last scheduled backup failed"),
        ("backup", "interrupted", "the last scheduled backup was interrupted"),
        ("backup", "running", "the last scheduled backup was never finished"),
        ("drill", "failed", "the last drill failed"),
    ],
)
def test_nothing_goes_after_a_run_that_was_no_success(
    store: LockedStore, job: str, state: job_results.State, said: str
) -> None:
    keep(store, *(day + 0.4 for day in range(6)))
    last = job_results.ended(
        job_results.begun(job, NOW - timedelta(hours=2), None), state, NOW, "no"
    )
    found = pruned(store, last)
    assert found.held.startswith(said)
    assert store.deleted == []
    assert "nothing removed" in found.summary(plan=False)


def test_a_backup_by_hand_settles_a_failed_one(store: LockedStore) -> None:
    keep(store, *(day + 0.04 for day in range(6)))  # the newest is an hour old
    last = job_results.ended(
        job_results.begun("backup", NOW - timedelta(hours=2), None), "failed", NOW, "no"
    )
    assert pruned(store, last).held == ""


def test_a_damaged_backup_neither_counts_nor_goes(store: LockedStore) -> None:
    keep(store, *(day + 0.4 for day in range(6)))
    store.put(catalogue.dump_key(days_ago(0.4)), [b"cut"])
    found = pruned(store)
    assert found.damaged == (days_ago(0.4),)
    assert found.held.startswith("the newest backup is 33 h old")
    keep(store, 0.2)
    assert pruned(store).removed == (days_ago(5.4), days_ago(4.4), days_ago(3.4))
    assert catalogue.manifest_key(days_ago(0.4)) in keys(store)


def test_a_thousand_backups_are_decided_at_once(store: LockedStore) -> None:
    keep(Unsynced(store.folder), *(n / 10 + 0.04 for n in range(1100)))
    assert len(pruned(store, plan=True).keep) == 3


def test_the_backups_of_another_project_in_the_same_store_stay(store: LockedStore) -> None:
    keep(store, *(day + 0.4 for day in range(6)))
    reporter = RecordingReporter()
    found = prune.Pruning(store, POLICY, reporter, NOW, database="another").run([])
    assert found is not None and found.removed == ()
    assert len(catalogue.read(store).backups) == 6
    assert "give each a BACKUP_STORE of its own" in reporter.notes[0]
