"""A migration that spoils the record of migrations: noticed before it commits, and undone."""

import pytest

from slipway.errors import Refused, SlipwayError
from tests.integration import postgres_stack
from tests.integration.docker_sandbox import DockerSandbox
from tests.integration.migration_database import ONE, TWO, MigrationDatabase, up
from tests.integration.postgres_stack import PostgresStack

pytestmark = pytest.mark.engine

# A function hides from any reader of the file what it does.
HIDDEN = "CREATE OR REPLACE FUNCTION spoil() RETURNS void LANGUAGE plpgsql AS $f$ BEGIN {}; END $f$"
SPOILS = {
    "DROP TABLE public.schema_migrations": "public.schema_migrations is gone",
    "DROP TABLE slipway.migrations": "slipway.migrations is gone",
    "DROP TABLE schema_migrations; CREATE TABLE schema_migrations (version varchar PRIMARY KEY)": (
        "public.schema_migrations is another table than before"
    ),
    "TRUNCATE schema_migrations": "public.schema_migrations has other rows than before",
    "DELETE FROM schema_migrations": "public.schema_migrations has other rows than before",
    "DELETE FROM slipway.migrations": "slipway.migrations has other rows than before",
    "INSERT INTO schema_migrations VALUES ('99')": (
        "public.schema_migrations has other rows than before"
    ),
    "UPDATE schema_migrations SET version = '9' || version": (
        "public.schema_migrations has other rows than before"
    ),
    "ALTER TABLE schema_migrations RENAME TO old_migrations": "public.schema_migrations is gone",
    "ALTER TABLE schema_migrations RENAME version TO v": (
        "public.schema_migrations has other columns than before"
    ),
    "ALTER TABLE slipway.migrations DROP COLUMN sha256": (
        "slipway.migrations has other columns than before"
    ),
    "ALTER SCHEMA slipway RENAME TO harbour": "slipway.migrations is gone",
    "ALTER SCHEMA public RENAME TO old": "public.schema_migrations is gone",
    "DROP SCHEMA public CASCADE; CREATE SCHEMA public": "public.schema_migrations is gone",
    "CREATE SCHEMA app; SET search_path = app, public; DROP TABLE schema_migrations": (
        "public.schema_migrations is gone"
    ),
}


@pytest.fixture(scope="module")
def place(module_corner: DockerSandbox, tmp_path_factory: pytest.TempPathFactory) -> PostgresStack:
    return postgres_stack.start(module_corner, tmp_path_factory.mktemp("secret"))


def hidden(sql: str) -> str:
    """Say it where only the server reads it."""
    body = sql.replace("'", "''")
    return HIDDEN.format("; ".join(f"EXECUTE '{each.strip()}'" for each in body.split(";")))


@pytest.mark.parametrize(("sql", "what"), SPOILS.items())
def test_a_file_that_spoils_the_record_is_rolled_back(
    db: MigrationDatabase, sql: str, what: str
) -> None:
    db.migrate(ONE)
    db.sql(hidden(sql))
    texts = ONE | {"2_b.sql": up("CREATE TABLE b (n int); SELECT spoil();")}
    with pytest.raises(SlipwayError, match=r"2_b\.sql.*the file was rolled back") as caught:
        db.migrate(texts)
    # Rows are counted for both tables at once; a column is missed by what names it.
    rest = what.partition(" has ")[2]
    assert (rest or what) in str(caught.value) or "columns" in rest
    assert db.applied() == ["1"] and db.tables() == {"a"}
    assert db.migrate(TWO) == ["2_b.sql"]


@pytest.mark.parametrize(("sql", "what"), SPOILS.items())
def test_without_a_transaction_the_record_is_restored_and_the_file_half_done(
    db: MigrationDatabase, sql: str, what: str
) -> None:
    db.migrate(ONE)
    db.sql(hidden(sql))
    body = "CREATE TABLE b (n int); SELECT spoil(); CREATE TABLE c (n int);"
    texts = ONE | {"2_b.sql": up(body, whole=False)}
    with pytest.raises(SlipwayError, match=r"2_b.sql, line 2: statement 2 of 3 ") as caught:
        db.migrate(texts)
    assert what in str(caught.value) and "--resume-from=3" in str(caught.value)
    assert db.sql("SELECT version FROM public.schema_migrations") == [("1",)]
    rows = db.sql("SELECT version, state, ended, applied_by FROM slipway.migrations ORDER BY 1")
    assert rows == [("1", "done", 0, "ann@laptop"), ("2", "started", 2, "ann@laptop")]
    assert db.migrate(texts, resume_from=3) == ["2_b.sql"]
    assert db.migrate(texts) == []


@pytest.mark.parametrize("whole", [True, False])
def test_a_file_that_names_the_record_is_refused_before_anything_runs(
    db: MigrationDatabase, whole: bool
) -> None:
    texts = ONE | {"2_b.sql": up("SELECT 1;\nDROP TABLE schema_migrations;", whole=whole)}
    with pytest.raises(Refused, match=r"2_b.sql: line 3: .* the record of migrations"):
        db.migrate(texts)
    assert db.tables() == set()


def test_a_way_down_that_spoils_the_record_is_rolled_back(db: MigrationDatabase) -> None:
    db.sql(hidden("TRUNCATE schema_migrations"))
    texts = ONE | {"2_b.sql": up("CREATE TABLE b ();", "DROP TABLE b; SELECT spoil();")}
    db.migrate(texts)
    with pytest.raises(SlipwayError, match="the file was rolled back"):
        db.roll_back(texts)
    assert db.applied() == ["1", "2"] and db.tables() == {"a", "b"}
