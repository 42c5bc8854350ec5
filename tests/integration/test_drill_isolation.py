"""What a drill restores may be hostile: it runs where no secret is, and from where no way leads."""

from collections.abc import Iterator

import pytest

from slipway.backups.format import catalogue
from slipway.storage.folder import FolderStore
from tests.integration.backup_cases import KeyHolder
from tests.integration.postgres_stack import OPS, PostgresStack
from tests.integration.test_drill import drill

pytestmark = pytest.mark.engine

# Whatever a program says that the server starts, as any superuser of a restored dump can have it.
SPY = """
    create function spy(program text) returns text language plpgsql as $$
    declare said text;
    begin
        create temporary table heard (line text) on commit drop;
        execute format('copy pg_temp.heard from program %L', program || ' 2>&1 || true');
        select coalesce(string_agg(line, ' '), '') into said from pg_temp.heard;
        return said;
    end $$;
    create table people as select n as id from generate_series(1, 500) n;
"""
ATTACKS = """
    select spy('cat /run/secrets/*') like '%No such file%';
    select spy('id -u') = '10002';
    select spy($$cat /proc/[0-9]*/environ | tr -d '\\0'$$) not like '%DATABASE%';
    select spy('getent hosts db') = '';
    select spy($$DIAL(("ADDRESS", 5432), 3)'$$) ~ 'unreachable|timed out';
    select spy($$DIAL(("1.1.1.1", 53), 3)'$$) ~ 'unreachable|timed out';
    select spy('(setsid sleep 600 >/dev/null 2>&1 &) ; touch /var/lib/drill/left /tmp/left') = '';
""".replace("DIAL", "python3 -c 'import socket; socket.create_connection")


@pytest.fixture
def apart(place: PostgresStack) -> Iterator[PostgresStack]:
    """The stack with a container for drills on a network that leads nowhere, as deployed."""
    network, corner = f"{place.corner.app}-drill", place.corner
    corner.docker("network", "create", "--internal", "--label", corner.label, network)
    sealed = (
        "--init",
        "--read-only",
        "--cap-drop",
        "ALL",
        "--restart",
        "always",
        "--tmpfs",
        "/tmp",
    )
    here = ("--network", network, "--network-alias", "drill", "--user", "10002:10002")
    rooms = ("--volume", "/var/lib/drill", "--env", "SLIPWAY_SCRATCH=/var/lib/drill")
    program = ("python", "-m", "slipway.agent.drill_server")
    container = corner.run(OPS, *program, options=(*sealed, *here, *rooms))
    with place.beside("--env", "DRILL_SERVER=drill") as stack:
        corner.docker("network", "connect", network, stack.ops)
        yield stack
    corner.docker("rm", "--force", "--volumes", container)
    corner.docker("network", "rm", network)


def test_a_hostile_dump_reaches_no_secret_no_database_and_no_network(
    apart: PostgresStack, person: KeyHolder, store: FolderStore
) -> None:
    apart.sql(SPY)
    name = person.take(apart, store)
    form = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}"
    address = apart.corner.docker("inspect", "--format", form, apart.db)
    found = drill(apart, person, store, name, smoke=ATTACKS.replace("ADDRESS", address))
    assert found.proof.ok, found.proof.why
    assert found.smoked == 7 and catalogue.get(store, name).is_verified
    after = "select spy('ls /var/lib/drill /tmp; cat /proc/[0-9]*/comm') !~ 'left|sleep'"
    assert drill(apart, person, store, name, smoke=after).proof.ok


def test_a_drill_that_is_killed_leaves_the_server_for_the_next(
    apart: PostgresStack, person: KeyHolder, store: FolderStore
) -> None:
    apart.sql(SPY)
    name = person.take(apart, store)
    failed = drill(apart, person, store, name, smoke="select spy('kill -9 $PPID') = ''")
    assert not failed.proof.ok
    assert drill(apart, person, store, name).proof.ok
