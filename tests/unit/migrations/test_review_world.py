"""The review of migrations: work under a lock, other objects, what earlier files have proven."""

import pytest

from slipway.migrations import files
from slipway.migrations.lint import lint
from slipway.migrations.verdict import Risk
from tests.unit.migrations.judged import DOWN, last_file, rules

LOCK = "ALTER TABLE users ADD x text"
WORK = [
    "UPDATE users SET x = 'a' WHERE x IS NULL",
    "UPDATE others SET x = 'a' WHERE x IS NULL",
    "DELETE FROM users WHERE x IS NULL",
    "INSERT INTO others SELECT * FROM users",
    "CREATE TABLE others AS SELECT * FROM users",
    "SELECT * INTO others FROM users",
    "WITH a AS (UPDATE users SET x = 1 WHERE y RETURNING 1) SELECT * FROM a",
    "MERGE INTO users USING (VALUES (1)) v(a) ON id = a WHEN MATCHED THEN DELETE",
    "COPY users FROM '/a'",
    "DO $$ BEGIN UPDATE users SET x = 1 WHERE y; END $$",
    "REFRESH MATERIALIZED VIEW CONCURRENTLY a",
    "ALTER TABLE users VALIDATE CONSTRAINT c",
]
KEY = "ALTER TABLE users ADD CONSTRAINT c FOREIGN KEY (a) REFERENCES b NOT VALID"
TRIGGER = "CREATE TRIGGER t BEFORE INSERT ON users EXECUTE FUNCTION f()"
UNDER_LOCK = [
    *((LOCK, work) for work in WORK),
    (KEY, WORK[0]),
    (TRIGGER, WORK[0]),
    ("ALTER INDEX i ATTACH PARTITION j", WORK[0]),
    (LOCK, "INSERT INTO others (SELECT * FROM users)"),
    ("CREATE TABLE a (b int REFERENCES users)", "INSERT INTO a SELECT id FROM users"),
]
NOT_UNDER_LOCK = [
    (WORK[0], LOCK),
    (LOCK, "INSERT INTO others VALUES (1)"),
    (LOCK, "INSERT INTO others SELECT 1 WHERE NOT EXISTS (SELECT FROM others WHERE id = 1)"),
    (LOCK, "DO $$ BEGIN PERFORM set_config('a.b', 'c', true); END $$"),
    ("CREATE TABLE a (b int); CREATE INDEX ON a (b)", "INSERT INTO a SELECT id FROM users"),
    ("ALTER TABLE users ALTER a SET STATISTICS 5", WORK[0]),
    ("CREATE TABLE users (); " + TRIGGER, "INSERT INTO users SELECT id FROM others"),
]
UNSAFE = {
    "alter table users alter a set expression as (b + 2)": "changing-generated-column",
    "with a as (update users set b = 1 returning 1) select * from a": "changing-all-rows",
    "with a as (select 1) update users set b = 1": "changing-all-rows",
    "with a as (select 1 where true) delete from users": "changing-all-rows",
    "update users set b = 1 where true": "changing-all-rows",
    "update users set b = 1 where 1 = 1 returning id": "changing-all-rows",
    "delete from users where not false": "changing-all-rows",
    "update users set b = 1 from c": "changing-all-rows",
    "explain analyze update users set b = 1": "changing-all-rows",
    "merge into users using a on a.id = users.id when matched then delete": "changing-all-rows",
    "alter schema app rename to b": "renaming-schema",
    "alter view a rename to b": "renaming-view",
    "alter view a rename column b to c": "renaming-view",
    "alter view a set schema b": "renaming-view",
    "alter materialized view a rename to b": "renaming-materialized-view",
    "alter sequence a rename to b": "renaming-sequence",
    "alter type a rename to b": "renaming-type",
    "alter type a rename attribute b to c": "renaming-type",
    "alter type a set schema b": "renaming-type",
    "alter domain a rename to b": "renaming-domain",
    "alter function a(int) rename to b": "renaming-function",
    "alter procedure a set schema b": "renaming-procedure",
    "alter foreign table a rename to b": "renaming-foreign-table",
    "alter role a rename to b": "renaming-role",
    "alter domain a set not null": "setting-domain-not-null",
    "alter domain a add constraint b check (value > 0)": "ban-alter-domain-with-add-constraint",
    "alter domain a validate constraint b": "ban-alter-domain-with-add-constraint",
    "alter table users add a int not null default null": "adding-required-field",
    "alter table users add a int default null::int not null": "adding-required-field",
    "alter table users add a int not null default (null)": "adding-required-field",
    'alter table users add a float default "random"()': "adding-field-with-default",
    "alter table users add a int constraint b not null": "adding-required-field",
    "copy (delete from users returning id) to '/a'": "changing-all-rows",
    "alter table all in tablespace a set tablespace b": "rewriting-table",
    "alter materialized view a set tablespace b": "rewriting-table",
    "alter materialized view all in tablespace a set tablespace b": "rewriting-table",
    "vacuum full users": "rewriting-table",
    "vacuum (full) users": "rewriting-table",
    "vacuum (verbose, full on) users": "rewriting-table",
    "reindex (concurrently off) table users": "require-concurrent-reindex",
    "alter index a set tablespace b": "require-concurrent-reindex",
    "alter index all in tablespace a set tablespace b": "require-concurrent-reindex",
    "alter foreign table a drop column b": "ban-drop-column",
    "alter foreign table if exists a add c int, drop b": "ban-drop-column",
    "drop foreign table a": "ban-drop-table",
    "alter extension a set schema b": "renaming-extension",
    "alter collation a rename to b": "renaming-collation",
    "alter operator + (int, a) set schema b": "renaming-operator",
    "alter text search configuration a rename to b": "renaming-text-search",
    "alter group a rename to b": "renaming-group",
    "alter type a alter attribute b type int cascade": "changing-column-type",
    "alter type a alter attribute b set data type date cascade": "changing-column-type",
    "alter type a add attribute c int, drop attribute b cascade": "ban-drop-column",
}
SAFE = [
    "alter table users add a date default current_date",
    "alter table users add a text not null default current_user",
    "alter table users add a timestamptz default pg_catalog.now()",
    "alter table users add a timestamptz(3) default current_timestamp(3)",
    "alter table users add a interval default interval '1 day'",
    "alter table users add a varchar(9) default cast('a' as varchar(9))",
    "alter table users add a int[] default array[]::int[]",
    "alter table users add constraint a check (b > 0) not enforced",
    "alter table users detach partition a finalize",
    "alter domain a add constraint b check (value > 0) not valid",
    "alter index a rename to b",
    "alter index a set (fillfactor = 50)",
    "alter foreign table a alter b type bigint, drop constraint c",
    "alter extension a drop function b()",
    "alter type a add attribute b int cascade",
    "alter type a alter attribute b type int",
    "alter table users rename constraint a to b",
    "delete from users where exists (select from a)",
    "merge into users using (values (1)) v(a) on id = a when matched then delete",
    "insert into users values (1) on conflict (id) do update set a = 1",
    "select * from users for update",
    "explain update users set b = 1",
]
STANDING_ALONE = ["vacuum (full false) users", "vacuum (full off, analyze) users", "vacuum users"]


