"""What the review says of locks and of rewritten rows, against PostgreSQL 17 itself."""

import time

import psycopg
import pytest

from slipway.migrations import files
from slipway.migrations.review import Finding, review
from tests.integration.docker_sandbox import DockerSandbox, base_image

pytestmark = pytest.mark.engine

BEFORE = """
create function ours() returns int language sql volatile as 'select 1';
create table owners (id int primary key);
create table parts (id int, kind int) partition by range (id);
create table part partition of parts for values from (0) to (9);
create table loose (id int, kind int);
create table users (id int not null, b int, c text, d varchar(9), e int);
alter table users add constraint positive check (id > 0) not valid;
alter table users add constraint owned foreign key (id) references owners not valid;
create unique index users_id on users (id);
create index users_b on users (b);
create function tell() returns trigger language plpgsql as 'begin return new; end';
create materialized view summary as select 1 as a;
create unique index on summary (a);
create view seen as select 1;
insert into owners select generate_series(1, 9);
insert into users select n, n, n, n, n from generate_series(1, 5) n;
"""
STRENGTH = ["ROW EXCLUSIVE", "SHARE UPDATE EXCLUSIVE", "SHARE", "SHARE ROW EXCLUSIVE", "EXCLUSIVE"]
STRENGTH += ["ACCESS EXCLUSIVE"]
LOCKS = """select upper(regexp_replace(replace(mode, 'Lock', ''), '(?<=[a-z])([A-Z])', ' \\1', 'g'))
from pg_locks where pid = pg_backend_pid() and relation = %s::regclass"""

STATEMENTS = [
    "alter table users add x text",
    "alter table users add x int default 1 not null",
    "alter table users add x timestamptz default now()",
    "alter table users add x int default random() * 2",
    "alter table users add x uuid not null default gen_random_uuid()",
    "alter table users add x bigserial",
    "alter table users add x int generated always as identity",
    "alter table users add x int generated always as (id + 1) stored",
    "alter table users add x text unique",
    "alter table users add x int references owners",
    "alter table users alter b type bigint",
    "alter table users alter b set not null",
    "alter table users alter b set default 2",
    "alter table users alter b set statistics 10",
    "alter table users add foreign key (b) references owners",
    "alter table users add foreign key (b) references owners not valid",
    "alter table users add check (b > 0)",
    "alter table users add check (b > 0) not valid",
    "alter table users add unique (b)",
    "alter table users add primary key (b)",
    "alter table users add constraint u unique using index users_id",
    "alter table users validate constraint positive",
    "alter table users validate constraint owned",
    "alter table users drop constraint positive",
    "alter table users drop b",
    "alter table users rename b to x",
    "alter table users rename to x",
    "alter table users set unlogged",
    "alter table users set (fillfactor = 50)",
    "alter table users disable trigger all",
    "create index on users (c)",
    "drop index users_b",
    "reindex table users",
    "drop table users",
    "truncate users",
    "cluster users using users_id",
    "lock table users",
    "lock table users in share row exclusive mode",
    "update users set b = 1 where id = 1",
    "update users set b = 1",
    "delete from users where id = 1",
    "insert into users values (9)",
    "with old as (delete from users where id = 1 returning *) select * from old",
    "create policy p on users",
    "create rule r as on insert to users do nothing",
    "alter table users add x int check (x > 0)",
    "create trigger t before insert on users for each row execute function tell()",
]
OTHERS = {
    "alter table parts attach partition loose for values from (10) to (19)": "parts",
    "alter table parts detach partition part": "parts",
    "refresh materialized view summary": "summary",
    "refresh materialized view concurrently summary": "summary",
    "create table more partition of parts for values from (10) to (19)": "parts",
    "drop view seen": "seen",
    "drop materialized view summary": "summary",
    "create table pets (owner int references owners)": "owners",
    "alter table users add foreign key (b) references owners": "owners",
}
ANEW = {"adding-field-with-default", "changing-column-type", "rewriting-table", "truncating-table"}


@pytest.fixture(scope="module")
def url(module_corner: DockerSandbox) -> str:
    options = ["--env", "POSTGRES_HOST_AUTH_METHOD=trust", "--publish", "127.0.0.1::5432"]
    options += ["--tmpfs", "/var/lib/postgresql/data"]
    container = module_corner.run(base_image("postgres:17"), options=tuple(options))
    port = module_corner.port(container, 5432)
    url = f"host=127.0.0.1 port={port} user=postgres dbname=postgres"
    for _ in range(100):
        try:
            with psycopg.connect(url) as connection:
                connection.execute(BEFORE)
            return url
        except psycopg.OperationalError:
            time.sleep(0.2)
    raise AssertionError("the server did not start")


def said(sql: str) -> Finding:
    one, *_ = review(files.parse("1_a.sql", f"-- migrate:up\n{sql}"), 17)
    return one


def strongest(modes: list[str]) -> str:
    return max((mode for mode in modes if mode in STRENGTH), key=STRENGTH.index, default="")


@pytest.mark.parametrize(
    ("sql", "table"), [(each, "users") for each in STATEMENTS] + list(OTHERS.items())
)
def test_the_lock_is_the_one_that_is_taken(url: str, sql: str, table: str) -> None:
    with psycopg.connect(url) as connection:
        place = "select %s::regclass::oid, pg_relation_filenode(%s::regclass)"
        oid, before = connection.execute(place, [table, table]).fetchone() or (0, 0)
        connection.execute(sql.encode())
        locks = connection.execute(LOCKS, [str(oid)]).fetchall()
        after = connection.execute("select pg_relation_filenode(%s::oid)", [oid]).fetchone()
        connection.rollback()
    one = said(sql)
    assert one.lock.partition(" on ")[0] == strongest([mode for (mode,) in locks])
    if table == "users":
        assert (after != (before,)) == (one.rule in ANEW or sql == "drop table users")
