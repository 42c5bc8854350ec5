"""Production's rows on their way elsewhere: not a byte of them reaches the other server's disk."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from slipway.agent.messages.restore import RestoreRequest
from slipway.errors import SlipwayError
from slipway.storage.folder import FolderStore
from tests.integration import postgres_stack
from tests.integration.backup_cases import KeyHolder, pid, wait
from tests.integration.docker_sandbox import DockerSandbox
from tests.integration.drill_container import ROOM, DrillStack, with_drill
from tests.integration.postgres_stack import PostgresStack
from tests.integration.restore_cases import Killer, databases, restore, scratch

pytestmark = pytest.mark.engine

CANARY = "rara-avis-7f3e91c2"
# In a row and an index, in a value that is stored outside of its row, in a large object.
ROWS = f"""
    create table people (id bigint primary key, name text);
    insert into people select n, '{CANARY} ' || n from generate_series(1, 1000) n;
    create index on people (name);
    create table notes (id int, body text storage external);
    insert into notes select n, repeat('-', 5000) || '{CANARY}' from generate_series(1, 20) n;
    create materialized view names as select name from people;
    select lo_from_bytea(7, '{CANARY}');
"""  # noqa: S608 - a constant
SCRUB = """
    update people set name = 'n' || id;
    update notes set body = 'nothing' where id > 1;
    delete from notes where id = 1;
    select lo_unlink(oid) from pg_largeobject_metadata;
"""
ARCHIVE = "/tmp/archive"
OPTIONS = ("-c", "archive_mode=on", "-c", f"archive_command=mkdir -p {ARCHIVE}; cp %p {ARCHIVE}/%f")


@pytest.fixture
def elsewhere(corner: DockerSandbox, tmp_path: Path) -> Iterator[DrillStack]:
    """A server that never held production's rows, and archives what changes."""
    place = postgres_stack.start(corner, tmp_path / "elsewhere", server_options=OPTIONS)
    with with_drill(place) as there:
        yield there


def found(place: PostgresStack, container: str, *folders: str) -> list[str]:
    """Search files for the canary, byte for byte."""
    script = 'grep -rlF "$@" || [ $? = 1 ]'
    argv = ["exec", container, "sh", "-c", script, "sh", CANARY, *folders]
    return place.corner.docker(*argv).splitlines()


def on_disk(place: PostgresStack) -> list[str]:
    """Search what a server has written: tables, WAL, and its archive where it has one."""
    place.sql("checkpoint")
    ((last,),) = place.sql("select pg_walfile_name(pg_switch_wal())")
    if place.sql("show archive_mode") == [("on",)]:
        archived = f"select last_archived_wal >= '{last}' from pg_stat_archiver"  # noqa: S608 - a file's name
        wait(lambda: place.sql(archived) == [(True,)])
    return found(place, place.db, "/var/lib/postgresql", "/tmp")


def test_no_byte_of_productions_rows_reaches_the_other_server(
    place: PostgresStack, elsewhere: DrillStack, person: KeyHolder, store: FolderStore
) -> None:
    place.sql(ROWS)
    name = person.take(place, store, environment="prod")
    seen = on_disk(place)
    assert any("/base/" in path for path in seen) and any("/pg_wal/" in path for path in seen)
    there, held = elsewhere.stack, list[str]()

    def cut() -> None:
        held.extend(found(there, elsewhere.drill, ROOM))
        subprocess.run(["kill", "-9", pid(there, "python -m slipway.agent")], check=True)

    cutting = Killer(there, "scrubbing", deed=cut)
    with pytest.raises(SlipwayError):
        request = RestoreRequest(id=name, key=person.open(store, name), scrub=SCRUB)
        cutting.run(store, request)
    assert held and (scratch(there), databases(there)) == ("", {"logbook"})

    assert restore(there, person, store, name, scrub=SCRUB).rows == 1019
    assert there.sql("select max(name) from people") == [("n999",)]
    assert there.sql("select count(*), max(body) from notes") == [(19, "nothing")]
    assert there.sql("select max(name) from names") == [("n999",)]
    tables = ("people",)
    restore(there, person, store, name, scrub=SCRUB, tables=tables, into="look")
    assert there.sql("select count(*), max(name) from people", "look") == [(1000, "n999")]
    assert on_disk(there) == []
    assert found(there, elsewhere.drill, ROOM, "/tmp") == []
    assert found(there, there.ops, "/var/lib/slipway", "/tmp") == []
