"""Operations of a migration: what to measure on each PostgreSQL, and to hold the review to."""

from dataclasses import dataclass

ROWS = 1000
BEFORE = """
create function ours() returns int language plpgsql volatile as 'begin return 1; end';
create function tell() returns trigger language plpgsql as 'begin return new; end';
create domain natural_number as int check (value >= 0);
create domain number as int;
create type color as enum ('red', 'blue');
create sequence counter;
create type person as (a varchar(50), b int);
create table people of person;
create foreign data wrapper far;
create server there foreign data wrapper far;
create foreign table remote (id int, a int) server there;
create table owners (
    id int primary key, name text, net cidr, pause interval(3), seen_at timestamp(3), bits varbit(8)
);
create table parts (id int, kind int) partition by range (id);
create table part partition of parts for values from (0) to (9);
create table shelves (id int, kind int) partition by range (id);
create table shelf partition of shelves for values from (0) to (9);
create table rest partition of shelves default;
create table loose (id int, kind int);
create table proven (id int, kind int);
alter table proven add constraint fits check (id is not null and id >= 5000 and id < 9000);
create table users (
    id int not null, b int, c text, d varchar(50), n numeric(10, 2), day timestamp,
    twice int generated always as (id * 2) stored, amount natural_number, e int
);
alter table users add constraint positive check (id > 0) not valid;
alter table users add constraint checked check (id > -1);
alter table users add constraint there check (e is not null) not valid;
alter table users add constraint owned foreign key (id) references owners not valid;
alter table users add constraint owned_by foreign key (b) references owners;
create unique index users_id on users (id);
create index users_b on users (b);
create view seen as select id, c from users;
create materialized view summary as select id from users;
create unique index summary_id on summary (id);
insert into owners select n, n from generate_series(1, 1000) n;
insert into users (id, b, c, d, n, day, amount, e)
    select n, n, n, n, n, now(), n, n from generate_series(1, 1000) n;
insert into people select n, n from generate_series(1, 1000) n;
insert into loose select n, n from generate_series(1000, 1999) n;
insert into proven select n, n from generate_series(5000, 5999) n;
insert into rest select n, n from generate_series(10000, 10999) n;
refresh materialized view summary;
"""


@dataclass(frozen=True)
class Case:
    """One statement, in a transaction unless it `stands_alone`; `before` has run earlier."""

    sql: str
    before: str = ""
    stands_alone: bool = False


