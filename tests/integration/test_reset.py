"""Resets of a real database: what is kept, what is created, what a kill leaves."""

import contextlib
import dataclasses
import json
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from slipway.agent.messages.data import ResetReply, ResetRequest, SeedRequest
from slipway.agent.messages.migrations import (
    BaselineReply,
    BaselineRequest,
    MigrateRequest,
    MigrationsReply,
    RollbackRequest,
)
from slipway.agent.messages.request import ChangePlan, PlannedStep, Request
from slipway.client import reset as client_reset
from slipway.database import identity
from slipway.database.connection import Server
from slipway.errors import Busy, Refused, SlipwayError
from slipway.storage.folder import FolderStore
from tests.fakes.reporter import RecordingReporter
from tests.integration.backup_cases import KeyHolder, literal
from tests.integration.postgres_stack import PASSWORD, PostgresStack
from tests.integration.reset_cases import SEEDS, prepare, reset, tables
from tests.integration.restore_cases import databases

pytestmark = pytest.mark.engine


def test_a_reset_keeps_a_backup_migrates_seeds_and_says_whose_connections_ended(
    place: PostgresStack, tmp_path: Path, person: KeyHolder
) -> None:
    place.sql("CREATE TABLE old (id int); INSERT INTO old VALUES (1)")
    folder = FolderStore(tmp_path, "backups/testing")
    given: dict[str, Any] = {
        "recipients": (person.recipient,),
        "environment": "testing",
        "by": "anna",
    }
    given |= {"migrations": client_reset.migrations(), "seeds": SEEDS}
    with place.server.connect(application="psql of anna"):
        done = place.call(ResetRequest(**given), folder)
    assert isinstance(done, ResetReply)
    assert done.summary == (f"testing has a new database; the old one is backup {done.backup}")
    assert f"{done.backup}.json" in [entry.key for entry in folder.entries()]
    assert any("1 of psql of anna (logbook)" in note for note in place.heard.notes)
    assert {"accounts", "entries", "jobs", "schema_migrations"} <= tables(place.server)
    assert "old" not in tables(place.server)
    assert place.sql("SELECT email FROM accounts") == [("a@b",)]
    assert place.sql("SELECT environment FROM slipway.identity") == [("testing",)]
    assert databases(place) == {"logbook"}


def test_the_seeds_of_the_checkout_may_run_again(place: PostgresStack) -> None:
    place.call(MigrateRequest(migrations=client_reset.migrations()))
    seeds = client_reset.seeds("dev")
    assert list(seeds) == ["common.sql", "dev.sql"]
    for _ in range(2):
        assert place.call(SeedRequest(environment="testing", seeds=seeds)).files == tuple(seeds)
    assert place.sql("SELECT count(*) FROM entries") == [(3,)]


def test_seeds_are_one_transaction_a_file_and_a_mistake_names_file_and_line(
    place: PostgresStack,
) -> None:
    place.sql("CREATE TABLE t (id int)")
    good, bad = "INSERT INTO t VALUES (1)", "INSERT INTO t VALUES (2);\nSELECT 100 % nothing;"
    with pytest.raises(SlipwayError) as caught:
        place.call(SeedRequest(seeds={"common.sql": good, "testing.sql": bad}))
    assert str(caught.value) == (
        'seed/testing.sql, line 2: column "nothing" does not exist (SQLSTATE 42703); '
        "nothing of this file was kept; common.sql before it stays"
    )
    assert place.sql("SELECT id FROM t") == [(1,)]


def test_the_old_database_serves_until_the_new_one_is_whole(place: PostgresStack) -> None:
    place.sql("CREATE TABLE old (id int)")

    def fail(new: Server) -> str:
        assert tables(place.server) == {"old"}
        raise SlipwayError("migration 2 failed")

    report = RecordingReporter()
    with pytest.raises(SlipwayError, match="migration 2 failed"):
        reset(place.server, report, migrate=fail)
    assert report.notes[-1] == f"{place.server.database} is unchanged"
    assert tables(place.server) == {"old"}
    assert databases(place) == {"logbook"}


def test_a_server_that_ends_our_session_is_told_and_the_next_reset_clears_away(
    place: PostgresStack,
) -> None:
    place.sql("CREATE TABLE old (id int)")

    def end(_: Server) -> str:
        place.sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name = 'slipway reset'"
        )
        return ""

    with pytest.raises(SlipwayError, match=r"was lost \(terminating connection .* run this again"):
        reset(place.server, migrate=end)
    assert tables(place.server) == {"old"}
    reset(place.server)
    assert databases(place) == {"logbook"}


