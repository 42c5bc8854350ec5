"""The review of migrations: which tables are new, by their schema and the session's search path."""

import pytest

from slipway.migrations import files
from slipway.migrations.lint import blocking, lint
from slipway.migrations.review import review
from slipway.migrations.verdict import Risk

DROP = "alter table users drop email"
IN_USE = [
    "create table if not exists users (id int); alter table users drop email",
    "create table if not exists users (id int); update users set name = 1",
    "create table if not exists users (id int); drop table users",
    "create table if not exists users as select 1 a; truncate users",
    "create temp table users (id int); alter table public.users drop email",
    "create temporary table users (id int); drop table users; alter table users drop email",
    "create temp table users (id int) on commit drop; set search_path = public, pg_temp; " + DROP,
    "create table pg_temp.users (id int); alter table public.users drop email",
    "create table app.users (id int); alter table users drop email",
    "create table users (id int); alter table app.users drop email",
    "create table users (id int); set search_path = app; alter table users drop email",
    "set search_path = app, public; create table public.users (id int); " + DROP,
    "set search_path to app; create table users (id int); reset search_path; " + DROP,
    "set schema 'app'; create table users (id int); set schema 'public'; " + DROP,
    "select set_config('search_path', 'app', false); create table users (); reset all; " + DROP,
    "set search_path = ''; create table app.users (); alter table public.users drop email",
    "savepoint a; create table users (); rollback to savepoint a; " + DROP,
    "create table users (); alter table users rename to people; " + DROP,
    "create table users (); alter table users set schema app; " + DROP,
    "create table users (); drop table users; alter table users drop email",
    "savepoint a; set schema 'app'; rollback to a; create table users (); drop table app.users",
    'create table "Users" (); alter table users drop email',
    'create table "app.users" (); alter table app.users drop email',
    "create or replace view seen as select 1; alter view seen rename to x",
    "create schema if not exists app; alter schema app rename to x",
    "create sequence if not exists n; alter sequence n rename to x",
    "create materialized view if not exists a as select 1; create index on a (b)",
    "select 1 into temp users; drop table public.users",
    "create function f(int) returns int return 1; alter function f(text) rename to g",
    "create schema app; alter role app rename to x",
]
TEMP = "create temp table users (id int, email text)"
PARTS = "create temp table a (i int) partition by range (i)"
GONE = [  # each statement has a transaction of its own, and DROP comes behind
    f"{TEMP} on commit drop",
    "create temp table users on commit drop as select 1 id",
    "create table pg_temp.users (id int) on commit drop",
    f"{TEMP}; discard temp",
    f"{TEMP}; discard temporary",
    f"{TEMP}; discard all",
    f"{TEMP}; drop table users",
    f"{TEMP}; drop table pg_temp.users",
    f"{TEMP}; alter table users rename to people",
    "create temp view users as select 1; drop view if exists users",
    "create temp sequence users; drop sequence users",
    "create temp view users as select 1; alter view users rename to people",
    "create temp sequence users; alter sequence users rename to people",
    "create temp table a (); create temp view users as select 1; drop table a cascade",
    f"{PARTS}; create temp table users partition of a default; drop table a",
    f"{TEMP}; do $$ begin drop table users; end $$",
    f"{TEMP}; do $$ begin discard temp; end $$",
    "create schema app; set schema 'app'; create table users (); drop schema app cascade",
    "create schema app; set schema 'app'; create table users (); alter schema app rename to b",
    "create table app.users (); select set_config('search_path', 'app', true)",
]
STILL_THERE = [
    TEMP,
    f"{TEMP} on commit delete rows",
    f"{TEMP}; discard plans; discard sequences",
    f"{TEMP}; do $$ begin perform 1; end $$",
    f"{TEMP}; alter table users rename to a; alter table a rename to users",
    "create temp view v as select 1; alter view v rename to users",
    "create schema app; create table app.users (); alter schema app rename to b; set schema 'b'",
    "create temp view v as select 1; drop view v; create table users ()",
]
NEW = [
    "create table users (id int); alter table users drop email; update users set a = 1",
    "create table public.users (id int); alter table users drop email; drop table users",
    "create table users (id int); alter table public.users drop email",
    "create temp table users (id int); alter table users drop email; truncate users",
    "create temp table if not exists users (id int); update users set a = 1",
    "create table app.users (id int); alter table app.users drop email",
    "set search_path = app, public; create table users (id int); alter table users drop email",
    "set search_path = app; create table users (); reset search_path; drop table app.users",
    "create schema app; set search_path = app, public; create table public.users (); " + DROP,
    "create table a (); alter table a rename to users; alter table users drop email",
    "create table users (); alter table users set schema app; alter table app.users drop email",
    "select 1 as a into users; update users set a = 2",
    "create table users as select 1 as a; alter table users drop a",
    "create view seen as select 1; alter view seen rename to x",
    "create type color as enum ('a'); alter type color rename to colour",
    "create schema app; alter schema app rename to x",
    "create domain d as int; alter domain d add check (value > 0)",
]


