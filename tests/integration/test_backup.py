"""Backups of a real PostgreSQL 17, taken inside, into a folder here and into a real S3 server."""

import json
import subprocess
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from slipway.backups import catalogue, seal
from slipway.backups.seal import Key
from slipway.backups.take import Wanted, take
from slipway.database.connection import Server
from slipway.database.report import Silent
from slipway.errors import Busy, DifferenceFound, Refused, SlipwayError
from slipway.hosts.local import LocalHost
from slipway.inside.channel import Channel
from slipway.ops import errand, vault
from slipway.project import ROOT
from slipway.storage.folder import FolderStore
from slipway.storage.s3 import S3Store
from slipway.storage.store import Store
from tests.fakes.faulty import Answer, Faults, FaultyS3
from tests.fakes.s3server import S3Server
from tests.fakes.stores import HeldStore, RefusingStore
from tests.integration import inside
from tests.integration.conftest import Corner
from tests.integration.inside import Inside

pytestmark = pytest.mark.engine

NOISE = """
    create table noise (a text);
    insert into noise select string_agg(md5(random()::text || n || m), '')
    from generate_series(1, 400) n, generate_series(1, 2000) m group by n
"""  # 25 MB, of which 13 are stored: more than all pipes together hold


@dataclass(frozen=True)
class Person:
    """Somebody who may open backups, and takes them."""

    key: Key
    recipient: str

    def take(self, place: Inside, store: Store | None, **given: Any) -> str:
        """Take a backup; return its id."""
        asked = {"recipients": [self.recipient], "by": "ada@lovelace", **given}
        return str(place.do("backup", store, **asked)["backup"]["id"])

    def open(self, store: Store, name: str) -> Key:
        sealed = catalogue.get(store, name).manifest.key
        return Key(seal.unseal(sealed.encode(), self.key).decode().strip())

    def verify(self, place: Inside, store: Store, name: str) -> dict[str, Any]:
        keys = {name: self.open(store, name).identity}
        found: dict[str, Any] = place.do("verify", store, keys=keys)["proofs"][0]
        return found


@pytest.fixture(scope="module")
def server(module_corner: Corner, tmp_path_factory: pytest.TempPathFactory) -> Inside:
    return inside.start(module_corner, tmp_path_factory.mktemp("inside"))


@pytest.fixture
def place(server: Inside) -> Iterator[Inside]:
    """A database with nothing in it."""
    yield server
    server.sql("drop schema public cascade; create schema public")


@pytest.fixture(scope="session")
def person() -> Person:
    return Person(*seal.new_key())


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path / "backups" / "testing", "backups/testing")


def keys(store: Store) -> list[str]:
    return [entry.key for entry in store.entries()]


def processes(place: Inside) -> str:
    """Everything that runs in the ops container, but for what waits there."""
    return place.corner.docker("top", place.ops, "-eo", "pid,args")


def pid(place: Inside, program: str) -> str:
    """The process of a program in the ops container, as this computer numbers it."""
    lines = [line.split(None, 1) for line in processes(place).splitlines()[1:]]
    named = (number for number, argv in lines if argv.split()[0].endswith(f"/{program}"))
    return next(named, "") or next(n for n, argv in lines if argv.startswith(program))


def wait(what: Callable[[], bool], seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.1)


class Running:
    """A backup in a thread, so that a test can do something to it in the middle."""

    def __init__(self, person: Person, place: Inside, store: Store, **given: Any) -> None:
        self._work: Callable[[], str] = lambda: person.take(place, store, **given)
        self.error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._work()
        except BaseException as error:
            self.error = error

    def fails(self) -> str:
        self._thread.join(60)
        assert isinstance(self.error, SlipwayError), self.error
        return str(self.error)


