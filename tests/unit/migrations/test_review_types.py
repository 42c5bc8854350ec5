"""The review of migrations: a column's new type, held against the one that earlier files gave."""

import pytest

from slipway.migrations.verdict import Risk
from tests.unit.migrations.judged import last_file, rules


@pytest.mark.parametrize(
    ("old", "new", "rewrites"),
    [
        ("varchar(50)", "varchar(200)", False),
        ("character varying(50)", "varchar(200)", False),
        ("varchar(50)", "text", False),
        ("text", "varchar", False),
        ("numeric(10, 2)", "numeric(12, 2)", False),
        ("numeric(10)", "numeric", False),
        ("interval(3)", "interval(6)", False),
        ("timestamp(3) with time zone", "timestamptz", False),
        ("cidr", "inet", False),
        ("interval", "interval day", True),
        ("inet", "cidr", True),
        ("varchar(200)", "varchar(50)", True),
        ("text", "varchar(50)", True),
        ("numeric(10, 2)", "numeric(12, 3)", True),
        ("int", "bigint", True),
        ("int", "text", True),
        ("timestamp", "timestamptz", True),
        ("varchar(50)[]", "varchar(200)[]", True),
        ("int", "int", False),
    ],
)
def test_a_new_type_is_judged_by_the_type_that_earlier_files_gave(
    old: str, new: str, rewrites: bool
) -> None:
    table = (
        f"create table users (id int primary key, a {old} not null default null, check (id > 0))"
    )
    change = f"alter table users alter column a type {new}"
    expected = ["1 changing-column-type"] if rewrites else []
    assert last_file(table, change) == expected
    assert last_file("create table users ()", f"alter table users add a {old}", change) == [
        each.replace("1", "2") for each in expected
    ]


@pytest.mark.parametrize(
    ("old", "new", "using", "rewrites"),
    [
        ("varchar(100)", "varchar(200)", "a", False),
        ("varchar(100)", "varchar(200)", "((users.a))", False),
        ("varchar(100)", "varchar(200)", '"a"::varchar(200)', False),
        ("varchar(100)", "varchar(200)", "(a)::character varying(200)", False),
        ("varchar(100)", "varchar(200)", "CAST((a) AS pg_catalog.varchar(200))", False),
        ("varchar(100)", "varchar(200)", "(a::varchar(150))::varchar(200)", False),
        ("varchar(100)", "text", "a::text", False),
        ("text", "varchar", "a::varchar", False),
        ("numeric(10, 2)", "numeric(12, 2)", "a::numeric(12, 2)", False),
        ("int", "number", "a::number", False),
        ("varchar(100)", "varchar(200)", "a::text", True),
        ("varchar(100)", "varchar(200)", "cast(a as varchar(50))", True),
        ("varchar(100)", "varchar(200)", "b", True),
        ("varchar(100)", "varchar(200)", "b::varchar(200)", True),
        ("varchar(100)", "varchar(200)", "a || 'x'::varchar(200)", True),
        ("varchar(100)", "varchar(200)", "a::varchar(200) || 'x'", True),
        ("varchar(100)", "varchar(200)", "(a)::varchar(200) || (b)", True),
        ("varchar(100)", "varchar(200)", "trim(a)::varchar(200)", True),
        ("varchar(100)", "varchar(200)", "a::varchar(200) collate c", True),
        ("text", "varchar(200)", "a::varchar(200)", True),
        ("numeric(10, 2)", "numeric(12, 2)", "a::numeric", True),
        ("int", "bigint", "a::bigint", True),
    ],
)
def test_a_cast_of_the_column_in_using_is_judged_as_the_types_are(
    old: str, new: str, using: str, rewrites: bool
) -> None:
    table = f"create domain number as int; create table users (a {old}, b text)"
    change = f"alter table users alter column a set data type {new} using {using}"
    assert last_file(table, change) == ["1 changing-column-type"] * rewrites


def test_a_cast_of_a_column_of_an_unknown_type_is_noted_where_it_may_keep_all_rows() -> None:
    change = "alter table users alter a type varchar(200) using a::"
    assert rules(f"{change}varchar(200)", risk=Risk.CAREFUL) == ["changing-column-type"]
    assert rules(f"{change}text") == ["changing-column-type"]


def test_a_cast_is_unsafe_where_a_check_or_an_index_is_made_of_the_column() -> None:
    table = "create table users (a varchar(50) check (a <> ''))"
    change = "alter table users alter a type text using a::text"
    assert last_file(table, change) == ["1 changing-column-type"]


def test_an_attribute_is_judged_by_the_type_that_it_has_in_earlier_files() -> None:
    table = "create type person as (a varchar(50), b int); create table people of person"
    alter = "alter type person alter attribute"
    assert last_file(table, f"{alter} a type text cascade") == []
    assert last_file(table, f"{alter} b type bigint cascade") == ["1 changing-column-type"]
