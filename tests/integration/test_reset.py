"""A real database begun anew: what is refused, what is kept, what a kill leaves; and asked."""

import contextlib
import json
import os
import pty
import select
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from slipway.database import marker, query
from slipway.database.connection import NoDatabase, Server
from slipway.database.reset import Wish
from slipway.database.reset import reset as replace
from slipway.errors import Busy, Refused, SlipwayError, UsageError
from slipway.hosts.local import LocalHost
from slipway.ops import anew, psql
from slipway.ops.place import Place
from slipway.storage.folder import FolderStore
from tests.integration.conftest import Corner
from tests.integration.inside import PASSWORD, Heard, Inside, start, start_ops

pytestmark = pytest.mark.engine
SEEDS = {"common.sql": "INSERT INTO accounts (email, name, password_hash) VALUES ('a@b', 'A', '!')"}


@pytest.fixture(scope="module")
def stage(module_corner: Corner, tmp_path_factory: pytest.TempPathFactory) -> Inside:
    return start(module_corner, tmp_path_factory.mktemp("stage"))


@pytest.fixture(scope="module")
def recipient(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("age") / "key"
    subprocess.run(["age-keygen", "-o", str(path)], check=True, capture_output=True)
    argv = ["age-keygen", "-y", str(path)]
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def at(stage: Inside) -> Iterator[Inside]:
    """A database of its own, with an ops container beside it."""
    name = f"d{time.monotonic_ns()}"
    made = stage.fresh(name)
    try:
        yield made
    finally:
        made.leave()
        for each in databases(made.server):
            stage.sql(f'DROP DATABASE "{each}" WITH (FORCE)', "postgres")


def wish(**other: Any) -> Wish:
    """A reset in dev that makes one table."""

    def fill(server: Server) -> None:
        with server.connect() as connection:
            connection.execute("CREATE TABLE fresh (id int)")

    given: dict[str, Any] = {"asked": "dev", "setting": "dev", "before": _nothing, "fill": fill}
    return Wish(**given | other)


def _nothing(_: Server) -> None: ...


def tables(server: Server) -> set[str]:
    with server.connect() as connection:
        rows = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        return {name for (name,) in rows}


def databases(server: Server) -> set[str]:
    with server.named("postgres").connect() as connection:
        rows = connection.execute(
            "SELECT datname FROM pg_database WHERE starts_with(datname, %s)", [server.database]
        )
        return {name for (name,) in rows}


# -- reset --------------------------------------------------------------------------------------


def test_a_reset_keeps_a_backup_migrates_seeds_and_says_whose_connections_ended(
    at: Inside, tmp_path: Path, recipient: str
) -> None:
    at.sql("CREATE TABLE old (id int); INSERT INTO old VALUES (1)")
    folder = FolderStore(tmp_path, "backups/testing")
    given: dict[str, Any] = {"recipients": [recipient], "environment": "testing", "by": "anna"}
    given |= {"migrations": anew.migrations(), "seeds": SEEDS}
    with at.server.connect(application="psql of anna"):
        done = at.do("reset", folder, **given)
    assert done["summary"] == (
        f"testing has a new database; the old one is backup {done['backup']}"
    )
    assert f"{done['backup']}.json" in [entry.key for entry in folder.entries()]
    assert any("1 of psql of anna (logbook)" in note for note in at.heard.notes)
    assert {"accounts", "entries", "jobs", "schema_migrations"} <= tables(at.server)
    assert "old" not in tables(at.server)
    assert at.sql("SELECT email FROM accounts") == [("a@b",)]
    assert at.sql("SELECT environment FROM slipway.identity") == [("testing",)]
    assert databases(at.server) == {at.server.database}


def test_the_seeds_of_the_checkout_may_run_again(at: Inside, tmp_path: Path) -> None:
    at.do("migrate", None, migrations=anew.migrations())
    seeds = anew.seeds("dev")
    assert list(seeds) == ["common.sql", "dev.sql"]
    for _ in range(2):
        assert at.do("seed", None, environment="testing", seeds=seeds)["files"] == list(seeds)
    assert at.sql("SELECT count(*) FROM entries") == [(3,)]


def test_seeds_are_one_transaction_a_file_and_a_mistake_names_file_and_line(at: Inside) -> None:
    at.sql("CREATE TABLE t (id int)")
    good, bad = "INSERT INTO t VALUES (1)", "INSERT INTO t VALUES (2);\nSELECT 100 % nothing;"
    with pytest.raises(SlipwayError) as caught:
        at.do("seed", None, seeds={"common.sql": good, "testing.sql": bad})
    assert str(caught.value) == (
        'seed/testing.sql, line 2: column "nothing" does not exist (SQLSTATE 42703); '
        "nothing of this file was kept; common.sql before it stays"
    )
    assert at.sql("SELECT id FROM t") == [(1,)]


def test_the_old_database_serves_until_the_new_one_is_whole(at: Inside) -> None:
    at.sql("CREATE TABLE old (id int)")

    def fail(new: Server) -> None:
        assert tables(at.server) == {"old"}
        raise SlipwayError("migration 2 failed")

    report = Heard()
    with pytest.raises(SlipwayError, match="migration 2 failed"):
        replace(at.server, wish(fill=fail), report)
    assert report.notes[-1] == f"{at.server.database} is as it was"
    assert tables(at.server) == {"old"}
    assert databases(at.server) == {at.server.database}


def test_a_server_that_ends_our_session_is_told_and_the_next_reset_clears_away(at: Inside) -> None:
    at.sql("CREATE TABLE old (id int)")

    def end(_: Server) -> None:
        at.sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name = 'slipway reset'"
        )

    with pytest.raises(SlipwayError, match=r"broke off \(terminating connection .* run this again"):
        replace(at.server, wish(fill=end), Heard())
    assert tables(at.server) == {"old"}
    replace(at.server, wish(), Heard())
    assert databases(at.server) == {at.server.database}


