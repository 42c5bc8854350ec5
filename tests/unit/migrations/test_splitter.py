"""The splitter: where statements end, what kind they are, and what cannot be a migration."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.errors import ConfigError
from slipway.migrations.lexer import tokens
from slipway.migrations.splitter import refuse, split

NASTY = ["'", '"', "$$", "$a$", "E'", "\\", ";", "/*", "*/", "--", "\n", "(", ")", "a", "é", "1."]


@pytest.mark.parametrize(
    "one",
    [
        "select ';', 'it''s;', '\\'",
        "select E'\\';', e'\\\\', _e'\\'",
        "select U&'\\', ';', b'1;', x';'",
        'select ";", "it"";", U&"d;"',
        "select $$;$a$;$$, $a$;$$;$a$, $é$;$é$",
        "select a$b$, $1, 1.5e3",
        'select e"a;b", b"c;", n"d", x"e" from t',
        "select 'a'\n -- ;\n ';'",
        "select E'a' -- ;\n '\\';'",
        "select 1 -- it's;\n + /* ; /* ; */ ' */ 2",
        "create rule r as on insert to t do (delete from a; delete from b)",
        "create function f() returns int begin atomic select case when a then b end; select 2; end",
        "CREATE OR REPLACE PROCEDURE p(a int) LANGUAGE sql Begin /* ; */ ATOMIC select 1; END",
        "create function begin() returns int language sql as 'select 1'",
        "do $do$ begin execute $$ select ';' $$; end $do$",
        "select 1 as begin",
    ],
)
def test_a_statement_keeps_its_semicolons(one: str) -> None:
    assert [each.text for each in split(f"{one};{one} ; {one}")] == [one] * 3


def test_a_statement_knows_its_line_kind_and_comments() -> None:
    text = (
        "-- for all\n;select 1; -- of the first\n/* of */ -- the second\n\ncreate  unique\nindex a;"
    )
    one, two = split(text)
    assert (one.line, one.kind, one.comment) == (2, "SELECT", "")
    assert (two.line, two.kind, two.comment) == (5, "CREATE INDEX", "/* of */ -- the second")
    assert split("-- a\n/* b */ ; -- c") == []


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("create or replace temp recursive view a", "CREATE VIEW"),
        ("create global temporary table a", "CREATE TABLE"),
        ("refresh materialized view a", "REFRESH"),
        ("drop materialized view a", "DROP MATERIALIZED VIEW"),
        ("alter default privileges grant", "ALTER DEFAULT PRIVILEGES"),
        ("Start /* a */ Transaction", "START TRANSACTION"),
        ("create constraint trigger a", "CREATE TRIGGER"),
        ("(select 1)", "("),
        ("\\i file.sql", "\\i"),
    ],
)
def test_a_statement_is_named_by_its_verb_and_object(text: str, kind: str) -> None:
    assert [each.kind for each in split(text)] == [kind]


@given(st.lists(st.sampled_from(NASTY)).map("".join))
def test_no_letter_is_lost(text: str) -> None:
    assert "".join(each.text for each in tokens(text)) == text
    begins = [0, *(at + 1 for at, letter in enumerate(text) if letter == "\n")]
    place = 0
    for one in split(text):
        # A comment before it may hold the same letters, on a line of its own.
        found = text.index(one.text, max(place, begins[one.line - 1]))
        assert text.count("\n", 0, found) + 1 == one.line
        place = found + len(one.text)


def test_rows_of_copy_are_not_read_as_sql() -> None:
    text = "copy a from stdin;\n1\tit's\n2\t/*\n\\.\nselect 1;"
    assert [(each.kind, each.line) for each in split(text)] == [("COPY", 1), ("SELECT", 5)]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("\\i other.sql", "\\i is a command of psql, not SQL; put the SQL of that file here"),
        ("select 1 \\g\n", "\\g is a command of psql"),
        ("select 1\\; select 2;", "\\; is a command of psql"),
        ("\\copy a from 'b'", "\\copy is a command of psql, not SQL; write INSERT"),
        ("copy a (b) from stdin with csv;\n1\n\\.\n", "COPY with STDIN"),
        ("copy a to stdout", "COPY with STDIN or STDOUT"),
        ("copy a from stdout;\n1\n\\.\n", "COPY with STDIN or STDOUT"),
        ("copy a to stdin", "COPY with STDIN or STDOUT"),
        ("begin", "BEGIN is not for a"),
        ("start transaction read only", "START TRANSACTION is not"),
        ("commit", "COMMIT is not"),
        ("end", "END is not"),
        ("rollback", "ROLLBACK is not"),
        ("abort", "ABORT is not"),
        ("prepare transaction 'a'", "PREPARE TRANSACTION is not"),
        ("set standard_conforming_strings = off", "strings are read in the standard way"),
        ("select 'a", "the ' in this statement is never closed"),
        ("select E'a\\'", "the E' in this statement is never closed"),
        ('select e"bar', 'the " in this statement is never closed'),
        ("select $a$ $b$", "the $a$ in this statement is never closed"),
        ("select (1", "the ( in this statement is never closed"),
        ("create function f() returns int begin atomic select 1;", "the BEGIN ATOMIC in"),
        ("/* a", "the /* in this statement is never closed"),
    ],
)
@pytest.mark.parametrize("in_transaction", [True, False])
def test_what_is_no_migration_is_refused_with_the_reason(
    text: str, problem: str, in_transaction: bool
) -> None:
    with pytest.raises(ConfigError) as caught:
        refuse(split(text), in_transaction, filename="1_a.sql", first_line=5)
    assert str(caught.value).startswith("migrations/1_a.sql: line 5: ")
    assert problem in str(caught.value)


OUTSIDE_ONLY = [
    *("create unique index concurrently a on b (c)", "drop index concurrently a", "vacuum a"),
    *("reindex table concurrently a", "reindex (concurrently) index a", "reindex schema public"),
    *("create database a", "drop database a", "alter system set a = 1", "discard all", "cluster"),
    *("alter table a detach partition b concurrently", "create tablespace a location '/b'"),
]


@pytest.mark.parametrize("text", OUTSIDE_ONLY)
def test_what_needs_no_transaction_is_refused_in_one_only(text: str) -> None:
    refuse(split(text), in_transaction=False)
    with pytest.raises(ConfigError, match=r"cannot run in a transaction; .*`transaction:false`"):
        refuse(split(text), in_transaction=True)


@pytest.mark.parametrize(
    "text", ["savepoint a", "release a", "rollback to a", "lock a", "set local lock_timeout = 1"]
)
def test_what_needs_a_transaction_is_refused_outside_one(text: str) -> None:
    refuse(split(text), in_transaction=True)
    with pytest.raises(ConfigError, match=r"line 1: .* means nothing in a file with transaction"):
        refuse(split(text), in_transaction=False)


@pytest.mark.parametrize(
    "text",
    [
        "savepoint a; rollback to savepoint a; rollback work to a; release a;",
        "create function f() returns int begin atomic select 1; end;",
        "do $$ begin commit; end $$",
        "set standard_conforming_strings = on;",
        "refresh materialized view concurrently a",
        "create index \"CONCURRENTLY\" on a (b); select '%s {} %' like '%';",
        "copy a from program 'b'; comment on table a is 'copy from stdin; begin; \\i'",
    ],
)
def test_what_only_looks_like_it_is_taken(text: str) -> None:
    refuse(split(text), in_transaction=True)


def test_every_line_that_is_refused_is_told() -> None:
    with pytest.raises(ConfigError) as caught:
        refuse(split("begin;\nselect 1;\nvacuum;\ncommit;"), in_transaction=True)
    assert [line.split(":")[0] for line in str(caught.value).splitlines()] == [
        *("line 1", "line 3", "line 4")
    ]


# The record of migrations

CHANGES = [
    "drop table schema_migrations",
    "drop table if exists a, public.schema_migrations cascade",
    'truncate only "schema_migrations"',
    "delete from schema_migrations where version = '1'",
    "update public.schema_migrations set version = '2'",
    "insert into schema_migrations values ('1')",
    "merge into slipway.migrations using a on true when matched then delete",
    "with gone as (delete from schema_migrations returning 1) select * from gone",
    "alter table schema_migrations rename to old",
    "alter table schema_migrations rename version to v",
    "alter table slipway.migrations set schema public",
    "drop schema slipway",
    "drop schema a, public cascade",
    "alter schema public rename to old",
    "set search_path = app, public; drop table schema_migrations",
    "set search_path = slipway; truncate migrations",
    "select pg_catalog.set_config('search_path', 'slipway', false); drop table migrations",
    "set schema 'slipway'; drop table migrations",
    "set search_path = app; reset search_path; drop table schema_migrations",
]
HARMLESS = [
    "drop table app.schema_migrations",
    "set search_path = app; drop table schema_migrations",
    "drop table migrations",
    "alter table schema_migrations owner to app",
    "grant select on schema_migrations to app",
    "comment on table schema_migrations is 'drop table schema_migrations'",
    "insert into notes select version from schema_migrations",
    "update schema_migrations_of_ours set a = 1",
    "alter schema app rename to public_old; drop schema app",
    "create schema app; alter schema public owner to app",
]


@pytest.mark.parametrize("in_transaction", [True, False])
def test_what_would_change_the_record_of_migrations_is_refused(in_transaction: bool) -> None:
    for sql in CHANGES:
        with pytest.raises(ConfigError, match=r"line 1: .* the record of migrations"):
            refuse(split(sql), in_transaction)
    for sql in HARMLESS:
        refuse(split(sql), in_transaction)


def test_a_block_that_names_the_record_needs_a_transaction_that_can_take_it_back() -> None:
    block = split("do $$ begin truncate schema_migrations; end $$")
    refuse(block, in_transaction=True)
    with pytest.raises(ConfigError, match="the record of migrations"):
        refuse(block, in_transaction=False)