ALONE = True
INSERT = "insert into owners select id, c from users "
UPSERT = "on conflict (id) do update set name = excluded.name"
KEYED = (
    "create table codes (code varchar(50) primary key); "
    "insert into codes select n from generate_series(1, 1000) n; "
    "alter table users add constraint coded foreign key (d) references codes"
)
CASES: dict[str, list[Case]] = {
    "Columns": [
        Case("alter table users add x text"),
        Case("alter table users add x int not null default 1"),
        Case("alter table users add x timestamptz default now()"),
        Case("alter table users add x date default current_date"),
        Case("alter table users add x name default current_user"),
        Case("alter table users add x float default random()"),
        Case("alter table users add x timestamptz default clock_timestamp()"),
        Case("alter table users add x uuid default gen_random_uuid()"),
        Case("alter table users add x int default ours()"),
        Case("alter table users add x int not null"),
        Case("alter table users add x int not null default null"),
        Case("alter table users add x bigserial"),
        Case("alter table users add x int generated always as identity"),
        Case("alter table users add x int generated always as (id + 1) stored"),
        Case("alter table users add x int generated always as (id + 1) virtual"),
        Case("alter table users add x number"),
        Case("alter table users add x natural_number"),
        Case("alter table users add x natural_number default 1"),
        Case("alter table users add x natural_number[]"),
        Case("alter table users add x color"),
        Case("alter table users add x color default 'red'"),
        Case("alter table users add x int check (x > 0)"),
        Case("alter table users add x text unique"),
        Case("alter table users add x int references owners"),
        Case("alter table users add x int default 1 references owners"),
        Case("alter table users alter b set default 2"),
        Case("alter table users alter b drop default"),
        Case("alter table users alter id drop not null"),
        Case("alter table users alter b set not null"),
        Case(
            "alter table users alter e set not null", "alter table users validate constraint there"
        ),
        Case("alter table users alter b set statistics 10"),
        Case("alter table users alter b set (n_distinct = 5)"),
        Case("alter table users alter c set storage external"),
        Case("alter table users alter twice set expression as (id * 3)"),
        Case(
            "alter table loose alter x set expression as (id * 3)",
            "alter table loose add x int generated always as (id * 2) virtual",
        ),
        Case("alter table users alter twice drop expression"),
        Case(
            "alter table users alter b add generated always as identity",
            "alter table users add constraint b_there check (b is not null) not valid; "
            "alter table users validate constraint b_there; alter table users alter b set not null",
        ),
        Case("alter table users drop c cascade"),
        Case("alter table users drop n"),
        Case("alter table users rename n to x"),
    ],
    "Types": [
        Case("alter table users alter e type bigint"),
        Case("alter table users alter d type varchar(200)"),
        Case("alter table users alter d type varchar(200)", "create index x on users (d)"),
        Case(
            "alter table users alter d type varchar(200)",
            "alter table users add constraint x check (d <> '')",
        ),
        Case(
            "alter table users alter d type text",
            "create index x on users (d) where d <> ''",
        ),
        Case("alter table users alter d type text", "create index x on users (lower(d))"),
        Case("alter table users alter d type varchar"),
        Case("alter table users alter d type text"),
        Case("alter table users alter d type varchar(20)"),
        Case("alter table users alter c type varchar(50)", "drop view seen"),
        Case("alter table users alter n type text"),
        Case("alter table users alter n type numeric(12, 2)"),
        Case("alter table users alter n type numeric"),
        Case("alter table users alter n type numeric(12, 4)"),
        Case("alter table users alter day type timestamptz"),
        Case("alter table users alter day type timestamp(6)"),
        Case("alter table users alter day type timestamp(3)"),
        Case("alter table owners alter seen_at type timestamp(6)"),
        Case("alter table owners alter pause type interval(6)"),
        Case("alter table owners alter pause type interval day"),
        Case("alter table owners alter bits type varbit(16)"),
        Case("alter table owners alter net type inet"),
        Case("alter table users alter e type number"),
        Case("alter table users alter e type natural_number"),
        Case("alter table users alter d type varchar(200) using d"),
        Case("alter table users alter d type varchar(200) using (users.d)"),
        Case("alter table users alter d type varchar(200) using d::varchar(200)"),
        Case("alter table users alter d type varchar(200) using cast(d as varchar(200))"),
        Case("alter table users alter d type varchar(200) using d::varchar(100)::varchar(200)"),
        Case(
            "alter table users alter d type varchar(200) using d::varchar(200)",
            "create index x on users (lower(d))",
        ),
        Case("alter table users alter d type varchar(200) using d::text"),
        Case("alter table users alter d type varchar(200) using d::varchar(20)"),
        Case("alter table users alter d type varchar(200) using lower(d)"),
        Case("alter table users alter d type text using d::text"),
        Case("alter table users alter c type varchar using c::varchar", "drop view seen"),
        Case("alter table users alter c type varchar(50) using c::varchar(50)", "drop view seen"),
        Case("alter table users alter n type numeric(12, 2) using n::numeric(12, 2)"),
        Case("alter table users alter n type numeric(12, 2) using n::numeric"),
        Case("alter table users alter e type bigint using e::bigint"),
        Case("alter table users alter e type number using e::number"),
        Case("alter table users alter d type varchar(200)", KEYED),
        Case("alter table codes alter code type varchar(200)", KEYED),
        Case("alter type person alter attribute a type text cascade"),
        Case("alter type person alter attribute b type bigint cascade"),
        Case("alter type person alter attribute b type bigint"),
        Case("alter type person add attribute c int cascade"),
        Case("alter type person drop attribute b cascade"),
        Case("alter type color add value 'green'"),
        Case("alter type color rename value 'red' to 'pink'"),
        Case("alter domain natural_number set not null"),
        Case("alter domain natural_number add constraint small check (value < 10000)"),
        Case("alter domain natural_number add constraint small check (value < 10000) not valid"),
        Case(
            "alter domain natural_number validate constraint small",
            "alter domain natural_number add constraint small check (value < 10000) not valid",
        ),
        Case("alter domain natural_number drop not null"),
        Case("alter domain natural_number set default 1"),
    ],
    "Constraints": [
        Case("alter table users add check (b > 0)"),
        Case("alter table users add constraint x check (b > 0) not valid"),
        Case("alter table users add constraint x check (b > 0) not enforced"),
        Case("alter table users validate constraint positive"),
        Case("alter table users validate constraint positive, alter b set default 1"),
        Case("alter table users validate constraint there, alter e set not null"),
        Case(
            "alter table users alter e set not null, drop constraint there",
            "alter table users validate constraint there",
        ),
        Case("alter table users add constraint x not null b not valid"),
        Case(
            "alter table users validate constraint x",
            "alter table users add constraint x not null b not valid",
        ),
        Case("alter table users add foreign key (e) references owners"),
        Case("alter table users add constraint x foreign key (e) references owners not valid"),
        Case("alter table users validate constraint owned"),
        Case("alter table users add unique (b)"),
        Case("alter table users add primary key (b)"),
        Case("alter table users add constraint x unique using index users_id"),
        Case(
            "alter table users add primary key using index users_e",
            "create unique index users_e on users (e)",
        ),
        Case("alter table users add primary key using index users_id"),
        Case("alter table users drop constraint checked"),
        Case("alter table users drop constraint owned_by"),
        Case("alter table users rename constraint checked to x"),
    ],
    "Tables": [
        Case("create table x (id int)"),
        Case("create table x (owner int references owners)"),
        Case("create table x as select * from users"),
        Case("alter table users rename to x"),
        Case("alter table users set schema x", "create schema x"),
        Case("alter table users set unlogged"),
        Case("alter table users set tablespace elsewhere"),
        Case("alter table parts set tablespace elsewhere"),
        Case("alter table users set (fillfactor = 50)"),
        Case("alter table users set (autovacuum_enabled = false)"),
        Case("alter table users replica identity full"),
        Case("alter table users owner to current_user"),
        Case("alter table users enable row level security"),
        Case("alter table users disable trigger all"),
        Case(
            "alter table users inherit x",
            "create table x (like users); alter table users drop twice; alter table x drop twice",
        ),
        Case("drop table owners cascade"),
        Case("drop table loose"),
        Case("alter foreign table remote add x float default random()"),
        Case("alter foreign table remote alter a type bigint"),
        Case("alter foreign table remote drop a"),
        Case("drop foreign table remote"),
        Case("truncate loose"),
        Case("cluster users using users_id"),
        Case("vacuum users", stands_alone=ALONE),
        Case("vacuum (full false) users", stands_alone=ALONE),
        Case("vacuum full users", stands_alone=ALONE),
        Case("analyze users"),
        Case("lock table users"),
        Case("lock table users in share mode"),
        Case("lock table users in row exclusive mode"),
        Case("create trigger x before insert on users for each row execute function tell()"),
        Case(
            "drop trigger x on users",
            "create trigger x before insert on users for each row execute function tell()",
        ),
        Case("create policy x on users"),
        Case("create rule x as on insert to users do nothing"),
        Case("create statistics x on b, e from users"),
        Case("comment on table users is 'x'"),
        Case("grant select on users to public"),
    ],
    "Partitions": [
        Case("create table x partition of parts for values from (10) to (19)"),
        Case("create table x partition of shelves for values from (10) to (19)"),
        Case("alter table parts attach partition loose for values from (1000) to (9000)"),
        Case("alter table parts attach partition proven for values from (5000) to (9000)"),
        Case("alter table shelves attach partition proven for values from (5000) to (9000)"),
        Case("alter table parts detach partition part"),
        Case("alter table parts detach partition part concurrently", stands_alone=ALONE),
        Case(
            "alter table parts detach partition part finalize",
            "alter table parts detach partition part concurrently",
        ),
    ],
    "Indexes": [
        Case("create index x on users (c)"),
        Case("create index concurrently x on users (c)", stands_alone=ALONE),
        Case("create index x on parts (kind)"),
        Case("create index x on only parts (kind)"),
        Case("drop index users_b"),
        Case("drop index concurrently users_b", stands_alone=ALONE),
        Case("alter index users_b rename to x"),
        Case("alter index users rename to x"),
        Case("alter index users_b set (fillfactor = 50)"),
        Case("alter index users_b set tablespace elsewhere"),
        Case("reindex (concurrently, tablespace elsewhere) index users_b", stands_alone=ALONE),
        Case(
            "alter index x attach partition y",
            "create index x on only parts (kind); create index y on part (kind)",
        ),
        Case("reindex table users"),
        Case("reindex (concurrently false) table users"),
        Case("reindex table concurrently users", stands_alone=ALONE),
    ],
    "Views and other objects": [
        Case("create view x as select * from users"),
        Case("create or replace view seen as select id, c, b from users"),
        Case("alter view seen rename to x"),
        Case("drop view seen"),
        Case("refresh materialized view summary"),
        Case("refresh materialized view concurrently summary"),
        Case("alter materialized view summary rename to x"),
        Case("alter materialized view summary set tablespace elsewhere"),
        Case("alter sequence counter rename to x"),
        Case("alter sequence counter restart with 5"),
        Case("alter type color rename to x"),
        Case("alter function ours() rename to x"),
        Case("alter schema x rename to y", "create schema x"),
        Case("alter extension intagg set schema x", "create schema x; create extension intagg"),
    ],
    "Rows": [
        Case("insert into owners values (5000, 'x')"),
        Case("update users set b = 1 where id = 1"),
        Case("update users set b = 1"),
        Case("update users set b = 1 where true"),
        Case("delete from users"),
        Case("with x as (update users set b = 1 returning id) select count(*) from x"),
        Case("merge into users u using owners o on u.id = o.id when matched then update set b = 1"),
        Case(
            "merge into owners o using users u on o.id = u.id + 5000 "
            "when not matched then insert values (u.id + 5000, u.c)"
        ),
        Case(
            "merge into owners o using (values (0)) v(id) on o.id = v.id "
            "when not matched by source then update set name = 'x'"
        ),
        Case("insert into loose select id, b from users"),
        Case("insert into owners values (1, 'x') on conflict (id) do update set name = 'x'"),
        Case(f"{INSERT}on conflict do nothing"),
        Case(INSERT + UPSERT),
        Case(f"{INSERT}where true {UPSERT}"),
        Case(f"{INSERT}{UPSERT} where owners.id = 1"),
        Case(f"{INSERT}where id < 9 {UPSERT}"),
    ],
}
