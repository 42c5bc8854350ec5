"""A person's side of restores: which backup, which file, whose key, and what is asked before."""

from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import pytest

from slipway.agent.messages.backups import BackupReply
from slipway.agent.messages.request import ChangePlan
from slipway.agent.messages.restore import RestoreReply, UndoRequest
from slipway.client import backups, restore
from slipway.client.restore import RestoreOptions
from slipway.environments import environment
from slipway.errors import Refused, UsageError
from slipway.progress import Reporter
from tests.fakes.reporter import RecordingReporter
from tests.integration.postgres_stack import PostgresStack, StackSession
from tests.integration.restore_cases import count, databases

pytestmark = pytest.mark.engine


@pytest.fixture
def session(peopled: PostgresStack, tmp_path: Path) -> StackSession:
    loaded = environment.load("testing")
    settings = {**loaded.settings, "BACKUP_STORE": str(tmp_path / "backups")}
    return peopled.session(replace(loaded, settings=MappingProxyType(settings)))


def take(session: StackSession, reporter: Reporter) -> str:
    reply = backups.take(session, reporter)
    assert isinstance(reply, BackupReply)
    return reply.backup.id


def restored(session: StackSession, options: RestoreOptions, reporter: Reporter) -> RestoreReply:
    reply = restore.restore(session, options, reporter)
    assert isinstance(reply, RestoreReply)
    return reply


def test_a_person_restores_by_id_by_file_and_undoes_it(
    session: StackSession, peopled: PostgresStack, tmp_path: Path
) -> None:
    heard, place = RecordingReporter(), peopled
    planned_backup = backups.take(session, heard, plan=True)
    assert isinstance(planned_backup, ChangePlan) and planned_backup.steps
    assert not list((tmp_path / "backups").glob("*/*.json"))
    name = take(session, heard)
    steps = ["check", "dump", "roles", "manifest"]
    assert [name for event, name in heard.events if event == "finished"] == steps
    path = tmp_path / "backups" / "testing" / f"{name}.dump.age"
    place.sql("delete from people where id > 10")

    planned = restore.restore(session, RestoreOptions(plan=True), heard)
    assert planned.backup == name and databases(place) == {"logbook"}
    done = restored(session, RestoreOptions(), heard)
    assert count(place) == 1000 and done.backup == name
    assert restore.undo(session, RestoreOptions(), heard).back == done.kept
    assert count(place) == 10
    assert restored(session, RestoreOptions(backup=name, into="again"), heard).rows == 1001
    assert restored(session, RestoreOptions(backup=str(path), into="file"), heard).rows == 1001
    assert restored(session, RestoreOptions(table="people", into="one"), heard).rows == 1000
    assert restore.drill(session, "latest", heard).proof.ok

    moved = tmp_path / "moved.dump.age"
    moved.write_bytes(path.read_bytes())
    with pytest.raises(Refused, match="has no manifest next to it; decrypt it first"):
        restore.restore(session, RestoreOptions(backup=str(moved), into="x"), heard)
    with pytest.raises(UsageError, match=r"is none of: latest, an id of inv db\.backups, a file"):
        restore.restore(session, RestoreOptions(backup="nonsense"), heard)
    with pytest.raises(Refused, match="holds no backup 20200101T000000Z-ffff"):
        restore.restore(session, RestoreOptions(backup="20200101T000000Z-ffff"), heard)
    for wrong in (RestoreOptions(table="people"), RestoreOptions(to_time="now", backup=name)):
        with pytest.raises(UsageError):
            restore.restore(session, wrong, heard)
    with pytest.raises(UsageError, match="use it alone"):
        restore.undo(session, RestoreOptions(plan=True), heard)
    with pytest.raises(Refused, match="you asked for 'staging', and this is 'testing'"):
        session.call(UndoRequest("staging"), heard)


def test_a_person_restores_the_backup_of_another_environment(
    session: StackSession, peopled: PostgresStack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard, place = RecordingReporter(), peopled
    name = take(session, heard)
    (tmp_path / "backups/testing").rename(tmp_path / "backups/dev")
    place.sql("delete from people where id > 10")
    other = replace(environment.load("dev"), settings=session.env.settings)
    monkeypatch.setattr(environment, "load", {"dev": other}.__getitem__)

    with pytest.raises(Refused, match="holds no backup; inv"):
        restore.restore(session, RestoreOptions(), heard)
    with pytest.raises(Refused, match="holds no backup 20200101T000000Z-ffff"):
        restore.restore(session, RestoreOptions("20200101T000000Z-ffff", origin="dev"), heard)
    planned = restore.restore(session, RestoreOptions(origin="dev", plan=True), heard)
    assert planned.backup == name and count(place) == 10
    assert restored(session, RestoreOptions(origin="dev"), heard).backup == name
    assert count(place) == 1000