@pytest.mark.parametrize("both", UNDER_LOCK)
def test_work_on_rows_under_a_lock_of_the_same_file_is_unsafe(both: tuple[str, str]) -> None:
    assert rules("; ".join(both)) == ["working-under-lock"]
    assert rules("; ".join(both), " transaction:false") == []


@pytest.mark.parametrize("both", NOT_UNDER_LOCK)
def test_work_on_rows_before_the_lock_or_beside_it_is_safe(both: tuple[str, str]) -> None:
    assert rules("; ".join(both)) == []


def test_a_query_under_a_lock_is_noted_where_it_may_take_long() -> None:
    for query in ("SELECT backfill()", "SELECT count(*) FROM users"):
        assert rules(f"{LOCK}; {query}", risk=Risk.CAREFUL) == ["working-under-lock"]
        assert rules(query, risk=Risk.CAREFUL) == []
    assert rules(f"{LOCK}; SELECT setval('a', 5)", risk=Risk.CAREFUL) == []


@pytest.mark.parametrize(("sql", "rule"), UNSAFE.items())
def test_what_holds_up_or_breaks_the_release_that_serves_is_unsafe(sql: str, rule: str) -> None:
    assert rules(sql, " transaction:false") == [rule]


@pytest.mark.parametrize("sql", [*SAFE, *STANDING_ALONE])
def test_what_neither_reads_nor_rewrites_is_safe(sql: str) -> None:
    option = " transaction:false"
    assert rules(sql, option) == [] and rules(sql, option, risk=Risk.CAREFUL) == []


