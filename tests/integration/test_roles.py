"""What each role of a database may do and may not, played by whoever holds its password."""

import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import psycopg
import pytest

from slipway.agent.messages.data import QueryRequest, ResetRequest
from slipway.agent.messages.migrations import MigrateRequest
from slipway.agent.messages.restore import UndoRequest
from slipway.database.connection import NoDatabase, Server
from slipway.environments import environment
from slipway.errors import Refused, SlipwayError
from slipway.releases.database_roles import RolesMove
from slipway.secrets import sops
from slipway.secrets.secret import Secret
from slipway.storage.folder import FolderStore
from tests.fakes.reporter import RecordingReporter
from tests.integration import roles_stack
from tests.integration.backup_cases import KeyHolder
from tests.integration.docker_sandbox import DockerSandbox
from tests.integration.drill_container import with_drill
from tests.integration.postgres_stack import (
    PASSWORD,
    PostgresStack,
    name_roles,
    role,
    role_secrets,
)
from tests.integration.restore_cases import count, restore
from tests.integration.roles_stack import RolesHome, socket_sql

pytestmark = pytest.mark.engine
moved = roles_stack.moved
DENIED = (psycopg.errors.InsufficientPrivilege, psycopg.errors.ReadOnlySqlTransaction)
OUT = (
    "copy (select 1) to program 'touch /tmp/x'",
    "copy people from '/etc/passwd'",
    "select pg_read_file('/run/secrets/DATABASE_MIGRATOR_PASSWORD')",
    "select pg_ls_dir('/')",
    "select lo_export(7, '/tmp/x')",
    "create role mine superuser",
    "alter role logbook superuser",
    "set role logbook_owner",
    "set session authorization postgres",
    "alter system set archive_command = 'id'",
    "select pg_create_physical_replication_slot('mine')",
    "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'logbook_backup'",
    "select rolpassword from pg_authid",
)
CHANGES = (
    "create table mine (a int)",
    "drop table people",
    "alter table people add column a int",
    "truncate people",
    "insert into schema_migrations values ('1')",
    "create schema mine",
    "create database mine",
)


def attempt(server: Server, text: str) -> None:
    with server.connect() as session:
        session.execute(text.encode())


def refused(server: Server, *texts: str) -> None:
    """See that each of these is denied, and not for another reason."""
    for text in texts:
        with pytest.raises(DENIED):
            attempt(server, text)
            pytest.fail(f"{server.user}: {text}")


def test_neither_application_nor_reader_leaves_the_database(moved: PostgresStack) -> None:
    with role(moved.server, "backup").connect() as session:
        refused(moved.server, *OUT)
        refused(role(moved.server, "reader"), *OUT)
        session.execute("select 1")


def test_the_application_reads_and_writes_rows_and_changes_nothing_else(
    moved: PostgresStack,
) -> None:
    moved.sql(
        "begin; insert into people (name) values ('new'); insert into visits (person) values (1);"
        "update people set name = 'other' where id = 1; delete from people where id = 1;"
        'insert into "T" values (1); select * from names; select one(), lo_get(7), lo_unlink(7);'
        "create temporary table mine (a int); rollback"
    )
    refused(moved.server, *CHANGES)


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("with gone as (delete from people returning id) select * from gone", "only reads"),
        ("select pg_read_file('/etc/passwd')", "permission denied"),
        ("select pg_create_physical_replication_slot('mine')", "permission denied"),
        ("select pg_terminate_backend({})", "permission denied"),
        ("select pg_switch_wal()", "permission denied"),
    ],
)
def test_a_question_cannot_write_read_files_make_slots_or_end_sessions(
    moved: PostgresStack, sql: str, words: str
) -> None:
    with moved.server.connect() as session:
        with pytest.raises(SlipwayError, match=words):
            moved.call(QueryRequest(sql=sql.format(session.info.backend_pid)))
        session.execute("select 1")
    asked = moved.call(QueryRequest(sql="select current_user, count(*) from people"))
    assert asked.rows == (("logbook_reader", 1000),)


