"""Backups of a real PostgreSQL 17: everything is in them, and whoever may can open them."""

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from slipway.agent.messages.backups import BackupRequest, ListBackupsRequest
from slipway.agent.messages.request import ChangePlan
from slipway.backups.format import catalogue, encryption
from slipway.backups.take import snapshot as take_snapshot
from slipway.backups.take.row_counts import PAGES, RowCounter
from slipway.errors import Refused, SlipwayError
from slipway.storage.folder import FolderStore
from slipway.storage.store import Store
from tests.integration import postgres_stack
from tests.integration.backup_cases import KeyHolder, keys, literal, loop
from tests.integration.docker_sandbox import DockerSandbox
from tests.integration.postgres_stack import PostgresStack

pytestmark = pytest.mark.engine


def test_a_backup_is_listed_proven_and_opened_by_hand(
    place: PostgresStack, person: KeyHolder, store: FolderStore, tmp_path: Path
) -> None:
    place.sql("create table t (a int primary key, b text)")
    place.sql("insert into t select n, 'ünï ' || n from generate_series(1, 1000) n")
    place.sql("create table schema_migrations (version varchar primary key)")
    place.sql("insert into schema_migrations values ('20260101000000'), ('20260202000000')")
    place.sql("select lo_from_bytea(0, '\\x010203'); create sequence s")
    name = person.take(place, store, release=7, commit="abc")
    assert keys(store) == [f"{name}.{end}" for end in ("dump.age", "json", "roles.sql.age")]

    (row,) = place.call(ListBackupsRequest(), store).backups
    told = (row.release, row.commit, row.migration, row.environment, row.where)
    assert told == (7, "abc", "20260202000000", "testing", "backups/testing")
    assert (row.recipients, row.is_verified) == ((person.recipient,), False)
    made = catalogue.get(store, name).manifest
    assert made.tables == {"public.schema_migrations": 2, "public.t": 1000}
    assert (made.large_objects, made.sequences, made.server) == (1, 1, made.client)
    assert "logbook" in made.roles and made.locale.encoding == "UTF8"

    assert person.verify(place, store, name).ok
    assert place.call(ListBackupsRequest(), store).backups[0].is_verified

    # The way out: age and PostgreSQL's own tools.
    identity = tmp_path / "key"
    identity.write_text(person.open(store, name).identity)
    sealed = tmp_path / "backups" / "testing" / f"{name}.dump.age"
    plain = subprocess.run(
        ["age", "--decrypt", "--identity", str(identity), str(sealed)],
        capture_output=True,
        check=True,
    ).stdout
    listing = subprocess.run(
        ["docker", "exec", "-i", place.db, "pg_restore", "-f", "-"],
        input=plain,
        capture_output=True,
        check=True,
    ).stdout.decode()
    assert "ünï 1000" in listing and made.plain.size == len(plain)
    assert oct(sealed.stat().st_mode)[-3:] == "600"


def test_everything_a_schema_can_hold_survives(
    place: PostgresStack, person: KeyHolder, store: FolderStore
) -> None:
    place.sql(RICH)
    name = person.take(place, store)
    made = catalogue.get(store, name).manifest
    assert made.tables == {
        'odd."T b\'l"': 1,
        "public.booking": 1,
        "public.entry": 3,
        "public.events_a": 2,
        "public.events_b": 1,
        "public.fast": 2,
    }
    assert made.unlogged == ("public.fast",) and made.foreign == ("public.far",)
    assert made.extensions["pg_trgm"] and "reader" in made.roles
    restore(place, person, store, name, "round_trip")
    assert schema(place, "round_trip") == schema(place, "logbook")
    for table in made.tables:
        digest = f"select md5(string_agg(t::text, '|' order by t::text)) from {table} t"  # noqa: S608  our own names
        assert place.sql(digest, "round_trip") == place.sql(digest), table
    assert place.sql("select count(*) from popular", "round_trip") == [(3,)]
    assert place.sql("select nextval('entry_id_seq')", "round_trip") == [(4,)]
    large = "select loid::int, data from pg_largeobject order by 1"
    assert place.sql(large, "round_trip") == place.sql(large) != []


