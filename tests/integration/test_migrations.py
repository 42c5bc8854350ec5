"""Migrations against a real PostgreSQL 17: run once, in order, and nothing by surprise."""

import pytest

from slipway.agent.messages.migrations import (
    MigrateRequest,
    MigrationPlanRequest,
    RollbackRequest,
    SchemaRequest,
    WaitRequest,
)
from slipway.errors import Refused, SlipwayError, UsageError
from slipway.migrations import files, runner, status
from slipway.migrations.options import MigrationOptions
from slipway.project import COMPOSE
from tests.integration import postgres_stack
from tests.integration.docker_sandbox import DockerSandbox
from tests.integration.migration_database import ONE, TWO, MigrationDatabase, Texts, up
from tests.integration.postgres_stack import PostgresStack

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def place(module_corner: DockerSandbox, tmp_path_factory: pytest.TempPathFactory) -> PostgresStack:
    return postgres_stack.start(module_corner, tmp_path_factory.mktemp("secret"))


def test_files_run_once_and_all_the_way_back(db: MigrationDatabase) -> None:
    texts = {path.name: path.read_text() for path in (COMPOSE / "migrations").glob("*.sql")}
    assert db.migrate(texts) == sorted(texts)
    assert db.migrate(texts) == []
    assert all(row.by == "ann@laptop" for row in db.status(texts).migrations)
    assert db.roll_back(texts, len(texts)) == sorted(texts, reverse=True)
    assert db.tables() == set()
    assert db.migrate(texts) == sorted(texts)


def test_everything_that_is_wrong_is_named_before_anything_runs(db: MigrationDatabase) -> None:
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
    states = {row.version: row.state for row in db.status(texts).migrations}
    assert states["10"] == "edited" and states["30"] == "missing"
    assert states["15"] == "out of order" and states["20"] == "applied"
    assert not {"late", "fine"} & db.tables()


def test_what_a_person_accepts_is_recorded_and_not_asked_again(db: MigrationDatabase) -> None:
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


def test_a_database_that_is_ahead_of_an_older_checkout_is_told_and_left(
    db: MigrationDatabase,
) -> None:
    db.migrate(TWO)
    assert db.migrate(ONE) == []
    assert any("newer than all files here" in note for note in db.heard.notes)


def test_signs_that_mean_something_to_a_driver_arrive_as_they_are(db: MigrationDatabase) -> None:
    text = "CREATE TABLE t (a text); INSERT INTO t VALUES ('100 %s %% {} %(a)s ünï'), (E'a\\nb');"
    db.migrate({"1_ä%.sql": up(text)})
    assert db.sql("SELECT a FROM t") == [("100 %s %% {} %(a)s ünï",), ("a\nb",)]


@pytest.mark.parametrize("whole", [True, False])
def test_what_one_file_sets_does_not_reach_the_next_or_the_record(
    db: MigrationDatabase, whole: bool
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
    db: MigrationDatabase,
) -> None:
    alter = f"CREATE SCHEMA app; ALTER DATABASE {db.server.database} SET search_path = app;"
    db.migrate({"1_a.sql": up(alter), "2_b.sql": up("CREATE TABLE here ();")})
    assert db.sql("SELECT schemaname FROM pg_tables WHERE tablename = 'here'") == [("app",)]


def test_files_without_a_way_up_or_down_do_what_is_written(db: MigrationDatabase) -> None:
    texts = ONE | {"2_b.sql": "-- migrate:up\n-- only words\n"}
    assert db.migrate(texts) == ["1_a.sql", "2_b.sql"]
    with pytest.raises(Refused, match=r"2_b\.sql has no down migration"):
        db.roll_back(texts, 2)
    with pytest.raises(Refused, match="the file of 2 is missing"):
        db.roll_back(ONE, 1)
    assert db.applied() == ["1", "2"] and db.tables() == {"a"}


def test_a_plan_shows_everything_and_writes_nothing(db: MigrationDatabase) -> None:
    before = db.sql("SELECT pg_current_wal_lsn(), txid_current_snapshot()::text")
    found = status.plan(db.server, files.from_texts(TWO), MigrationOptions())
    assert [file.file for file in found.pending] == ["1_a.sql", "2_b.sql"]
    assert found.pending[0].statements[0].sql == "CREATE TABLE a (n int)"
    assert db.sql("SELECT pg_current_wal_lsn(), txid_current_snapshot()::text") == before
    assert db.sql("SELECT to_regclass('schema_migrations')") == [(None,)]


def test_a_plan_resolves_names_by_the_search_path_of_the_database(db: MigrationDatabase) -> None:
    text = "CREATE TABLE public.users ();\nALTER TABLE users DROP COLUMN email;"
    migrations = files.from_texts({"1_a.sql": up(text)})
    for path, rules in (("public", ["", ""]), ("app, public", ["", "ban-drop-column"])):
        db.sql("CREATE SCHEMA IF NOT EXISTS app")
        db.sql(f"ALTER DATABASE {db.server.database} SET search_path = {path}")
        (file,) = status.plan(db.server, migrations, MigrationOptions()).pending
        assert [each.findings[0].rule for each in file.statements] == rules


def test_what_was_shown_is_what_runs(db: MigrationDatabase) -> None:
    with pytest.raises(Refused, match="changed since it was shown"):
        db.migrate(TWO, expected=("1",))
    assert db.migrate(TWO, to="1", expected=("1",)) == ["1_a.sql"]
    with pytest.raises(Refused, match="newest changed since it was shown"):
        db.roll_back(TWO, expected=("2",))
    assert db.roll_back(TWO, expected=("1",)) == ["1_a.sql"]


