"""What is lent to tests of the database and its backups, and is given back as it was.

The server is made once for each worker: that takes seconds. A test has its database for itself.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from slipway.backups.format import encryption
from slipway.storage.folder import FolderStore
from tests.integration import postgres_stack
from tests.integration.backup_cases import KeyHolder
from tests.integration.docker_sandbox import taken
from tests.integration.postgres_stack import PostgresStack
from tests.integration.restore_cases import PEOPLE

BESIDE = """
    select 'database', quote_ident(datname) from pg_database
    where not datistemplate and datname <> 'postgres'
    union all
    select 'role', quote_ident(rolname) from pg_roles
    where rolname !~ '^pg_' and rolname <> current_user
"""


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresStack]:
    """A PostgreSQL and an ops container; whoever changes it otherwise mends that."""
    with taken() as corner:
        yield postgres_stack.start(corner, tmp_path_factory.mktemp("inside"))


@pytest.fixture
def place(server: PostgresStack) -> Iterator[PostgresStack]:
    """A database with nothing in it; afterwards it goes, with all databases and roles beside it."""
    yield server
    with server.server.named("postgres").connect() as session:
        for kind, name in session.execute(BESIDE).fetchall():
            force = "with (force)" if kind == "database" else ""
            session.execute(f"drop {kind} {name} {force}".encode())
        session.execute("create database logbook")


@pytest.fixture
def peopled(place: PostgresStack) -> PostgresStack:
    """The same with a thousand people in it."""
    place.sql(PEOPLE)
    return place


@pytest.fixture(scope="session")
def person() -> KeyHolder:
    return KeyHolder(*encryption.new_key())


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path / "backups" / "testing", "backups/testing")
