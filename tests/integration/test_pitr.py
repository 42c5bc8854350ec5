"""Returning to any moment: a real PostgreSQL with pgBackRest, and a real S3 server behind TLS."""

import json
import shutil
import time
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from slipway.backups.pitr import ArchiveError, bases, show
from slipway.backups.restore.spec import RestoreSpec
from slipway.client.pitr.recovery import past, recover
from slipway.environments import environment
from slipway.errors import Busy, Refused, UsageError
from slipway.hosts.local import LocalHost
from slipway.progress import Silent
from slipway.storage.open import open_store
from slipway.storage.store import StoreError
from tests.integration.pitr_home import (
    PASSPHRASE,
    Home,
    Living,
    leftovers,
    show_exactly,
    write_secret,
)
from tests.integration.postgres_stack import PASSWORD, role

pytestmark = pytest.mark.engine


def test_a_dropped_table_is_there_again_as_it_was_before_the_drop(home: Home) -> None:
    made = home.with_roles().move_in("dropped")
    living = replace(made, server=role(made.server, "migrator"))
    living.sql("create table notes (text text); insert into notes values ('first')")
    living.settle()
    living.sql("insert into notes values ('second')")
    moment = living.now()
    living.sql("insert into notes values ('too late')")
    living.sql("drop table notes; create table after (text text)")
    ops = made.ops(home.network)
    session = ops.session(environment.load("testing"), living.archive.container)
    done = recover(session, show_exactly(moment), RestoreSpec("testing"), Silent())
    assert living.sql("select text from notes order by 1") == [("first",), ("second",)]
    assert made.sql("select to_regclass('after')") == [(None,)]
    made.sql("insert into notes values ('of the application')")
    kept = replace(living, server=living.server.named(done.kept))
    assert kept.sql("select to_regclass('after')") == [("after",)]
    assert leftovers(home.corner) == ""
    assert home.corner.docker("exec", ops.ops, "sh", "-c", "ls /var/lib/slipway") in ("", "lock")
    living.leave()