def test_a_backup_is_listed_proven_and_opened_by_hand(
    place: Inside, person: Person, store: FolderStore, tmp_path: Path
) -> None:
    place.sql("create table t (a int primary key, b text)")
    place.sql("insert into t select n, 'ünï ' || n from generate_series(1, 1000) n")
    place.sql("create table schema_migrations (version varchar primary key)")
    place.sql("insert into schema_migrations values ('20260101000000'), ('20260202000000')")
    place.sql("select lo_from_bytea(0, '\\x010203'); create sequence s")
    name = person.take(place, store, release=7, commit="abc")
    assert keys(store) == [f"{name}.{end}" for end in ("dump.age", "json", "roles.sql.age")]

    (row,) = place.do("backups", store)["backups"]
    told = (row["release"], row["commit"], row["migration"], row["environment"], row["where"])
    assert told == (7, "abc", "20260202000000", "testing", "backups/testing")
    assert (row["recipients"], row["is_verified"]) == ([person.recipient], False)
    made = catalogue.get(store, name).manifest
    assert made.tables == {"public.schema_migrations": 2, "public.t": 1000}
    assert (made.large_objects, made.sequences, made.server) == (1, 1, made.client)
    assert "logbook" in made.roles and made.locale.encoding == "UTF8"

    assert person.verify(place, store, name)["ok"]
    assert place.do("backups", store)["backups"][0]["is_verified"]

    # The way out: age and PostgreSQL's own tools.
    identity = tmp_path / "key"
    identity.write_text(person.open(store, name).identity)
    sealed = tmp_path / "backups" / "testing" / f"{name}.dump.age"
    plain = subprocess.run(
        ["age", "--decrypt", "--identity", str(identity), str(sealed)],
        capture_output=True,
        check=True,
    ).stdout
    listing = subprocess.run(
        ["docker", "exec", "-i", place.db, "pg_restore", "-f", "-"],
        input=plain,
        capture_output=True,
        check=True,
    ).stdout.decode()
    assert "ünï 1000" in listing and made.plain.size == len(plain)
    assert oct(sealed.stat().st_mode)[-3:] == "600"


def test_everything_a_schema_can_hold_survives(
    place: Inside, person: Person, store: FolderStore
) -> None:
    place.sql(RICH)
    name = person.take(place, store)
    made = catalogue.get(store, name).manifest
    assert made.tables == {
        'odd."T b\'l"': 1,
        "public.booking": 1,
        "public.entry": 3,
        "public.events_a": 2,
        "public.events_b": 1,
        "public.fast": 2,
    }
    assert made.unlogged == ("public.fast",) and made.foreign == ("public.far",)
    assert made.extensions["pg_trgm"] and "reader" in made.roles
    restore(place, person, store, name, "round_trip")
    try:
        assert schema(place, "round_trip") == schema(place, "logbook")
        for table in made.tables:
            digest = f"select md5(string_agg(t::text, '|' order by t::text)) from {table} t"  # noqa: S608
            assert place.sql(digest, "round_trip") == place.sql(digest), table
        assert place.sql("select count(*) from popular", "round_trip") == [(3,)]
        assert place.sql("select nextval('entry_id_seq')", "round_trip") == [(4,)]
        assert place.sql("select loid::int from pg_largeobject", "round_trip") == [(4711,)]
    finally:
        place.sql("drop database round_trip", "postgres")
        place.sql("drop event trigger watch; drop publication news; select lo_unlink(4711)")
        place.sql("drop schema odd, public cascade; create schema public; drop role reader")


def test_names_no_shell_and_no_option_parser_likes(
    server: Inside, person: Person, store: FolderStore
) -> None:
    odd = server.fresh("-d 'o\"=\\ dbname=x ü")
    try:
        odd.sql('create schema "-s \'x"; create table "-s \'x"."t;"" --" (a int)')
        odd.sql('insert into "-s \'x"."t;"" --" values (1), (2)')
        name = person.take(odd, store)
        made = catalogue.get(store, name).manifest
        assert made.database == odd.server.database
        assert list(made.tables.values()) == [2]
        assert person.verify(odd, store, name)["ok"]
    finally:
        odd.leave()