def test_a_lock_that_holds_up_nobody_is_safe() -> None:
    assert rules("lock table users in row exclusive mode") == []
    assert rules("lock table users in share mode") == ["locking-table"]


def test_our_own_advice_for_not_null_passes_over_three_files() -> None:
    check = "alter table users add constraint c check (a is not null) not valid"
    validate = "alter table users validate constraint c"
    not_null = "alter table users alter a set not null"
    tidy = "alter table users drop constraint c"
    assert last_file(check, validate, not_null, tidy) == []
    assert last_file(check, validate, not_null, earlier=2) == []
    assert last_file(check, not_null, earlier=1) == ["1 adding-not-nullable-field"]
    assert last_file(check, validate, tidy, not_null) == ["3 adding-not-nullable-field"]
    other = "alter table others validate constraint c"
    assert last_file(check, other, not_null) == ["2 adding-not-nullable-field"]
    renamed = "alter table users rename a to b; alter table users add a int"
    assert last_file(check, validate, renamed, not_null, earlier=3) == [
        "3 adding-not-nullable-field"
    ]


def test_the_advice_of_postgresql_18_passes_too() -> None:
    check = "alter table users add constraint c not null a not valid"
    files_of = (check, "alter table users validate constraint c")
    assert last_file(*files_of, "alter table users alter a set not null", major=18) == []


def test_a_type_bound_by_a_foreign_key_locks_the_other_table_too() -> None:
    table = "create table codes (a varchar(50) primary key)"
    key = "create table users (b varchar(50) references codes, c varchar(50) references codes (d))"
    for change, other in {
        "alter table users alter b type varchar(99)": "codes",
        "alter table codes alter a type varchar(99)": "users",
    }.items():
        names = {
            "1_a.sql": f"-- migrate:up\n{table}; {key};{DOWN}",
            "2_b.sql": f"-- migrate:up\n{change};{DOWN}",
        }
        (one,) = lint(files.from_texts(names), server_major=17, squawk=None, together=False)
        assert (one.rule, one.risk) == ("changing-column-type", Risk.CAREFUL)
        assert one.lock == f"ACCESS EXCLUSIVE on it and on {other}"


def test_an_index_is_moved_or_a_table_renamed_by_alter_index() -> None:
    rename = "alter index users rename to people"
    assert last_file("create table users (id int)", rename) == ["1 renaming-table"]
    assert rules(f"create table users (); {rename}; drop table people") == []
    assert rules(f"create table users (); {rename}; drop table users") == ["ban-drop-table"]


def test_a_partitioned_table_is_not_copied() -> None:
    parent = "create table logs (id int) partition by range (id)"
    assert last_file(parent, "alter table logs set tablespace b") == []
    assert last_file("create table logs ()", "alter table logs set tablespace b") == [
        "1 rewriting-table"
    ]


def test_a_longer_varchar_is_unsafe_where_a_check_or_an_index_is_made_of_it() -> None:
    table = "create table users (id int, a varchar(50))"
    change = "alter table users alter a type varchar(200)"
    check = "alter table users add constraint c check (a <> '')"
    unsafe = ["2 changing-column-type"]
    assert last_file(table, f"select 1; {check}", change, earlier=2) == unsafe
    assert last_file(table, f"{check} not valid", change) == []
    assert last_file(table, "create index i on users (a)", change, earlier=2) == []
    assert last_file(table, "create index i on users (lower(a))", change, earlier=2) == unsafe
    assert (
        last_file(table, "create index i on users (id) where a > ''", change, earlier=2) == unsafe
    )
    dropped = "create index i on users (lower(a)); drop index i"
    assert last_file(table, dropped, change, earlier=2) == []
    behind = "create table users (a varchar(50) check (a <> ''))"
    assert last_file(behind, change) == ["1 changing-column-type"]


