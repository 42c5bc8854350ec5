"""The database of three machines over SSH: backed up, restored under load, reset, scheduled."""

import json
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import httpx
import pytest

from tests.e2e.checkout import Checkout
from tests.e2e.process_watch import ProcessWatch
from tests.e2e.rig import Rig
from tests.e2e.site import Visitor

pytestmark = [pytest.mark.engine, pytest.mark.hosts]
STAGING = "--env=staging"


class Reader:
    """Reads one entry again and again, and counts the answers."""

    def __init__(self, person: Visitor, entry: int) -> None:
        self.answers: Counter[int] = Counter()
        self._person = person
        self._entry = entry

    def look(self) -> None:
        self.answers[self._person.status_of(self._entry)] += 1


@contextmanager
def reading(readers: Sequence[Reader]) -> Iterator[None]:
    """Have all of them read, each on a thread, while a block runs."""
    stopped = threading.Event()

    def work(reader: Reader) -> None:
        while not stopped.wait(0.02):
            reader.look()

    threads = [threading.Thread(target=work, args=[reader]) for reader in readers]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stopped.set()
        for thread in threads:
            thread.join(30)


def test_a_backup_comes_home_over_ssh_and_is_listed_verified_and_drilled(
    three: Rig, project: Checkout, eavesdropper: ProcessWatch
) -> None:
    Visitor(three.url("m1")).sign_up()
    project.inv("db.backup", STAGING).expect()
    listed = project.inv("db.backups", STAGING, "--json").expect().json
    newest = listed["backups"][0] if isinstance(listed, dict) else listed[0]
    folder = project.path("backups/staging")
    assert {path.suffix for path in folder.iterdir() if path.name.startswith(newest["id"])} >= {
        ".age",
        ".json",
    }
    project.inv("db.verify", STAGING).expect()
    drilled = project.inv("db.drill", STAGING).expect()
    assert newest["id"] in drilled.text
    assert not eavesdropper.has_heard(project.sops("staging", "DATABASE_PASSWORD"))


def test_a_restore_under_load_brings_the_old_days_back_and_can_be_undone(
    three: Rig, project: Checkout
) -> None:
    ada = Visitor(three.url("m1"))
    ada.sign_up()
    entry = ada.write("Kept", "It is in the backup.")
    project.inv("db.backup", STAGING).expect()
    late = Visitor(three.url("m1"))
    late.sign_up()
    readers = [Reader(ada.at(url), entry) for url in three.urls]
    with reading(readers):
        time.sleep(1)
        refused = project.inv("db.restore", STAGING, "--backup=latest").expect(3)
        assert "--yes=staging" in refused.err
        project.inv("db.restore", STAGING, "--backup=latest", "--yes=staging").expect()
        time.sleep(2)
    assert {status for reader in readers for status in reader.answers} <= {200, 503}
    assert min(reader.answers[200] for reader in readers) > 10
    assert ada.read(entry) == "It is in the backup."
    with pytest.raises(AssertionError):
        late.sign_in()
    project.inv("db.restore", STAGING, "--undo", "--yes=staging").expect()
    late.sign_in()


def test_what_a_migration_did_is_seen_and_taken_back(three: Rig, clone: Checkout) -> None:
    clone.path("compose/migrations/20310101000000_moods.sql").write_text(
        "-- migrate:up\nCREATE TABLE moods (id int PRIMARY KEY);\n"
        "-- migrate:down\nDROP TABLE moods;\n"
    )
    clone.commit("Moods")
    assert "moods" in clone.inv("db.plan", STAGING).expect().text
    clone.inv("db.status", STAGING, "--check").expect(5)
    clone.inv("db.migrate", STAGING, "--yes=staging").expect()
    clone.inv("db.status", STAGING, "--check").expect()
    asked = clone.inv("db.query", STAGING, "--sql=select count(*) as n from moods", "--json")
    assert json.loads(asked.expect().out)[0]["n"] == 0
    clone.inv("db.rollback", STAGING, "--yes=staging").expect()
    clone.inv("db.query", STAGING, "--sql=select count(*) from moods").expect(1)


def test_a_reset_keeps_a_dump_and_is_refused_for_prod(three: Rig, project: Checkout) -> None:
    before = len(list(project.path("backups/staging").glob("*.json")))
    project.inv("db.reset", STAGING, "--yes=staging").expect()
    assert len(list(project.path("backups/staging").glob("*.json"))) > before
    Visitor(three.url("m2")).sign_up()
    refused = project.inv("db.reset", "--env=prod", "--yes=prod").expect(3)
    assert "prod" in refused.err


def test_a_database_that_is_gone_makes_one_clear_sentence(three: Rig, project: Checkout) -> None:
    done = project.inv("db.backup", "--env=prod")
    assert done.code in (2, 3)
    assert "Traceback" not in done.err
    assert len(done.err.strip().splitlines()) == 1
    assert httpx.get(f"{three.url('m1')}/api/version", timeout=10).status_code == 200
