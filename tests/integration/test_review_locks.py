"""What docs/locks.md says of locks and of rewritten rows, against a server of today."""

import time

import psycopg
import pytest

from tests import lock_table
from tests.integration.docker_sandbox import DockerSandbox, base_image
from tests.lock_cases import CASES
from tests.peers import locks

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def url(module_corner: DockerSandbox) -> str:
    options = ["--env", "POSTGRES_HOST_AUTH_METHOD=trust", "--publish", "127.0.0.1::5432"]
    options += ["--tmpfs", "/var/lib/postgresql/data"]
    argv = ("postgres", "-c", "fsync=off")
    container = module_corner.run(base_image("postgres:17"), *argv, options=tuple(options))
    port = module_corner.port(container, 5432)
    url = f"host=127.0.0.1 port={port} user=postgres dbname=postgres"
    for _ in range(300):
        try:
            locks.prepare(url)
            return url
        except psycopg.OperationalError:
            time.sleep(0.2)
    raise AssertionError("the server did not start")


@pytest.mark.parametrize("group", CASES)
def test_the_table_says_what_the_server_does(url: str, group: str) -> None:
    rows = {row.operation: row.measured for row in lock_table.rows()}
    for case in CASES[group]:
        written = rows[lock_table.label(case)]
        assert str(locks.measure(url, case)) == lock_table.of_version(written, 17), case.sql