def test_a_second_server_shows_a_moment_and_is_gone_with_the_question(
    home: Home, living: Living
) -> None:
    living.sql("insert into notes values ('second')")
    moment = living.now()
    living.sql("delete from notes")
    with past(living.archive, show_exactly(moment), Silent()) as found:
        assert living.past_sql("select count(*) from notes", found.port) == "2"
        assert living.past_sql("show archive_mode", found.port) == "off"
        workers = living.past_sql("show max_logical_replication_workers", found.port)
        assert workers == "0"  # a subscription would take rows that are the live server's
        assert living.sql("select count(*) from notes") == [(0,)]
        with pytest.raises(Busy, match="another moment"):
            past(living.archive, show_exactly(moment), Silent()).__enter__()
    assert leftovers(home.corner) == ""


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        ("yesterday", UsageError, "is not a point in time"),
        ("", UsageError, "is not a point in time"),
        ("2026-11-22 14:03:00", UsageError, "names no zone"),
        ("2999-01-01 00:00:00+00", Refused, "is in the future"),
        ("2001-01-01 00:00:00+00", Refused, "outside of what is archived: from 20"),
    ],
)
def test_a_moment_that_cannot_be_had_is_refused_with_the_possible_ones(
    living: Living, given: str, error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        past(living.archive, given, Silent()).__enter__()


def test_keys_are_in_no_environment_no_argument_and_no_log(home: Home, living: Living) -> None:
    seen = home.corner.docker("inspect", living.db) + living.log()
    seen += home.corner.docker("exec", living.db, "ps", "axww", "-o", "args")
    for value in (PASSPHRASE, home.store.secret_key, home.store.access_key, PASSWORD):
        assert value not in seen
    form = ["exec", living.db, "stat", "-c", "%a", "/tmp/pgbackrest/pgbackrest.conf"]
    assert home.corner.docker(*form) == "600"


def test_nothing_of_the_data_can_be_read_in_the_store(home: Home, living: Living) -> None:
    living.sql("create table secrets (text text); insert into secrets values ('a-known-word')")
    living.archive.mark(time.sleep)
    client = home.store.client()
    for key in home.store.keys("backups", "some/path/shared/pitr/archive"):
        body = client.get_object(Bucket="backups", Key=key)["Body"].read()
        assert b"a-known-word" not in body and body.startswith(b"Salted__"), key


def test_a_store_of_an_authority_of_its_own_is_trusted_for_dumps_too(
    home: Home, tmp_path: Path
) -> None:
    settings = {
        "BACKUP_STORE": "s3://backups/dumps",
        "BACKUP_S3_ENDPOINT": f"https://127.0.0.1:{home.door.port}",
    }
    store = open_store(settings, "prod", home.folder)
    assert store.put("a.dump", [b"data"]) == 4 and b"".join(store.get("a.dump")) == b"data"
    for name in ("BACKUP_S3_KEY", "BACKUP_S3_SECRET"):
        shutil.copy(home.folder / name, tmp_path)
    with pytest.raises(StoreError, match="certificate"):
        open_store(settings, "prod", tmp_path).put("b.dump", [b"data"])


def test_another_passphrase_is_named_and_the_database_serves(home: Home, living: Living) -> None:
    own = home.folder / "BACKUP_PITR_PASSPHRASE"
    own.unlink()
    write_secret(home.folder, own.name, "another")
    try:
        other = home.move_in("shared")
        assert other.sql("select 1") == [(1,)]
        with pytest.raises(ArchiveError, match="BACKUP_PITR_PASSPHRASE is not the one"):
            other.archive.bases()
        other.leave()
    finally:
        own.unlink()
        write_secret(home.folder, own.name, PASSPHRASE)


def test_another_archive_has_another_passphrase_and_the_old_one_opens_nothing_in_it(
    home: Home,
) -> None:
    volume = f"{home.corner.app}-changing"
    home.corner.docker("volume", "create", "--label", home.corner.label, volume)
    before = home.move_in("changing", volume=volume)
    before.sql("create table notes (text text); insert into notes values ('first')")
    before.settle()
    first = before.now()
    before.sql("insert into notes values ('second')")
    before.archive.mark(time.sleep)
    before.leave()
    own = home.folder / "BACKUP_PITR_PASSPHRASE"
    own.unlink()
    write_secret(home.folder, own.name, "the second")
    try:
        after = home.move_in("changing", volume=volume, PITR_ARCHIVE="2")
        after.settle()  # by itself, a full one
        after.sql("insert into notes values ('third')")
        moment = after.now()
        after.sql("delete from notes")
        with past(after.archive, show_exactly(moment), Silent()) as recovered:
            assert after.past_sql("select count(*) from notes", recovered.port) == "3"
        with pytest.raises(Refused, match="outside of what is archived"):
            past(after.archive, show_exactly(first), Silent()).__enter__()
        new = home.store.keys("backups", "some/path/changing/pitr-2/")
        assert new and home.store.keys("backups", "some/path/changing/pitr/")
        after.leave()
    finally:
        own.unlink()
        write_secret(home.folder, own.name, PASSPHRASE)
    again = home.move_in("changing", volume=volume)  # the former archive, while it is wanted
    assert again.archive.bases()[0].usable <= first
    # Who left has the keys and the former passphrase.
    new_place = ["--repo1-path=/some/path/changing/pitr-2", "--output=json"]
    argv = ["docker", "exec", again.db, "pgbackrest", "info", *new_place]
    with pytest.raises(ArchiveError, match="BACKUP_PITR_PASSPHRASE is not the one"):
        bases(LocalHost().run(argv).out)
    again.leave()


def test_a_missing_passphrase_leaves_a_database_that_serves_and_says_so(home: Home) -> None:
    own = home.folder / "BACKUP_PITR_PASSPHRASE"
    own.unlink()
    try:
        living = home.move_in("without")
        assert living.sql("show archive_mode") == [("off",)]
        assert "BACKUP_PITR_PASSPHRASE is missing" in living.log()
        with pytest.raises(Refused, match="keeps no archive"):
            living.archive.catalogue()
        living.leave()
    finally:
        write_secret(home.folder, own.name, PASSPHRASE)


def test_a_database_of_the_plain_image_goes_on_and_is_archived_when_that_is_turned_on(
    home: Home,
) -> None:
    volume = f"{home.corner.app}-kept"
    home.corner.docker("volume", "create", "--label", home.corner.label, volume)
    plain = home.move_in("turned", volume=volume, IMAGE="postgres:17", PITR="off")
    plain.sql("create table notes (text text); insert into notes values ('old')")
    plain.leave()
    off = home.move_in("turned", volume=volume, PITR="off")
    assert off.sql("select text from notes") == [("old",)]
    assert off.sql("show archive_mode") == [("off",)]
    off.leave()
    on = home.move_in("turned", volume=volume)
    on.settle()
    moment = on.now()
    on.sql("drop table notes")
    with past(on.archive, show_exactly(moment), Silent()) as found:
        assert on.past_sql("select text from notes", found.port) == "old"
    on.leave()
    home.corner.docker("volume", "rm", volume)


def test_what_is_kept_is_told_as_json_with_the_honest_loss(living: Living) -> None:
    living.archive.mark(time.sleep)
    found = json.loads(json.dumps(asdict(living.archive.catalogue())))
    assert found["bases"][0]["kind"] == "full" and found["bases"][0]["ok"]
    ((begin, end),) = found["windows"]
    assert datetime.fromisoformat(begin) < datetime.fromisoformat(end)
    assert datetime.now(UTC) - datetime.fromisoformat(end) < timedelta(minutes=1)
    assert f"every change until {show(datetime.fromisoformat(end))} is kept" in found["summary"]