def test_no_backup_no_reset(at: Inside) -> None:
    at.sql("CREATE TABLE old (id int)")

    def fail(_: Server) -> None:
        raise SlipwayError("the disk of backups/testing is full")

    with pytest.raises(SlipwayError, match="is full"):
        replace(at.server, wish(before=fail), Heard())
    assert tables(at.server) == {"old"}


@pytest.mark.parametrize(
    ("asked", "setting", "row", "words"),
    [
        ("prod", "prod", None, "you asked for prod"),
        ("dev", "prod", None, "its settings say prod"),
        ("dev", "dev", "prod", "its own row says prod"),
        ("staging", "staging", "prod", "its own row says prod"),
        ("dev", "staging", None, "you asked for 'dev', and the settings .* say 'staging'"),
        ("staging", "staging", "testing", "says that it is 'testing', and its settings .*staging"),
    ],
)
def test_prod_and_what_does_not_agree_are_refused_before_anything_is_changed(
    at: Inside, asked: str, setting: str, row: str | None, words: str
) -> None:
    with at.server.connect() as connection:
        if row:
            marker.write(connection, row)
    with pytest.raises(Refused, match=words):
        replace(at.server, wish(asked=asked, setting=setting), Heard())
    assert databases(at.server) == {at.server.database}
    assert "fresh" not in tables(at.server)


def test_the_row_can_be_changed_and_is_there_once_whoever_writes_first(at: Inside) -> None:
    people = [
        subprocess.Popen(["docker", "exec", at.ops, "python", "-c", _ENSURE.format(n)])
        for n in range(4)
    ]
    assert [person.wait(30) for person in people] == [0] * 4
    with at.server.connect() as connection:
        assert connection.execute("SELECT count(*) FROM slipway.identity").fetchone() == (1,)
        marker.write(connection, "staging")
        assert marker.read(connection) == "staging"
        assert marker.ensure(connection, "prod") == "staging"