def test_names_no_shell_and_no_option_parser_likes(
    place: PostgresStack, person: KeyHolder, store: FolderStore
) -> None:
    odd = place.fresh("-d 'o\"=\\ dbname=x ü")
    try:
        odd.sql('create schema "-s \'x"; create table "-s \'x"."t;"" --" (a int)')
        odd.sql('insert into "-s \'x"."t;"" --" values (1), (2)')
        name = person.take(odd, store)
        made = catalogue.get(store, name).manifest
        assert made.database == odd.server.database
        assert list(made.tables.values()) == [2]
        assert person.verify(odd, store, name).ok
    finally:
        odd.leave()


def test_roles_come_along_and_their_passwords_only_when_asked(
    place: PostgresStack, person: KeyHolder, store: FolderStore
) -> None:
    place.sql("create role clerk login password 'sesame'; create table t (a int)")
    place.sql("grant select on t to clerk")
    bare, full = person.take(place, store), person.take(place, store, role_passwords=True)
    texts = [roles(person, store, name) for name in (bare, full)]
    assert all("CREATE ROLE clerk" in text for text in texts)
    assert ["SCRAM-SHA-256" in text for text in texts] == [False, True]
    made = [catalogue.get(store, name).manifest for name in (bare, full)]
    assert [each.has_role_passwords for each in made] == [False, True]
    assert "clerk" in made[0].roles
    assert "SCRAM" not in made[1].to_json() + "".join(place.heard.notes)


def test_a_plain_owner_as_in_a_managed_database_backs_up_what_is_its_own(
    place: PostgresStack, person: KeyHolder, store: FolderStore
) -> None:
    place.sql(f"create role tenant login createdb password {literal(postgres_stack.PASSWORD)}")
    place.sql("create database managed owner tenant", "postgres")
    theirs = replace(place.server, user="tenant", database="managed")
    with place.beside("--env", "DATABASE_USER=tenant", server=theirs) as managed:
        managed.sql("create table t (a int); insert into t values (1)")
        name = person.take(managed, store)
        assert catalogue.get(store, name).manifest.tables == {"public.t": 1}
        assert "CREATE ROLE tenant" in roles(person, store, name)
        with pytest.raises(Refused, match="may not read the passwords of roles"):
            person.take(managed, store, role_passwords=True)
        assert len(catalogue.read(store).backups) == 1
        place.sql("create table secret (a int)", "managed")
        with pytest.raises(SlipwayError, match="permission denied for table secret"):
            person.take(managed, store)


def test_a_standby_is_backed_up_as_well(
    corner: DockerSandbox, tmp_path: Path, person: KeyHolder, store: FolderStore
) -> None:
    place = postgres_stack.start(corner, tmp_path / "inside")
    place.sql("create table t (a int); insert into t values (1); create unlogged table u (a int)")
    corner.docker("exec", place.db, "sh", "-euc", 'touch "$PGDATA/standby.signal"')
    corner.docker("restart", place.db)
    name = person.take(place, store)
    made = catalogue.get(store, name).manifest
    assert (made.tables, made.unlogged) == ({"public.t": 1}, ("public.u",))


def test_as_many_tables_as_are_held_are_all_counted(
    place: PostgresStack, person: KeyHolder, store: FolderStore
) -> None:
    loop(place, take_snapshot.MOST_HELD, "create table t%s as select 1 as a")
    made = catalogue.get(store, person.take(place, store)).manifest
    assert len(made.tables) == take_snapshot.MOST_HELD and set(made.tables.values()) == {1}


def test_of_more_tables_than_are_held_none_is_left_out_or_counted_wrongly(
    place: PostgresStack, person: KeyHolder, store: FolderStore
) -> None:
    loop(place, 2 * take_snapshot.MOST_HELD, "create table t%s as select 1 as a")
    made = catalogue.get(store, person.take(place, store)).manifest
    assert len(made.tables) == 2 * take_snapshot.MOST_HELD
    assert set(made.tables.values()) <= {1, None}  # None: the dump was over before its turn