def test_the_superuser_comes_over_the_socket_alone(moved: PostgresStack) -> None:
    assert socket_sql(moved, "select rolname from pg_roles where rolsuper") == "postgres"
    assert socket_sql(moved, "select rolpassword from pg_authid where oid = 10") == ""
    with pytest.raises(NoDatabase, match="rejects connection"):
        replace(moved.server, user="postgres").connect(patience=0)


def test_a_superuser_runs_nothing_that_another_role_left_in_the_database(
    moved: PostgresStack,
) -> None:
    migrator = role(moved.server, "migrator")
    attempt(
        migrator,
        "create function public.format(text, text) returns text language plpgsql as $$"
        " begin execute 'alter role logbook_migrator superuser';"
        " return pg_catalog.format($1, $2); end $$",
    )
    moved.corner.docker("exec", moved.db, "slipway-roles", "/var/run/postgresql")
    assert socket_sql(moved, "select rolname from pg_roles where rolsuper") == "postgres"
    attempt(migrator, "drop function public.format(text, text)")


def test_what_a_migration_makes_is_the_owners_and_its_rows_the_applications(
    moved: PostgresStack,
) -> None:
    files = {
        "20260101000000_first.sql": "-- migrate:up\n"
        'create schema more; create table more.t (id serial, c citext); alter table "Other"."T"'
        " add column b int; create extension pg_trgm;\n",
        "20260101000001_second.sql": "-- migrate:up\n"
        "create table sealed (a int); revoke all on sealed from logbook;\n",
    }
    moved.call(MigrateRequest(by="ada", migrations=files))
    moved.sql("insert into more.t (c) values ('a'); update more.t set c = 'b'; delete from more.t")
    owners = socket_sql(
        moved,
        "select distinct relowner::regrole from pg_class c where oid >= 16384 and relkind <> 't'"
        " and not exists (select from pg_depend d where d.objid = c.oid and deptype in ('e', 'i'))",
    )
    assert owners == "logbook_owner"
    refused(
        moved.server,
        *("select * from sealed", "select * from slipway.identity", "drop schema more"),
        "delete from schema_migrations",
    )


def test_a_backup_holds_all_and_comes_back_with_the_rights_that_there_were(
    moved: PostgresStack, person: KeyHolder, store: FolderStore
) -> None:
    migrator = role(moved.server, "migrator")
    attempt(
        migrator,
        "create table hidden as select 1 as a; alter table hidden enable row level security,"
        " force row level security; create table looked_at (a int);"
        " revoke insert, update, delete on looked_at from logbook",
    )
    moved.sql("select lo_from_bytea(8, '\\x0a')")
    name = person.take(moved, store)
    with pytest.raises(Refused, match="1 MB free"):
        restore(moved, person, store, name, room=1 << 20)
    moved.sql("delete from people; select lo_unlink(7), lo_unlink(8)")
    assert restore(moved, person, store, name).kept
    assert count(moved) == 1000
    assert moved.sql("select lo_get(7), lo_get(8)") == [(b"\x01\x02\x03", b"\x0a")]
    moved.sql("insert into visits (person) values (2); select * from looked_at")
    refused(
        moved.server,
        *("insert into looked_at values (1)", "select * from slipway.identity", *CHANGES),
    )
    assert moved.call(QueryRequest(sql="select count(*) from slipway.identity")).rows == ((1,),)
    moved.call(UndoRequest("testing"))
    assert count(moved) == 0
    restore(moved, person, store, name)
    owner = "select distinct datdba::regrole from pg_database where datname like 'logbook%'"
    assert socket_sql(moved, owner) == "logbook_owner"


def test_what_is_scrubbed_apart_comes_back_with_its_rights_too(
    moved: PostgresStack, person: KeyHolder, store: FolderStore
) -> None:
    name = person.take(moved, store, environment="prod")
    secrets = role_secrets(moved.server.password_file.parent)
    with with_drill(moved, *secrets) as there:
        scrub = "update people set name = 'x'; grant select on hidden to logbook_reader"
        done = restore(there.stack, person, store, name, scrub=scrub)
    assert moved.sql("select distinct name from people") == [("x",)]
    moved.sql("insert into visits (person) values (2); select * from looked_at")
    refused(
        moved.server,
        *("insert into looked_at values (1)", "select * from slipway.identity", *CHANGES),
    )
    hidden = "select has_table_privilege('logbook_reader', 'hidden', 'select')"
    assert moved.sql(hidden) == [(True,)] and "scrub" in done.timings