_ENSURE = (
    "from slipway.database import connection, marker; "
    "marker.ensure(connection.server().connect(), 'env{}')"
)


def test_settings_rights_owner_and_writing_of_the_database_stay(stage: Inside) -> None:
    name = "odd name 'ü\" = %"
    quoted = '"' + name.replace('"', '""') + '"'
    stage.sql(
        f"CREATE DATABASE {quoted} TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'", "postgres"
    )
    stage.sql("CREATE ROLE reader; CREATE ROLE keeper", "postgres")
    for text in (
        f"ALTER DATABASE {quoted} OWNER TO keeper",
        f"ALTER DATABASE {quoted} SET work_mem = '7MB'",
        f"ALTER ROLE reader IN DATABASE {quoted} SET search_path = a, b",
        f"ALTER DATABASE {quoted} CONNECTION LIMIT 55",
        f"REVOKE CONNECT ON DATABASE {quoted} FROM public",
        f"GRANT CONNECT ON DATABASE {quoted} TO reader",
        f"COMMENT ON DATABASE {quoted} IS 'ours'",
    ):
        stage.sql(text, "postgres")
    server = stage.server.named(name)
    before = _properties(server)
    replace(server, wish(), Heard())
    assert _properties(server) == before
    assert tables(server) == {"fresh"}
    assert databases(server) == {name}
    stage.sql(f"DROP DATABASE {quoted}", "postgres")


def _properties(server: Server) -> Any:
    with server.named("postgres").connect() as connection:
        return connection.execute(
            "SELECT pg_get_userbyid(datdba), encoding, datcollate, datctype, datlocprovider,"
            " datconnlimit, (SELECT array_agg(a::text ORDER BY a::text) FROM unnest(datacl) a),"
            " shobj_description(d.oid, 'pg_database'), (SELECT array_agg((setrole, setconfig)::text"
            " ORDER BY 1) FROM pg_db_role_setting WHERE setdatabase = d.oid)"
            " FROM pg_database d WHERE datname = %s",
            [server.database],
        ).fetchone()


def test_fifty_busy_connections_are_ended_and_new_ones_wait_less_than_two_seconds(
    at: Inside,
) -> None:
    at.sql("CREATE TABLE old (id int)")
    with contextlib.ExitStack() as stack:
        for n in range(50):
            connection = at.server.connect(application="api")
            stack.callback(connection.close)
            if n % 2:
                connection.execute("BEGIN; LOCK TABLE old IN ACCESS SHARE MODE")
        report = Heard()
        done = replace(at.server, wish(), report)
    assert done.ended == 50
    assert done.seconds < 2
    assert "ending connections: 50 of api (logbook)" in report.notes
    assert tables(at.server) == {"fresh"}


def test_a_database_that_is_missing_is_made(at: Inside) -> None:
    at.sql(f'DROP DATABASE "{at.server.database}"', "postgres")
    replace(at.server, wish(), Heard())
    assert tables(at.server) == {"fresh"}
    assert databases(at.server) == {at.server.database}


def test_two_resets_at_once_are_one(at: Inside) -> None:
    def meet(new: Server) -> None:
        with pytest.raises(Busy, match="a reset of this database is under way"):
            replace(at.server, wish(), Heard())

    replace(at.server, wish(fill=meet), Heard())
    assert databases(at.server) == {at.server.database}


