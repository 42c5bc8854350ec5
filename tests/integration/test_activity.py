"""What runs beside a database is seen from outside, waited for, and let begin no more."""

import subprocess
import threading
from collections.abc import Iterator

import pytest

from slipway.agent.messages.backups import BackupRequest, ListBackupsRequest
from slipway.backups.format import catalogue
from slipway.client import activity
from slipway.client.activity import Activity
from slipway.errors import Busy
from slipway.hosts.local import LocalHost
from slipway.storage.folder import FolderStore
from tests.fakes.reporter import RecordingReporter
from tests.fakes.stores import HeldStore
from tests.integration.backup_cases import NOISE, KeyHolder, RunningBackup, wait
from tests.integration.postgres_stack import PostgresStack

pytestmark = pytest.mark.engine

HOSTS = [LocalHost("here")]
OPS = ("ops",)


@pytest.fixture
def ops(place: PostgresStack) -> Iterator[PostgresStack]:
    """The ops container as a deployed environment has it."""
    with place.beside("--label", "slipway.service=ops") as there:
        yield there


def test_a_backup_that_runs_is_waited_for_and_meanwhile_refuses_who_cannot_wait(
    ops: PostgresStack, person: KeyHolder, store: FolderStore
) -> None:
    ops.sql(NOISE)
    app, held, reporter = ops.corner.app, HeldStore(store, after=1 << 20), RecordingReporter()
    running = RunningBackup(person, ops, held)
    assert held.reached.wait(300)
    (seen,) = activity.look(HOSTS, app, OPS)
    assert (seen.service, seen.verb) == ("ops", "backup") and 0 <= seen.seconds < 300
    with pytest.raises(Busy, match=r"^a backup has been running in ops for \d+ s, which this"):
        activity.wait(HOSTS, app, OPS, reporter, patience=0)
    timer = threading.Timer(1, held.let_go.set)
    timer.start()
    activity.wait(HOSTS, app, OPS, reporter)
    running._thread.join(60)
    assert running.error is None and len(catalogue.read(store).backups) == 1
    assert [note for note in reporter.notes if note.startswith("waiting: a backup has been")]


def test_once_nothing_runs_nothing_begins_until_the_container_is_replaced_or_let_go(
    ops: PostgresStack, person: KeyHolder, store: FolderStore
) -> None:
    app = ops.corner.app
    activity.wait(HOSTS, app, OPS, RecordingReporter())
    with pytest.raises(Busy, match="a deploy is about to replace the container"):
        ops.call(BackupRequest(recipients=(person.recipient,)), store)
    assert ops.call(ListBackupsRequest(), store).backups == ()
    activity.release(HOSTS, app, OPS)
    assert person.take(ops, store)


def test_what_an_older_engine_does_is_seen_without_its_name_and_a_reader_is_not(
    ops: PostgresStack,
) -> None:
    begun = ["docker", "exec", "-i", ops.ops, "python", "-m", "slipway.agent"]
    with subprocess.Popen([*begun, "--tethered"], stdin=subprocess.PIPE) as silent:
        wait(lambda: bool(activity.look(HOSTS, ops.corner.app, OPS)), 30)
        (seen,) = activity.look(HOSTS, ops.corner.app, OPS)
        assert seen == Activity("ops", "", seen.seconds) and "a command of inv db.*" in str(seen)
        assert silent.stdin
        silent.stdin.close()
    sleeping = ["query", "--given", '{"sql": "select pg_sleep(15)"}']
    asleep = (
        "select 1 from pg_stat_activity"
        " where query like '%pg_sleep(15)%' and pid <> pg_backend_pid()"
    )
    with subprocess.Popen([*begun, *sleeping], stdout=subprocess.DEVNULL) as reader:
        wait(lambda: bool(ops.sql(asleep)), 60)
        assert activity.look(HOSTS, ops.corner.app, OPS) == []
        reader.wait()
