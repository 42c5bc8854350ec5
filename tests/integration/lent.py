"""What is lent to tests of the database and its backups, and is given back as it was.

The server is made once for each worker: that takes seconds. A test has its database for itself.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from slipway.backups.format import encryption
from slipway.storage.folder import FolderStore
from tests.integration import inside
from tests.integration.backing import Person
from tests.integration.corner import taken
from tests.integration.inside import Inside
from tests.integration.restored import PEOPLE

BESIDE = """
    select 'database', quote_ident(datname) from pg_database
    where not datistemplate and datname <> 'postgres'
    union all
    select 'role', quote_ident(rolname) from pg_roles
    where rolname !~ '^pg_' and rolname <> current_user
"""


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Inside]:
    """A PostgreSQL and an ops container; whoever changes it otherwise mends that."""
    with taken() as corner:
        yield inside.start(corner, tmp_path_factory.mktemp("inside"))


@pytest.fixture
def place(server: Inside) -> Iterator[Inside]:
    """A database with nothing in it; afterwards it goes, with all databases and roles beside it."""
    yield server
    with server.server.named("postgres").connect() as session:
        for kind, name in session.execute(BESIDE).fetchall():
            force = "with (force)" if kind == "database" else ""
            session.execute(f"drop {kind} {name} {force}".encode())
        session.execute("create database logbook")


@pytest.fixture
def peopled(place: Inside) -> Inside:
    """The same with a thousand people in it."""
    place.sql(PEOPLE)
    return place


@pytest.fixture(scope="session")
def person() -> Person:
    return Person(*encryption.new_key())


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path / "backups" / "testing", "backups/testing")
