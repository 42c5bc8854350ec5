"""Drills: a backup restored into a throw-away server inside ops, looked at row by row."""

import base64
import dataclasses
from pathlib import Path
from typing import TypeVar

import pytest

from slipway.agent.messages.backups import BackupReply, BackupRequest, ListBackupsRequest
from slipway.agent.messages.request import Reply, Request
from slipway.agent.messages.restore import DrillReply, DrillRequest, RestoreRequest
from slipway.backups.format import catalogue
from slipway.backups.format.manifest import new_id
from slipway.backups.format.signature import OPERATIONS, OPERATORS, SigningKey, Trust
from slipway.client import call, grant
from slipway.client.grant import Grant
from slipway.errors import Refused, SlipwayError
from slipway.storage.folder import FolderStore
from tests.fakes.reporter import RecordingReporter
from tests.integration.backup_cases import KeyHolder, processes, wait
from tests.integration.postgres_stack import PostgresStack
from tests.integration.restore_cases import EVERYTHING, Killer, databases, scratch

pytestmark = pytest.mark.engine
R = TypeVar("R", bound=Reply)


@pytest.fixture
def peopled(place: PostgresStack) -> PostgresStack:
    """A database with more people in it than elsewhere: some of them are to go."""
    place.sql(
        "create table people as select n as id, 'ü' || n as name from generate_series(1, 5000) n"
    )
    return place


def drill(
    place: PostgresStack, person: KeyHolder, store: FolderStore, name: str, smoke: str = ""
) -> DrillReply:
    key = person.open(store, name)
    return place.call(DrillRequest(id=name, key=key, smoke=smoke), store)


def test_a_drill_proves_everything_and_leaves_nothing(
    place: PostgresStack, person: KeyHolder, store: FolderStore
) -> None:
    place.sql(EVERYTHING)
    name = person.take(place, store)
    commits = "select xact_commit from pg_stat_database where datname = 'template1'"
    before = place.sql(commits)
    smoke = "select count(*) = 500 from people;\nselect true, max(id) > 0 from people;"
    found = drill(place, person, store, name, smoke=smoke)

    assert found.proof.ok, found.proof.why
    assert (found.head, found.smoked) == ("20260202000000", 2)
    assert found.summed >= 9 and found.rows == 500 + 1 + 400 + 2 + 1 + 1 + 2
    backup = catalogue.get(store, name)
    assert backup.is_verified and backup.recovery_seconds == found.proof.seconds > 0
    assert backup.proofs["drill"].counts["public.people"] == 500
    assert (databases(place), scratch(place), before) == ({"logbook"}, "", place.sql(commits))
    assert "postgres" not in processes(place)
    (row,) = place.call(ListBackupsRequest(), store).backups
    assert row.recovery_seconds == found.proof.seconds


def test_a_smoke_test_that_fails_proves_the_contrary(
    peopled: PostgresStack, person: KeyHolder, store: FolderStore
) -> None:
    name = person.take(peopled, store)
    found = drill(
        peopled, person, store, name, smoke="select true;\nselect count(*) = 1 from people"
    )
    assert (found.proof.ok, found.proof.why) == (
        False, "backups/smoke.sql: line 2: not every answer is true"
    )  # fmt: skip
    found = drill(peopled, person, store, name, smoke="select * from nobody")
    assert 'relation "nobody" does not exist' in found.proof.why
    assert not catalogue.get(store, name).is_verified
    assert drill(peopled, person, store, name).proof.ok


def test_rows_that_went_since_the_last_drill_are_suspicious(
    peopled: PostgresStack, person: KeyHolder, store: FolderStore
) -> None:
    assert drill(peopled, person, store, person.take(peopled, store)).proof.ok
    peopled.sql("delete from people where id > 3000")
    found = drill(peopled, person, store, person.take(peopled, store))
    assert not found.proof.ok and "more than 20 % fewer than the 5000 before" in found.proof.why
    peopled.sql("truncate people")
    found = drill(peopled, person, store, person.take(peopled, store))
    assert found.proof.why == "public.people had 3000 rows in the backup before, and has none"
    assert drill(peopled, person, store, person.take(peopled, store)).proof.ok  # it was told once


def test_a_fresh_backup_is_drilled_without_anybodys_key(
    peopled: PostgresStack, person: KeyHolder, store: FolderStore
) -> None:
    done = peopled.call(DrillRequest(recipients=(person.recipient,)), store)
    assert done.proof.ok and catalogue.find(store).is_verified and done.id


def test_a_kill_leaves_a_server_that_the_next_drill_removes(
    peopled: PostgresStack, person: KeyHolder, store: FolderStore
) -> None:
    name = person.take(peopled, store)
    key = person.open(store, name)
    with pytest.raises(SlipwayError):
        Killer(peopled, "restoring").run(store, DrillRequest(id=name, key=key))
    wait(lambda: "postgres" not in processes(peopled))
    assert scratch(peopled).startswith("server-")
    assert drill(peopled, person, store, name).proof.ok
    assert scratch(peopled) == ""


def test_what_the_image_lacks_proves_nothing(
    peopled: PostgresStack, person: KeyHolder, store: FolderStore, tmp_path: Path
) -> None:
    name = person.take(peopled, store)
    path = tmp_path / "backups" / "testing" / f"{name}.json"
    path.write_text(path.read_text().replace('"plpgsql"', '"postgis"'))
    with pytest.raises(Refused, match="the image of ops has no extension postgis"):
        drill(peopled, person, store, name)
    assert catalogue.get(store, name).proofs == {}


def test_only_what_is_signed_is_restored_or_drilled(
    place: PostgresStack, person: KeyHolder, store: FolderStore, tmp_path: Path
) -> None:
    ops, operator = SigningKey(b"o" * 32), SigningKey(b"p" * 32)
    signers = {ops.public: OPERATIONS, operator.public: OPERATORS}
    secret = tmp_path / "BACKUP_SIGNING_KEY"
    secret.write_text(base64.urlsafe_b64encode(ops.seed).decode())
    secret.chmod(0o444)
    place.sql("create table people as select n as id from generate_series(1, 500) n")
    forged = person.take(place, store)  # by whoever may write there: nobody has signed it
    name, heard = new_id(), RecordingReporter()
    with place.beside("--volume", f"{secret}:/run/secrets/{secret.name}:ro") as signing:

        def ask(request: Request[R], granted: Grant) -> R:
            return call.call(signing.place(), request, heard, granted, signers)

        taking = BackupRequest(recipients=(person.recipient,), by="ada@lovelace", backup_id=name)
        taken = ask(taking, grant.to_back_up(store, name, operator))
        assert isinstance(taken, BackupReply) and taken.backup.signed_by == OPERATORS
        by_ops = Trust({ops.public: OPERATIONS})
        assert catalogue.get(store, name, by_ops).signed_by == OPERATIONS

        drilling = DrillRequest(id=name, key=person.open(store, name))
        assert ask(drilling, grant.to_drill(store, name)).proof.ok
        assert "drill" in catalogue.proofs(store, name, by_ops)

        key = person.open(store, forged)
        restoring = RestoreRequest("testing", into="look", id=forged, key=key)
        for request in (DrillRequest(id=forged, key=key), restoring):
            with pytest.raises(Refused, match=f"{forged}: it is not signed by a trusted key"):
                ask(request, grant.to_drill(store, forged))
        trusting = dataclasses.replace(restoring, untrusted=True)
        with pytest.raises(Refused, match="there is no container to try it in"):
            ask(trusting, grant.to_restore(store, forged))
    assert "look" not in databases(place)