def test_no_backup_no_reset(place: PostgresStack) -> None:
    place.sql("CREATE TABLE old (id int)")

    def fail() -> str:
        raise SlipwayError("the disk of backups/testing is full")

    with pytest.raises(SlipwayError, match="is full"):
        reset(place.server, back_up=fail)
    assert tables(place.server) == {"old"}


def test_the_row_can_be_changed_and_is_there_once_whoever_writes_first(
    place: PostgresStack,
) -> None:
    people = [
        subprocess.Popen(["docker", "exec", place.ops, "python", "-c", _ENSURE.format(n)])
        for n in range(4)
    ]
    assert [person.wait(120) for person in people] == [0] * 4
    with place.server.connect() as connection:
        assert connection.execute("SELECT count(*) FROM slipway.identity").fetchone() == (1,)
        identity.write(connection, "staging")
        assert identity.read(connection) == "staging"
        assert identity.ensure(connection, "prod") == "staging"


_ENSURE = (
    "from slipway.database import connection, identity; "
    "identity.ensure(connection.server().connect(), 'env{}')"
)


def test_settings_rights_owner_and_writing_of_the_database_stay(place: PostgresStack) -> None:
    name = "odd name 'ü\" = %"
    quoted = '"' + name.replace('"', '""') + '"'
    place.sql(
        f"CREATE DATABASE {quoted} TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'", "postgres"
    )
    place.sql("CREATE ROLE reader; CREATE ROLE keeper", "postgres")
    for text in (
        f"ALTER DATABASE {quoted} OWNER TO keeper",
        f"ALTER DATABASE {quoted} SET work_mem = '7MB'",
        f"ALTER ROLE reader IN DATABASE {quoted} SET search_path = a, b",
        f"ALTER DATABASE {quoted} CONNECTION LIMIT 55",
        f"REVOKE CONNECT ON DATABASE {quoted} FROM public",
        f"GRANT CONNECT ON DATABASE {quoted} TO reader",
        f"COMMENT ON DATABASE {quoted} IS 'ours'",
    ):
        place.sql(text, "postgres")
    server = place.server.named(name)
    before = _properties(server)
    reset(server)
    assert _properties(server) == before
    assert tables(server) == {"fresh"}
    assert databases(place) == {"logbook", name}


def test_settings_that_a_plain_role_may_not_give_are_left_out_and_told(
    place: PostgresStack,
) -> None:
    place.sql(f"create role plain login createdb password {literal(PASSWORD)}", "postgres")
    place.sql("create role other", "postgres")
    place.sql("create database theirs owner plain", "postgres")
    place.sql("alter role other in database theirs set search_path = a, b", "postgres")
    place.sql("alter database theirs set search_path = c, d", "postgres")
    server, report = (
        dataclasses.replace(place.server.named("theirs"), user="plain"),
        RecordingReporter(),
    )
    reset(server, report)
    assert tables(server) == {"fresh"}
    assert place.sql("show search_path", "theirs") == [("c, d",)]
    (told,) = [note for note in report.notes if note.startswith("left out, for permission denied")]
    assert 'alter role "other" in database' in told and 'set "search_path" = a, b' in told


def _properties(server: Server) -> Any:
    with server.named("postgres").connect() as connection:
        return connection.execute(
            "SELECT pg_get_userbyid(datdba), encoding, datcollate, datctype, datlocprovider,"
            " datconnlimit, (SELECT array_agg(a::text ORDER BY a::text) FROM unnest(datacl) a),"
            " shobj_description(d.oid, 'pg_database'), (SELECT array_agg((setrole, setconfig)::text"
            " ORDER BY 1) FROM pg_db_role_setting WHERE setdatabase = d.oid)"
            " FROM pg_database d WHERE datname = %s",
            [server.database],
        ).fetchone()


def test_fifty_busy_connections_are_ended_for_a_moment(place: PostgresStack) -> None:
    place.sql("CREATE TABLE old (id int)")
    with contextlib.ExitStack() as stack:
        for n in range(50):
            connection = place.server.connect(application="api")
            stack.callback(connection.close)
            if n % 2:
                connection.execute("BEGIN; LOCK TABLE old IN ACCESS SHARE MODE")
        report = RecordingReporter()
        done = reset(place.server, report)
    assert done.ended == 50
    assert done.seconds < 10
    assert "ending connections: 50 of api (logbook)" in report.notes
    assert tables(place.server) == {"fresh"}


def test_a_database_that_is_missing_is_made(place: PostgresStack) -> None:
    place.sql(f'DROP DATABASE "{place.server.database}"', "postgres")
    reset(place.server)
    assert tables(place.server) == {"fresh"}
    assert databases(place) == {"logbook"}


