"""A database that is elsewhere: nothing of it runs in the stack, and all commands work."""

import json
import subprocess
from collections.abc import Iterator

import pytest

from tests.e2e.checkout import Checkout, docker
from tests.waiting import wait_until

pytestmark = pytest.mark.engine
TESTING = "--env=testing"


@pytest.fixture
def elsewhere(clone: Checkout) -> Iterator[Checkout]:
    """Testing with a PostgreSQL that the kit knows by its address and an ordinary role only.

    Who it is its certificate says, of an authority of its own.
    """
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
        clone.set_secret("testing", "DATABASE_CA", certified(name, gateway))
        clone.path("compose/compose.testing.yml").write_text("services:\n  db: !reset null\n")
        clone.set(
            "testing",
            DATABASE_HOST=gateway,
            DATABASE_PORT=port,
            DATABASE_NAME="book",
            DATABASE_USER="app",
            PGSSLMODE="verify-full",
            PGSSLROOTCERT="/run/secrets/DATABASE_CA",
        )
        clone.commit("The database is elsewhere")
        yield clone
        clone.inv("destroy", TESTING).expect()
    finally:
        docker("rm", "--force", "--volumes", name)


def certified(name: str, address: str) -> str:
    """Give the server a certificate for its address, and have it speak TLS; return that."""
    folder = docker("exec", name, "sh", "-c", "echo $PGDATA")
    argv = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
    argv += ["-nodes", "-days", "2", "-subj", "/CN=elsewhere", "-keyout", "-", "-out", "-"]
    argv += ["-addext", f"subjectAltName=IP:{address}"]
    both = subprocess.run(argv, check=True, capture_output=True, text=True).stdout
    key, begin, rest = both.partition("-----BEGIN CERTIFICATE-----")
    for file, text in (("server.key", key), ("server.crt", begin + rest)):
        write = f"umask 077; printf '%s' '{text}' >{folder}/{file}"
        docker("exec", "--user", "postgres", name, "sh", "-c", write)
    for statement in ("ALTER SYSTEM SET ssl = on", "SELECT pg_reload_conf()"):
        _psql(name, statement)
    return begin + rest


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
    encrypted = "--sql=select ssl from pg_stat_ssl where pid = pg_backend_pid()"
    answer = elsewhere.inv("db.query", TESTING, encrypted, "--json").expect().json
    assert "true" in json.dumps(answer)
    elsewhere.inv("db.status", TESTING, "--check").expect()
    elsewhere.inv("db.backup", TESTING).expect()
    elsewhere.inv("db.drill", TESTING).expect()
    before = elsewhere.inv("db.query", TESTING, "--sql=select count(*) from accounts", "--json")
    elsewhere.inv("db.reset", TESTING, "--yes=testing").expect()
    elsewhere.inv("db.restore", TESTING, "--backup=latest", "--yes=testing").expect()
    after = elsewhere.inv("db.query", TESTING, "--sql=select count(*) from accounts", "--json")
    assert after.expect().json == before.expect().json
