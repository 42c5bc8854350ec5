"""Restores into a real PostgreSQL 17 that is in use: what comes back, and the way back."""

import threading
import time

import psycopg
import pytest

from slipway.agent.messages.migrations import MigrateRequest
from slipway.agent.messages.restore import RestorePlan, RestoreRequest, UndoRequest
from slipway.database import siblings
from slipway.errors import Refused, UsageError
from slipway.storage.folder import FolderStore
from tests.integration.backup_cases import KeyHolder, processes, wait
from tests.integration.postgres_stack import PostgresStack
from tests.integration.restore_cases import EVERYTHING, count, databases, restore, way

pytestmark = pytest.mark.engine


def test_a_restore_takes_the_place_of_what_is_there_and_undo_takes_it_back(
    peopled: PostgresStack, person: KeyHolder, store: FolderStore
) -> None:
    peopled.sql("alter database logbook set search_path = \"$user\", public, 'a b'")
    peopled.sql(
        "alter database logbook set work_mem = '5MB'; comment on database logbook is 'ours'"
    )
    name = person.take(peopled, store)
    peopled.sql("delete from people where id > 10; insert into people (name) values ('late')")

    done = restore(peopled, person, store, name)
    assert (count(peopled), done.rows, done.head) == (1000, 1001, "20260101000000")
    assert databases(peopled) == {"logbook", done.kept}
    assert count(peopled, done.kept) == 11
    assert peopled.sql("select lo_get(oid)::text from pg_largeobject_metadata") == [("\\x010203",)]
    assert peopled.sql("show work_mem") == [("5MB",)]
    assert peopled.sql("show search_path") == [('"$user", public, "a b"',)]
    comment = "select shobj_description(oid, 'pg_database') from pg_database where datname = %s"
    with peopled.server.connect() as session:
        assert session.execute(comment, ("logbook",)).fetchone() == ("ours",)

    undone = peopled.call(UndoRequest())
    assert undone.back == done.kept and count(peopled) == 11
    assert count(peopled, undone.kept) == 1000
    kept = siblings.old_databases(peopled.server)
    assert [(each.kind, each.name) for each in kept] == [("undone", undone.kept)]
    with pytest.raises(Refused, match="is undone already"):
        peopled.call(UndoRequest())
    siblings.drop_old(peopled.server, undone.kept)
    assert databases(peopled) == {"logbook"}
    wait(lambda: "slipway" not in processes(peopled))


def test_everything_comes_back(
    peopled: PostgresStack, person: KeyHolder, store: FolderStore
) -> None:
    peopled.sql("drop schema public cascade; create schema public")
    peopled.sql(EVERYTHING)
    before, name = dumped(peopled), person.take(peopled, store)
    peopled.sql("drop event trigger watching; drop schema public cascade; create schema public")
    peopled.sql("drop owned by reader; drop role reader")

    with pytest.raises(Refused, match="the roles reader do not exist there; add --create-roles"):
        restore(peopled, person, store, name)
    assert databases(peopled) == {"logbook"}
    done = restore(peopled, person, store, name, create_roles=True)
    assert dumped(peopled) == before
    assert done.rows == 500 + 1 + 400 + 2 + 1 + 1 + 2


def test_fifty_sessions_and_a_restore_under_them(
    peopled: PostgresStack, person: KeyHolder, store: FolderStore
) -> None:
    name = person.take(peopled, store)
    peopled.sql("delete from people where id > 10")
    crowd = Crowd(peopled, 50)
    try:
        done = restore(peopled, person, store, name)
        time.sleep(1)
    finally:
        gap, seen, errors = crowd.leave()
    # How long they wait is measured by a benchmark; here they only have to get on.
    assert done.swap_seconds < 10 and gap < 30, (done, gap)
    assert seen == {10, 1000}
    # To those who had a session, to those who waited for one, to those who were just let in.
    told = ("terminating connection", "just been dropped or renamed", "closed the connection")
    assert all(any(sign in each for sign in told) for each in errors), errors


def test_a_database_that_is_gone_is_made_again(
    peopled: PostgresStack, person: KeyHolder, store: FolderStore
) -> None:
    name = person.take(peopled, store)
    peopled.sql("drop database logbook with (force)", "postgres")
    done = restore(peopled, person, store, name)
    assert (count(peopled), done.kept, databases(peopled)) == (1000, "", {"logbook"})


