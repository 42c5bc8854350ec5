"""Backups that fail beside the database: killed, cut off, locked out; nothing of them is kept."""

import re
import subprocess
from pathlib import Path

import pytest

from slipway.agent.channel import Channel
from slipway.agent.codec import encode
from slipway.agent.messages.backups import BackupRequest
from slipway.agent.messages.data import ResetRequest
from slipway.backups.format import catalogue
from slipway.backups.take.backup import Backup
from slipway.backups.take.spec import BackupSpec
from slipway.client import call
from slipway.database import siblings
from slipway.errors import Busy, Refused, SlipwayError
from slipway.hosts.local import LocalHost
from slipway.progress import Silent
from slipway.project import ROOT
from slipway.storage.folder import FolderStore
from tests import base_images
from tests.fakes.stores import HeldStore
from tests.integration import postgres_stack
from tests.integration.backup_cases import (
    NOISE,
    KeyHolder,
    RunningBackup,
    keys,
    loop,
    pid,
    processes,
    wait,
)
from tests.integration.docker_sandbox import IMAGES, DockerSandbox
from tests.integration.postgres_stack import PASSWORD, PostgresStack
from tests.integration.restore_cases import databases, restore

pytestmark = pytest.mark.engine
# The second where it could not be told why, for it was in the middle of sending.
ENDED = "terminating connection due to administrator command|server closed the connection"


def test_a_second_backup_is_told_whose_is_running_from_whatever_host(
    place: PostgresStack, person: KeyHolder, store: FolderStore
) -> None:
    place.sql(NOISE)
    held = HeldStore(store, after=1 << 20)
    first = RunningBackup(person, place, held)
    assert held.reached.wait(300)
    try:
        with place.beside() as twin:
            for second in (place, twin):
                with pytest.raises(Busy, match=r"running, by ada@lovelace from .* since 20"):
                    person.take(second, store)
        assert small(place) < 1 << 20
    finally:
        held.let_go.set()
        first._thread.join(300)
    assert first.error is None and len(catalogue.read(store).backups) == 1


def test_a_dump_that_the_server_ends_leaves_nothing(
    place: PostgresStack, person: KeyHolder, store: FolderStore
) -> None:
    place.sql(NOISE)
    held = HeldStore(store, after=1 << 20)
    running = RunningBackup(person, place, held)
    assert held.reached.wait(300)
    ended = "select pg_terminate_backend(pid) from pg_stat_activity where application_name = '{}'"
    place.sql(ended.format("slipway backup: pg_dump"))
    held.let_go.set()
    assert re.search(ENDED, running.fails())
    assert keys(store) == []
    assert person.take(place, store)


def test_when_the_server_ends_every_session_nothing_stays(
    place: PostgresStack, person: KeyHolder, store: FolderStore
) -> None:
    place.sql(NOISE)
    held = HeldStore(store, after=1 << 20)
    running = RunningBackup(person, place, held)
    assert held.reached.wait(300)
    place.sql(
        "select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() "
        "and application_name like 'slipway backup%'"
    )
    held.let_go.set()
    assert re.search(ENDED, running.fails())
    assert keys(store) == []


@pytest.mark.parametrize("program", ["pg_dump", "age", "pg_restore"])
def test_a_program_that_is_killed_leaves_nothing(
    place: PostgresStack, person: KeyHolder, store: FolderStore, program: str
) -> None:
    place.sql(NOISE)
    held = HeldStore(store, after=1 << 20)
    running = RunningBackup(person, place, held)
    assert held.reached.wait(300)
    try:
        LocalHost().run(["kill", "-KILL", pid(place, program)])
    finally:
        held.let_go.set()
    held.let_go.set()
    said = running.fails()
    assert program in said or (program == "pg_restore" and "cannot be read back" in said)
    assert keys(store) == [] and "pg_dump" not in processes(place)


def test_killed_itself_it_leaves_no_child_no_lock_and_nothing_listed(
    place: PostgresStack, person: KeyHolder, store: FolderStore
) -> None:
    place.sql(NOISE)
    held = HeldStore(store, after=1 << 20)
    running = RunningBackup(person, place, held)
    assert held.reached.wait(300)
    LocalHost().run(["kill", "-KILL", pid(place, "python -m slipway.agent")])
    held.let_go.set()
    assert "it was killed (out of memory, or its container ended?)" in running.fails()
    wait(lambda: "pg_dump" not in processes(place))
    assert catalogue.read(store).backups == () and keys(store) == []
    assert person.take(place, store)


