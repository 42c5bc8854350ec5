"""Restores of a few tables that are more than one: partitioned, and partitioned again."""

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
