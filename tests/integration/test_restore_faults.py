"""Restores on bad days: damaged backups, kills, restarts, others at work; the old serves on."""

import json
import threading
from functools import partial
from pathlib import Path

import pytest

from slipway.agent.messages.restore import RestoreReply, RestoreRequest
from slipway.database import siblings
from slipway.errors import Busy, Refused, SlipwayError
from slipway.storage.folder import FolderStore
from tests.integration.backup_cases import KeyHolder, processes, wait
from tests.integration.postgres_stack import PostgresStack
from tests.integration.restore_cases import Killer, count, databases, plain_dump, restore, scratch

pytestmark = pytest.mark.engine


@pytest.mark.parametrize("damage", ["cut", "flip", "manifest", "size", "gone"])
def test_what_is_damaged_is_refused_before_the_server_is_touched(
    peopled: PostgresStack, person: KeyHolder, store: FolderStore, tmp_path: Path, damage: str
) -> None:
    name = person.take(peopled, store)
    folder = tmp_path / "backups" / "testing"
    path, manifest = folder / f"{name}.dump.age", folder / f"{name}.json"
    data, document = bytearray(path.read_bytes()), json.loads(manifest.read_text())
    key = person.open(store, name)
    if damage == "cut":
        path.write_bytes(data[: len(data) // 2])
    elif damage == "flip":
        data[len(data) // 2] ^= 1
        path.write_bytes(data)
    elif damage == "manifest":
        document["plain"]["sha256"] = "0" * 64
        manifest.write_text(json.dumps(document))
    elif damage == "size":
        manifest.write_text(manifest.read_text()[:-200])
    else:
        path.unlink()
    said = {"cut": "bytes, .* were stored", "flip": "SHA-256 differs", "gone": "holds no"}
    before = peopled.sql("select xact_commit from pg_stat_database where datname = 'logbook'")
    with pytest.raises(
        SlipwayError, match=said.get(damage, "does not hold the archive|or is damaged")
    ):
        peopled.call(RestoreRequest(id=name, key=key), store)
    assert databases(peopled) == {"logbook"} and before
    assert scratch(peopled) == ""


def test_a_backup_under_way_is_waited_for_not_cut_off(
    peopled: PostgresStack, person: KeyHolder, store: FolderStore
) -> None:
    name = person.take(peopled, store)
    key = person.open(store, name)
    backup = partial(peopled.server.connect, application="slipway backup of ada")
    with backup(), pytest.raises(Busy, match="a backup of ada is running in logbook"):
        restore(peopled, person, store, name)

    def begin() -> None:
        threading.Timer(3, backup().close).start()

    begins = Killer(peopled, "compare", deed=begin)
    reply = begins.run(store, RestoreRequest(id=name, key=key))
    assert isinstance(reply, RestoreReply) and reply.kept in databases(peopled)
    assert any(note.startswith("waiting to swap: a backup of ada") for note in begins.notes)


@pytest.mark.parametrize(
    "stage", ["fetch", "preflight", "create", "fill", "compare", "swap", "swap+", "swap++"]
)
def test_a_kill_leaves_the_old_or_the_new_and_the_next_run_converges(
    peopled: PostgresStack, person: KeyHolder, store: FolderStore, stage: str
) -> None:
    name = person.take(peopled, store)
    peopled.sql("delete from people where id > 10")
    killer = Killer(peopled, stage.rstrip("+"), later=0.012 * stage.count("+"))
    with pytest.raises(SlipwayError):
        killer.run(store, RestoreRequest(id=name, key=person.open(store, name)))
    wait(lambda: "pg_restore" not in processes(peopled))
    assert count(peopled) in ({10, 1000} if "swap" in stage else {10})
    assert scratch(peopled) == ""

    done = restore(peopled, person, store, name)
    assert count(peopled) == 1000 and done.kept in databases(peopled)
    assert not [each for each in databases(peopled) if "__restore_" in each]


def test_a_server_that_restarts_in_the_middle_keeps_the_old(
    peopled: PostgresStack, person: KeyHolder, store: FolderStore
) -> None:
    name = person.take(peopled, store)
    killer = Killer(peopled, "fill", deed=lambda: peopled.corner.docker("kill", peopled.db))
    try:
        with pytest.raises(SlipwayError):
            killer.run(store, RestoreRequest(id=name, key=person.open(store, name)))
    finally:  # also for the tests after this one, which use the same server
        peopled.corner.docker("start", peopled.db)
        port = peopled.corner.port(peopled.db, 5432)
        object.__setattr__(peopled.server, "port", port)
    assert count(peopled) == 1000
    restore(peopled, person, store, name)
    assert not [each for each in databases(peopled) if "__restore_" in each]


def test_two_restores_at_once_are_one_too_many(
    peopled: PostgresStack, person: KeyHolder, store: FolderStore
) -> None:
    name = person.take(peopled, store)
    with siblings.alone(peopled.server, "restore"), pytest.raises(Busy, match="a restore of this"):
        restore(peopled, person, store, name)


def test_a_full_scratch_volume_changes_nothing(
    peopled: PostgresStack, person: KeyHolder, store: FolderStore, tmp_path: Path
) -> None:
    peopled.sql("create table noise as select md5(random()::text) from generate_series(1, 200000)")
    name = person.take(peopled, store)
    (tmp_path / "big.dump").write_bytes(plain_dump(peopled))
    small = ("--tmpfs", "/small:size=1m,mode=1777", "--env", "SLIPWAY_SCRATCH=/small")
    with peopled.beside(*small) as tight:
        with pytest.raises(Refused, match="of room in the scratch volume"):
            restore(tight, person, store, name)
        with pytest.raises(SlipwayError, match="No space left"):
            tight.call(RestoreRequest(file="big.dump"), FolderStore(tmp_path, "here"))
        assert databases(peopled) == {"logbook"}
