"""Drills: a backup restored into a throw-away server inside ops, looked at row by row."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from slipway.backups import catalogue, seal
from slipway.errors import Refused, SlipwayError
from slipway.storage.folder import FolderStore
from tests.integration import inside
from tests.integration.backing import Person, processes, wait
from tests.integration.conftest import Corner
from tests.integration.inside import Inside
from tests.integration.test_restore import EVERYTHING, Killer, databases, scratch

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def server(module_corner: Corner, tmp_path_factory: pytest.TempPathFactory) -> Inside:
    return inside.start(module_corner, tmp_path_factory.mktemp("inside"))


@pytest.fixture
def place(server: Inside) -> Iterator[Inside]:
    """A database with rows in it."""
    server.sql(
        "create table people as select n as id, 'ü' || n as name from generate_series(1, 5000) n"
    )
    yield server
    server.sql("drop schema public cascade; create schema public")


@pytest.fixture(scope="module")
def person() -> Person:
    return Person(*seal.new_key())


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path / "backups" / "testing", "backups/testing")


def drill(
    place: Inside, person: Person, store: FolderStore, name: str, **given: Any
) -> dict[str, Any]:
    key = person.open(store, name).identity
    return place.do("drill", store, id=name, key=key, **given)


def test_a_drill_proves_everything_and_leaves_nothing(
    server: Inside, person: Person, store: FolderStore
) -> None:
    server.sql(EVERYTHING)
    try:
        name = person.take(server, store)
    finally:
        server.sql(
            "drop event trigger watching; drop schema public cascade; create schema public;"
            'drop schema "an ""odd"" schema" cascade'
        )
        server.sql("drop owned by reader cascade; drop role reader")
    commits = "select xact_commit from pg_stat_database where datname = 'template1'"
    before = server.sql(commits)
    smoke = "select count(*) = 500 from people;\nselect true, max(id) > 0 from people;"
    found = drill(server, person, store, name, smoke=smoke)

    assert found["ok"], found["why"]
    assert (found["head"], found["smoked"]) == ("20260202000000", 2)
    assert found["summed"] >= 9 and found["rows"] == 500 + 1 + 400 + 2 + 1 + 1 + 2
    backup = catalogue.get(store, name)
    assert backup.is_verified and backup.recovery_seconds == found["seconds"] > 0
    assert backup.proofs["drill"].counts["public.people"] == 500
    assert (databases(server), scratch(server), before) == ({"logbook"}, "", server.sql(commits))
    assert "postgres" not in processes(server)
    (row,) = server.do("backups", store)["backups"]
    assert row["recovery_seconds"] == found["seconds"]


def test_a_smoke_test_that_fails_proves_the_contrary(
    place: Inside, person: Person, store: FolderStore
) -> None:
    name = person.take(place, store)
    found = drill(place, person, store, name, smoke="select true;\nselect count(*) = 1 from people")
    assert (found["ok"], found["why"]) == (
        False, "backups/smoke.sql: line 2: not every answer is true"
    )  # fmt: skip
    found = drill(place, person, store, name, smoke="select * from nobody")
    assert 'relation "nobody" does not exist' in found["why"]
    assert not catalogue.get(store, name).is_verified
    assert drill(place, person, store, name)["ok"]


def test_rows_that_went_since_the_last_drill_are_suspicious(
    place: Inside, person: Person, store: FolderStore
) -> None:
    assert drill(place, person, store, person.take(place, store))["ok"]
    place.sql("delete from people where id > 3000")
    found = drill(place, person, store, person.take(place, store))
    assert not found["ok"] and "more than 20 % fewer than the 5000 before" in found["why"]
    place.sql("truncate people")
    found = drill(place, person, store, person.take(place, store))
    assert found["why"] == "public.people had 3000 rows in the backup before, and has none"
    assert drill(place, person, store, person.take(place, store))["ok"]  # it was told once


def test_a_fresh_backup_is_drilled_without_anybodys_key(
    place: Inside, person: Person, store: FolderStore
) -> None:
    done = place.do("drill", store, recipients=[person.recipient])
    assert done["ok"] and catalogue.find(store).is_verified and done["id"]


def test_a_kill_leaves_a_server_that_the_next_drill_removes(
    place: Inside, person: Person, store: FolderStore
) -> None:
    name = person.take(place, store)
    key = person.open(store, name).identity
    with pytest.raises(SlipwayError):
        Killer(place, "restoring", later=0.1, verb="drill").run(store, id=name, key=key)
    wait(lambda: "postgres" not in processes(place))
    assert scratch(place).startswith("server-")
    assert drill(place, person, store, name)["ok"]
    assert scratch(place) == ""


def test_what_the_image_lacks_proves_nothing(
    place: Inside, person: Person, store: FolderStore, tmp_path: Path
) -> None:
    name = person.take(place, store)
    path = tmp_path / "backups" / "testing" / f"{name}.json"
    path.write_text(path.read_text().replace('"plpgsql"', '"postgis"'))
    with pytest.raises(Refused, match="the image of ops has no extension postgis"):
        drill(place, person, store, name)
    assert catalogue.get(store, name).proofs == {}
