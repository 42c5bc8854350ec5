"""Restores to where it is not as at home: other names, other owners, scrubbed, from S3."""

import uuid
from pathlib import Path

import psycopg
import pytest

from slipway.agent.messages.restore import DrillRequest, RestoreRequest, UndoRequest
from slipway.database import siblings
from slipway.errors import Refused, SlipwayError
from slipway.storage.folder import FolderStore
from tests.fakes.faulty_s3 import Faults, FaultyS3
from tests.fakes.s3server import S3Server
from tests.integration import postgres_stack
from tests.integration.backup_cases import NOISE, NOISY, KeyHolder, far, literal, with_s3
from tests.integration.postgres_stack import PostgresStack
from tests.integration.restore_cases import PEOPLE, count, databases, restore, way

pytestmark = pytest.mark.engine


def test_production_goes_elsewhere_scrubbed_or_not_at_all(
    peopled: PostgresStack, apart: PostgresStack, person: KeyHolder, store: FolderStore
) -> None:
    name = person.take(peopled, store, environment="prod")
    peopled.sql("delete from people where id > 10")
    with pytest.raises(Refused, match=r"backups/scrub\.sql"):
        restore(apart, person, store, name)
    with pytest.raises(Refused, match=r"backups/scrub\.sql"):
        restore(apart, person, store, name, scrub="-- nothing\n")
    with pytest.raises(Refused, match="add the service drill"):
        restore(peopled, person, store, name, scrub="delete from people")
    with pytest.raises(Refused, match='line 2: relation "nobody" does not exist'):
        restore(apart, person, store, name, scrub="delete from people;\ndelete from nobody;")
    with pytest.raises(SlipwayError, match="line 1"):
        restore(apart, person, store, name, scrub="commit; delete from people")
    assert databases(peopled) == {"logbook"} and count(peopled) == 10

    done = restore(apart, person, store, name, scrub="update people set name = 'n' || id;")
    assert peopled.sql("select count(*) from people where name like 'ü%'") == [(0,)]
    assert peopled.sql("select environment from slipway.identity") == [("testing",)]
    assert "scrub" in done.timings


@pytest.mark.parametrize("name", ["-d x=y 'q' \\ ünï %s", "long " * 12 + "ü"])
def test_any_name_of_a_database_will_do(
    place: PostgresStack, person: KeyHolder, store: FolderStore, name: str
) -> None:
    odd = place.fresh(name)
    try:
        odd.sql(PEOPLE)
        backup = person.take(odd, store)
        odd.sql("drop table people")
        done = restore(odd, person, store, backup)
        assert count(odd) == 1000 and done.kept in databases(place)
        assert odd.call(UndoRequest()).back == done.kept
        for each in siblings.old_databases(odd.server):
            siblings.drop_old(odd.server, each.name)
        assert databases(place) == {"logbook", name}
    finally:
        odd.leave()


def test_a_managed_server_without_a_superuser(
    peopled: PostgresStack, person: KeyHolder, store: FolderStore
) -> None:
    peopled.sql("create extension pg_trgm; comment on extension pg_trgm is 'x'")
    peopled.sql("create function f() returns event_trigger language plpgsql as 'begin end'")
    peopled.sql("create event trigger watching on ddl_command_end execute function f()")
    peopled.sql("create publication everything for all tables")
    peopled.sql("create publication ours for table people")
    peopled.sql("comment on publication everything is 'x'; comment on publication ours is 'y'")
    name = person.take(peopled, store)
    peopled.sql(
        f"create role plain login createdb password {literal(postgres_stack.PASSWORD)}", "postgres"
    )
    peopled.sql("create database managed owner plain", "postgres")
    theirs = peopled.server.named("managed")
    with peopled.beside("--env", "DATABASE_USER=plain", server=theirs) as managed:
        done = restore(managed, person, store, name)
        assert (count(managed), done.database) == (1000, "managed")
        owner = "select tableowner from pg_tables where tablename = 'people'"
        assert managed.sql(owner) == [("plain",)]
        told = "\n".join(managed.heard.notes)
        assert "PUBLICATION - everything" in told
        assert managed.sql("select pubname from pg_publication") == [("ours",)]
        assert "EVENT TRIGGER - watching" in told and "is not a superuser" in told
        assert "is of logbook, and this is managed" in told

        with psycopg.connect(**way(peopled, "managed")), pytest.raises(Refused, match="logbook is"):
            restore(managed, person, store, name)
        assert managed.call(UndoRequest()).back == done.kept
        peopled.sql("alter role plain nocreatedb")
        with pytest.raises(Refused, match="alter role plain createdb"):
            restore(managed, person, store, name)


def test_what_lies_in_s3_comes_from_there_even_over_a_line_that_breaks(
    peopled: PostgresStack, person: KeyHolder, s3: S3Server, tmp_path: Path
) -> None:
    peopled.sql(NOISE)
    bucket = s3.make_bucket(f"back-{uuid.uuid4().hex[:8]}")
    keys = (s3.access_key, s3.secret_key)
    with with_s3(peopled, tmp_path / "keys", bucket, s3, keys) as there:
        name = person.take(there, None)
        key = person.open(far(s3, bucket, s3.endpoint), name)
        peopled.sql("drop table people, noise")
        assert there.restore(RestoreRequest(id=name, key=key)).rows == 1001 + NOISY
        assert there.call(DrillRequest(id=name, key=key)).proof.ok
        peopled.sql("drop table people")
        with FaultyS3(s3.port, Faults(cut_downloads_after=[1 << 20, 3 << 20])) as proxy:
            done = peopled.restore(
                RestoreRequest(id=name, key=key), far(s3, bucket, proxy.endpoint)
            )
        assert count(peopled) == 1000 and done.backup == name
