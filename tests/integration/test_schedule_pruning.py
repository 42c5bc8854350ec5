"""Scheduled pruning: what the policy keeps stays; a store that cannot be listed is not pruned."""

import pytest

from slipway.backups.format import manifest
from tests.integration.schedule_clock import (
    EVERY_MINUTE,
    NEVER,
    NoticeReceiver,
    ScheduleClock,
    age,
    prune,
)

pytestmark = pytest.mark.engine


def test_keys_that_may_only_write_back_up_and_prune_nothing(
    clock: ScheduleClock, outside: NoticeReceiver
) -> None:
    (clock.secrets / "BACKUP_S3_KEY").write_text(clock.s3.writer_key + "\n")
    (clock.secrets / "BACKUP_S3_SECRET").write_text(clock.s3.writer_secret + "\n")
    clock.start(backup=NEVER)
    clock.wait_for("backup", "ok")
    clock.said("caught up on missed jobs: backup")
    assert len(clock.manifests()) == 1
    outside.hear(beats=1)
    result = prune(clock, plan=False)
    assert result.summary == "the store does not allow listing; nothing was pruned"
    clock.place.corner.docker("restart", "--time", "5", clock.container)
    clock.said("nothing was missed")  # its own volume remembers


def test_pruning_by_the_clock_keeps_what_the_policy_says(
    clock: ScheduleClock, outside: NoticeReceiver
) -> None:
    clock.start(backup=NEVER)
    clock.wait_for("backup", "ok")
    clock.said("caught up on missed jobs: backup")
    (newest,) = clock.manifests()
    old = [age(clock, newest, days) for days in range(1, 10)]
    clock.store.put("20200101T000000Z.txt", [b"not a backup"])
    for stamp in ("20260101T000000Z", manifest.stamp()):
        clock.place.sql(f'create database "logbook__before_{stamp}"', "postgres")
    planned = prune(clock, plan=True)
    assert planned.databases == ("logbook__before_20260101T000000Z",)
    assert planned.pruned and planned.pruned.removed == (old[8], old[7], old[6])
    clock.remove()
    clock.start(prune=EVERY_MINUTE)
    run = clock.wait_for("prune", "ok")
    assert run.text.startswith("3 backups removed, 7 kept")
    assert "1 replaced database dropped" in run.text
    left = clock.place.sql("select datname from pg_database where datname like '%before%'")
    assert [name for (name,) in left] == [f"logbook__before_{stamp}"]
    stays = [*reversed(old[:6]), newest.removesuffix(".json")]
    assert clock.manifests() == [f"{name}.json" for name in stays]
    assert len([key for key in clock.s3.keys(clock.bucket) if key.endswith(".age")]) == 14
    assert "kept/testing/20200101T000000Z.txt" in clock.s3.keys(clock.bucket)
    outside.hear(beats=1)  # a heartbeat is for backups
