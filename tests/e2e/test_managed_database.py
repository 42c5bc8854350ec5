"""A database that is elsewhere: nothing of it runs in the stack, and all commands work."""

from collections.abc import Iterator

import pytest

from tests.e2e.checkout import Checkout, docker
from tests.waiting import wait_until

pytestmark = pytest.mark.engine
TESTING = "--env=testing"


@pytest.fixture
def elsewhere(clone: Checkout) -> Iterator[Checkout]:
    """Testing with a PostgreSQL that the kit knows by its address and an ordinary role only."""
    gateway = docker(
        "network", "inspect", "bridge", "--format", "{{(index .IPAM.Config 0).Gateway}}"
    )
    name = f"{clone.project}-elsewhere"
    options = ("--env", "POSTGRES_PASSWORD=of-its-owner", "--publish", f"{gateway}::5432")
    docker(
        "run",
        "--detach",
        "--name",
        name,
        *options,
        "--tmpfs",
        "/var/lib/postgresql/data",
        "postgres:17",
    )
    try:
        port = docker("port", name, "5432").rpartition(":")[2]
        role = clone.sops("testing", "DATABASE_PASSWORD")
        statements = [
            f"CREATE ROLE app LOGIN CREATEDB PASSWORD '{role}'",
            "CREATE DATABASE book OWNER app",
        ]
        for statement in statements:
            _psql(name, statement)
        clone.path("compose/compose.testing.yml").write_text("services:\n  db: !reset null\n")
        clone.set(
            "testing",
            DATABASE_HOST=gateway,
            DATABASE_PORT=port,
            DATABASE_NAME="book",
            DATABASE_USER="app",
        )
        clone.commit("The database is elsewhere")
        yield clone
        clone.inv("destroy", TESTING).expect()
    finally:
        docker("rm", "--force", "--volumes", name)


def _psql(name: str, statement: str) -> None:
    argv = ["exec", name, "psql", "-qX", "-U", "postgres", "-h", "127.0.0.1", "-c", statement]
    wait_until("it answers", lambda: docker(*argv) is not None)


def test_every_command_works_on_a_database_that_is_known_by_its_address_only(
    elsewhere: Checkout,
) -> None:
    elsewhere.inv("deploy", TESTING).expect()
    assert " passed" in elsewhere.inv("verify", TESTING).expect().text
    running = docker("service", "ls", "--format", "{{.Name}}").splitlines()
    assert f"{elsewhere.project}-testing-ops_ops" in running
    assert not [each for each in running if each.startswith(f"{elsewhere.project}-testing-data")]
    elsewhere.inv("db.status", TESTING, "--check").expect()
    elsewhere.inv("db.backup", TESTING).expect()
    elsewhere.inv("db.drill", TESTING).expect()
    before = elsewhere.inv("db.query", TESTING, "--sql=select count(*) from accounts", "--json")
    elsewhere.inv("db.reset", TESTING, "--yes=testing").expect()
    elsewhere.inv("db.restore", TESTING, "--backup=latest", "--yes=testing").expect()
    after = elsewhere.inv("db.query", TESTING, "--sql=select count(*) from accounts", "--json")
    assert after.expect().json == before.expect().json