def test_a_baseline_records_and_runs_nothing(db: MigrationDatabase) -> None:
    found, wish = files.from_texts(TWO), MigrationOptions(by="ann@laptop")
    with pytest.raises(UsageError, match="no file has the version 7"):
        runner.baseline(db.server, found, db.heard, wish, "7")
    assert runner.baseline(db.server, found, db.heard, wish, "1") == ["1_a.sql"]
    assert db.tables() == set()
    assert db.migrate(TWO) == ["2_b.sql"]
    with pytest.raises(Refused, match="has a record of migrations already"):
        runner.baseline(db.server, found, db.heard, wish, "2")


def test_versions_of_another_tool_are_taken_over_and_held_to_from_then_on(
    db: MigrationDatabase,
) -> None:
    db.sql("CREATE TABLE schema_migrations (version varchar(128) PRIMARY KEY)")
    db.sql("INSERT INTO schema_migrations VALUES ('1'); CREATE TABLE a (n int)")
    assert db.status(TWO).migrations[0].state == "applied"
    assert db.migrate(TWO) == ["2_b.sql"]
    assert any("1 migration applied by another tool" in note for note in db.heard.notes)
    with pytest.raises(Refused, match=r"1_a\.sql was edited"):
        db.migrate(TWO | {"1_a.sql": up("CREATE TABLE a (n bigint);")})
    db.sql("DELETE FROM schema_migrations WHERE version = '2'; DROP TABLE b")
    assert db.migrate(TWO) == ["2_b.sql"]


def test_without_files_nothing_is_made_where_another_tool_brings_its_own_table(
    db: MigrationDatabase,
) -> None:
    assert db.migrate({}) == []
    assert db.sql("SELECT to_regclass('schema_migrations'), to_regnamespace('slipway')") == [
        (None, None)
    ]


@pytest.mark.parametrize(
    ("columns", "more", "owner"),
    [
        ("version varchar PRIMARY KEY", "CREATE TABLE ar_internal_metadata (key varchar)", "Rails"),
        ("version bigint PRIMARY KEY, inserted_at timestamp", "", "another tool .version bigint"),
        ("version bigint PRIMARY KEY, dirty boolean", "", "another tool .version bigint, dirty"),
    ],
)
def test_a_record_of_another_tool_stays_as_it_is_and_files_beside_it_are_refused(
    db: MigrationDatabase, columns: str, more: str, owner: str
) -> None:
    db.sql(f"CREATE TABLE schema_migrations ({columns}); {more}")
    db.sql("INSERT INTO schema_migrations (version) VALUES ('20240101000000')")
    assert db.migrate({}) == [] and db.status({}).summary == "0 applied, 0 pending"
    with pytest.raises(Refused, match=f"the record of {owner}.*nothing was changed"):
        db.migrate(ONE)
    with pytest.raises(Refused, match=f"the record of {owner}"):
        runner.baseline(db.server, files.from_texts(ONE), db.heard, MigrationOptions(), "1")
    assert any(owner.split()[0] in problem for problem in db.status(ONE).problems)
    assert db.sql("SELECT count(*) FROM schema_migrations") == [(1,)]
    assert db.sql("SELECT to_regnamespace('slipway')") == [(None,)]


def test_many_files_are_no_trouble(db: MigrationDatabase) -> None:
    texts = {f"{n:05d}_t.sql": up(f"CREATE TABLE t{n} ();") for n in range(1, 5001)}
    newest = files.from_texts({name: texts[name] for name in sorted(texts)[:4000]})
    runner.baseline(db.server, newest, db.heard, MigrationOptions(), "04000")
    assert len(db.migrate(texts)) == 1000
    assert db.migrate(texts) == []


def test_inside_the_environment_the_same_is_done_over_the_line(place: PostgresStack) -> None:
    there = place.fresh("far")
    try:
        assert there.call(WaitRequest(timeout=60)).seconds < 60
        assert there.call(MigrationPlanRequest(migrations=TWO)).summary == "2 migrations would run"
        done = there.call(MigrateRequest(migrations=TWO, by="ann@laptop"))
        assert done.summary.startswith("2 migrations applied")
        assert len(there.heard.notes) == 2
        schema = there.call(SchemaRequest()).schema
        assert schema == there.call(SchemaRequest()).schema
        assert "restrict" not in schema and "version 17" not in schema
        assert "CREATE TABLE public.a" in schema and "slipway" not in schema.split("\n", 1)[1]
        with pytest.raises(SlipwayError, match="nothing was run"):
            there.call(MigrateRequest(migrations=ONE | {"2_b.sql": up("SELECT 2;")}))
        assert there.call(RollbackRequest(migrations=TWO, steps=2)).summary.startswith(
            "2 migrations"
        )
    finally:
        there.leave()


def test_the_way_back_leaves_the_schema_that_was_there_before(place: PostgresStack) -> None:
    there = place.fresh("round")
    texts = {path.name: path.read_text() for path in (COMPOSE / "migrations").glob("*.sql")}
    chosen: Texts = {"0_begin.sql": up("SELECT 1;")}
    try:
        there.call(MigrateRequest(migrations=chosen))
        for name in sorted(texts):
            before = there.call(SchemaRequest()).schema
            chosen[name] = texts[name]
            there.call(MigrateRequest(migrations=chosen))
            there.call(RollbackRequest(migrations=chosen))
            assert there.call(SchemaRequest()).schema == before
            there.call(MigrateRequest(migrations=chosen))
    finally:
        there.leave()