def test_a_table_that_cannot_be_counted_is_named_and_the_others_are_counted(
    place: PostgresStack,
) -> None:
    place.sql("create table a (i int); create table c (i int); insert into c values (1)")
    pages = {"public.a": 0, "public.b": 0, "public.c": 0, "public.d": PAGES, "public.a ": PAGES}
    with place.server.connect() as session, take_snapshot.snapshot(session, 1) as (snapshot, _):
        counting = RowCounter(place.server, snapshot, pages)
        counting.begin()
        rows = counting.rows(is_held=True)
    counted = {"public.a": 0, "public.a ": 0, "public.c": 1}
    assert rows == counted | {"public.b": None, "public.d": None}
    assert counting.failures() == [
        f'public.{name} was not counted: relation "public.{name}" does not exist' for name in "bd"
    ]


def roles(person: KeyHolder, store: Store, name: str) -> str:
    sealed = b"".join(store.get(catalogue.roles_key(name)))
    return encryption.unseal(sealed, person.open(store, name)).decode()


def restore(
    place: PostgresStack, person: KeyHolder, store: Store, name: str, database: str
) -> None:
    """Put a backup into a new database with nothing but age and pg_restore."""
    place.sql(f"create database {database} template template0", "postgres")
    plain = encryption.unseal(
        b"".join(store.get(catalogue.dump_key(name))), person.open(store, name)
    )
    argv = ["docker", "exec", "-i", place.db, "pg_restore", "-U", "logbook", "--exit-on-error"]
    done = subprocess.run([*argv, "-d", database], input=plain, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()


def schema(place: PostgresStack, database: str) -> str:
    argv = ["exec", place.db, "pg_dump", "-U", "logbook", "--schema-only", "--restrict-key=same"]
    return place.corner.docker(*argv, database)


RICH = """
create role reader;
create extension pg_trgm;
create extension file_fdw;
create type mood as enum ('sad', 'ok');
create domain positive as int check (value > 0);
create table entry (
    id int generated by default as identity primary key,
    title text not null, m mood default 'ok', n positive default 1,
    shout text generated always as (upper(title)) stored
);
insert into entry (title) values ('a'), ('b'), ('ç');
create index on entry using gin (title gin_trgm_ops);
create materialized view popular as select * from entry;
create table events (at date, what text) partition by range (at);
create table events_a partition of events for values from ('2026-01-01') to ('2026-02-01');
create table events_b partition of events for values from ('2026-02-01') to ('2026-03-01');
insert into events values ('2026-01-01', 'x'), ('2026-01-02', null), ('2026-02-02', E'y\\t\\\\');
create unlogged table fast (a bytea);
insert into fast values ('\\x00ff'), (null);
create temporary table gone (a int);
create server elsewhere foreign data wrapper file_fdw;
create foreign table far (a text) server elsewhere options (filename '/etc/hostname');
create table booking (during tsrange, exclude using gist (during with &&));
insert into booking values ('[2026-01-01, 2026-01-02)');
alter table entry enable row level security;
create policy own on entry for select to reader using (title = current_user);
grant select on entry to reader;
create publication news for table entry;
create schema odd;
create table odd."T b'l" ("c;""--" text);
insert into odd."T b'l" values ('''');
create function shout(text) returns text language sql begin atomic select upper($1); end;
create function refuse() returns event_trigger language plpgsql as $$ begin end $$;
create event trigger watch on ddl_command_end execute function refuse();
create rule careful as on delete to booking do instead nothing;
comment on table entry is 'what''s written; -- here';
select lo_from_bytea(4711, '\\x010203');
"""


def test_a_plan_of_a_backup_shows_its_steps_and_stores_nothing(
    place: PostgresStack, person: KeyHolder, store: FolderStore
) -> None:
    plan = place.call(BackupRequest(recipients=(person.recipient,), plan=True), store)
    assert isinstance(plan, ChangePlan)
    assert [step.name for step in plan.steps] == ["check", "dump", "roles", "manifest"]
    assert plan.summary == f"it would back up logbook to {store.name}"
    assert list(store.entries()) == []