def test_what_reads_rows_is_judged_by_the_strongest_lock_of_its_statement() -> None:
    option = " transaction:false"
    alone = "alter table users validate constraint c"
    assert rules(alone, option) == []
    assert rules(f"{alone}, alter b set default 1", option) == ["constraint-missing-not-valid"]
    check = "alter table users add constraint c check (a is not null) not valid"
    assert last_file(check, alone, "alter table users alter a set not null, drop constraint c") == [
        "2 adding-not-nullable-field"
    ]
    assert last_file(check, f"{alone}, alter a set not null", earlier=1) == [
        "1 adding-not-nullable-field",
        "1 constraint-missing-not-valid",
    ]


def test_a_column_that_may_have_been_there_tells_nothing_of_its_type() -> None:
    add = "alter table users add column if not exists a varchar(50)"
    text = f"-- migrate:up\nalter table users alter a type varchar(200);{DOWN}"
    earlier = files.from_texts({"1_a.sql": f"-- migrate:up\n{add};{DOWN}"})
    (one,) = lint([files.parse("2_b.sql", text)], server_major=17, squawk=None, earlier=earlier)
    assert (one.rule, one.risk) == ("changing-column-type", Risk.CAREFUL)


def test_a_domain_of_earlier_files_is_judged_by_its_check() -> None:
    checked = "create domain price as int check (value > 0)"
    bare = "create domain price as int"
    add = "alter table users add a price"
    assert last_file(checked, add) == ["1 adding-field-of-domain"]
    assert last_file(bare, add) == []
    assert last_file(bare, "alter domain price set not null", add, earlier=2) == [
        "2 adding-field-of-domain"
    ]
    assert rules(add, risk=Risk.CAREFUL) == ["adding-field-of-domain"]


def test_a_partition_beside_a_default_one_is_unsafe_where_files_tell_of_it() -> None:
    parent = "create table logs (id int) partition by range (id)"
    default = "create table rest partition of logs default"
    more = "create table more partition of logs for values from (1) to (9)"
    attach = "alter table logs attach partition more for values from (1) to (9)"
    assert last_file(f"{parent}; {default}", more) == ["1 partition-beside-default"]
    assert last_file(parent, default, attach) == ["2 partition-beside-default"]
    assert last_file(parent, more) == []
    assert rules(more, risk=Risk.CAREFUL) == ["creating-partition"]


def test_the_advice_for_an_index_of_partitions_is_one_that_works() -> None:
    parent = "create table logs (id int) partition by range (id)"
    assert last_file(parent, "create index on logs (id)") == ["1 require-concurrent-index-creation"]
    assert last_file(parent, "create index i on only logs (id)") == []
    names = {"1_a.sql": f"-- migrate:up\n{parent};{DOWN}"}
    names |= {"2_b.sql": f"-- migrate:up\ncreate index on logs (id);{DOWN}"}
    (one,) = lint(files.from_texts(names), server_major=17, squawk=None, together=False)
    assert one.instead.startswith("CREATE INDEX … ON ONLY")


def test_a_dropped_foreign_key_names_the_table_that_it_locks_too() -> None:
    key = "alter table users add constraint owned foreign key (a) references owners not valid"
    drop = "alter table users drop constraint owned"
    names = {"1_a.sql": f"-- migrate:up\n{key};{DOWN}", "2_b.sql": f"-- migrate:up\n{drop};{DOWN}"}
    (one,) = lint(files.from_texts(names), server_major=17, squawk=None, together=False)
    assert (one.rule, one.risk) == ("dropping-constraint", Risk.CAREFUL)
    assert one.lock == "ACCESS EXCLUSIVE on it and on owners"