def test_a_reset_that_is_killed_anywhere_leaves_the_old_or_the_new_and_the_next_finishes(
    stage: Inside, at: Inside, tmp_path: Path
) -> None:
    ops = start_ops(
        at.corner, at.network, at.server.database, at.server.password_file,
        "--env", "ENVIRONMENT=dev",
    )  # fmt: skip
    at.sql("CREATE TABLE old (id int)")
    given = json.dumps({"migrations": anew.migrations(), "seeds": SEEDS})
    argv = ["docker", "exec", ops, "python", "-m", "slipway.inside", "reset", "--given", given]
    began = time.monotonic()
    subprocess.run(argv, check=True, capture_output=True)
    whole = time.monotonic() - began
    seen: list[bool] = []
    moment = whole * 0.35
    while len(seen) < 14 or (len(set(seen)) < 2 and len(seen) < 60):
        at.sql("CREATE TABLE IF NOT EXISTS old (id int)")
        person = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(moment)
        at.corner.docker("exec", ops, "pkill", "-9", "-f", "slipway.inside", check=False)
        person.wait(20)
        found = tables(at.server)
        assert "old" in found or "accounts" in found
        assert not ("old" not in found and at.sql("SELECT email FROM accounts") != [("a@b",)])
        seen.append("old" in found)
        # Around the swap, however fast the machine is just now.
        moment *= 1.2 if "old" in found else 0.9
    assert set(seen) == {True, False}, "some were killed before the swap, some after it"
    subprocess.run(argv, check=True, capture_output=True)
    assert "old" not in tables(at.server)
    assert databases(at.server) == {at.server.database}


# -- bad input ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def plain(stage: Inside) -> Iterator[Server]:
    """A database of an ordinary role that may create others, as a managed server gives."""
    literal = "'" + PASSWORD.replace("'", "''") + "'"
    stage.sql(f"CREATE ROLE plain LOGIN CREATEDB PASSWORD {literal}", "postgres")
    stage.sql("CREATE DATABASE plain OWNER plain", "postgres")
    server = stage.server
    yield Server(server.host, server.port, "plain", "plain", server.password_file)
    stage.sql("DROP DATABASE plain WITH (FORCE)", "postgres")
    stage.sql("DROP ROLE plain", "postgres")


def test_an_ordinary_role_resets_its_own_database(plain: Server) -> None:
    with plain.connect(application="api"):
        replace(plain, wish(), Heard())
    assert tables(plain) == {"fresh"}
    assert databases(plain) == {"plain"}


def test_missing_rights_are_told_before_anything_is_changed(stage: Inside, plain: Server) -> None:
    with (
        stage.server.named("plain").connect(),
        pytest.raises(
            Refused, match=r"logbook is connected to plain, and the role plain may not end"
        ),
    ):
        replace(plain, wish(), Heard())
    with pytest.raises(Refused, match=r"logbook belongs to another role than plain"):
        replace(plain.named("logbook"), wish(), Heard())
    stage.sql("ALTER ROLE plain NOCREATEDB", "postgres")
    try:
        with pytest.raises(Refused, match=r"may not create databases; .*createdb"):
            replace(plain, wish(), Heard())
    finally:
        stage.sql("ALTER ROLE plain CREATEDB", "postgres")


def test_a_server_that_only_reads_is_told(stage: Inside, plain: Server) -> None:
    stage.sql("ALTER ROLE plain SET default_transaction_read_only = on", "postgres")
    try:
        with pytest.raises(Refused, match=r"only reads \(a replica\?\)"):
            replace(plain, wish(), Heard())
    finally:
        stage.sql("ALTER ROLE plain RESET default_transaction_read_only", "postgres")


def test_a_wrong_password_a_missing_database_and_a_server_that_is_down_are_told_apart(
    stage: Inside, tmp_path: Path
) -> None:
    server = stage.server
    wrong = tmp_path / "wrong"
    wrong.write_text("hunter2\n")
    cases = {
        r'does not let logbook in: password authentication failed for user "logbook"$': Server(
            server.host, server.port, "logbook", "logbook", wrong
        ),
        r'does not let logbook in: database "nowhere" does not exist$': server.named("nowhere"),
        r"^the database server at 127.0.0.1:1 does not answer: Connection refused$": Server(
            server.host, 1, "logbook", "logbook", server.password_file
        ),
    }
    for words, place in cases.items():
        with pytest.raises(NoDatabase, match=words) as caught:
            query.ask(place, "select 1", patience=1)
        assert "hunter2" not in str(caught.value) and PASSWORD not in str(caught.value)


