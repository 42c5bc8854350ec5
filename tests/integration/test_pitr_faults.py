"""Returning to a moment when something broke: a damaged store, one away, a lost machine, a kill."""

import os
import re
import signal
import subprocess
import sys
import time

import pytest

from slipway.backups.pitr import ArchiveError
from slipway.client.pitr.recovery import past
from slipway.errors import Refused
from slipway.progress import Silent
from slipway.project import ROOT
from tests.integration.pitr_home import Home, Living, leftovers, show_exactly
from tests.waiting import wait_until

pytestmark = pytest.mark.engine


def test_a_flipped_byte_in_the_store_is_found_although_the_exit_code_is_0(home: Home) -> None:
    living = home.move_in("flipped")
    living.settle()
    assert living.archive.verify() == []
    client = home.store.client()
    (key,) = [k for k in home.store.keys("backups", "some/path/flipped/") if "F/bundle/1" in k]
    body = bytearray(client.get_object(Bucket="backups", Key=key)["Body"].read())
    body[len(body) // 2] ^= 1
    client.put_object(Bucket="backups", Key=key, Body=bytes(body))
    (complaint,) = living.archive.verify()
    assert "checksum invalid: 1" in complaint and living.archive.bases()[0].label in complaint
    living.leave()


def test_a_damaged_file_of_changes_is_no_end_of_them(home: Home) -> None:
    living = home.move_in("torn")
    living.settle()
    living.sql("create table notes (text text)")
    moment = living.now()
    living.archive.mark(time.sleep)
    client = home.store.client()
    files = home.store.keys("backups", "some/path/torn/pitr/archive/main/")
    key = max(each for each in files if each.endswith(".zst"))
    body = bytearray(client.get_object(Bucket="backups", Key=key)["Body"].read())
    body[len(body) // 2] ^= 1
    client.put_object(Bucket="backups", Key=key, Body=bytes(body))
    living.archive.mark(time.sleep)
    with pytest.raises(Refused, match="could not be applied"):
        past(living.archive, show_exactly(moment), Silent()).__enter__()
    living.leave()


def test_the_database_serves_while_the_store_is_away_and_nothing_is_lost_when_it_is_back(
    home: Home,
) -> None:
    with home.door.closed():
        living = home.move_in("away")
        living.sql("create table notes (text text)")
        with pytest.raises(ArchiveError, match="the store does not answer"):
            living.archive.bases()
    living.settle()
    with home.door.closed():
        living.sql("insert into notes values ('while away')")
        moment = living.now()
        living.sql("delete from notes")
        living.sql("select pg_switch_wal()")
        wait_until("word of the store", lambda: living.archive.state().is_stuck)
        assert living.sql("select count(*) from notes") == [(0,)]
    with past(living.archive, show_exactly(moment), Silent()) as found:
        assert living.past_sql("select text from notes", found.port) == "while away"
    living.leave()


def test_a_store_away_too_long_leaves_a_hole_that_is_refused_and_a_new_base_backup(
    home: Home,
) -> None:
    living = home.move_in("hole", PITR_QUEUE_MB="160")
    living.sql("create table notes (text text)")
    living.settle()
    with home.door.closed():
        for _ in range(16):
            living.sql("insert into notes values ('lost for a while')")
            living.sql("select pg_switch_wal()")
        moment = living.now()
        wait_until("dropped file", lambda: "dropped WAL file" in living.log())
    wait_until("base backup by itself", lambda: len(living.archive.bases()) == 2)
    time.sleep(1.5)
    assert len(living.archive.windows()) == 2
    # The store's clock tells when a file came late.
    with pytest.raises(Refused, match="stored end before"):
        past(living.archive, show_exactly(moment), Silent()).__enter__()
    with past(living.archive, show_exactly(living.now()), Silent()) as found:
        assert living.past_sql("select count(*) from notes", found.port) == "16"
    living.leave()


def test_a_lost_machine_costs_no_more_than_what_was_not_stored(home: Home) -> None:
    lost = home.move_in("lost")
    lost.sql("create table notes (text text); insert into notes values ('kept')")
    lost.settle()
    moment = lost.now()
    lost.archive.mark(time.sleep)
    lost.leave()
    new = home.move_in("lost")
    wait_until("base backup of the new database", lambda: len(new.archive.bases()) == 2)
    with past(new.archive, show_exactly(moment), Silent()) as found:
        assert new.past_sql("select text from notes", found.port) == "kept"
    end = new.archive.windows()[0].end
    with pytest.raises(Refused, match=r"stored end before .* type that moment") as refused:
        past(new.archive, show_exactly(end), Silent()).__enter__()
    (last,) = re.findall(r"the last of them is of (\S+ \S+):", str(refused.value))
    with past(new.archive, last, Silent()) as found:
        assert new.past_sql("select text from notes", found.port) == "kept"
    assert "this database is a new one" in new.log()
    new.leave()


def test_a_kill_takes_the_second_server_along_and_the_next_one_has_its_place(
    home: Home, living: Living
) -> None:
    moment = show_exactly(living.now())
    code = (
        "import sys, time\n"
        "from slipway.progress import Silent\n"
        "from slipway.hosts.local import LocalHost\n"
        "from slipway.client.pitr.recovery import past\n"
        "from slipway.client.pitr.pgbackrest import Archive\n"
        "from slipway.client.container import Container\n"
        "archive = Archive(Container(LocalHost('here'), sys.argv[1], 'x'))\n"
        "with past(archive, sys.argv[2], Silent()):\n"
        "    time.sleep(600)\n"
    )
    for delay in (0.0, 2.0):
        argv = [sys.executable, "-c", code, living.db, moment]
        with subprocess.Popen(argv, cwd=ROOT, start_new_session=True) as process:
            wait_until("second server", lambda: leftovers(home.corner) != "")
            time.sleep(delay)
            os.killpg(process.pid, signal.SIGKILL)
        wait_until("end of the second server", lambda: leftovers(home.corner) == "")
    with past(living.archive, moment, Silent()):
        assert leftovers(home.corner) != ""
