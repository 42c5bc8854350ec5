"""Migrations of a database that is not ready for them: no rights, a pooler, a standby, no lock."""

import time
from pathlib import Path
from typing import Any

import pytest

from slipway.database.connection import NoDatabase, Server
from slipway.errors import Refused, SlipwayError
from slipway.project import ROOT
from tests import base_images
from tests.integration import postgres_stack
from tests.integration.docker_sandbox import IMAGES, DockerSandbox
from tests.integration.migration_database import (
    ONE,
    TWO,
    MigrationDatabase,
    in_background,
    up,
)
from tests.integration.postgres_stack import PostgresStack

pytestmark = pytest.mark.engine


POOLER = f"{IMAGES}/pooler"


@pytest.fixture(scope="module")
def place(module_corner: DockerSandbox, tmp_path_factory: pytest.TempPathFactory) -> PostgresStack:
    return postgres_stack.start(module_corner, tmp_path_factory.mktemp("secret"))


def test_a_database_that_takes_no_changes_is_named(db: MigrationDatabase) -> None:
    name = db.server.database
    db.sql(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    with pytest.raises(Refused, match=f"{name} is read-only"):
        db.migrate(ONE)


def test_a_role_that_may_not_is_told_what_to_grant(
    db: MigrationDatabase, place: PostgresStack
) -> None:
    role = f"weak_{db.server.database}"
    password = postgres_stack.PASSWORD.replace("'", "''")
    db.sql(f"CREATE ROLE {role} LOGIN PASSWORD '{password}'")
    weak = MigrationDatabase(Server(**{**vars(db.server), "user": role}))
    with pytest.raises(Refused, match=f"GRANT CREATE ON DATABASE {db.server.database} TO {role}"):
        weak.migrate(ONE)
    db.sql(f"GRANT CREATE ON DATABASE {db.server.database} TO {role}")
    with pytest.raises(Refused, match=f"GRANT CREATE ON SCHEMA public TO {role}"):
        weak.migrate(ONE)
    db.sql(f"ALTER DATABASE {db.server.database} OWNER TO {role}")
    assert weak.migrate(ONE) == ["1_a.sql"]


def test_a_wrong_password_or_name_fails_at_once_and_a_late_server_is_waited_for(
    db: MigrationDatabase, tmp_path: Any
) -> None:
    began = time.monotonic()
    wrong = tmp_path / "password"
    wrong.write_text("s3cret-guess")
    with pytest.raises(NoDatabase, match="password authentication failed") as caught:
        Server(**{**vars(db.server), "password_file": wrong}).connect(patience=30)
    assert "s3cret-guess" not in repr(caught.value)
    with pytest.raises(NoDatabase, match="does not exist"):
        db.server.named("none").connect(patience=30)
    assert time.monotonic() - began < 30
    began = time.monotonic()
    with pytest.raises(NoDatabase):
        Server(**{**vars(db.server), "port": 1}).connect(patience=1)
    assert time.monotonic() - began > 1


def test_a_pooler_that_shares_connections_is_refused_and_one_that_does_not_is_fine(
    db: MigrationDatabase, place: PostgresStack
) -> None:
    base_images.build(POOLER, str(ROOT / "tests/fakes/pooler"))
    for mode, is_refused in (("transaction", True), ("session", False)):
        pooled = pooler(place, db, mode)
        if is_refused:
            with pytest.raises(Refused, match="pool_mode=transaction"):
                pooled.migrate(ONE)
            assert db.tables() == set()
        else:
            assert pooled.migrate(ONE) == ["1_a.sql"]


def pooler(place: PostgresStack, db: MigrationDatabase, mode: str) -> MigrationDatabase:
    """Start PgBouncer before the database."""
    options: tuple[str, ...] = ("--network", place.network, "--publish", "127.0.0.1::6432")
    options += ("--volume", f"{db.server.password_file}:/run/secrets/DATABASE_PASSWORD:ro")
    container = place.corner.run(POOLER, mode, options=options)
    port = place.corner.port(container, 6432)
    pooled = MigrationDatabase(Server(**{**vars(db.server), "port": port}))
    pooled.server.connect().close()
    return pooled


def test_a_standby_is_refused_by_name(corner: DockerSandbox, tmp_path: Path) -> None:
    other = postgres_stack.start(corner, tmp_path)
    corner.docker("exec", other.db, "sh", "-euc", 'touch "$PGDATA/standby.signal"')
    corner.docker("restart", other.db)
    port = corner.port(other.db, 5432)
    standby = MigrationDatabase(Server(**{**vars(other.server), "port": port}))
    with pytest.raises(Refused, match="is a standby and takes no changes"):
        standby.migrate(ONE)
    assert standby.status(ONE).pending == 1


def test_without_its_lock_a_run_begins_nothing_more_and_keeps_out_of_its_own_way(
    db: MigrationDatabase,
) -> None:
    slow = {"1_a.sql": up("CREATE TABLE a (); SELECT pg_sleep(2);"), "2_b.sql": TWO["2_b.sql"]}
    failed = in_background(lambda: db.migrate(slow))
    db.wait_for_query("SELECT pg_sleep")
    db.sql(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE application_name = 'slipway migrate, ann@laptop'"
    )
    other = MigrationDatabase(db.server)
    assert other.migrate(slow) == ["2_b.sql"]  # it waits for what is still running
    assert any("still active in the server" in note for note in other.heard.notes)
    with pytest.raises(SlipwayError, match="the connection that holds the migration lock was lost"):
        failed()
    assert db.applied() == ["1", "2"]
