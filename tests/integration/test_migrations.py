"""Migrations against a real PostgreSQL 17: run once, whole, in order, and nothing by surprise."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from slipway.database.connection import NoDatabase, Server
from slipway.errors import Busy, Refused, SlipwayError, UsageError
from slipway.migrations import files, looking, runner
from slipway.migrations.runner import Wish
from slipway.project import COMPOSE, ROOT
from tests.integration import inside
from tests.integration.conftest import Corner
from tests.integration.inside import Heard, Inside

pytestmark = pytest.mark.engine

Texts = dict[str, str]


class Database:
    """An empty database of its own, migrated from here as the engine inside would."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.heard = Heard()

    def migrate(self, texts: Texts, **wish: Any) -> list[str]:
        self.heard = Heard()
        found = files.from_texts(texts)
        done = runner.migrate(self.server, found, self.heard, Wish(by="ann@laptop", **wish))
        return [each.filename for each in done]

    def roll_back(self, texts: Texts, steps: int = 1, **wish: Any) -> list[str]:
        found = files.from_texts(texts)
        done = runner.roll_back(self.server, found, self.heard, Wish(**wish), steps)
        return [each.filename for each in done]

    def status(self, texts: Texts) -> dict[str, Any]:
        return looking.status(self.server, files.from_texts(texts))

    def sql(self, text: str) -> list[Any]:
        with self.server.connect(application="a test") as connection:
            cursor = connection.execute(text.encode())
            return cursor.fetchall() if cursor.description else []

    def tables(self) -> set[str]:
        found = self.sql("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        return {name for (name,) in found} - {"schema_migrations"}

    def applied(self) -> list[str]:
        return [name for (name,) in self.sql("SELECT * FROM schema_migrations ORDER BY 1")]

    def begin(self, texts: Texts, **given: Any) -> "subprocess.Popen[str]":
        """Start a run as a process of its own, as in a container."""
        server = self.server
        settings = {
            "DATABASE_HOST": server.host,
            "DATABASE_PORT": str(server.port),
            "DATABASE_NAME": server.database,
            "DATABASE_USER": server.user,
            "DATABASE_PASSWORD_FILE": str(server.password_file),
        }
        words = ["migrate", "--given", json.dumps({"migrations": texts, **given})]
        return subprocess.Popen(
            [sys.executable, "-m", "slipway.inside", *words],
            cwd=ROOT,
            env=os.environ | settings,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def kill_during(self, texts: Texts, query: str) -> None:
        """Start a run and kill it -9 while the server works on a query."""
        process = self.begin(texts)
        self.wait_for_query(query)
        process.send_signal(signal.SIGKILL)
        process.communicate()

    def wait_for_query(self, query: str) -> int:
        """Wait until the server works on a query that begins so; return the session's pid."""
        ask = "SELECT pid, query FROM pg_stat_activity WHERE state = 'active'"
        busy = until(lambda: [pid for pid, text in self.sql(ask) if text.startswith(query)])
        return int(busy[0])


def until(ask: Callable[[], Any], patience: float = 20) -> Any:
    deadline = time.monotonic() + patience
    while not (answer := ask()):
        assert time.monotonic() < deadline, "it never came to that"
        time.sleep(0.05)
    return answer


@pytest.fixture(scope="module")
def place(module_corner: Corner, tmp_path_factory: pytest.TempPathFactory) -> Inside:
    return inside.start(module_corner, tmp_path_factory.mktemp("secret"))


@pytest.fixture
def db(place: Inside, request: pytest.FixtureRequest) -> Iterator[Database]:
    name = f"t{abs(hash(request.node.name)) % 10**9}"
    place.sql(f"CREATE DATABASE {name}", "postgres")
    yield Database(place.server.named(name))
    place.sql(f"DROP DATABASE {name} WITH (FORCE)", "postgres")


def up(text: str, down: str = "", *, whole: bool = True) -> str:
    option = "" if whole else " transaction:false"
    back = f"\n-- migrate:down{option}\n{down}\n" if down else ""
    return f"-- migrate:up{option}\n{text}\n{back}"


ONE = {"1_a.sql": up("CREATE TABLE a (n int);", "DROP TABLE a;")}
TWO = ONE | {"2_b.sql": up("CREATE TABLE b (n int);", "DROP TABLE b;")}


def test_files_run_once_and_all_the_way_back(db: Database) -> None:
    texts = {path.name: path.read_text() for path in (COMPOSE / "migrations").glob("*.sql")}
    assert db.migrate(texts) == sorted(texts)
    assert db.migrate(texts) == []
    assert all(row["by"] == "ann@laptop" for row in db.status(texts)["migrations"])
    assert db.roll_back(texts, len(texts)) == sorted(texts, reverse=True)
    assert db.tables() == set()
    assert db.migrate(texts) == sorted(texts)


def test_of_five_runs_at_once_on_an_empty_database_one_applies_everything(db: Database) -> None:
    texts = {f"{n}_t.sql": up(f"CREATE TABLE t{n} (); SELECT pg_sleep(0.1);") for n in range(1, 5)}
    texts["5_i.sql"] = up("CREATE INDEX CONCURRENTLY i ON a (n); VACUUM a;", whole=False)
    texts["4_a.sql"] = texts.pop("4_t.sql").replace("CREATE", "CREATE TABLE a (n int); CREATE")
    counts = at_once(5, lambda: len(Database(db.server).migrate(texts)))
    assert sorted(counts) == [0, 0, 0, 0, 5]
    assert db.sql("SELECT indisvalid FROM pg_index WHERE indexrelid = 'i'::regclass") == [(True,)]


def test_a_body_without_a_transaction_runs_once_however_many_start_it(db: Database) -> None:
    db.sql("CREATE TABLE calls (n int)")
    texts = {"1_a.sql": up("INSERT INTO calls VALUES (1); SELECT pg_sleep(0.5);", whole=False)}
    at_once(3, lambda: Database(db.server).migrate(texts))
    assert db.sql("SELECT count(*) FROM calls") == [(1,)]


def test_who_waits_too_long_is_told_for_whom(db: Database) -> None:
    process = db.begin({"1_a.sql": up("SELECT pg_sleep(60);")}, by="bob@desk")
    db.wait_for_query("SELECT pg_sleep")
    with pytest.raises(Busy, match=r"slipway migrate, bob@desk \(pid \d+, from .+, since \d\d:"):
        db.migrate(ONE, lock_wait=0.5)
    process.send_signal(signal.SIGTERM)
    process.communicate()
    assert db.migrate(ONE) == ["1_a.sql"]


def test_killed_inside_a_transaction_nothing_is_left_and_nobody_is_kept_out(db: Database) -> None:
    texts = {"1_a.sql": up("CREATE TABLE half (); SELECT pg_sleep(60);")}
    db.kill_during(texts, "SELECT pg_sleep")
    assert db.migrate(ONE) == ["1_a.sql"]
    assert db.tables() == {"a"}


def test_killed_without_a_transaction_the_next_run_names_the_statement_and_the_ways_on(
    db: Database,
) -> None:
    texts = {
        "1_a.sql": up("CREATE TABLE x (); SELECT pg_sleep(60); CREATE TABLE y ();", whole=False)
    }
    db.kill_during(texts, "SELECT pg_sleep")
    with pytest.raises(Refused) as caught:
        db.migrate(texts | TWO)
    said = str(caught.value)
    assert "1_a.sql was left half applied" in said
    assert "statement 2 of 3 was sent and not seen to end" in said
    for flag in ("--resume-from=2", "--resume-from=3", "--mark=applied", "--mark=pending"):
        assert flag in said
    assert db.status(texts)["migrations"][0]["state"] == "half done"
    assert db.migrate(texts, resume_from=3) == ["1_a.sql"]
    assert db.tables() == {"x", "y"}
    assert db.migrate(texts) == []


@pytest.mark.parametrize("mark", ["applied", "pending"])
def test_a_half_done_file_is_what_a_person_says_it_is(db: Database, mark: str) -> None:
    texts = {"1_a.sql": up("CREATE TABLE IF NOT EXISTS x (); SELECT pg_sleep(2);", whole=False)}
    db.kill_during(texts, "SELECT pg_sleep")
    assert db.migrate(texts | TWO_AFTER, mark=mark) == (
        ["2_b.sql"] if mark == "applied" else ["1_a.sql", "2_b.sql"]
    )
    assert db.applied() == ["1", "2"]


TWO_AFTER = {"2_b.sql": TWO["2_b.sql"]}


def test_a_connection_cut_in_the_middle_takes_the_file_back(db: Database) -> None:
    texts = {"1_a.sql": up("CREATE TABLE half (); SELECT pg_sleep(60);")}
    failed = in_background(lambda: db.migrate(texts))
    db.sql(f"SELECT pg_terminate_backend({db.wait_for_query('SELECT pg_sleep')})")
    with pytest.raises(SlipwayError, match="taken back whole"):
        failed()
    assert (db.tables(), db.applied()) == (set(), [])


def test_a_connection_cut_without_a_transaction_leaves_a_file_half_done(db: Database) -> None:
    texts = {"1_a.sql": up("CREATE TABLE x (); SELECT pg_sleep(60);", whole=False)}
    failed = in_background(lambda: db.migrate(texts))
    db.sql(f"SELECT pg_terminate_backend({db.wait_for_query('SELECT pg_sleep')})")
    with pytest.raises(SlipwayError, match="statement 2 of 2 failed"):
        failed()
    with pytest.raises(Refused, match="statement 2 of 2 was sent and not seen to end"):
        db.migrate(texts)


def test_everything_that_is_wrong_is_named_before_anything_runs(db: Database) -> None:
    texts = {f"{n}_t.sql": up(f"CREATE TABLE t{n} ();") for n in (10, 20, 30, 40)}
    db.migrate(texts)
    texts["10_t.sql"] += "-- a word more"
    texts["20_renamed.sql"] = texts.pop("20_t.sql")
    del texts["30_t.sql"]
    texts["15_late.sql"] = up("CREATE TABLE late ();")
    texts["50_own.sql"] = up("SELECT 1;\nCOMMIT;")
    texts["60_fine.sql"] = up("CREATE TABLE fine ();")
    with pytest.raises(Refused) as caught:
        db.migrate(texts)
    said = str(caught.value)
    old = files.from_texts({"10_t.sql": up("CREATE TABLE t10 ();")})[0].sha256[:12]
    new = files.from_texts({"10_t.sql": texts["10_t.sql"]})[0].sha256[:12]
    assert f"10_t.sql was edited after it was applied: sha256 {old} then, {new} now" in said
    assert "30_t.sql is applied and its file is missing" in said
    assert "15_late.sql is older than 40" in said
    assert "50_own.sql: line 3: COMMIT is not for a migration" in said
    assert "20_" not in said
    states = {row["version"]: row["state"] for row in db.status(texts)["migrations"]}
    assert states["10"] == "edited" and states["30"] == "missing"
    assert states["15"] == "out of order" and states["20"] == "applied"
    assert not {"late", "fine"} & db.tables()


def test_what_a_person_accepts_is_recorded_and_not_asked_again(db: Database) -> None:
    texts = {f"{n}_t.sql": up(f"CREATE TABLE t{n} ();") for n in (10, 20, 30)}
    db.migrate(texts)
    texts["10_t.sql"] += "-- a word more"
    del texts["20_t.sql"]
    texts["15_late.sql"] = up("CREATE TABLE late ();")
    accept = frozenset({"10", "20"})
    assert db.migrate(texts, accept=accept, allow_out_of_order=True) == ["15_late.sql"]
    assert db.sql("SELECT version FROM slipway.migrations WHERE out_of_order") == [("15",)]
    assert db.migrate(texts) == []
    with pytest.raises(UsageError, match="--accept=77"):
        db.migrate(texts, accept=frozenset({"77"}))


def test_a_database_that_is_ahead_of_an_older_checkout_is_told_and_left(db: Database) -> None:
    db.migrate(TWO)
    assert db.migrate(ONE) == []
    assert any("newer than all files here" in note for note in db.heard.notes)


def test_a_failing_statement_takes_its_whole_file_back_and_is_named(db: Database) -> None:
    texts = TWO | {
        "3_c.sql": "-- about\n\n"
        + up("CREATE TABLE c (n int PRIMARY KEY);\nINSERT INTO c\n VALUES (1), (1);\nSELECT 1;"),
        "4_d.sql": up("CREATE TABLE d ();"),
    }
    with pytest.raises(SlipwayError) as caught:
        db.migrate(texts)
    said = str(caught.value)
    assert caught.value.exit_code == 1
    assert "migrations/3_c.sql, line 5: statement 2 of 3 failed" in said
    assert "(23505)" in said and "duplicate key" in said and "taken back whole" in said
    assert "(2 before it stay, 1 after it were not tried)" in said
    assert said.endswith("INSERT INTO c VALUES (1), (1)")
    assert db.tables() == {"a", "b"} and db.applied() == ["1", "2"]
    assert not any("applied 3" in note for note in db.heard.notes)


def test_a_mistake_deep_in_a_statement_is_found_on_its_line(db: Database) -> None:
    texts = {"1_a.sql": up("CREATE TABLE a (n int);\nSELECT n\nFROM a\nWHERE wrong = 1;")}
    with pytest.raises(SlipwayError, match=r"1_a.sql, line 5: statement 2 of 2 failed.*\(42703\)"):
        db.migrate(texts)


def test_a_deferred_complaint_at_the_commit_takes_the_file_back(db: Database) -> None:
    bad = "CREATE TABLE a (n int UNIQUE DEFERRABLE INITIALLY DEFERRED);"
    bad += "INSERT INTO a VALUES (1), (1);"
    with pytest.raises(SlipwayError, match="committing it failed: duplicate key"):
        db.migrate({"1_a.sql": up(bad)})
    assert (db.tables(), db.applied()) == (set(), [])


def test_indexes_built_concurrently_are_seen_to_be_valid(db: Database) -> None:
    db.sql("CREATE TABLE t (a int, b int); INSERT INTO t VALUES (1, 1), (1, 2)")
    texts = {
        "1_i.sql": up(
            "CREATE INDEX CONCURRENTLY a ON t (a); CREATE INDEX CONCURRENTLY b ON t (b);",
            "DROP INDEX CONCURRENTLY a; DROP INDEX CONCURRENTLY b;",
            whole=False,
        ),
        "2_u.sql": up('CREATE UNIQUE INDEX CONCURRENTLY "Once" ON t (a);', whole=False),
    }
    with pytest.raises(SlipwayError) as caught:
        db.migrate(texts)
    assert 'DROP INDEX CONCURRENTLY public."Once";' in str(caught.value)
    texts["2_u.sql"] = texts["2_u.sql"].replace("CONCURRENTLY", "CONCURRENTLY IF NOT EXISTS")
    with pytest.raises(SlipwayError, match="left an index that is not valid"):
        db.migrate(texts)
    db.sql('DROP INDEX CONCURRENTLY public."Once"; ')
    db.sql("DELETE FROM t WHERE b = 2")
    assert db.migrate(texts) == ["2_u.sql"]
    texts["2_u.sql"] += '-- migrate:down\nDROP INDEX "Once";'
    assert db.roll_back(texts, 2) == ["2_u.sql", "1_i.sql"]
    assert db.sql("SELECT count(*) FROM pg_index WHERE indrelid = 't'::regclass") == [(0,)]


def test_signs_that_mean_something_to_a_driver_arrive_as_they_are(db: Database) -> None:
    text = "CREATE TABLE t (a text); INSERT INTO t VALUES ('100 %s %% {} %(a)s ünï'), (E'a\\nb');"
    db.migrate({"1_ä%.sql": up(text)})
    assert db.sql("SELECT a FROM t") == [("100 %s %% {} %(a)s ünï",), ("a\nb",)]


@pytest.mark.parametrize("whole", [True, False])
def test_what_one_file_sets_does_not_reach_the_next_or_the_record(
    db: Database, whole: bool
) -> None:
    sets = (
        "SELECT pg_catalog.set_config('search_path', '', false); SET statement_timeout = '7s';"
        "CREATE ROLE nobody_much; SET ROLE nobody_much;"
        "SELECT pg_catalog.set_config('standard_conforming_strings', 'off', false);"
        "SET lock_timeout = '1ms'; SELECT pg_advisory_unlock_all();"
    ).replace("nobody_much", f"nobody_{'whole' if whole else 'apart'}")
    after = "CREATE TABLE plain AS SELECT current_user::text AS me, '\\'::text AS sign, "
    after += "current_setting('statement_timeout') AS timeout, current_setting('lock_timeout') AS l"
    db.migrate({"1_a.sql": up(sets, whole=whole), "2_b.sql": up(after)})
    assert db.sql("SELECT * FROM public.plain") == [("logbook", "\\", "0", "5s")]


def test_a_new_default_of_the_database_reaches_the_next_file_as_in_a_run_of_its_own(
    db: Database,
) -> None:
    alter = f"CREATE SCHEMA app; ALTER DATABASE {db.server.database} SET search_path = app;"
    db.migrate({"1_a.sql": up(alter), "2_b.sql": up("CREATE TABLE here ();")})
    assert db.sql("SELECT schemaname FROM pg_tables WHERE tablename = 'here'") == [("app",)]


def test_a_change_behind_a_long_reader_gives_way_tries_again_and_names_the_reader(
    db: Database,
) -> None:
    db.migrate(ONE)
    texts = ONE | {"2_b.sql": up("ALTER TABLE a ADD COLUMN m int;")}
    with db.server.connect(application="a report") as reader, reader.transaction():
        reader.execute("SELECT count(*), 'a secret' FROM a")
        failed = in_background(lambda: db.migrate(texts, lock_timeout=0.5))
        worst = 0.0
        for _ in range(40):
            began = time.monotonic()
            db.sql("SELECT count(*) FROM a")
            worst = max(worst, time.monotonic() - began)
            time.sleep(0.05)
        assert worst < 1
        with pytest.raises(SlipwayError) as caught:
            failed()
    said = str(caught.value)
    assert "(55P03)" in said and "taken back whole, 5 times" in said
    assert "a report" in said and "SELECT count(*), '…' FROM a" in said and "secret" not in said
    assert db.migrate(texts) == ["2_b.sql"]


def test_a_change_goes_through_when_the_reader_ends_in_time(db: Database) -> None:
    db.migrate(ONE)
    texts = ONE | {"2_b.sql": up("ALTER TABLE a ADD COLUMN m int;", whole=False)}
    with db.server.connect() as reader, reader.transaction():
        reader.execute("SELECT count(*) FROM a")
        result = in_background(lambda: db.migrate(texts, lock_timeout=0.5))
        time.sleep(1)
    assert result() == ["2_b.sql"]
    assert any("waiting for a lock behind pid" in note for note in db.heard.notes)


def test_an_enum_value_used_in_the_file_that_adds_it_brings_a_hint(db: Database) -> None:
    text = "ALTER TYPE mood ADD VALUE 'calm'; CREATE TABLE m (a mood DEFAULT 'calm');"
    texts = {"1_a.sql": up("CREATE TYPE mood AS ENUM ('glad');"), "2_b.sql": up(text)}
    with pytest.raises(SlipwayError, match="ADD VALUE in a file of its own"):
        db.migrate(texts)


def test_files_without_a_way_up_or_down_do_what_is_written(db: Database) -> None:
    texts = ONE | {"2_b.sql": "-- migrate:up\n-- only words\n"}
    assert db.migrate(texts) == ["1_a.sql", "2_b.sql"]
    with pytest.raises(Refused, match=r"2_b\.sql has no way down"):
        db.roll_back(texts, 2)
    with pytest.raises(Refused, match="the file of 2 is missing"):
        db.roll_back(ONE, 1)
    assert db.applied() == ["1", "2"] and db.tables() == {"a"}


def test_a_way_back_that_fails_keeps_the_migration(db: Database) -> None:
    texts = {"1_a.sql": up("CREATE TABLE a ();", "DROP TABLE a; SELECT 1 / 0;")}
    db.migrate(texts)
    with pytest.raises(SlipwayError, match=r"\(22012\)"):
        db.roll_back(texts)
    assert db.tables() == {"a"} and db.applied() == ["1"]
    apart = {"1_a.sql": texts["1_a.sql"].replace("down", "down transaction:false")}
    with pytest.raises(SlipwayError, match=r"inv db\.rollback --resume-from=2"):
        db.roll_back(apart)
    with pytest.raises(Refused, match="left half taken back"):
        db.migrate(apart)
    mended = {"1_a.sql": apart["1_a.sql"].replace("1 / 0", "1")}
    assert db.roll_back(mended, resume_from=2) == ["1_a.sql"]
    assert db.applied() == []


def test_a_plan_shows_everything_and_writes_nothing(db: Database) -> None:
    before = db.sql("SELECT pg_current_wal_lsn(), txid_current_snapshot()::text")
    found = looking.plan(db.server, files.from_texts(TWO))
    assert [each["file"] for each in found["pending"]] == ["1_a.sql", "2_b.sql"]
    assert found["pending"][0]["statements"][0]["sql"] == "CREATE TABLE a (n int)"
    assert db.sql("SELECT pg_current_wal_lsn(), txid_current_snapshot()::text") == before
    assert db.sql("SELECT to_regclass('schema_migrations')") == [(None,)]


def test_what_was_shown_is_what_runs(db: Database) -> None:
    with pytest.raises(Refused, match="changed since it was shown"):
        db.migrate(TWO, expected=("1",))
    assert db.migrate(TWO, to="1", expected=("1",)) == ["1_a.sql"]


def test_a_baseline_records_and_runs_nothing(db: Database) -> None:
    found, wish = files.from_texts(TWO), Wish(by="ann@laptop")
    with pytest.raises(UsageError, match="no file has the version 7"):
        runner.baseline(db.server, found, db.heard, wish, "7")
    assert runner.baseline(db.server, found, db.heard, wish, "1") == ["1_a.sql"]
    assert db.tables() == set()
    assert db.migrate(TWO) == ["2_b.sql"]
    with pytest.raises(Refused, match="has a record of migrations already"):
        runner.baseline(db.server, found, db.heard, wish, "2")


def test_versions_of_another_tool_are_taken_over_and_held_to_from_then_on(db: Database) -> None:
    db.sql("CREATE TABLE schema_migrations (version varchar(128) PRIMARY KEY)")
    db.sql("INSERT INTO schema_migrations VALUES ('1'); CREATE TABLE a (n int)")
    assert db.status(TWO)["migrations"][0]["state"] == "applied"
    assert db.migrate(TWO) == ["2_b.sql"]
    assert any("1 migration applied by another tool" in note for note in db.heard.notes)
    with pytest.raises(Refused, match=r"1_a\.sql was edited"):
        db.migrate(TWO | {"1_a.sql": up("CREATE TABLE a (n bigint);")})
    db.sql("DELETE FROM schema_migrations WHERE version = '2'; DROP TABLE b")
    assert db.migrate(TWO) == ["2_b.sql"]


def test_a_database_that_takes_no_changes_is_named(db: Database) -> None:
    name = db.server.database
    db.sql(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    with pytest.raises(Refused, match=f"{name} is read-only"):
        db.migrate(ONE)


def test_a_role_that_may_not_is_told_what_to_grant(db: Database, place: Inside) -> None:
    role = f"weak_{db.server.database}"
    db.sql(f"CREATE ROLE {role} LOGIN PASSWORD '{inside.PASSWORD.replace(chr(39), chr(39) * 2)}'")
    weak = Database(Server(**{**vars(db.server), "user": role}))
    with pytest.raises(Refused, match=f"GRANT CREATE ON DATABASE {db.server.database} TO {role}"):
        weak.migrate(ONE)
    db.sql(f"GRANT CREATE ON DATABASE {db.server.database} TO {role}")
    with pytest.raises(Refused, match=f"GRANT CREATE ON SCHEMA public TO {role}"):
        weak.migrate(ONE)
    db.sql(f"ALTER DATABASE {db.server.database} OWNER TO {role}")
    assert weak.migrate(ONE) == ["1_a.sql"]


def test_a_wrong_password_or_name_fails_at_once_and_a_late_server_is_waited_for(
    db: Database, tmp_path: Any
) -> None:
    began = time.monotonic()
    wrong = tmp_path / "password"
    wrong.write_text("s3cret-guess")
    with pytest.raises(NoDatabase, match="password authentication failed") as caught:
        Server(**{**vars(db.server), "password_file": wrong}).connect(patience=30)
    assert "s3cret-guess" not in repr(caught.value)
    with pytest.raises(NoDatabase, match="does not exist"):
        db.server.named("none").connect(patience=30)
    assert time.monotonic() - began < 5
    with pytest.raises(NoDatabase):
        Server(**{**vars(db.server), "port": 1}).connect(patience=1)
    assert 1 < time.monotonic() - began < 10


def test_five_thousand_applied_files_cost_less_than_a_second(db: Database) -> None:
    texts = {f"{n:05d}_t.sql": up(f"CREATE TABLE t{n} ();") for n in range(1, 5001)}
    found = files.from_texts(texts)
    runner.baseline(db.server, found, db.heard, Wish(), "05000")
    began = time.monotonic()
    assert db.migrate(texts) == []
    assert time.monotonic() - began < 1


def test_inside_the_environment_the_same_is_done_over_the_line(place: Inside) -> None:
    there = place.fresh("far")
    try:
        assert there.do("wait", timeout=10)["seconds"] < 10
        assert there.do("plan", migrations=TWO)["summary"] == "2 migrations would run"
        done = there.do("migrate", migrations=TWO, by="ann@laptop")
        assert done["summary"].startswith("2 migrations applied")
        assert len(there.heard.notes) == 2
        schema = there.do("schema")["schema"]
        assert schema == there.do("schema")["schema"]
        assert "restrict" not in schema and "version 17" not in schema
        assert "CREATE TABLE public.a" in schema and "slipway" not in schema.split("\n", 1)[1]
        with pytest.raises(SlipwayError, match="nothing was run"):
            there.do("migrate", migrations=ONE | {"2_b.sql": up("SELECT 2;")})
        assert there.do("rollback", migrations=TWO, steps=2)["summary"].startswith("2 migrations")
    finally:
        there.leave()


def test_the_way_back_leaves_the_schema_that_was_there_before(place: Inside) -> None:
    there = place.fresh("round")
    texts = {path.name: path.read_text() for path in (COMPOSE / "migrations").glob("*.sql")}
    chosen: Texts = {}
    try:
        there.do("migrate", migrations=chosen)
        for name in sorted(texts):
            before = there.do("schema")["schema"]
            chosen[name] = texts[name]
            there.do("migrate", migrations=chosen)
            there.do("rollback", migrations=chosen)
            assert there.do("schema")["schema"] == before
            there.do("migrate", migrations=chosen)
    finally:
        there.leave()


def at_once(count: int, act: Callable[[], Any]) -> list[Any]:
    """Do something in many threads that begin together; return what each came to."""
    results: list[Any] = []
    gate = threading.Barrier(count)

    def run() -> None:
        gate.wait()
        results.append(act())

    threads = [threading.Thread(target=run) for _ in range(count)]
    for each in threads:
        each.start()
    for each in threads:
        each.join(60)
    return results


def in_background(act: Callable[[], Any]) -> Callable[[], Any]:
    """Begin something in a thread; what is returned waits for it and gives its end."""
    end: list[Any] = []

    def run() -> None:
        try:
            end.append((act(), None))
        except Exception as error:
            end.append((None, error))

    thread = threading.Thread(target=run)
    thread.start()

    def result() -> Any:
        thread.join(120)
        value, error = end[0]
        if error is not None:
            raise error
        return value

    return result