# -- query --------------------------------------------------------------------------------------


def test_a_question_is_answered_with_values_that_json_can_hold(stage: Inside) -> None:
    sql = """-- a comment, and 100 % of it
      SELECT 1 AS one, 2.50 AS price, 12345678901234567890 AS large, 0.1234567890123456789 AS fine,
        'ü'::text, NULL AS none, true AS yes, '{"a": [1]}'::jsonb AS doc, ARRAY[1, 2] AS list,
        'infinity'::timestamptz AS at, 'NaN'::float AS nan, '\\x00ff'::bytea AS bytes,
        1 AS one, daterange('2026-01-01', NULL) AS stay"""
    found = stage.do("query", None, sql=sql)
    row = dict(zip(found["columns"], found["rows"][0], strict=True))
    assert row == {
        "one": 1, "price": 2.5, "large": 12345678901234567890, "fine": "0.1234567890123456789",
        "text": "ü", "none": None, "yes": True, "doc": {"a": [1]}, "list": [1, 2],
        "at": "infinity", "nan": "nan", "bytes": "\\x00ff", "one_2": 1, "stay": "[2026-01-01,)",
    }  # fmt: skip


def test_no_more_rows_than_asked_for_are_sent_and_the_rest_is_said(stage: Inside) -> None:
    began = time.monotonic()
    found = stage.do("query", None, sql="select generate_series(1, 50000000)", limit=3)
    assert found["rows"] == [[1], [2], [3]]
    assert found["more"] and found["summary"] == "3 rows, and more"
    assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("select 1; drop table t", "one statement"),
        ("commit; drop table t", "begins with 'commit'"),
        ("select 1; commit; drop table t", "one statement"),
        ("with gone as (delete from t returning id) select * from gone", "only reads"),
        ("select id into u from t", "only reads"),
        ("explain analyze delete from t", "only reads"),
        ("select nextval('t_id_seq')", "only reads"),
        ("copy t to program 'touch /tmp/x'", "begins with 'copy'"),
        ("do $$ begin delete from t; end $$", "begins with 'do'"),
        ("/* select */ drop table t", "begins with 'drop'"),
        ("set transaction read write", "begins with 'set'"),
    ],
)
def test_nothing_is_written_by_a_question(at: Inside, sql: str, words: str) -> None:
    at.sql("CREATE TABLE t (id serial); INSERT INTO t DEFAULT VALUES")
    with pytest.raises(Refused, match=words):
        query.ask(at.server, sql)
    assert at.sql("SELECT count(*), max(id) FROM t") == [(1, 1)]


def test_the_transaction_cannot_be_made_to_write_from_within(stage: Inside) -> None:
    with pytest.raises(SlipwayError, match="read-write mode"):
        query.ask(stage.server, "select set_config('transaction_read_only', 'off', true)")


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("select 1\nfrom nowhere", r'"nowhere" does not exist \(SQLSTATE 42P01, line 2, column 6'),
        ("select 1 +", r"at end of input \(SQLSTATE 42601, line 1, column 11: the end\)"),
        ("select 1/0", r"^division by zero \(SQLSTATE 22012\)$"),
        ("select pg_sleep(20)", "no answer within 1 s"),
    ],
)
def test_what_the_server_complains_of_is_one_sentence_with_its_place(
    stage: Inside, sql: str, words: str
) -> None:
    with pytest.raises(query.QueryFailed, match=words):
        query.ask(stage.server, sql, timeout=1)


@pytest.mark.parametrize("sql", ["", "  ", "-- nothing", ";"])
def test_no_question_is_a_mistake_of_usage(stage: Inside, sql: str) -> None:
    with pytest.raises(UsageError, match="no question"):
        query.ask(stage.server, sql)


def test_migrating_says_which_environment_a_database_is(at: Inside) -> None:
    at.do("migrate", None, migrations=anew.migrations())
    assert at.sql("SELECT environment FROM slipway.identity") == [("testing",)]