def risks(sql: str, option: str = "") -> set[Risk]:
    text = f"-- migrate:up{option}\n{sql};\n-- migrate:down\nselect 1;"
    return {each.risk for each in review(files.parse("1_a.sql", text), 17)}


@pytest.mark.parametrize("sql", IN_USE)
def test_what_may_have_been_there_before_is_in_use(sql: str) -> None:
    assert Risk.UNSAFE in risks(sql)


@pytest.mark.parametrize("sql", NEW)
def test_what_the_file_itself_makes_nobody_uses_yet(sql: str) -> None:
    assert risks(sql) == {Risk.SAFE}


@pytest.mark.parametrize("sql", GONE)
def test_what_is_gone_again_shadows_nothing_that_is_in_use(sql: str) -> None:
    assert Risk.UNSAFE in risks(f"{sql}; {DROP}", " transaction:false")


@pytest.mark.parametrize("sql", STILL_THERE)
def test_what_is_still_there_nobody_else_uses(sql: str) -> None:
    assert Risk.UNSAFE not in risks(f"{sql}; {DROP}", " transaction:false")


def test_a_temporary_table_is_there_until_its_transaction_ends() -> None:
    assert risks(f"{TEMP} on commit drop; {DROP}") == {Risk.SAFE}


def test_every_statement_behind_if_not_exists_is_judged() -> None:
    sql = "CREATE TABLE IF NOT EXISTS accounts(id int); ALTER TABLE accounts DROP COLUMN email;"
    sql += "UPDATE accounts SET name=1; DROP TABLE accounts;"
    found = review(files.parse("1_a.sql", f"-- migrate:up\n{sql}\n-- migrate:down\nselect 1;"), 17)
    rules = [each.rule for each in found if each.blocks]
    assert rules == ["ban-drop-column", "changing-all-rows", "working-under-lock", "ban-drop-table"]


def both(first: str, second: str) -> list[str]:
    """What is unsafe of two files that are released together."""
    down = "\n-- migrate:down\nselect 1;"
    one, two = (f"-- migrate:up\n{sql};{down}" for sql in (first, second))
    found = lint(files.from_texts({"1_a.sql": one, "2_b.sql": two}), server_major=17, squawk=None)
    return [f"{each.filename[0]} {each.rule}" for each in blocking(found)]


def test_a_temporary_table_and_a_search_path_end_with_their_file() -> None:
    assert both("create temp table users (); set search_path = app", DROP) == ["2 ban-drop-column"]
    renamed = "create temp table a (); alter table a rename to users"
    assert both(renamed, DROP) == ["2 ban-drop-column"]
    assert both("set search_path = app; create table users ()", DROP) == ["2 ban-drop-column"]


def test_a_search_path_of_a_role_holds_in_the_files_behind_it() -> None:
    role = "alter role app set search_path = app"
    assert both(f"{role}; create table public.users ()", DROP) == ["2 ban-drop-column"]
    assert both(f"{role}; create table app.users ()", DROP) == []
    back = "set search_path = public; reset search_path; alter table users drop email"
    assert both(f"{role}; create table public.users ()", back) == ["2 ban-drop-column"]
    assert both(f"{role}; create table app.users ()", back) == []
