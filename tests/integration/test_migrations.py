"""Migrations against a real PostgreSQL 17."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from slipway.database import migrations
from slipway.database.connection import connect
from slipway.database.migrations import Migration
from slipway.errors import SlipwayError
from slipway.project import COMPOSE, ROOT
from tests.integration.conftest import Corner, base_image

if TYPE_CHECKING:
    from psycopg import Connection

    Connected = Connection[tuple[str, ...]]

pytestmark = pytest.mark.engine


@dataclass(frozen=True)
class Server:
    """A PostgreSQL that many tests share, each with a database of its own."""

    environ: dict[str, str]

    def connect(self) -> "Connected":
        return connect(self.environ)

    def ask(self, sql: str) -> list[str]:
        with self.connect() as connection:
            return [str(row[0]) for row in connection.execute(sql.encode()).fetchall()]


@pytest.fixture(scope="module")
def server(module_corner: Corner, tmp_path_factory: pytest.TempPathFactory) -> Server:
    password = tmp_path_factory.mktemp("secret") / "DATABASE_PASSWORD"
    password.write_text("pass 'word' $1\n")
    options = ["--publish", "127.0.0.1::5432", "--env", "POSTGRES_PASSWORD=pass 'word' $1"]
    options += ["--tmpfs", "/var/lib/postgresql/data"]
    container = module_corner.run(base_image("postgres:17"), options=tuple(options))
    port = module_corner.port(container, 5432)
    names = {"DATABASE_HOST": "127.0.0.1", "DATABASE_PORT": str(port)}
    names |= {"DATABASE_NAME": "postgres", "DATABASE_USER": "postgres"}
    made = Server(names | {"DATABASE_PASSWORD_FILE": str(password)})
    made.connect().close()  # waits until it takes connections
    return made


@pytest.fixture
def database(server: Server, request: pytest.FixtureRequest) -> Server:
    name = f"t{abs(hash(request.node.name)) % 10**9}"
    with server.connect() as connection:
        connection.execute(f"create database {name}".encode())
    return Server(server.environ | {"DATABASE_NAME": name})


@pytest.fixture
def connection(database: Server) -> "Iterator[Connected]":
    with database.connect() as made:
        yield made


def ignore(text: str) -> None:
    """Nobody is told."""


def one(number: int, up: str, down: str = "", *, in_transaction: bool = True) -> Migration:
    return Migration(f"{number:014d}", f"m{number}", up, down, in_transaction, in_transaction)


def test_the_samples_migrations_go_up_once_and_all_the_way_back(
    connection: "Connected", database: Server
) -> None:
    files = migrations.read(COMPOSE / "migrations")
    told: list[str] = []
    assert migrations.apply(connection, files, told.append) == len(files) == len(told)
    assert migrations.apply(connection, files, told.append) == 0
    assert migrations.applied(connection) == [each.version for each in files]
    assert migrations.revert(connection, files, len(files), told.append) == len(files)
    tables = "select tablename from pg_tables where schemaname = 'public'"
    assert database.ask(tables) == ["schema_migrations"]
    assert migrations.apply(connection, files, told.append) == len(files)


def test_a_failed_file_is_taken_back_whole_and_those_before_it_stay(
    connection: "Connected", database: Server
) -> None:
    files = [
        one(1, "create table kept (); insert into kept default values;"),
        one(2, "create table lost (); select 1 / 0; create table never ();"),
        one(3, "create table later ();"),
    ]
    with pytest.raises(SlipwayError, match=r"00002_m2 failed, it was taken back: division by zero"):
        migrations.apply(connection, files, ignore)
    tables = "select tablename from pg_tables where schemaname = 'public' order by 1"
    assert database.ask(tables) == ["kept", "schema_migrations"]
    assert migrations.applied(connection) == [f"{1:014d}"]
    files[1] = one(2, "create table mended ();")
    assert migrations.apply(connection, files, ignore) == 2


def test_what_needs_no_transaction_runs_without_one(
    connection: "Connected", database: Server
) -> None:
    files = [
        one(1, "create table t (a int);"),
        one(2, "create index concurrently i on t (a);", in_transaction=False),
    ]
    assert migrations.apply(connection, files, ignore) == 2
    assert database.ask("select indexname from pg_indexes where tablename = 't'") == ["i"]
    files.append(one(3, "vacuum t; select 1 / 0", in_transaction=False))
    with pytest.raises(SlipwayError, match="it had no transaction: look at the schema"):
        migrations.apply(connection, files, ignore)


@pytest.mark.parametrize("in_transaction", [True, False])
def test_what_one_file_sets_does_not_reach_the_next_or_the_record(
    connection: "Connected", database: Server, in_transaction: bool
) -> None:
    emptied = "select pg_catalog.set_config('search_path', '', false);"  # as pg_dump writes it
    files = [
        one(1, f"{emptied} set statement_timeout = '7s';", in_transaction=in_transaction),
        one(2, "create table plain ();"),
    ]
    assert migrations.apply(connection, files, ignore) == 2
    row = connection.execute("show statement_timeout").fetchone()
    assert row == ("0",)
    assert "plain" in database.ask("select tablename from pg_tables where schemaname = 'public'")


def test_signs_that_mean_something_to_a_driver_arrive_as_they_are(
    connection: "Connected", database: Server
) -> None:
    text = "create table t (a text); insert into t values ('100 %s %% ünï'), (E'a\\nb');"
    migrations.apply(connection, [one(1, text)], ignore)
    assert database.ask("select a from t") == ["100 %s %% ünï", "a\nb"]


def test_of_two_runs_at_once_each_file_is_applied_by_one(database: Server) -> None:
    files = [one(n, f"create table t{n} (); select pg_sleep(0.1);") for n in range(1, 5)]
    counts: list[int] = []

    def run() -> None:
        with database.connect() as connection:
            counts.append(migrations.apply(connection, files, ignore))

    runs = [threading.Thread(target=run) for _ in range(3)]
    for each in runs:
        each.start()
    for each in runs:
        each.join()
    assert sorted(counts) == [0, 0, 4]


def test_what_has_no_way_down_stops_the_way_back(connection: "Connected") -> None:
    files = [one(1, "create table a ();"), one(2, "create table b ();", "drop table b;")]
    migrations.apply(connection, files, ignore)
    with pytest.raises(SlipwayError, match=f"migration {1:014d} has no way down"):
        migrations.revert(connection, files, 2, ignore)
    assert migrations.applied(connection) == [f"{1:014d}"]
    with pytest.raises(SlipwayError, match="has no way down"):
        migrations.revert(connection, [], 1, ignore)


def test_the_program_inside_the_environment_says_what_it_did(database: Server) -> None:
    def run(*words: str) -> tuple[int, str]:
        argv = [sys.executable, "-m", "slipway.database", *words]
        argv += ["--folder", str(COMPOSE / "migrations")]
        env = os.environ | database.environ
        done = subprocess.run(argv, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
        return done.returncode, (done.stdout + done.stderr).splitlines()[-1]

    count = len(list((COMPOSE / "migrations").glob("*.sql")))
    assert run("migrate") == (0, f"{count} applied")
    assert run("migrate") == (0, "nothing pending")
    code, last = run("revert")
    assert code == 0 and last.startswith("took back")
    code, last = run("status")
    assert code == 0 and last.startswith("pending")


def test_a_database_that_does_not_answer_is_named_in_time(database: Server) -> None:
    began = time.monotonic()
    gone = database.environ | {"DATABASE_PORT": "1"}
    with pytest.raises(
        SlipwayError, match=r"the database at 127\.0\.0\.1 does not answer"
    ) as caught:
        connect(gone, patience=0.5)
    assert time.monotonic() - began < 5
    assert "pass 'word'" not in str(caught.value)


def test_a_password_that_cannot_be_read_is_named(database: Server, tmp_path: Path) -> None:
    missing = database.environ | {"DATABASE_PASSWORD_FILE": str(tmp_path / "none")}
    with pytest.raises(SlipwayError, match=r"cannot read .*none: No such file"):
        connect(missing)