# -- shell --------------------------------------------------------------------------------------


LISTS = r"cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ | tr '\0' '\n'"


class Terminal:
    """A shell in a terminal of its own, spoken with as a person does."""

    def __init__(self, ops: str, *flags: str) -> None:
        argv = ["docker", "exec", "-it", ops, "python", "-m", "slipway.inside.shell", *flags]
        self.pid, self._end = pty.fork()
        if self.pid == 0:
            os.execvp(argv[0], argv)  # noqa: S606  a terminal of its own needs a fork

    def type(self, text: str) -> None:
        os.write(self._end, text.encode())

    def until(self, word: str, seconds: float = 15) -> str:
        """Read on until a word is there; return what was said since the last time."""
        deadline = time.monotonic() + seconds
        said = ""
        while word not in said:
            assert time.monotonic() < deadline, f"no {word!r} in {said!r}"
            if select.select([self._end], [], [], 0.2)[0]:
                said += os.read(self._end, 65536).decode(errors="replace")
        return said

    def close(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self._end)


@contextlib.contextmanager
def terminal(ops: str, *flags: str) -> Iterator[Terminal]:
    made = Terminal(ops, *flags)
    try:
        yield made
    finally:
        made.close()


@pytest.fixture(scope="module")
def prod(stage: Inside) -> str:
    server = stage.server
    environment = ("--env", "ENVIRONMENT=prod")
    return start_ops(
        stage.corner, stage.network, server.database, server.password_file, *environment
    )


def test_a_shell_is_psql_on_a_terminal_that_says_where_it_is(stage: Inside) -> None:
    with terminal(stage.ops) as person:
        assert "testing" in person.until("logbook=")
        person.type("select 6 * 7 as answer;\n")
        assert "42" in person.until("(1 row)")
        person.type("select pg_sleep(60);\n")
        time.sleep(0.5)
        person.type("\x03")
        person.until("canceling statement due to user request")
        shown = stage.corner.docker("exec", stage.ops, "sh", "-c", LISTS)
        assert "psql" in shown and PASSWORD not in shown
        person.type("\\q\n")
        eventually(lambda: not psql_runs(stage, stage.ops), 5)
    find = "find /tmp /srv -name 'pgpass*' -o -name '.psql*'"
    files = stage.corner.docker("exec", stage.ops, "sh", "-c", find)
    assert files == ""


def test_in_prod_a_shell_only_reads_until_it_is_told_to_write(stage: Inside, prod: str) -> None:
    place = Place(LocalHost("here"), prod, "prod")
    said: list[bytes] = []
    assert psql.run(place, "create table t (id int)", said.append, write=False) == 1
    assert b"cannot execute CREATE TABLE in a read-only transaction" in b"".join(said)
    assert psql.run(place, "create table t (id int); drop table t", said.append, write=True) == 0
    with terminal(prod) as person:
        shown = person.until("logbook=")
        assert "prod (reads only)" in shown and "\x1b[1;31m" in shown
    with terminal(prod, "--write") as person:
        assert "reads only" not in person.until("logbook=")


def test_a_command_of_psql_runs_and_its_output_is_passed_on(stage: Inside) -> None:
    said: list[bytes] = []
    place = Place(LocalHost("here"), stage.ops, "testing")
    assert psql.run(place, "\\conninfo", said.append, write=False) == 0
    assert b'database "logbook"' in b"".join(said)


def test_a_shell_whose_person_is_gone_does_not_stay(stage: Inside) -> None:
    with terminal(stage.ops, "--idle", "10") as person:
        person.until("logbook=")
    eventually(lambda: not psql_runs(stage, stage.ops), 30)


def psql_runs(stage: Inside, ops: str) -> bool:
    return bool(stage.corner.docker("exec", ops, "pgrep", "-x", "psql", check=False))


def eventually(what: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.2)
