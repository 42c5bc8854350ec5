"""Databases that replication or a prepared transaction holds: refused early, named, or noted."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from slipway.agent.messages.restore import RestorePlan, RestoreRequest, UndoRequest
from slipway.database import siblings
from slipway.errors import Refused
from slipway.storage.folder import FolderStore
from tests.fakes.reporter import RecordingReporter
from tests.integration import postgres_stack
from tests.integration.backup_cases import KeyHolder, wait
from tests.integration.docker_sandbox import taken
from tests.integration.postgres_stack import PostgresStack
from tests.integration.reset_cases import reset, tables
from tests.integration.restore_cases import count, databases, restore

pytestmark = pytest.mark.engine

OPTIONS = ("-c", "wal_level=logical", "-c", "max_prepared_transactions=4")
WAY = "host=127.0.0.1 user=logbook dbname="
SUBSCRIBE = (
    f"create subscription news connection '{WAY}elsewhere' publication news"
    " with (slot_name = its, create_slot = false)"
)
DETACH = "alter subscription {0} disable; alter subscription {0} set (slot_name = none)"


@dataclass(frozen=True)
class Obstacle:
    """What holds the live database: how it comes about, what is said, what removes it."""

    sql: tuple[str, ...]
    words: str
    remedy: tuple[str, ...]
    is_reader_elsewhere: bool = False


OBSTACLES = {
    "subscription": Obstacle(
        (SUBSCRIBE,),
        r"the subscription news .* drop subscription news",
        ("drop subscription news",),
    ),
    "idle slot": Obstacle(
        ("select pg_create_logical_replication_slot('feed', 'pgoutput')",),
        r"the replication slot feed .* select pg_drop_replication_slot\('feed'\)",
        ("select pg_drop_replication_slot('feed')",),
    ),
    "slot with a reader": Obstacle(
        (
            "create publication feed for table people",
            "select pg_create_logical_replication_slot('feed', 'pgoutput')",
        ),
        r"the replication slot feed .*\(one reads now\).*pg_drop_replication_slot\('feed'\)",
        ("drop publication feed", "select pg_drop_replication_slot('feed')"),
        is_reader_elsewhere=True,
    ),
    "prepared transaction": Obstacle(
        ("begin; insert into people (name) values ('late'); prepare transaction 'a ''b'''",),
        r"the prepared transaction 'a ''b''' .* rollback prepared 'a ''b'''",
        ("rollback prepared 'a ''b'''",),
    ),
    "template": Obstacle(
        ("alter database logbook is_template true",),
        "alter database logbook is_template false",
        ("alter database logbook is_template false",),
    ),
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresStack]:
    """A server that may replicate by rows; in place of the one that other tests share."""
    with taken() as corner:
        folder = tmp_path_factory.mktemp("replicating")
        yield postgres_stack.start(corner, folder, server_options=OPTIONS)


@pytest.fixture
def replicating(peopled: PostgresStack) -> Iterator[PostgresStack]:
    """A database with people, and one `elsewhere` that publishes rows of its own."""
    peopled.sql("create database elsewhere", "postgres")
    peopled.sql("create table people (id bigint, name text)", "elsewhere")
    peopled.sql("create publication news for table people", "elsewhere")
    peopled.sql("select pg_create_logical_replication_slot('its', 'pgoutput')", "elsewhere")
    yield peopled
    free(peopled)


def free(place: PostgresStack) -> None:
    """Take away what would hold the databases of a test, also after a failure."""
    holding = "select datname, subname from pg_subscription join pg_database d on d.oid = subdbid"
    for database, name in place.sql(holding, "postgres"):
        for command in f"{DETACH.format(name)}; drop subscription {name}".split("; "):
            place.sql(command, database)
    wait(lambda: not place.sql("select 1 from pg_replication_slots where active", "postgres"))
    place.sql("select pg_drop_replication_slot(slot_name) from pg_replication_slots", "postgres")
    for gid, database in place.sql("select gid, database from pg_prepared_xacts", "postgres"):
        quoted = gid.replace("'", "''")
        place.sql(f"rollback prepared '{quoted}'", database)
    for (name,) in place.sql(
        "select datname from pg_database where datistemplate and datname !~ '^template'", "postgres"
    ):
        place.sql(f'alter database "{name}" is_template false', "postgres")


def hold(place: PostgresStack, obstacle: Obstacle) -> None:
    for command in obstacle.sql:
        place.sql(command)
    if obstacle.is_reader_elsewhere:
        place.sql(
            f"create subscription reader connection '{WAY}logbook' publication feed"
            " with (slot_name = feed, create_slot = false, copy_data = false)",
            "elsewhere",
        )
        active = "select 1 from pg_replication_slots where slot_name = 'feed' and active"
        wait(lambda: bool(place.sql(active, "postgres")))


def end(place: PostgresStack, obstacle: Obstacle) -> None:
    if obstacle.is_reader_elsewhere:
        place.sql(DETACH.format("reader").split("; ")[0], "elsewhere")
        place.sql(DETACH.format("reader").split("; ")[1], "elsewhere")
        idle = "select 1 from pg_replication_slots where slot_name = 'feed' and not active"
        wait(lambda: bool(place.sql(idle, "postgres")))
    for command in obstacle.remedy:
        place.sql(command)


@pytest.mark.parametrize("name", OBSTACLES)
def test_what_holds_the_database_is_named_before_anything_changes_and_its_command_helps(
    replicating: PostgresStack, person: KeyHolder, store: FolderStore, name: str
) -> None:
    obstacle, backup = OBSTACLES[name], person.take(replicating, store)
    hold(replicating, obstacle)
    with pytest.raises(Refused, match=obstacle.words) as caught:
        reset(replicating.server)
    assert str(caught.value).endswith("nothing was changed")
    request = RestoreRequest(id=backup, key=person.open(store, backup), plan=True)
    plan = replicating.call(request, store)
    assert isinstance(plan, RestorePlan) and any(obstacle.words[:8] in p for p in plan.problems)
    with pytest.raises(Refused, match=obstacle.words):
        restore(replicating, person, store, backup)
    assert databases(replicating) == {"logbook", "elsewhere"} and count(replicating) >= 1000

    beside = restore(replicating, person, store, backup, into="look")
    assert (beside.database, count(replicating, "look")) == ("look", 1000)
    end(replicating, obstacle)
    kept = restore(replicating, person, store, backup).kept
    siblings.drop_old(replicating.server, kept)
    reset(replicating.server, environment="testing", setting="testing")
    assert tables(replicating.server) == {"fresh"}
    assert databases(replicating) == {"logbook", "elsewhere", "look"}


def test_an_undo_is_refused_for_what_holds_either_database(
    replicating: PostgresStack, person: KeyHolder, store: FolderStore
) -> None:
    kept = restore(replicating, person, store, person.take(replicating, store)).kept
    replicating.sql("begin; insert into people (name) values ('x'); prepare transaction 'p'", kept)
    with pytest.raises(Refused, match=rf"the prepared transaction 'p' .*{kept}"):
        replicating.call(UndoRequest())
    replicating.sql("rollback prepared 'p'", kept)
    hold(replicating, OBSTACLES["subscription"])
    with pytest.raises(Refused, match="the subscription news"):
        replicating.call(UndoRequest())
    end(replicating, OBSTACLES["subscription"])
    assert replicating.call(UndoRequest()).back == kept


def test_a_restore_leaves_out_subscriptions_and_names_them_and_lost_publications(
    replicating: PostgresStack, person: KeyHolder, store: FolderStore
) -> None:
    replicating.sql("create publication kept for table people")
    hold(replicating, OBSTACLES["subscription"])
    replicating.sql("comment on subscription news is 'ours'")
    backup = person.take(replicating, store)
    replicating.sql("create publication younger for all tables")
    restore(replicating, person, store, backup, into="look")
    assert any(
        note.startswith("left out: the subscription news") for note in replicating.heard.notes
    )
    assert replicating.sql("select pubname from pg_publication", "look") == [("kept",)]
    end(replicating, OBSTACLES["subscription"])
    restore(replicating, person, store, backup)
    assert any("the publication younger" in note for note in replicating.heard.notes)
    assert not any("the publication kept" in note for note in replicating.heard.notes)
    assert replicating.sql("select subname from pg_subscription", "postgres") == []


def test_a_reset_notes_publications_that_end_with_the_old_database(
    replicating: PostgresStack,
) -> None:
    replicating.sql("create publication mine for all tables")
    report = RecordingReporter()
    reset(replicating.server, report)
    assert any("the publication mine" in note for note in report.notes)


def test_what_an_earlier_run_left_and_cannot_be_dropped_stops_no_later_one(
    replicating: PostgresStack,
) -> None:
    left = siblings.name_of("logbook", siblings.RESTORE, "20260101T000000Z-0000")
    old = siblings.name_of("logbook", siblings.BEFORE, "20260101T000000Z")
    for name in (left, old):
        replicating.sql(f'create database "{name}"', "postgres")
        sql = f"connection '{WAY}elsewhere' publication news with (connect = false)"
        replicating.sql(f"create subscription news {sql}", name)
    report = RecordingReporter()
    reset(replicating.server, report)
    assert tables(replicating.server) == {"fresh"}
    notes = [note for note in report.notes if left in note]
    assert "the subscription news" in notes[-1] and "drop subscription news" in notes[-1]
    with pytest.raises(Refused, match=rf"{old} stays: .*the subscription news"):
        siblings.drop_old(replicating.server, old)
