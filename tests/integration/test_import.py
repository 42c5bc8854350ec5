"""Databases of others: taken over in each form, with nothing that is not rows and definitions."""

import gzip
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from slipway.agent.messages.restore import ImportRequest, RestoreReply, UndoRequest
from slipway.backups.restore import sql_script
from slipway.backups.restore.spec import ForeignSource, Way
from slipway.client import importing
from slipway.errors import Refused
from slipway.storage.folder import FolderStore
from tests.integration.drill_container import with_drill
from tests.integration.postgres_stack import PASSWORD, PostgresStack, role_secrets
from tests.integration.restore_cases import databases, scratch
from tests.integration.roles_stack import moved, socket_sql

__all__ = ["moved"]
pytestmark = pytest.mark.engine

OLD = """
    create role alice login password 'hunter2'; create role bob;
    create database old owner alice;
"""
CONTENT = """
    set role alice;
    create table people (id bigint generated always as identity primary key, name text not null);
    insert into people (name) select E'ü\\\\.\\n\\\\! touch /tmp/owned ' || n
        from generate_series(1, 300) n;
    create table "Order Lines" (id serial primary key, n int);
    create view names as select name from people;
    create function one() returns int language sql as $$ select 1 $$;
    grant select on people to bob;
    create table knex_migrations (id int);
"""


@pytest.fixture(scope="module")
def old(moved: PostgresStack) -> PostgresStack:
    """An environment with its roles, and somebody else's database on the same server."""
    for statement in (each for each in OLD.split(";") if each.strip()):
        socket_sql(moved, statement)
    argv = ["docker", "exec", moved.db, "psql", "-qXU", "postgres", "-v", "ON_ERROR_STOP=1"]
    subprocess.run([*argv, "-d", "old", "-c", CONTENT], check=True)
    return moved


@pytest.fixture
def there(old: PostgresStack) -> Iterator[PostgresStack]:
    """The same with a container for drills, new each time: it waits longer at each new start."""
    with with_drill(old, *role_secrets(old.server.password_file.parent)) as place:
        yield place.stack


def dumped(place: PostgresStack, *options: str) -> bytes:
    argv = ["docker", "exec", place.db, "sh", "-c", 'pg_dump -U postgres "$@" old', "sh", *options]
    return subprocess.run(argv, check=True, capture_output=True).stdout


def written(place: PostgresStack, folder: Path, form: str) -> Path:
    """A dump in a form, as a file or a folder of this computer."""
    path = folder / f"old.{form}"
    match form:
        case "sql.gz":
            path.write_bytes(gzip.compress(dumped(place, "--create", "--clean", "--if-exists")))
        case "tar":
            path.write_bytes(dumped(place, "-Ft"))
        case "folder":
            dumped(place, "-Fd", "--file=/tmp/old")
            argv = ["docker", "exec", place.db, "tar", "-C", "/tmp/old", "-c", "."]
            packed = subprocess.run(argv, check=True, capture_output=True).stdout
            (folder / "old.packed").write_bytes(packed)
            with tarfile.open(folder / "old.packed") as archive:
                archive.extractall(path, filter="data")
    return path


def take_over(place: PostgresStack, path: Path) -> RestoreReply:
    kind = importing.kind_of(path)
    with importing.readable(path, kind) as (store, name):
        request = ImportRequest(
            "testing", untrusted=True, source=ForeignSource(kind), label=path.name, file=name
        )
        reply = place.call(request, store)
    assert isinstance(reply, RestoreReply)
    return reply


@pytest.mark.parametrize("form", ["sql.gz", "tar", "folder"])
def test_a_dump_of_each_form_takes_the_place_of_the_database(
    there: PostgresStack, tmp_path: Path, form: str
) -> None:
    reply = take_over(there, written(there, tmp_path, form))
    assert (reply.rows, reply.head) == (300, "")
    assert there.sql("select count(*), max(length(name)) from people") == [(300, 27)]
    there.sql("insert into people (name) values ('x'); insert into \"Order Lines\" (n) values (1)")
    owners = there.sql("select distinct tableowner from pg_tables where schemaname = 'public'")
    assert "alice" not in str(owners)
    assert any("alice" in note and "environment's own roles" in note for note in there.heard.notes)
    assert scratch(there) == ""
    there.call(UndoRequest("testing"))
    assert there.sql("select count(*) from visits") == [(0,)]


HOSTILE = [
    "\\! touch /tmp/owned\n",
    "select 1 \\! touch /tmp/owned\n",
    "select 1 as a \\g |touch /tmp/owned\n",
    "create temp table t (a text);\n\\copy t from program 'touch /tmp/owned'\n",
    "/*\nCOPY t FROM stdin;\n*/\n\\! touch /tmp/owned\n",
    "\\unrestrict x\n\\! touch /tmp/owned\n",
]


def owned(place: PostgresStack) -> bool:
    ls = ["docker", "exec", place.ops, "ls", "/tmp/owned"]
    return subprocess.run(ls, check=False, capture_output=True).returncode == 0


def test_no_line_of_a_script_runs_a_program_where_secrets_are(
    there: PostgresStack, tmp_path: Path
) -> None:
    psql = f'read -r PGPASSWORD; export PGPASSWORD; exec psql {" ".join(sql_script.FLAGS)} "$@"'
    argv = ["docker", "exec", "-i", there.ops, "sh", "-c", psql, "sh", "-h", "db", "-U", "logbook"]
    for text in HOSTILE:
        script = f"{PASSWORD}\n\\restrict key\nselect 1;\n{text}".encode()
        done = subprocess.run([*argv, "logbook"], input=script, check=False, capture_output=True)
        assert done.returncode != 0 and b"restrict" in done.stderr, text
        assert not owned(there)
    path, before = tmp_path / "hostile.sql", databases(there)
    path.write_text(f"create table a (b int);\n{HOSTILE[1]}")
    with pytest.raises(Refused, match=r"hostile\.sql was not imported: it holds commands of psql"):
        take_over(there, path)
    assert not owned(there) and databases(there) == before and scratch(there) == ""


def test_a_server_is_read_from_inside_with_a_password_that_no_message_holds(
    there: PostgresStack, tmp_path: Path
) -> None:
    def request(password: str) -> ImportRequest:
        way = Way("db", 5432, "alice", "old", "prefer", password)
        source = ForeignSource("server", way)
        return ImportRequest("testing", untrusted=True, source=source, label="old of db")

    store = FolderStore(tmp_path, str(tmp_path))
    with pytest.raises(Refused, match=r"old of db cannot be read: .*password") as caught:
        there.call(request("hunter3"), store)
    assert "hunter3" not in f"{caught.value}{there.heard.events}{request('hunter3')}"
    reply = there.call(request("hunter2"), store)
    assert isinstance(reply, RestoreReply) and reply.rows == 300
    assert "hunter2" not in f"{reply}{there.heard.events}"
