"""Migrations that are disturbed: two at once, killed, cut off, kept waiting, not allowed."""

import signal
import time

import pytest

from slipway.errors import Busy, Refused, SlipwayError, UsageError
from slipway.migrations import files, status
from slipway.migrations.options import MigrationOptions
from tests.integration import postgres_stack
from tests.integration.docker_sandbox import DockerSandbox
from tests.integration.migration_database import (
    ONE,
    TWO,
    MigrationDatabase,
    at_once,
    in_background,
    until,
    up,
)
from tests.integration.postgres_stack import PostgresStack

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def place(module_corner: DockerSandbox, tmp_path_factory: pytest.TempPathFactory) -> PostgresStack:
    return postgres_stack.start(module_corner, tmp_path_factory.mktemp("secret"))


def test_of_five_runs_at_once_on_an_empty_database_one_applies_everything(
    db: MigrationDatabase,
) -> None:
    texts = {f"{n}_t.sql": up(f"CREATE TABLE t{n} (); SELECT pg_sleep(0.1);") for n in range(1, 5)}
    texts["5_i.sql"] = up("CREATE INDEX CONCURRENTLY i ON a (n); VACUUM a;", whole=False)
    texts["4_a.sql"] = texts.pop("4_t.sql").replace("CREATE", "CREATE TABLE a (n int); CREATE")
    counts = at_once(5, lambda: len(MigrationDatabase(db.server).migrate(texts)))
    assert sorted(counts) == [0, 0, 0, 0, 5]
    assert db.sql("SELECT indisvalid FROM pg_index WHERE indexrelid = 'i'::regclass") == [(True,)]


def test_a_body_without_a_transaction_runs_once_however_many_start_it(
    db: MigrationDatabase,
) -> None:
    db.sql("CREATE TABLE calls (n int)")
    texts = {"1_a.sql": up("INSERT INTO calls VALUES (1); SELECT pg_sleep(0.5);", whole=False)}
    at_once(3, lambda: MigrationDatabase(db.server).migrate(texts))
    assert db.sql("SELECT count(*) FROM calls") == [(1,)]


def test_who_waits_too_long_is_told_for_whom(db: MigrationDatabase) -> None:
    process = db.begin({"1_a.sql": up("SELECT pg_sleep(60);")}, by="bob@desk")
    db.wait_for_query("SELECT pg_sleep")
    with pytest.raises(Busy, match=r"slipway migrate, bob@desk \(pid \d+, from .+, since \d\d:"):
        db.migrate(ONE, lock_wait=0.5)
    process.send_signal(signal.SIGTERM)
    process.communicate()
    assert db.migrate(ONE) == ["1_a.sql"]


def test_killed_inside_a_transaction_nothing_is_left_and_nobody_is_kept_out(
    db: MigrationDatabase,
) -> None:
    texts = {"1_a.sql": up("CREATE TABLE half (); SELECT pg_sleep(60);")}
    db.kill_during(texts, "SELECT pg_sleep")
    assert db.migrate(ONE) == ["1_a.sql"]
    assert db.tables() == {"a"}


def test_killed_without_a_transaction_the_next_run_names_the_statement_and_the_ways_on(
    db: MigrationDatabase,
) -> None:
    texts = {
        "1_a.sql": up("CREATE TABLE x (); SELECT pg_sleep(60); CREATE TABLE y ();", whole=False)
    }
    db.kill_during(texts, "SELECT pg_sleep")
    with pytest.raises(Refused) as caught:
        db.migrate(texts | TWO)
    said = str(caught.value)
    assert "1_a.sql was left half applied" in said
    assert "statement 2 of 3 was sent, and its end was not seen" in said
    for flag in ("--resume-from=2", "--resume-from=3", "--mark=applied", "--mark=pending"):
        assert flag in said
    assert db.status(texts).migrations[0].state == "half done"
    assert db.migrate(texts, resume_from=3) == ["1_a.sql"]
    assert db.tables() == {"x", "y"}
    assert db.migrate(texts) == []


def test_a_resumed_file_takes_no_table_for_its_temporary_one(db: MigrationDatabase) -> None:
    db.sql("CREATE TABLE a AS SELECT 1 AS n")
    body = "CREATE TEMP TABLE a AS SELECT 2 AS n; SELECT 1 / {}; DELETE FROM a WHERE n > 0;"
    with pytest.raises(SlipwayError, match="--resume-from=2"):
        db.migrate({"1_a.sql": up(body.format(0), whole=False)})
    mended = {"1_a.sql": up(body.format(1), whole=False)}
    with pytest.raises(Refused, match="statement 3 names a, a temporary table that statement 1"):
        db.migrate(mended, resume_from=2)
    assert db.sql("SELECT n FROM a") == [(1,)]
    assert db.migrate(mended, resume_from=1) == ["1_a.sql"]
    assert db.sql("SELECT n FROM a") == [(1,)]


