"""The database of three machines over SSH: backed up, restored under load, reset, scheduled."""

import json
import shlex
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import httpx
import pytest
import yaml

from tests.e2e import canary
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


# -- what all of it left ----------------------------------------------------------------------


LEAK = """\
# A runbook whose cell prints a secret in several ways, and fails

## Print it

```sh
value=$(sops decrypt --extract '["DATABASE_PASSWORD"]' secrets/staging.sops.yaml)
echo "$value"; printf '%s' "$value" | od -tx1z; printf '%s' "$value" | base64
printf '%s' "$value" |
  python3 -c 'import json, sys; print(json.dumps(json.dumps(sys.stdin.read())))' >&2
false
```
"""


def test_no_secret_is_anywhere_but_in_its_file(
    three: Rig, clone: Checkout, eavesdropper: ProcessWatch
) -> None:
    """What deploys, backups, drills, restores, runbooks and their failures have left.

    Of deploys that fail, those of the tests that share these machines and come before.
    """
    document = yaml.safe_load(clone.path("secrets/staging.sops.yaml").read_text())
    secrets = {key: clone.sops("staging", key) for key in document if key != "sops"}
    assert len(secrets) >= 2
    _fail(clone)
    planted = {place: canary.new("planted") for place in canary.PLACES}
    with canary.planted(three, planted):
        hits = canary.search(three, eavesdropper, secrets | planted)
    for place, (where, form) in canary.PLACES.items():
        assert any(where in hit and form == which for hit, which in hits.of(place)), (
            f"{place}: {hits.of(place)}"
        )
    assert {key: hits.of(key) for key in secrets if hits.of(key)} == {}


def _fail(clone: Checkout) -> None:
    """Have a backup, a drill, a restore and a runbook fail; deploys have failed before."""
    with _locked_out(clone):
        clone.inv("db.backup", STAGING).expect(1)
    clone.inv("db.backup", STAGING).expect()
    newest = max(clone.path("backups/staging").glob("*.dump.age"))
    newest.write_bytes(newest.read_bytes()[:-9] + b"corrupted")
    assert clone.inv("db.drill", STAGING).code != 0
    assert clone.inv("db.restore", STAGING, "--backup=latest", "--yes=staging").code != 0
    for path in newest.parent.glob(f"{newest.name.partition('.')[0]}.*"):
        path.unlink()
    clone.path("leak.md").write_text(LEAK)
    assert "***" in clone.inv("runbook.run", "--name=leak.md", STAGING, "--yes").expect(1).text
    clone.path("leak.md").unlink()


@contextmanager
def _locked_out(clone: Checkout) -> Iterator[None]:
    """Have the role that takes backups come in no more for a block."""
    try:
        _as_superuser(clone, "alter role logbook_backup valid until 'yesterday'")
        yield
    finally:
        _as_superuser(clone, "alter role logbook_backup valid until 'infinity'")


def _as_superuser(clone: Checkout, sql: str) -> None:
    psql = shlex.join(["psql", "--username=postgres", "--dbname=postgres", "--command", sql])
    clone.inv("exec", STAGING, "--service=db", f"--command={psql}").expect()