def test_when_the_line_drops_the_dump_ends_and_nothing_is_listed(
    place: PostgresStack, person: KeyHolder, store: FolderStore
) -> None:
    place.sql(NOISE)
    line = ["docker", "exec", "-i", place.ops, *call.COMMAND, "--silence=3"]
    with pytest.raises(KeyboardInterrupt), LocalHost().open(line) as spoken:
        channel = Channel(spoken.read, spoken.write)
        request = encode(BackupRequest(recipients=(person.recipient,)))
        channel.send("request", verb=BackupRequest.verb, request=request, store="here")
        while (message := channel.receive()) and message.kind != "store.chunk":
            if message.kind == "store.sweep":
                channel.send("store.done", id=message.fields["id"], count=0)
        assert message and "pg_dump" in processes(place)
        raise KeyboardInterrupt  # which ends this end of the line, unasked
    wait(lambda: "slipway.agent" not in processes(place) and "pg_dump" not in processes(place))
    assert person.take(place, store)


def test_a_table_that_stays_locked_is_named_with_who_locks_it(
    place: PostgresStack, person: KeyHolder, store: FolderStore
) -> None:
    place.sql("create table t (a int)")
    with place.server.connect(application="a long vacuum") as connection, connection.transaction():
        connection.execute("lock table t in access exclusive mode")
        with pytest.raises(
            SlipwayError, match=r"a table stayed locked for .*by a long vacuum, process"
        ):
            person.take(place, store, lock_wait=1)
    assert keys(store) == []


def test_more_tables_than_the_server_can_lock_name_the_setting(
    corner: DockerSandbox, tmp_path: Path, person: KeyHolder, store: FolderStore
) -> None:
    few = ("-c", "max_locks_per_transaction=10", "-c", "max_connections=20")
    place = postgres_stack.start(corner, tmp_path / "inside", server_options=few)
    loop(place, 4000, "create table t%s (a int)", at_once=50)
    with pytest.raises(SlipwayError, match="raise max_locks_per_transaction"):
        person.take(place, store)
    assert keys(store) == []


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"DATABASE_NAME": "nowhere"}, 'database "nowhere" does not exist'),
        ({"DATABASE_USER": "nobody"}, "authentication failed"),
        ({"DATABASE_PORT": "9"}, "[Cc]onnection refused"),
        ({"DATABASE_HOST": "no.such.host.invalid"}, "no.such.host.invalid"),
    ],
)
def test_a_database_that_is_not_there_is_one_sentence_and_no_object(
    server: PostgresStack,
    person: KeyHolder,
    store: FolderStore,
    settings: dict[str, str],
    said: str,
) -> None:
    options = [word for pair in settings.items() for word in ("--env", "=".join(pair))]
    with server.beside(*options) as there, pytest.raises(SlipwayError, match=said) as caught:
        person.take(there, store, patience=1)
    assert PASSWORD not in str(caught.value) and "\n" not in str(caught.value)
    assert keys(store) == []


def test_a_client_older_than_the_server_is_never_used(
    server: PostgresStack, person: KeyHolder, store: FolderStore
) -> None:
    found = subprocess.run(["pg_dump", "--version"], capture_output=True, text=True, check=False)
    major = re.search(r"\) (\d+)", found.stdout)
    if major is None or int(major[1]) >= 17:
        pytest.skip("this computer has no pg_dump of an older major")
    spec = BackupSpec("testing", (person.recipient,))
    with pytest.raises(Refused, match=r"write FROM postgres:17 into compose/ops/Dockerfile"):
        Backup(server.server, store, spec, Silent()).run()
    assert keys(store) == []


def test_a_pooler_that_shares_connections_is_refused_and_leaves_no_lock(
    place: PostgresStack, person: KeyHolder, store: FolderStore
) -> None:
    pooler = f"{IMAGES}/pooler"
    base_images.build(pooler, str(ROOT / "tests/fakes/pooler"))
    file = place.server.password_file
    options = ("--network", place.network, "--network-alias", "pooler", "--volume")
    running = place.corner.run(
        pooler, "transaction", options=(*options, f"{file}:/run/secrets/DATABASE_PASSWORD:ro")
    )
    settings = ("--env", "DATABASE_HOST=pooler", "--env", "DATABASE_PORT=6432")
    name = person.take(place, store)
    try:
        with place.beside(*settings) as there:
            with pytest.raises(Refused, match="pool_mode=transaction"):
                person.take(there, store)
            with pytest.raises(Refused, match="pool_mode=transaction"):
                restore(there, person, store, name)
            with pytest.raises(Refused, match="pool_mode=transaction"):
                there.call(ResetRequest(environment="testing"), store)
            # The pooler still has its sessions: what they held would be in the way.
            with siblings.alone(place.server, "restore"):
                assert databases(place) == {"logbook"}
            assert len(keys(store)) == 3 and person.take(place, store)
    finally:
        place.corner.docker("rm", "--force", "--volumes", running)


def small(place: PostgresStack) -> int:
    """Bytes that lie in the places of the ops container where something can be written."""
    argv = ["exec", place.ops, "du", "-sbc", "/tmp", "/var/lib/slipway"]
    return int(place.corner.docker(*argv).splitlines()[-1].split()[0])