def test_roles_come_along_and_their_passwords_only_when_asked(
    place: Inside, person: Person, store: FolderStore
) -> None:
    place.sql("create role clerk login password 'sesame'; create table t (a int)")
    place.sql("grant select on t to clerk")
    try:
        bare, full = person.take(place, store), person.take(place, store, role_passwords=True)
        texts = [roles(person, store, name) for name in (bare, full)]
        assert all("CREATE ROLE clerk" in text for text in texts)
        assert ["SCRAM-SHA-256" in text for text in texts] == [False, True]
        made = [catalogue.get(store, name).manifest for name in (bare, full)]
        assert [each.has_role_passwords for each in made] == [False, True]
        assert "clerk" in made[0].roles
        assert "SCRAM" not in made[1].to_json() + "".join(place.heard.notes)
    finally:
        place.sql("drop owned by clerk; drop role clerk")


def test_a_plain_owner_as_in_a_managed_database_backs_up_what_is_its_own(
    server: Inside, person: Person, store: FolderStore
) -> None:
    server.sql(f"create role tenant login createdb password {literal(inside.PASSWORD)}")
    server.sql("create database managed owner tenant", "postgres")
    options = ("--env", "DATABASE_USER=tenant")
    ops = inside.start_ops(
        server.corner, server.network, "managed", server.server.password_file, *options
    )
    theirs = Server("127.0.0.1", server.server.port, "tenant", "managed", inside_password(server))
    managed = Inside(server.corner, server.network, server.db, ops, theirs)
    try:
        managed.sql("create table t (a int); insert into t values (1)")
        name = person.take(managed, store)
        assert catalogue.get(store, name).manifest.tables == {"public.t": 1}
        assert "CREATE ROLE tenant" in roles(person, store, name)
        with pytest.raises(Refused, match="may not read the passwords of roles"):
            person.take(managed, store, role_passwords=True)
        assert len(catalogue.read(store).backups) == 1
        server.sql("create table secret (a int)", "managed")
        with pytest.raises(SlipwayError, match="permission denied for table secret"):
            person.take(managed, store)
    finally:
        managed.leave()
        server.sql("drop database managed with (force)", "postgres")
        server.sql("drop role tenant")


def test_a_second_backup_is_told_whose_is_running_from_whatever_host(
    place: Inside, person: Person, store: FolderStore
) -> None:
    place.sql(NOISE)
    held = HeldStore(store, after=1 << 20)
    first = Running(person, place, held)
    assert held.reached.wait(30)
    other = inside.start_ops(place.corner, place.network, "logbook", place.server.password_file)
    twin = Inside(place.corner, place.network, place.db, other, place.server)
    try:
        for second in (place, twin):
            with pytest.raises(Busy, match=r"already running, by ada@lovelace from .* since 20"):
                person.take(second, store)
        assert small(place) < 1 << 20
    finally:
        twin.leave()
        held.let_go.set()
        first._thread.join(30)
    assert first.error is None and len(catalogue.read(store).backups) == 1


def test_a_dump_that_the_server_ends_leaves_nothing(
    place: Inside, person: Person, store: FolderStore
) -> None:
    place.sql(NOISE)
    held = HeldStore(store, after=1 << 20)
    running = Running(person, place, held)
    assert held.reached.wait(30)
    ended = "select pg_terminate_backend(pid) from pg_stat_activity where application_name = '{}'"
    place.sql(ended.format("slipway backup: pg_dump"))
    held.let_go.set()
    assert "terminating connection due to administrator command" in running.fails()
    assert keys(store) == []
    assert person.take(place, store)


def test_when_the_server_ends_every_session_nothing_stays(
    place: Inside, person: Person, store: FolderStore
) -> None:
    place.sql(NOISE)
    held = HeldStore(store, after=1 << 20)
    running = Running(person, place, held)
    assert held.reached.wait(30)
    place.sql(
        "select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() "
        "and application_name like 'slipway backup%'"
    )
    held.let_go.set()
    assert "terminating connection" in running.fails()
    assert keys(store) == []


