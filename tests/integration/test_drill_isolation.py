"""What a drill restores may be hostile: it runs where no secret is, and from where no way leads."""

import pytest

from slipway.agent.messages.restore import RestoreRequest
from slipway.backups.format import catalogue
from slipway.errors import Refused
from slipway.storage.folder import FolderStore
from tests.integration.backup_cases import KeyHolder
from tests.integration.postgres_stack import PostgresStack
from tests.integration.restore_cases import databases
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


def test_what_nobody_signed_is_tried_alone_and_never_by_a_superuser(
    apart: PostgresStack, person: KeyHolder, store: FolderStore
) -> None:
    def restore(name: str) -> None:
        key = person.open(store, name)
        apart.restore(
            RestoreRequest("testing", into="look", untrusted=True, id=name, key=key), store
        )

    apart.sql(SPY)
    with pytest.raises(Refused, match=r"one role, a superuser, does everything.*inv db\.roles"):
        restore(person.take(apart, store))
    apart.sql("""
        create function code(n int) returns text immutable language sql as
        $$ select public.spy('touch /tmp/owned') $$;
        delete from people where id > 1;
        alter table people add check (code(id) is not null);
    """)
    with pytest.raises(Refused, match=r"tried alone, by a role without rights.*COPY"):
        restore(person.take(apart, store))
    assert databases(apart) == {"logbook"}