def test_a_resumed_file_has_the_search_path_that_it_set(db: MigrationDatabase) -> None:
    path = "SELECT pg_catalog.set_config('search_path', 'app', false)"
    body = f"CREATE SCHEMA app; {path}; SELECT 1 / {{}}; CREATE TABLE a ();"
    with pytest.raises(SlipwayError, match="--resume-from=3"):
        db.migrate({"1_a.sql": up(body.format(0), whole=False)})
    assert db.migrate({"1_a.sql": up(body.format(1), whole=False)}, resume_from=3) == ["1_a.sql"]
    assert db.sql("SELECT 'app.a'::regclass::text") == [("app.a",)]


@pytest.mark.parametrize("whole", [True, False])
def test_what_a_file_resets_goes_back_to_what_every_file_has(
    db: MigrationDatabase, whole: bool
) -> None:
    show = "INSERT INTO seen SELECT current_setting('lock_timeout');"
    body = f"CREATE TABLE seen (v text); RESET ALL; {show} SET lock_timeout = '1s'; {show}"
    body += f"SET lock_timeout TO DEFAULT; {show} RESET lock_timeout; {show}"
    body += "" if whole else f"DISCARD ALL; {show}"
    db.migrate({"1_a.sql": up(body, whole=whole)}, lock_timeout=3)
    assert [v for (v,) in db.sql("SELECT v FROM seen")] == ["3s", "1s", "3s", "3s", "3s"][
        : 5 - whole
    ]


@pytest.mark.parametrize("mark", ["applied", "pending"])
def test_a_half_done_file_is_what_a_person_says_it_is(db: MigrationDatabase, mark: str) -> None:
    texts = {"1_a.sql": up("CREATE TABLE IF NOT EXISTS x (); SELECT pg_sleep(2);", whole=False)}
    db.kill_during(texts, "SELECT pg_sleep")
    assert db.migrate(texts | {"2_b.sql": TWO["2_b.sql"]}, mark=mark) == (
        ["2_b.sql"] if mark == "applied" else ["1_a.sql", "2_b.sql"]
    )
    assert db.applied() == ["1", "2"]


def test_a_mark_is_shown_first_and_stays_unwritten_when_something_is_in_the_way(
    db: MigrationDatabase,
) -> None:
    texts = {"1_a.sql": up("CREATE TABLE IF NOT EXISTS x (); SELECT pg_sleep(2);", whole=False)}
    db.kill_during(texts, "SELECT pg_sleep")
    found = files.from_texts(texts)
    shown = status.plan(db.server, found, MigrationOptions(mark="pending"))
    assert ([file.version for file in shown.pending], shown.problems) == (["1"], ())
    assert status.plan(db.server, found, MigrationOptions(mark="applied")).pending == ()
    with pytest.raises(Refused, match="changed since it was shown"):
        db.migrate(texts, mark="pending", expected=("2",))
    with pytest.raises(UsageError, match="no file has this version"):
        db.migrate(texts, mark="pending", to="9")
    assert db.status(texts).migrations[0].state == "half done"
    assert db.migrate(texts, mark="pending", expected=("1",)) == ["1_a.sql"]


def test_a_connection_cut_in_the_middle_takes_the_file_back(db: MigrationDatabase) -> None:
    texts = {"1_a.sql": up("CREATE TABLE half (); SELECT pg_sleep(60);")}
    failed = in_background(lambda: db.migrate(texts))
    db.sql(f"SELECT pg_terminate_backend({db.wait_for_query('SELECT pg_sleep')})")
    with pytest.raises(SlipwayError, match="the file was rolled back"):
        failed()
    assert (db.tables(), db.applied()) == (set(), [])


def test_a_connection_cut_without_a_transaction_leaves_a_file_half_done(
    db: MigrationDatabase,
) -> None:
    texts = {"1_a.sql": up("CREATE TABLE x (); SELECT pg_sleep(60);", whole=False)}
    failed = in_background(lambda: db.migrate(texts))
    db.sql(f"SELECT pg_terminate_backend({db.wait_for_query('SELECT pg_sleep')})")
    with pytest.raises(SlipwayError, match="statement 2 of 2 failed"):
        failed()
    with pytest.raises(Refused, match="statement 2 of 2 was sent, and its end was not seen"):
        db.migrate(texts)