def test_a_pooler_that_shares_connections_is_refused_and_leaves_no_lock(
    place: Inside, person: Person, store: FolderStore
) -> None:
    pooler = "slipway-test/pooler"
    place.corner.docker("build", "--quiet", "--tag", pooler, str(ROOT / "tests/fakes/pooler"))
    file = place.server.password_file
    options = ("--network", place.network, "--network-alias", "pooler", "--volume")
    place.corner.run(
        pooler, "transaction", options=(*options, f"{file}:/run/secrets/DATABASE_PASSWORD:ro")
    )
    settings = ("--env", "DATABASE_HOST=pooler", "--env", "DATABASE_PORT=6432")
    ops = inside.start_ops(place.corner, place.network, "logbook", file, *settings)
    there = Inside(place.corner, place.network, place.db, ops, place.server)
    try:
        with pytest.raises(Refused, match="pool_mode=transaction"):
            person.take(there, store)
    finally:
        there.leave()
    assert keys(store) == [] and person.take(place, store)


def test_a_standby_is_backed_up_as_well(
    corner: Corner, tmp_path: Path, person: Person, store: FolderStore
) -> None:
    place = inside.start(corner, tmp_path / "inside")
    place.sql("create table t (a int); insert into t values (1); create unlogged table u (a int)")
    corner.docker("exec", place.db, "sh", "-euc", 'touch "$PGDATA/standby.signal"')
    corner.docker("restart", place.db)
    name = person.take(place, store)
    made = catalogue.get(store, name).manifest
    assert (made.tables, made.unlogged) == ({"public.t": 1}, ("public.u",))


@pytest.mark.parametrize("program", ["pg_dump", "age", "pg_restore"])
def test_a_program_that_is_killed_leaves_nothing(
    place: Inside, person: Person, store: FolderStore, program: str
) -> None:
    place.sql(NOISE)
    held = HeldStore(store, after=1 << 20)
    running = Running(person, place, held)
    assert held.reached.wait(30)
    try:
        LocalHost().run(["kill", "-KILL", pid(place, program)])
    finally:
        held.let_go.set()
    held.let_go.set()
    said = running.fails()
    assert program in said or (program == "pg_restore" and "cannot be read back" in said)
    assert keys(store) == [] and "pg_dump" not in processes(place)


def test_killed_itself_it_leaves_no_child_no_lock_and_nothing_listed(
    place: Inside, person: Person, store: FolderStore
) -> None:
    place.sql(NOISE)
    held = HeldStore(store, after=1 << 20)
    running = Running(person, place, held)
    assert held.reached.wait(30)
    LocalHost().run(["kill", "-KILL", pid(place, "python -m slipway.inside")])
    held.let_go.set()
    assert "it was killed (out of memory?)" in running.fails()
    wait(lambda: "pg_dump" not in processes(place))
    assert catalogue.read(store).backups == () and keys(store) == []
    assert person.take(place, store)


def test_when_the_line_drops_the_dump_ends_and_nothing_is_listed(
    place: Inside, person: Person, store: FolderStore
) -> None:
    place.sql(NOISE)
    line = ["docker", "exec", "-i", place.ops, *errand.COMMAND, "--silence=3"]
    with LocalHost().open(line) as spoken:
        channel = Channel(spoken.read, spoken.write)
        given = {"recipients": [person.recipient]}
        channel.send("verb", verb="backup", given=given, store="here")
        while (message := channel.receive()) and message.kind != "store.chunk":
            if message.kind == "store.sweep":
                channel.send("store.done", id=message.fields["id"], count=0)
        assert message and "pg_dump" in processes(place)
    wait(lambda: "slipway.inside" not in processes(place) and "pg_dump" not in processes(place))
    assert person.take(place, store)


def test_a_table_that_stays_locked_is_named_with_who_locks_it(
    place: Inside, person: Person, store: FolderStore
) -> None:
    place.sql("create table t (a int)")
    with place.server.connect(application="a long vacuum") as connection, connection.transaction():
        connection.execute("lock table t in access exclusive mode")
        began = time.monotonic()
        with pytest.raises(SlipwayError, match=r"a table is locked, .*by a long vacuum, process"):
            person.take(place, store, lock_wait=1)
        assert time.monotonic() - began < 10
    assert keys(store) == []


