"""Restores of a few tables that are more than one: partitioned, and partitioned again."""

import psycopg
import pytest

from slipway.storage.folder import FolderStore
from tests.integration.backup_cases import KeyHolder
from tests.integration.postgres_stack import PostgresStack
from tests.integration.restore_cases import restore

pytestmark = pytest.mark.engine

# The names are such that one begins like the other, and the owner's name follows in the dump.
EVENTS = """
    create table events (id int, at date not null default now(), what text, primary key (id, at))
        partition by range (at);
    create index on events (what);
    create table events_a partition of events for values from ('2026-01-01') to ('2026-02-01');
    create table "Events b" partition of events for values from ('2026-02-01') to ('2027-01-01')
        partition by range (at);
    create table "Events b logbook" partition of "Events b" default;
    create table "events logbook" as select 1 as other;
    alter table events_a alter what set default 'a';
    insert into events values (1, '2026-01-01', 'x'), (2, '2026-01-02', 'y'), (3, '2026-02-02', 'z')
"""
KEYS = """
    select t.relname, i.indisvalid from pg_index i join pg_class t on t.oid = i.indrelid
    where t.relnamespace = 'public'::regnamespace order by 1
"""


def test_a_partitioned_table_brings_its_partitions_and_their_rows(
    place: PostgresStack, person: KeyHolder, store: FolderStore
) -> None:
    place.sql(EVENTS)
    name = person.take(place, store)
    done = restore(place, person, store, name, tables=("events",), into="look")
    assert done.rows == 3
    assert "restored public.events alone, and 3 partitions of them" in place.heard.notes
    assert place.sql("select what from events order by id", "look") == [("x",), ("y",), ("z",)]
    keys = ["Events b", "Events b logbook", "events", "events_a"]
    assert place.sql(KEYS, "look") == [(each, True) for each in keys]
    place.sql("insert into events_a (id, at) values (4, '2026-01-04')", "look")
    assert place.sql("select what from events where id = 4", "look") == [("a",)]


def test_a_partition_is_restored_alone_as_a_table_of_its_own(
    place: PostgresStack, person: KeyHolder, store: FolderStore
) -> None:
    place.sql(EVENTS)
    name = person.take(place, store)
    tables = ("events_a", "Events b")
    assert restore(place, person, store, name, tables=tables, into="look").rows == 3
    found = "select relname from pg_class where relkind in ('r', 'p') and relname ilike 'events%'"
    assert place.sql(f"{found} order by 1", "look") == [
        ("Events b",),
        ("Events b logbook",),
        ("events_a",),
    ]


# What `child` needs, in a schema of its own, and what it has and is not restored.
NEEDED = """
    create schema lib;
    create extension btree_gist;
    create collation lib.by_number (provider = icu, locale = 'en-u-kn');
    create type lib.mood as enum ('sad', 'ok');
    create domain lib.percent as numeric check (value between 0 and 100);
    create domain lib.percents as lib.percent[];
    create type lib.place as (street text, mood lib.mood);
    create function lib.base(t text) returns text language sql immutable as 'select upper(t)';
    create function lib.shout(t text) returns text language sql immutable
        as $$ select lib.base(t) || '!' $$;
    create function lib.positive(n int) returns boolean language plpgsql immutable
        as 'begin return n > 0; end';
    create sequence lib.tickets start 7;
    create table parent (id int primary key, note text collate lib.by_number);
    insert into parent values (100, 'of the parent alone');
    create table lib.pair (a int, b lib.mood);
    insert into lib.pair values (1, 'ok');
    create table target (id int primary key)
"""
CHILD = """
    create table child (
        feels lib.mood[], rates lib.percents, at lib.place[], both_of lib.pair,
        loud text generated always as (lib.shout(note)) stored,
        ticket bigint default nextval('lib.tickets'), n int check (lib.positive(n)),
        s serial, i bigint generated always as identity,
        target int references target, room int, during tstzrange,
        exclude using gist (room with =, during with &&)
    ) inherits (parent);
    alter table child add constraint low check (n < 1000) not valid;
    create table reader (child int);
    create index child_note on child (note);
    create statistics child_stats (dependencies) on n, s from child;
    create function noted() returns trigger language plpgsql as 'begin return new; end';
    create trigger noting before insert on child for each row execute function noted();
    create rule quiet as on delete to child do instead nothing;
    create policy own on child using (true); alter table child enable row level security;
    create policy look on reader using (exists (select from child));
    comment on table child is 'x'; grant select on child to public;
    create table grandchild (more int) inherits (child);
    insert into target values (1);
    insert into child (id, note, feels, rates, at, both_of, n, target, room, during)
        values (1, 'a', '{sad}', '{1,2}', array[row('s', 'ok')::lib.place], row(1, 'ok'), 5, 1, 1,
                '[2026-01-01, 2026-01-02)')
"""
LEFT_OUT = (
    "left out of them: indexes child_note; foreign keys child child_target_fkey; "
    "triggers child noting; rules child quiet; policies child own; row security child; "
    "statistics child_stats; tables made from them grandchild; rights; comments"
)


def test_a_table_brings_all_that_it_needs_and_what_is_left_out_is_named(
    place: PostgresStack, person: KeyHolder, store: FolderStore
) -> None:
    place.sql(NEEDED)
    place.sql(CHILD)
    everything = "select loud, feels, rates, at, both_of, ticket, s, i from child"
    before = place.sql(everything)
    name = person.take(place, store)
    done = restore(place, person, store, name, tables=("child",), into="look")
    assert done.rows == 1
    assert place.sql(everything, "look") == before
    assert place.sql("select note from only parent", "look") == []
    notes = place.heard.notes
    assert "created without rows, because others need them: lib.pair, public.parent" in notes
    assert LEFT_OUT in notes
    place.sql("insert into child (id, note, n) values (2, 'b', 6)", "look")
    assert place.sql("select loud, ticket, s, i from child where n = 6", "look") == [
        ("B!", 8, 2, 2)
    ]
    for number, constraint in ((0, "n_check"), (5000, "low")):
        with pytest.raises(psycopg.errors.CheckViolation, match=constraint):
            place.sql(f"insert into child (id, n) select 3, {number}", "look")


def test_a_table_of_another_schema_comes_without_that_of_the_same_name(
    place: PostgresStack, person: KeyHolder, store: FolderStore
) -> None:
    place.sql('create schema "Odd one"; create table "Odd one"."a.b c" (id int)')
    place.sql('create domain "Odd one".d as int; create table "a.b c" (id "Odd one".d)')
    place.sql('insert into "Odd one"."a.b c" values (1); insert into "a.b c" values (1), (2)')
    name = person.take(place, store)
    assert restore(place, person, store, name, tables=("public.a.b c",), into="look").rows == 2