def test_some_tables_are_restored_beside(
    peopled: PostgresStack, person: KeyHolder, store: FolderStore
) -> None:
    peopled.sql("create type mood as enum ('ok'); create table \"A b\" (m mood default 'ok')")
    peopled.sql('insert into "A b" values (default), (default); create view v as table people')
    name = person.take(peopled, store)
    done = restore(peopled, person, store, name, tables=("people", "A b"), into="a 'look' =-")
    assert done.rows == 1002 and count(peopled, "a 'look' =-") == 1000
    tables = peopled.sql(
        "select relname from pg_class where relkind in ('r', 'v') and "
        "relnamespace = 'public'::regnamespace order by 1",
        "a 'look' =-",
    )
    assert tables == [("A b",), ("people",)]
    peopled.sql("insert into people (name) values ('next')", "a 'look' =-")
    assert peopled.sql("select max(id) from people", "a 'look' =-") == [(1001,)]
    with pytest.raises(Refused, match=r"no table public\.nobody"):
        restore(peopled, person, store, name, tables=("nobody",), into="x")
    with pytest.raises(UsageError, match="add --into=NAME"):
        restore(peopled, person, store, name, tables=("people",))
    with pytest.raises(Refused, match="a database logbook exists already"):
        restore(peopled, person, store, name, into="logbook")
    assert databases(peopled) == {"logbook", "a 'look' =-"}


def test_a_plan_changes_nothing_and_says_what_is_in_the_way(
    peopled: PostgresStack, person: KeyHolder, store: FolderStore
) -> None:
    peopled.sql("create role gone; grant select on people to gone")
    name = person.take(peopled, store)
    peopled.sql("drop owned by gone; drop role gone")
    request = RestoreRequest(id=name, key=person.open(store, name), plan=True)
    found = peopled.call(request, store)
    assert isinstance(found, RestorePlan)
    assert [step.name for step in found.steps][-1] == "swap"
    assert "the roles gone do not exist" in found.problems[0]
    assert databases(peopled) == {"logbook"}


def test_an_old_backup_is_migrated_by_what_came_since_and_nothing_else(
    place: PostgresStack, person: KeyHolder, store: FolderStore
) -> None:
    texts = {f"{n}_t.sql": f"-- migrate:up\ncreate table t{n} ();\n" for n in (1, 2, 3)}
    place.call(MigrateRequest(migrations={"1_t.sql": texts["1_t.sql"]}))
    name = person.take(place, store)
    place.call(MigrateRequest(migrations=texts))
    assert restore(place, person, store, name).head == "1"
    done = place.call(MigrateRequest(migrations=texts)).files
    assert [run.filename for run in done] == ["2_t.sql", "3_t.sql"]


class Crowd:
    """Sessions that ask and ask, and connect again when they are cut off."""

    def __init__(self, place: PostgresStack, size: int) -> None:
        self._place = place
        self._over = threading.Event()
        self.gap, self.seen, self.errors = 0.0, set[int](), set[str]()
        self._threads = [threading.Thread(target=self._ask, daemon=True) for _ in range(size)]
        for thread in self._threads:
            thread.start()
        time.sleep(2)

    def leave(self) -> tuple[float, set[int], set[str]]:
        self._over.set()
        for thread in self._threads:
            thread.join(120)
        return self.gap, self.seen, self.errors

    def _ask(self) -> None:
        last, session = 0.0, None
        while not self._over.is_set():
            try:
                session = session or psycopg.connect(**way(self._place), autocommit=True)
                row = session.execute("select count(*) from people").fetchone()
            except psycopg.Error as error:
                self.errors.add(str(error).strip())
                session = None
                continue
            self.gap = max(self.gap, time.monotonic() - last if last else 0.0)
            self.seen.add(row[0] if row else -1)
            last = time.monotonic()
            time.sleep(0.02)
        if session:
            session.close()


def dumped(place: PostgresStack) -> list[str]:
    """Schema and rows as SQL, but for whose it is; a line of it is new each time."""
    argv = ("pg_dump", "-U", "logbook", "--exclude-schema=slipway", "logbook")
    out = place.corner.docker("exec", place.db, *argv)
    return [
        line for line in out.splitlines() if not line.startswith(("\\restrict", "\\unrestrict"))
    ]
