"""The review of INSERT … ON CONFLICT DO UPDATE and MERGE: whether they change all rows or a few."""

import pytest

from slipway.migrations import files
from slipway.migrations.review import review
from slipway.migrations.verdict import Risk

UPDATE = "on conflict (id) do update set a = excluded.a"
ALL = [
    "insert into users select id, a from old",
    "insert into users (id, a) select id, a from old where true",
    "insert into users (select id, a from old order by id)",
    "insert into users table old",
    "insert into users as u (id, a) overriding user value select id, max(a) from old group by id",
    "insert into users select id, a from old where id < 9 union all select id, a from older",
    "insert into users select id, a is distinct from b from old",
    "insert into users select * from (select * from old) o",
    "insert into users select o.* from old o join older using (id)",
    "insert into users select o.* from old o left join (values (1)) v(id) on v.id = o.id",
    "insert into users select o.* from old o join (values (1)) v(id) on true",
    "insert into users select o.* from old o, (values (1)) v(id)",
    "insert into users select o.* from old o join lateral unnest(o.a) v on v > 1",
    "insert into users with x as (select * from old) select * from x",
    "with x as (select * from old) insert into users select * from x",
    "explain analyze insert into users select id, a from old",
]
FEW = [
    "insert into users values (1, 2)",
    "insert into users select 1, 2 where not exists (select from old)",
    "insert into users select id, a from old where id < 9",
    "insert into users (select * from old limit 10)",
    "insert into users select * from (values (1, 2)) v(id, a)",
    "insert into users select * from json_populate_recordset(null::users, '[]')",
    "insert into users select * from (select * from old where id < 9) o",
    "insert into users select o.id, a from old o join (values (1, 2)) v(id, a) on v.id = o.id",
    "with x as (select * from old where id < 9) insert into users select * from x",
    "with x (id, a) as materialized (values (1, 2)) insert into users select * from x",
]
MERGED = {
    "using old o on o.id = users.id when matched then update set a = 1": Risk.UNSAFE,
    "using (select * from old) o on true when matched then delete": Risk.UNSAFE,
    "using (values (1)) v(b) on b = id when not matched by source then delete": Risk.UNSAFE,
    "using (select * from old where a > 1) o on a = id when matched then delete": Risk.SAFE,
    "using old o on o.id = users.id when not matched then insert values (1)": Risk.SAFE,
}


def worst(sql: str, before: str = "") -> Risk:
    text = f"-- migrate:up transaction:false\n{before}{sql};\n-- migrate:down\nselect 1;"
    return max(
        (each.risk for each in review(files.parse("1_a.sql", text), 17)), key=list(Risk).index
    )


@pytest.mark.parametrize("insert", ALL)
def test_an_upsert_of_all_rows_of_a_table_is_unsafe(insert: str) -> None:
    assert worst(f"{insert} {UPDATE} returning id") is Risk.UNSAFE
    assert worst(f"{insert} on conflict do nothing") is Risk.SAFE


@pytest.mark.parametrize("insert", FEW)
def test_an_upsert_of_rows_that_are_written_or_chosen_is_safe(insert: str) -> None:
    assert worst(f"{insert} {UPDATE}") is Risk.SAFE


def test_an_upsert_into_a_new_table_is_safe() -> None:
    assert worst(f"{ALL[0]} {UPDATE}", "create table users (id int primary key);") is Risk.SAFE


def test_an_upsert_that_changes_some_of_the_rows_that_it_locks_is_noted() -> None:
    assert worst(f"{ALL[0]} {UPDATE} where users.a <> excluded.a") is Risk.CAREFUL


@pytest.mark.parametrize(("merge", "risk"), MERGED.items())
def test_a_merge_is_judged_by_the_rows_that_it_can_change(merge: str, risk: Risk) -> None:
    assert worst(f"merge into users {merge}") is risk