def test_a_failing_statement_takes_its_whole_file_back_and_is_named(db: MigrationDatabase) -> None:
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
    assert "(23505)" in said and "duplicate key" in said and "rolled back completely" in said
    assert "(2 before it stay, 1 after it were not tried)" in said
    assert said.endswith("INSERT INTO c VALUES (1), (1)")
    assert db.tables() == {"a", "b"} and db.applied() == ["1", "2"]
    assert not any("applied 3" in note for note in db.heard.notes)


@pytest.mark.parametrize("before", ["", "CREATE TABLE b ();\n"])
def test_a_mistake_deep_in_a_statement_is_found_on_its_line(
    db: MigrationDatabase, before: str
) -> None:
    db.sql("CREATE TABLE a (n int)")
    texts = {"1_ü.sql": up(f"{before}SELECT n, 'ü'\nFROM a\nWHERE wrong = 1 -- no end")}
    line, count = (5, 2) if before else (4, 1)
    said = rf"1_ü\.sql, line {line}: statement {count} of {count} failed.*\(42703\)"
    with pytest.raises(SlipwayError, match=said):
        db.migrate(texts)
    texts = {"1_ü.sql": up(f"{before}SELECT n, 'ü'\nFROM a -- no end")}
    assert db.migrate(texts) == ["1_ü.sql"]


def test_a_deferred_complaint_at_the_commit_takes_the_file_back(db: MigrationDatabase) -> None:
    bad = "CREATE TABLE a (n int UNIQUE DEFERRABLE INITIALLY DEFERRED);"
    bad += "INSERT INTO a VALUES (1), (1);"
    with pytest.raises(SlipwayError, match="committing it failed: duplicate key"):
        db.migrate({"1_a.sql": up(bad)})
    assert (db.tables(), db.applied()) == (set(), [])


def test_indexes_built_concurrently_are_seen_to_be_valid(db: MigrationDatabase) -> None:
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


def test_a_change_behind_a_long_reader_gives_way_tries_again_and_names_the_reader(
    db: MigrationDatabase,
) -> None:
    db.migrate(ONE)
    texts = ONE | {"2_b.sql": up("ALTER TABLE a ADD COLUMN m int;")}
    with db.server.connect(application="a report") as reader, reader.transaction():
        reader.execute("SELECT count(*), 'a secret' FROM a")
        failed = in_background(lambda: db.migrate(texts, lock_timeout=0.5))
        for _ in range(40):  # behind a change that did not give way, one of these would never end
            db.sql("SELECT count(*) FROM a")
            time.sleep(0.05)
        with pytest.raises(SlipwayError) as caught:
            failed()
    said = str(caught.value)
    assert "(55P03)" in said and "rolled back completely, 5 times" in said
    assert "a report" in said and "SELECT count(*), '…' FROM a" in said and "secret" not in said
    assert db.migrate(texts) == ["2_b.sql"]


def test_a_change_goes_through_when_the_reader_ends_in_time(db: MigrationDatabase) -> None:
    db.migrate(ONE)
    texts = ONE | {"2_b.sql": up("ALTER TABLE a ADD COLUMN m int;", whole=False)}
    with db.server.connect() as reader, reader.transaction():
        reader.execute("SELECT count(*) FROM a")
        result = in_background(lambda: db.migrate(texts, lock_timeout=0.5))
        until(lambda: any("waiting for a lock behind pid" in note for note in db.heard.notes))
    assert result() == ["2_b.sql"]


def test_an_enum_value_used_in_the_file_that_adds_it_brings_a_hint(db: MigrationDatabase) -> None:
    text = "ALTER TYPE mood ADD VALUE 'calm'; CREATE TABLE m (a mood DEFAULT 'calm');"
    texts = {"1_a.sql": up("CREATE TYPE mood AS ENUM ('glad');"), "2_b.sql": up(text)}
    with pytest.raises(SlipwayError, match="ADD VALUE in a file of its own"):
        db.migrate(texts)


def test_a_way_back_that_fails_keeps_the_migration(db: MigrationDatabase) -> None:
    texts = {"1_a.sql": up("CREATE TABLE a ();", "DROP TABLE a; SELECT 1 / 0;")}
    db.migrate(texts)
    with pytest.raises(SlipwayError, match=r"\(22012\)"):
        db.roll_back(texts)
    assert db.tables() == {"a"} and db.applied() == ["1"]
    apart = {"1_a.sql": texts["1_a.sql"].replace("down", "down transaction:false")}
    with pytest.raises(SlipwayError, match=r"inv db\.rollback --resume-from=2"):
        db.roll_back(apart)
    with pytest.raises(Refused, match="left half rolled back"):
        db.migrate(apart)
    mended = {"1_a.sql": apart["1_a.sql"].replace("1 / 0", "1")}
    assert db.roll_back(mended, resume_from=2) == ["1_a.sql"]
    assert db.applied() == []