def test_a_plan_shows_the_steps_and_whose_connections_would_end_and_changes_nothing(
    place: PostgresStack,
) -> None:
    place.sql("CREATE TABLE old (id int)")
    with place.server.connect(application="psql of anna"):
        preview = prepare(place.server).preview()
    names = [step.name for step in preview.plan.steps]
    assert names == ["back up", "create", "migrate", "seed", "swap", "drop"]
    assert preview.notes == ["it will end connections: 1 of psql of anna (logbook)"]
    assert (tables(place.server), databases(place)) == ({"old"}, {"logbook"})
    with pytest.raises(Refused, match="you asked for prod"):
        prepare(place.server, environment="prod").preview()


def test_the_agent_plans_a_reset_without_a_store_or_a_key(place: PostgresStack) -> None:
    place.sql("CREATE TABLE old (id int)")
    document = place.call(ResetRequest(environment="testing", seeds=SEEDS, plan=True))
    assert isinstance(document, ChangePlan)
    assert document.summary == "it would reset logbook of testing"
    assert PlannedStep("seed", "insert the sample rows: common.sql") in document.steps
    assert tables(place.server) == {"old"}


def test_two_resets_at_once_are_one(place: PostgresStack) -> None:
    def meet(new: Server) -> str:
        with pytest.raises(Busy, match="a reset of this database is under way"):
            reset(place.server)
        return ""

    reset(place.server, migrate=meet)
    assert databases(place) == {"logbook"}


def test_a_reset_that_is_killed_anywhere_leaves_the_old_or_the_new_and_the_next_finishes(
    place: PostgresStack,
) -> None:
    place.sql("CREATE TABLE old (id int)")
    with place.server.connect() as connection:
        identity.write(connection, "dev")
    given = json.dumps({"migrations": client_reset.migrations(), "seeds": SEEDS})
    with place.beside("--env", "ENVIRONMENT=dev") as there:
        argv = ["docker", "exec", there.ops, "python", "-m", "slipway.agent", "reset"]
        argv += ["--given", given]
        began = time.monotonic()
        subprocess.run(argv, check=True, capture_output=True)
        _kill_again_and_again(there, argv, time.monotonic() - began)
        subprocess.run(argv, check=True, capture_output=True)
    assert "old" not in tables(place.server)
    assert databases(place) == {"logbook"}


def _kill_again_and_again(place: PostgresStack, argv: list[str], whole: float) -> None:
    """Kill a reset that takes so many seconds, until some died before the swap and some after."""
    seen: list[bool] = []
    moment = whole * 0.35
    while len(seen) < 14 or (len(set(seen)) < 2 and len(seen) < 60):
        place.sql("CREATE TABLE IF NOT EXISTS old (id int)")
        person = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(moment)
        place.corner.docker("exec", place.ops, "pkill", "-9", "-f", "slipway.agent", check=False)
        person.wait(120)
        found = tables(place.server)
        assert "old" in found or "accounts" in found
        assert not ("old" not in found and place.sql("SELECT email FROM accounts") != [("a@b",)])
        seen.append("old" in found)
        # Around the swap, however fast the machine is just now.
        moment *= 1.2 if "old" in found else 0.9
    assert set(seen) == {True, False}, "some were killed before the swap, some after it"


def test_migrating_says_which_environment_a_database_is(place: PostgresStack) -> None:
    place.call(MigrateRequest(migrations=client_reset.migrations()))
    assert place.sql("SELECT environment FROM slipway.identity") == [("testing",)]


def test_the_database_of_another_environment_is_not_migrated(place: PostgresStack) -> None:
    with place.server.connect() as connection:
        identity.write(connection, "prod")
    texts = client_reset.migrations()
    requests: list[Request[MigrationsReply] | Request[BaselineReply]] = [
        MigrateRequest(migrations=texts),
        RollbackRequest(migrations=texts),
        BaselineRequest(version="1", migrations=texts),
    ]
    for request in requests:
        with pytest.raises(Refused, match="says that it is 'prod'"):
            place.call(request)
    assert tables(place.server) == set()


def test_only_what_says_that_it_is_dev_goes_without_a_backup(
    place: PostgresStack, tmp_path: Path, person: KeyHolder
) -> None:
    folder = FolderStore(tmp_path, "backups/dev")
    given: dict[str, Any] = {
        "recipients": (person.recipient,),
        "migrations": client_reset.migrations(),
    }
    with place.beside("--env", "ENVIRONMENT=dev") as there:
        request = ResetRequest(environment="dev", **given)
        replies = [there.call(request, folder) for _ in range(2)]
    assert [isinstance(reply, ResetReply) and bool(reply.backup) for reply in replies] == [
        True,
        False,
    ]
