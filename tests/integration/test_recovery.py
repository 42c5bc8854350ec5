"""A person's side of restores: which backup, which file, whose key, and what is asked before."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from slipway.client import backups, call, restore
from slipway.client.container import Container
from slipway.client.restore import RestoreOptions
from slipway.environments import environment
from slipway.environments.environment import Environment
from slipway.errors import Refused, UsageError
from slipway.hosts.host import Host
from slipway.progress import Reporter
from slipway.storage.store import Store
from tests.fakes.reporter import RecordingReporter
from tests.integration.postgres_stack import PostgresStack
from tests.integration.restore_cases import count, databases

pytestmark = pytest.mark.engine


@dataclass(frozen=True)
class There:
    """The test's containers as the place of an environment; nobody deploys to it."""

    env: Environment
    inside: PostgresStack
    manager: Host | None = None

    @property
    def place(self) -> Container:
        return self.inside.place()

    @property
    def database(self) -> Container:
        return replace(self.inside.place(), container=self.inside.db)

    def do(
        self, verb: str, given: Mapping[str, Any], report: Reporter, store: Store | None = None
    ) -> dict[str, Any]:
        return call.run(self.place, verb, given, report, store)


@pytest.fixture
def there(peopled: PostgresStack, tmp_path: Path) -> There:
    loaded = environment.load("testing")
    settings = {**loaded.settings, "BACKUP_STORE": str(tmp_path / "backups")}
    return There(replace(loaded, settings=MappingProxyType(settings)), peopled)


def test_a_person_restores_by_id_by_file_and_undoes_it(there: There, tmp_path: Path) -> None:
    heard, place = RecordingReporter(), there.inside
    assert backups.take(there, heard, plan=True)["steps"]
    assert not list((tmp_path / "backups").glob("*/*.json"))
    name = backups.take(there, heard)["backup"]["id"]
    steps = ["check", "dump", "roles", "manifest"]
    assert [name for event, name in heard.events if event == "finished"] == steps
    path = tmp_path / "backups" / "testing" / f"{name}.dump.age"
    place.sql("delete from people where id > 10")

    planned = restore.restore(there, RestoreOptions(plan=True), heard)
    assert planned["backup"] == name and databases(place) == {"logbook"}
    done = restore.restore(there, RestoreOptions(), heard)
    assert count(place) == 1000 and done["backup"] == name
    assert restore.undo(there, RestoreOptions(), heard)["back"] == done["kept"]
    assert count(place) == 10
    assert restore.restore(there, RestoreOptions(backup=name, into="again"), heard)["rows"] == 1001
    assert (
        restore.restore(there, RestoreOptions(backup=str(path), into="file"), heard)["rows"] == 1001
    )
    assert restore.restore(there, RestoreOptions(table="people", into="one"), heard)["rows"] == 1000
    assert restore.drill(there, "latest", heard)["ok"]

    moved = tmp_path / "moved.dump.age"
    moved.write_bytes(path.read_bytes())
    with pytest.raises(Refused, match="has no manifest beside it; decrypt it first"):
        restore.restore(there, RestoreOptions(backup=str(moved), into="x"), heard)
    with pytest.raises(UsageError, match=r"is none of: latest, an id of inv db\.backups, a file"):
        restore.restore(there, RestoreOptions(backup="nonsense"), heard)
    with pytest.raises(Refused, match="holds no backup 20200101T000000Z-ffff"):
        restore.restore(there, RestoreOptions(backup="20200101T000000Z-ffff"), heard)
    for wrong in (RestoreOptions(table="people"), RestoreOptions(to_time="now", backup=name)):
        with pytest.raises(UsageError):
            restore.restore(there, wrong, heard)
    with pytest.raises(UsageError, match="give it alone"):
        restore.undo(there, RestoreOptions(plan=True), heard)
    with pytest.raises(Refused, match="you asked for 'staging', and this is 'testing'"):
        there.do("undo", {"environment": "staging"}, heard)


def test_a_person_restores_the_backup_of_another_environment(
    there: There, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard, place = RecordingReporter(), there.inside
    name = backups.take(there, heard)["backup"]["id"]
    (tmp_path / "backups/testing").rename(tmp_path / "backups/dev")
    place.sql("delete from people where id > 10")
    other = replace(environment.load("dev"), settings=there.env.settings)
    monkeypatch.setattr(environment, "load", {"dev": other}.__getitem__)

    with pytest.raises(Refused, match="holds no backup; inv"):
        restore.restore(there, RestoreOptions(), heard)
    with pytest.raises(Refused, match="holds no backup 20200101T000000Z-ffff"):
        restore.restore(there, RestoreOptions("20200101T000000Z-ffff", origin="dev"), heard)
    planned = restore.restore(there, RestoreOptions(origin="dev", plan=True), heard)
    assert planned["backup"] == name and count(place) == 10
    assert restore.restore(there, RestoreOptions(origin="dev"), heard)["backup"] == name
    assert count(place) == 1000