def test_a_reset_makes_a_database_that_the_application_can_use(
    moved: PostgresStack, person: KeyHolder, store: FolderStore
) -> None:
    files = {"20260101000000_t.sql": "-- migrate:up\ncreate table people (id serial, name text);\n"}
    request = ResetRequest(
        environment="testing",
        recipients=(person.recipient,),
        migrations=files,
        seeds={"common.sql": "insert into people (name) values ('seed')"},
    )
    moved.call(request, store)
    moved.sql("insert into people (name) values ('app')")
    assert moved.call(QueryRequest(sql="select count(*) from people")).rows == ((2,),)
    refused(moved.server, *CHANGES)


def test_a_new_server_has_its_roles_and_takes_on_another_password(
    corner: DockerSandbox, tmp_path: Path
) -> None:
    home = RolesHome(corner, tmp_path)
    name_roles(home.secrets)
    place = home.start()
    refused(place.server, "create table mine (a int)")
    role(place.server, "reader").connect().close()
    home.stop(place)
    home.write("DATABASE_READER_PASSWORD", "another")
    place = home.start()
    reader = role(place.server, "reader")
    reader.connect().close()
    old = home.write("OLD", f"READER of {PASSWORD}")
    with pytest.raises(NoDatabase, match="authentication failed"):
        replace(reader, password_file=old).connect(patience=0)


def test_where_the_server_knows_no_roles_yet_one_does_everything(
    server: PostgresStack, tmp_path: Path
) -> None:
    name_roles(tmp_path)
    with server.beside(*role_secrets(tmp_path)) as there:
        assert there.call(QueryRequest(sql="select current_user")).rows == (("logbook",),)


@pytest.fixture
def provided(place: PostgresStack) -> Iterator[PostgresStack]:
    """A server on which only an administrator makes roles, who is no superuser."""
    place.sql(
        "create role provider login createdb createrole;"
        "grant pg_read_all_data, pg_monitor, pg_signal_backend to provider with admin option"
    )
    yield place
    place.sql("drop database book with (force)", "postgres")
    for part in ("_migrator", "_reader", "_backup", "_owner", ""):
        place.sql(f"drop role book{part}")
    place.sql("drop role provider")


def test_an_administrator_who_is_no_superuser_makes_the_roles_of_a_server_elsewhere(
    provided: PostgresStack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As at a provider: the application's role owns its database, another made both."""
    place = provided
    argv = ["docker", "exec", "-i", place.db, "psql", "-qX", "-v", "ON_ERROR_STOP=1"]
    argv += ["-U", "provider", "-d"]

    def administrate(text: str, database: str) -> None:
        subprocess.run([*argv, database], input=text.encode(), check=True)

    administrate(
        f"create role book login createdb password '{PASSWORD.replace(chr(39), chr(39) * 2)}';"
        "grant book to provider; create database book owner book;",
        "postgres",
    )
    before = replace(place.server, user="book", database="book")
    attempt(before, "create table people (name text); insert into people values ('Ada')")

    name_roles(tmp_path)
    words = {path.name: Secret(path.read_text()[:-1]) for path in tmp_path.glob("DATABASE_*")}
    loaded = environment.load("testing")
    settings = MappingProxyType({**loaded.settings, "DATABASE_USER": "book"})
    monkeypatch.setattr(sops, "read", lambda env: words)
    move = RolesMove(replace(loaded, settings=settings), RecordingReporter())
    printed = "\n".join(move.sql())
    assert not [word for word in words.values() if word.reveal() in printed]
    administrate(printed, "book")
    administrate(printed, "book")  # and once more, which changes nothing

    options = ("--env", "DATABASE_USER=book", *role_secrets(tmp_path))
    with place.beside(*options, server=before) as there:
        asked = there.call(QueryRequest(sql="select current_user, count(*) from people"))
        assert asked.rows == (("book_reader", 1),)
        files = {"20260101000000_t.sql": "-- migrate:up\ncreate table t (id serial, a text);\n"}
        there.call(MigrateRequest(by="ada", migrations=files))
        attempt(before, "insert into t (a) values ('x'); delete from people")
        refused(before, *CHANGES)