def test_two_thousand_tables_take_seconds(
    place: Inside, person: Person, store: FolderStore
) -> None:
    loop(place, 2000, "create table t%s (a int)")
    began = time.monotonic()
    name = person.take(place, store)
    assert time.monotonic() - began < 10
    made = catalogue.get(store, name).manifest
    assert len(made.tables) == 2000 and set(made.tables.values()) <= {0, None}
    loop(place, 2000, "drop table t%s")


def test_more_tables_than_the_server_can_lock_name_the_setting(
    corner: Corner, tmp_path: Path, person: Person, store: FolderStore
) -> None:
    few = ("-c", "max_locks_per_transaction=10", "-c", "max_connections=20")
    place = inside.start(corner, tmp_path / "inside", server_options=few)
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
    server: Inside, person: Person, store: FolderStore, settings: dict[str, str], said: str
) -> None:
    options = [word for pair in settings.items() for word in ("--env", "=".join(pair))]
    file = server.server.password_file
    ops = inside.start_ops(server.corner, server.network, "logbook", file, *options)
    there = Inside(server.corner, server.network, server.db, ops, server.server)
    try:
        with pytest.raises(SlipwayError, match=said) as caught:
            person.take(there, store, patience=1)
        assert inside.PASSWORD not in str(caught.value) and "\n" not in str(caught.value)
        assert keys(store) == []
    finally:
        there.leave()


def test_a_client_of_another_major_is_never_used(
    server: Inside, person: Person, store: FolderStore
) -> None:
    found = subprocess.run(["pg_dump", "--version"], capture_output=True, text=True, check=False)
    if " 17" in found.stdout or found.returncode:
        pytest.skip("this computer has no pg_dump of another major")
    wanted = Wanted("testing", (person.recipient,))
    with pytest.raises(Refused, match=r"write FROM postgres:17 into compose/ops/Dockerfile"):
        take(server.server, store, wanted, Silent())
    assert keys(store) == []


def test_a_manifest_that_is_late_is_tried_again_and_without_one_nothing_stays(
    place: Inside, person: Person, store: FolderStore
) -> None:
    late = RefusingStore(store, lambda key: key.endswith(".json"), times=1)
    assert person.take(place, late)
    assert any("trying the manifest again" in note for note in place.heard.notes)
    never = RefusingStore(store, lambda key: key.endswith(".json"), times=99)
    with pytest.raises(SlipwayError, match="the test wants it"):
        person.take(place, never)
    assert len(keys(store)) == 3


def test_a_damaged_backup_is_found_and_said(
    place: Inside, person: Person, store: FolderStore, tmp_path: Path
) -> None:
    place.sql(NOISE)
    name = person.take(place, store)
    path = tmp_path / "backups" / "testing" / f"{name}.dump.age"
    whole = path.read_bytes()
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 1
    path.write_bytes(flipped)
    proof = person.verify(place, store, name)
    assert not proof["ok"] and "other bytes than were stored" in proof["why"]
    with pytest.raises(DifferenceFound, match="Take another now"):
        vault.demand_whole({"proofs": [proof]})
    path.write_bytes(whole[: len(whole) // 2])
    assert name in place.do("backups", store)["damaged"]
    path.write_bytes(whole)
    assert person.verify(place, store, name)["ok"]

    other = Person(*seal.new_key())
    with pytest.raises(SlipwayError, match="this key does not open"):
        place.do("verify", store, keys={name: other.key.identity})


def test_an_upload_that_is_cut_leaves_nothing_in_s3(
    place: Inside, person: Person, s3: S3Server
) -> None:
    place.sql(NOISE)
    place.sql("insert into noise select a || a from noise")
    bucket = s3.make_bucket(f"cut-{uuid.uuid4().hex[:8]}")
    with (
        FaultyS3(s3.port, Faults(cut_upload_at=17 << 20)) as proxy,
        pytest.raises(SlipwayError, match=r"the connection to .* broke"),
    ):
        person.take(place, far(s3, bucket, proxy.endpoint))
    assert s3.keys(bucket) == [] and s3.uploads(bucket) == []
    with pytest.raises(SlipwayError, match="does not accept the keys"):
        person.take(place, far(s3, bucket, s3.endpoint, secret="expired"))
    assert s3.keys(bucket) == []


def test_a_busy_store_is_asked_again_and_one_that_says_no_in_a_yes_is_not_believed(
    place: Inside, person: Person, s3: S3Server
) -> None:
    place.sql(NOISE)
    place.sql("insert into noise select a || a from noise")
    bucket = s3.make_bucket(f"busy-{uuid.uuid4().hex[:8]}")
    busy = Faults({"UploadPart": Answer(503, "SlowDown", times=3)})
    with FaultyS3(s3.port, busy) as proxy:
        name = person.take(place, far(s3, bucket, proxy.endpoint))
    mine = far(s3, bucket, s3.endpoint)
    assert person.verify(place, mine, name)["ok"]
    liar = Faults({"CompleteMultipartUpload": Answer(200, "InternalError")})
    with (
        FaultyS3(s3.port, liar) as proxy,
        pytest.raises(SlipwayError, match="the store has trouble"),
    ):
        person.take(place, far(s3, bucket, proxy.endpoint))
    assert [each.id for each in catalogue.read(mine).backups] == [name]
    assert s3.uploads(bucket) == []


def test_a_full_disk_is_said_and_leaves_nothing(place: Inside, person: Person) -> None:
    place.sql(NOISE)
    small = ("--tmpfs", "/small:size=4m,mode=1777", "--env", "BACKUP_STORE=/small")
    file = place.server.password_file
    ops = inside.start_ops(place.corner, place.network, "logbook", file, *small)
    there = Inside(place.corner, place.network, place.db, ops, place.server)
    try:
        with pytest.raises(SlipwayError, match="the disk of /small/testing is full"):
            person.take(there, None)
        left = place.corner.docker("exec", ops, "find", "/small", "-type", "f")
        assert left == "" and "pg_dump" not in processes(there)
    finally:
        there.leave()


def test_the_environment_writes_to_s3_by_itself_also_with_keys_that_may_only_write(
    place: Inside, person: Person, s3: S3Server, tmp_path: Path
) -> None:
    place.sql(NOISE)
    bucket = s3.make_bucket(f"own-{uuid.uuid4().hex[:8]}")
    gateway = place.corner.docker(
        "network", "inspect", "--format", "{{(index .IPAM.Config 0).Gateway}}", place.network
    )
    for access, secret in ((s3.access_key, s3.secret_key), (s3.writer_key, s3.writer_secret)):
        there = with_s3(place, tmp_path / access, bucket, s3, gateway, (access, secret))
        try:
            name = person.take(there, None)
            assert f"logbook/testing/{name}.json" in s3.keys(bucket)
            if access == s3.writer_key:
                with pytest.raises(SlipwayError, match="the keys may not do this"):
                    there.do("backups")
            else:
                mine = far(s3, bucket, s3.endpoint)
                assert [row["id"] for row in there.do("backups")["backups"]] == [name]
                sealed = person.open(mine, name)
                assert there.do("verify", keys={name: sealed.identity})["proofs"][0]["ok"]
                logged = place.corner.docker("exec", there.ops, *UNTETHERED, given(person))
                assert logged.startswith("backup 20") and "\n" not in logged
        finally:
            there.leave()
    assert len(catalogue.read(far(s3, bucket, s3.endpoint)).backups) == 3


UNTETHERED = ["python", "-m", "slipway.inside", "backup", "--given"]


def given(person: Person) -> str:
    return json.dumps({"recipients": [person.recipient]})


def with_s3(
    place: Inside, folder: Path, bucket: str, s3: S3Server, gateway: str, pair: tuple[str, str]
) -> Inside:
    """The same database with an ops container that has a store of its own."""
    folder.mkdir()
    mounts = []
    for name, value in zip(("BACKUP_S3_KEY", "BACKUP_S3_SECRET"), pair, strict=True):
        (folder / name).write_text(value)
        mounts += ["--volume", f"{folder / name}:/run/secrets/{name}:ro"]
    settings = [f"BACKUP_STORE=s3://{bucket}/logbook", f"BACKUP_S3_REGION={s3.region}"]
    settings += [f"BACKUP_S3_ENDPOINT={s3.endpoint_from_containers(gateway)}"]
    pairs = [word for each in settings for word in ("--env", each)]
    file = place.server.password_file
    ops = inside.start_ops(place.corner, place.network, "logbook", file, *pairs, *mounts)
    return Inside(place.corner, place.network, place.db, ops, place.server)


def loop(place: Inside, times: int, line: str, at_once: int = 500) -> None:
    """Run a line for each number; a transaction of too many would run out of locks itself."""
    body = f"execute format('{line}', n); end loop; end $$"
    for start in range(0, times, at_once):
        place.sql(f"do $$ begin for n in {start} .. {start + at_once - 1} loop {body}")


def far(s3: S3Server, bucket: str, endpoint: str, secret: str = "") -> S3Store:
    return S3Store(
        bucket,
        "logbook/testing",
        access_key=lambda: s3.access_key,
        secret_key=lambda: secret or s3.secret_key,
        endpoint=endpoint,
        region=s3.region,
    )


def small(place: Inside) -> int:
    """Bytes that lie in the places of the ops container where something can be written."""
    argv = ["exec", place.ops, "du", "-sbc", "/tmp", "/var/lib/slipway"]
    return int(place.corner.docker(*argv).splitlines()[-1].split()[0])


def inside_password(server: Inside) -> Path:
    return server.server.password_file


def literal(text: str) -> str:
    return "e'" + text.replace("\\", "\\\\").replace("'", "''") + "'"


def roles(person: Person, store: Store, name: str) -> str:
    sealed = b"".join(store.get(catalogue.roles_key(name)))
    return seal.unseal(sealed, person.open(store, name)).decode()


def restore(place: Inside, person: Person, store: Store, name: str, database: str) -> None:
    """Put a backup into a new database with nothing but age and pg_restore."""
    place.sql(f"create database {database} template template0", "postgres")
    plain = seal.unseal(b"".join(store.get(catalogue.dump_key(name))), person.open(store, name))
    argv = ["docker", "exec", "-i", place.db, "pg_restore", "-U", "logbook", "--exit-on-error"]
    done = subprocess.run([*argv, "-d", database], input=plain, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()


def schema(place: Inside, database: str) -> str:
    argv = ["exec", place.db, "pg_dump", "-U", "logbook", "--schema-only", "--restrict-key=same"]
    return place.corner.docker(*argv, database)


RICH = """
create role reader;
create extension pg_trgm;
create extension file_fdw;
create type mood as enum ('sad', 'ok');
create domain positive as int check (value > 0);
create table entry (
    id int generated by default as identity primary key,
    title text not null, m mood default 'ok', n positive default 1,
    shout text generated always as (upper(title)) stored
);
insert into entry (title) values ('a'), ('b'), ('ç');
create index on entry using gin (title gin_trgm_ops);
create materialized view popular as select * from entry;
create table events (at date, what text) partition by range (at);
create table events_a partition of events for values from ('2026-01-01') to ('2026-02-01');
create table events_b partition of events for values from ('2026-02-01') to ('2026-03-01');
insert into events values ('2026-01-01', 'x'), ('2026-01-02', null), ('2026-02-02', E'y\\t\\\\');
create unlogged table fast (a bytea);
insert into fast values ('\\x00ff'), (null);
create temporary table gone (a int);
create server elsewhere foreign data wrapper file_fdw;
create foreign table far (a text) server elsewhere options (filename '/etc/hostname');
create table booking (during tsrange, exclude using gist (during with &&));
insert into booking values ('[2026-01-01, 2026-01-02)');
alter table entry enable row level security;
create policy own on entry for select to reader using (title = current_user);
grant select on entry to reader;
create publication news for table entry;
create schema odd;
create table odd."T b'l" ("c;""--" text);
insert into odd."T b'l" values ('''');
create function shout(text) returns text language sql begin atomic select upper($1); end;
create function refuse() returns event_trigger language plpgsql as $$ begin end $$;
create event trigger watch on ddl_command_end execute function refuse();
create rule careful as on delete to booking do instead nothing;
comment on table entry is 'what''s written; -- here';
select lo_from_bytea(4711, '\\x010203');
"""
