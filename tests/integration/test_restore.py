"""Restores into a real PostgreSQL 17 that is in use, from whole and from damaged backups."""

import json
import re
import shutil
import subprocess
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pytest

from slipway.backups import seal
from slipway.database import beside, marker
from slipway.errors import Busy, Refused, SlipwayError, UsageError
from slipway.storage.folder import FolderStore
from tests.fakes.faulty import Faults, FaultyS3
from tests.fakes.s3server import S3Server
from tests.integration import inside
from tests.integration.backing import NOISE, Person, far, literal, pid, processes, wait, with_s3
from tests.integration.conftest import Corner
from tests.integration.inside import Inside

pytestmark = pytest.mark.engine

EVERYTHING = (Path(__file__).parent / "everything.sql").read_text()
PEOPLE = """
    create table schema_migrations (version varchar primary key);
    insert into schema_migrations values ('20260101000000');
    create table people (id bigint generated always as identity primary key, name text not null);
    insert into people (name) select 'ünï ' || n from generate_series(1, 1000) n;
    select lo_from_bytea(0, '\\x010203');
"""


@pytest.fixture(scope="module")
def server(module_corner: Corner, tmp_path_factory: pytest.TempPathFactory) -> Inside:
    return inside.start(module_corner, tmp_path_factory.mktemp("inside"))


@pytest.fixture
def place(server: Inside) -> Iterator[Inside]:
    """A database with some people in it; what restores leave beside it goes afterwards."""
    server.sql(PEOPLE)
    yield server
    with server.server.named("postgres").connect() as session:
        rows = session.execute("select datname from pg_database where datname <> 'postgres'")
        for (name,) in rows.fetchall():
            if not name.startswith("template"):
                session.execute(f'drop database "{name}" with (force)'.encode())
        session.execute("create database logbook")


@pytest.fixture(scope="module")
def person() -> Person:
    return Person(*seal.new_key())


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path / "backups" / "testing", "backups/testing")


def restore(
    place: Inside, person: Person, store: FolderStore, name: str, **given: Any
) -> dict[str, Any]:
    key = person.open(store, name).identity
    return place.do("restore", store, id=name, key=key, **given)


def databases(place: Inside) -> set[str]:
    rows = place.sql("select datname from pg_database", "postgres")
    return {row[0] for row in rows} - {"postgres", "template0", "template1"}


def count(place: Inside, database: str = "") -> int:
    return int(place.sql("select count(*) from people", database)[0][0])


def test_a_restore_takes_the_place_of_what_is_there_and_undo_takes_it_back(
    place: Inside, person: Person, store: FolderStore
) -> None:
    place.sql("alter database logbook set search_path = \"$user\", public, 'a b'")
    place.sql("alter database logbook set work_mem = '5MB'; comment on database logbook is 'ours'")
    name = person.take(place, store)
    place.sql("delete from people where id > 10; insert into people (name) values ('late')")

    done = restore(place, person, store, name)
    assert (count(place), done["rows"], done["head"]) == (1000, 1001, "20260101000000")
    assert done["swap_seconds"] < 2
    assert databases(place) == {"logbook", done["kept"]}
    assert count(place, done["kept"]) == 11
    assert place.sql("select lo_get(oid)::text from pg_largeobject_metadata") == [("\\x010203",)]
    assert place.sql("show work_mem") == [("5MB",)]
    assert place.sql("show search_path") == [('"$user", public, "a b"',)]
    comment = "select shobj_description(oid, 'pg_database') from pg_database where datname = %s"
    with place.server.connect() as session:
        assert session.execute(comment, ("logbook",)).fetchone() == ("ours",)

    undone = place.do("undo")
    assert undone["back"] == done["kept"] and count(place) == 11
    assert count(place, undone["kept"]) == 1000
    kept = beside.old_databases(place.server)
    assert [(each.kind, each.name) for each in kept] == [("undone", undone["kept"])]
    with pytest.raises(Refused, match="nothing to undo"):
        place.do("undo")
    beside.drop_old(place.server, undone["kept"])
    assert databases(place) == {"logbook"}
    wait(lambda: "slipway" not in processes(place))


def test_everything_comes_back(place: Inside, person: Person, store: FolderStore) -> None:
    place.sql("drop schema public cascade; create schema public")
    place.sql(EVERYTHING)
    before, name = dumped(place), person.take(place, store)
    place.sql("drop event trigger watching; drop schema public cascade; create schema public")
    place.sql("drop owned by reader; drop role reader")

    with pytest.raises(Refused, match="the roles reader do not exist there; add --create-roles"):
        restore(place, person, store, name)
    assert databases(place) == {"logbook"}
    done = restore(place, person, store, name, create_roles=True)
    try:
        assert dumped(place) == before
        assert done["rows"] == 500 + 1 + 400 + 2 + 1 + 1 + 2
    finally:
        beside.drop_old(place.server, done["kept"])
        place.sql("drop owned by reader cascade; drop role reader")


def test_fifty_sessions_and_a_restore_under_them(
    place: Inside, person: Person, store: FolderStore
) -> None:
    name = person.take(place, store)
    place.sql("delete from people where id > 10")
    crowd = Crowd(place, 50)
    try:
        done = restore(place, person, store, name)
        time.sleep(1)
    finally:
        gap, seen, errors = crowd.leave()
    # The sessions share this computer with the server, with ops, and with each other.
    assert done["swap_seconds"] < 2 and gap < 5, (done, gap)
    assert seen == {10, 1000}
    told = ("terminating connection", "just been dropped or renamed")  # to those who waited
    assert all(any(sign in each for sign in told) for each in errors), errors


@pytest.mark.parametrize("damage", ["cut", "flip", "manifest", "size", "gone"])
def test_what_is_damaged_is_refused_before_the_server_is_touched(
    place: Inside, person: Person, store: FolderStore, tmp_path: Path, damage: str
) -> None:
    name = person.take(place, store)
    folder = tmp_path / "backups" / "testing"
    path, manifest = folder / f"{name}.dump.age", folder / f"{name}.json"
    data, document = bytearray(path.read_bytes()), json.loads(manifest.read_text())
    key = person.open(store, name).identity
    if damage == "cut":
        path.write_bytes(data[: len(data) // 2])
    elif damage == "flip":
        data[len(data) // 2] ^= 1
        path.write_bytes(data)
    elif damage == "manifest":
        document["plain"]["sha256"] = "0" * 64
        manifest.write_text(json.dumps(document))
    elif damage == "size":
        manifest.write_text(manifest.read_text()[:-200])
    else:
        path.unlink()
    said = {"cut": "bytes, .* were stored", "flip": "SHA-256 differs", "gone": "holds no"}
    before = place.sql("select xact_commit from pg_stat_database where datname = 'logbook'")
    with pytest.raises(SlipwayError, match=said.get(damage, "another archive|damaged one")):
        place.do("restore", store, id=name, key=key)
    assert databases(place) == {"logbook"} and before
    assert scratch(place) == ""


def test_a_damaged_foreign_file_is_found_by_decoding_it(place: Inside, tmp_path: Path) -> None:
    whole = plain_dump(place)
    files = FolderStore(tmp_path, str(tmp_path))
    flipped = bytearray(whole)
    flipped[len(whole) * 3 // 4] ^= 0xFF
    versions = whole.replace(b"\x00\x00\x00" + b"17.", b"\x00\x00\x00" + b"18.", 1)
    cases = {
        "cut.dump": (whole[: len(whole) * 6 // 10], "cannot be decoded"),
        "flipped.dump": (bytes(flipped), "cannot be decoded"),
        "empty.dump": (b"", "cannot be decoded"),
        "text.sql": (b"create table t (a int);\n" * 100, "cannot be decoded"),
        "sealed.dump": (b"age-encryption.org/v1\n...", "decrypt it first"),
        "newer.dump": (versions, "it is of PostgreSQL 18 and the server is 17, older"),
    }
    assert versions != whole
    for name, (data, said) in cases.items():
        (tmp_path / name).write_bytes(data)
        with pytest.raises(Refused, match=said):
            place.do("restore", files, file=name)
    assert databases(place) == {"logbook"} and scratch(place) == ""


def test_a_foreign_dump_of_this_server_is_restored(place: Inside, tmp_path: Path) -> None:
    (tmp_path / "mine.dump").write_bytes(plain_dump(place))
    place.sql("drop table people")
    done = place.do("restore", FolderStore(tmp_path, str(tmp_path)), file="mine.dump")
    assert (count(place), done["backup"]) == (1000, "mine.dump")


def test_a_file_that_says_itself_whose_it_is_goes_nowhere_else(
    place: Inside, tmp_path: Path
) -> None:
    with place.server.connect() as session:
        marker.write(session, "prod")
    (tmp_path / "prod.dump").write_bytes(plain_dump(place))
    files = FolderStore(tmp_path, str(tmp_path))
    with pytest.raises(Refused, match=r"backups/scrub\.sql"):
        place.do("restore", files, file="prod.dump")
    assert databases(place) == {"logbook"}
    place.do("restore", files, file="prod.dump", scrub="truncate people")
    assert count(place) == 0
    assert place.sql("select environment from slipway.identity") == [("testing",)]


def test_a_backup_under_way_is_waited_for_not_cut_off(
    place: Inside, person: Person, store: FolderStore
) -> None:
    name = person.take(place, store)
    key = person.open(store, name).identity
    backup = partial(place.server.connect, application="slipway backup of ada")
    with backup(), pytest.raises(Busy, match="a backup of ada is at work in logbook"):
        restore(place, person, store, name)

    def begin() -> None:
        threading.Timer(3, backup().close).start()

    begins = Killer(place, "compare", deed=begin)
    assert begins.run(store, id=name, key=key)["kept"] in databases(place)
    assert any(note.startswith("not yet: a backup of ada") for note in begins.notes)


def test_a_dump_of_an_older_server_is_restored(place: Inside, tmp_path: Path) -> None:
    (tmp_path / "old.dump").write_bytes(dump_of_15())
    files = FolderStore(tmp_path, str(tmp_path))
    with pytest.raises(Refused, match="the roles me do not exist there"):
        place.do("restore", files, file="old.dump", into="old")
    done = place.do("restore", files, file="old.dump", into="old", create_roles=True)
    assert (count(place, "old"), done["kept"]) == (7, "")


@pytest.mark.parametrize(
    "stage", ["fetch", "preflight", "create", "fill", "compare", "swap", "swap+", "swap++"]
)
def test_a_kill_leaves_the_old_or_the_new_and_the_next_run_converges(
    place: Inside, person: Person, store: FolderStore, stage: str
) -> None:
    name = person.take(place, store)
    place.sql("delete from people where id > 10")
    killer = Killer(place, stage.rstrip("+"), later=0.012 * stage.count("+"))
    with pytest.raises(SlipwayError):
        killer.run(store, id=name, key=person.open(store, name).identity)
    wait(lambda: "pg_restore" not in processes(place))
    assert count(place) in ({10, 1000} if "swap" in stage else {10})
    assert scratch(place) == ""

    done = restore(place, person, store, name)
    assert count(place) == 1000 and done["kept"] in databases(place)
    assert not [each for each in databases(place) if "__restore_" in each]


def test_a_server_that_restarts_in_the_middle_keeps_the_old(
    place: Inside, person: Person, store: FolderStore
) -> None:
    name = person.take(place, store)
    killer = Killer(place, "fill", deed=lambda: place.corner.docker("kill", place.db))
    with pytest.raises(SlipwayError):
        killer.run(store, id=name, key=person.open(store, name).identity)
    place.corner.docker("start", place.db)
    port = place.corner.port(place.db, 5432)
    object.__setattr__(place.server, "port", port)
    assert count(place) == 1000
    restore(place, person, store, name)
    assert not [each for each in databases(place) if "__restore_" in each]


def test_a_database_that_is_gone_is_made_again(
    place: Inside, person: Person, store: FolderStore
) -> None:
    name = person.take(place, store)
    place.sql("drop database logbook with (force)", "postgres")
    done = restore(place, person, store, name)
    assert (count(place), done["kept"], databases(place)) == (1000, "", {"logbook"})


def test_what_lies_in_s3_comes_from_there_even_over_a_line_that_breaks(
    place: Inside, person: Person, s3: S3Server, tmp_path: Path
) -> None:
    place.sql(NOISE)
    bucket = s3.make_bucket(f"back-{uuid.uuid4().hex[:8]}")
    form = "{{(index .IPAM.Config 0).Gateway}}"
    gateway = place.corner.docker("network", "inspect", "--format", form, place.network)
    keys = (s3.access_key, s3.secret_key)
    there = with_s3(place, tmp_path / "keys", bucket, s3, gateway, keys)
    try:
        name = person.take(there, None)
        key = person.open(far(s3, bucket, s3.endpoint), name).identity
        place.sql("drop table people, noise")
        assert there.do("restore", id=name, key=key)["rows"] == 1001 + 400
        assert there.do("drill", id=name, key=key)["ok"]
        place.sql("drop table people")
        with FaultyS3(s3.port, Faults(cut_downloads_after=[1 << 20, 3 << 20])) as proxy:
            done = place.do("restore", far(s3, bucket, proxy.endpoint), id=name, key=key)
        assert count(place) == 1000 and done["backup"] == name
    finally:
        there.leave()


def test_two_restores_at_once_are_one_too_many(
    place: Inside, person: Person, store: FolderStore
) -> None:
    name = person.take(place, store)
    with beside.alone(place.server, "restore"), pytest.raises(Busy, match="a restore of this"):
        restore(place, person, store, name)


def test_some_tables_are_restored_beside(place: Inside, person: Person, store: FolderStore) -> None:
    place.sql("create type mood as enum ('ok'); create table \"A b\" (m mood default 'ok')")
    place.sql('insert into "A b" values (default), (default); create view v as table people')
    name = person.take(place, store)
    done = restore(place, person, store, name, tables=["people", "A b"], into="a 'look' =-")
    assert done["rows"] == 1002 and count(place, "a 'look' =-") == 1000
    tables = place.sql(
        "select relname from pg_class where relkind in ('r', 'v') and "
        "relnamespace = 'public'::regnamespace order by 1",
        "a 'look' =-",
    )
    assert tables == [("A b",), ("people",)]
    place.sql("insert into people (name) values ('next')", "a 'look' =-")
    assert place.sql("select max(id) from people", "a 'look' =-") == [(1001,)]
    with pytest.raises(Refused, match=r"no table public\.nobody"):
        restore(place, person, store, name, tables=["nobody"], into="x")
    with pytest.raises(UsageError, match="add --into=NAME"):
        restore(place, person, store, name, tables=["people"])
    with pytest.raises(Refused, match="there is a database logbook already"):
        restore(place, person, store, name, into="logbook")
    assert databases(place) == {"logbook", "a 'look' =-"}


def test_production_goes_elsewhere_scrubbed_or_not_at_all(
    place: Inside, person: Person, store: FolderStore
) -> None:
    name = person.take(place, store, environment="prod")
    place.sql("delete from people where id > 10")
    with pytest.raises(Refused, match=r"backups/scrub\.sql"):
        restore(place, person, store, name)
    with pytest.raises(Refused, match=r"backups/scrub\.sql"):
        restore(place, person, store, name, scrub="-- nothing\n")
    with pytest.raises(Refused, match='line 2: relation "nobody" does not exist'):
        restore(place, person, store, name, scrub="delete from people;\ndelete from nobody;")
    with pytest.raises(SlipwayError, match="line 1"):
        restore(place, person, store, name, scrub="commit; delete from people")
    assert databases(place) == {"logbook"} and count(place) == 10

    done = restore(place, person, store, name, scrub="update people set name = 'n' || id;")
    assert place.sql("select count(*) from people where name like 'ü%'") == [(0,)]
    assert place.sql("select environment from slipway.identity") == [("testing",)]
    assert "scrub" in done["timings"]


@pytest.mark.parametrize("name", ["-d x=y 'q' \\ ünï %s", "long " * 12 + "ü"])
def test_any_name_of_a_database_will_do(
    server: Inside, person: Person, store: FolderStore, name: str
) -> None:
    odd = server.fresh(name)
    try:
        odd.sql(PEOPLE)
        backup = person.take(odd, store)
        odd.sql("drop table people")
        done = restore(odd, person, store, backup)
        assert count(odd) == 1000 and done["kept"] in databases(server)
        assert odd.do("undo")["back"] == done["kept"]
        for each in beside.old_databases(odd.server):
            beside.drop_old(odd.server, each.name)
    finally:
        odd.leave()
        server.sql(f'drop database "{name}" with (force)', "postgres")


def test_a_managed_server_without_a_superuser(
    place: Inside, person: Person, store: FolderStore
) -> None:
    place.sql("create extension pg_trgm; comment on extension pg_trgm is 'x'")
    place.sql("create function f() returns event_trigger language plpgsql as 'begin end'")
    place.sql("create event trigger watching on ddl_command_end execute function f()")
    name = person.take(place, store)
    place.sql(f"create role plain login createdb password {literal(inside.PASSWORD)}", "postgres")
    place.sql("create database managed owner plain", "postgres")
    flags = ("--env", "DATABASE_USER=plain")
    ops = inside.start_ops(
        place.corner, place.network, "managed", place.server.password_file, *flags
    )
    managed = Inside(place.corner, place.network, place.db, ops, place.server.named("managed"))
    try:
        done = restore(managed, person, store, name)
        assert (count(managed), done["database"]) == (1000, "managed")
        owner = "select tableowner from pg_tables where tablename = 'people'"
        assert managed.sql(owner) == [("plain",)]
        told = "\n".join(managed.heard.notes)
        assert "EVENT TRIGGER - watching" in told and "is no superuser" in told

        with psycopg.connect(**way(place, "managed")), pytest.raises(Refused, match="logbook is"):
            restore(managed, person, store, name)
        assert managed.do("undo")["back"] == done["kept"]
        place.sql("alter role plain nocreatedb")
        with pytest.raises(Refused, match="alter role plain createdb"):
            restore(managed, person, store, name)
    finally:
        managed.leave()
        for each in [each for each in databases(place) if each.startswith("managed")]:
            place.sql(f'drop database "{each}" with (force)', "postgres")
        place.sql("drop role plain", "postgres")


def test_a_full_scratch_volume_changes_nothing(
    place: Inside, person: Person, store: FolderStore, tmp_path: Path
) -> None:
    place.sql("create table noise as select md5(random()::text) from generate_series(1, 200000)")
    name = person.take(place, store)
    (tmp_path / "big.dump").write_bytes(plain_dump(place))
    small = ("--tmpfs", "/small:size=1m,mode=1777", "--env", "SLIPWAY_SCRATCH=/small")
    ops = inside.start_ops(
        place.corner, place.network, "logbook", place.server.password_file, *small
    )
    tight = Inside(place.corner, place.network, place.db, ops, place.server)
    try:
        with pytest.raises(Refused, match="of room in the scratch volume"):
            restore(tight, person, store, name)
        with pytest.raises(SlipwayError, match="No space left"):
            tight.do("restore", FolderStore(tmp_path, "here"), file="big.dump")
        assert databases(place) == {"logbook"}
    finally:
        tight.leave()


def test_a_plan_changes_nothing_and_says_what_is_in_the_way(
    place: Inside, person: Person, store: FolderStore
) -> None:
    place.sql("create role gone; grant select on people to gone")
    name = person.take(place, store)
    place.sql("drop owned by gone; drop role gone")
    found = restore(place, person, store, name, plan=True)
    assert [stage for stage, _ in found["stages"]][-1] == "swap"
    assert "the roles gone do not exist" in found["problems"][0]
    assert databases(place) == {"logbook"}


def test_an_old_backup_lacks_the_migrations_since(
    place: Inside, person: Person, store: FolderStore
) -> None:
    name = person.take(place, store)
    place.sql("drop table schema_migrations, people")
    assert restore(place, person, store, name)["head"] == "20260101000000"


class Crowd:
    """Sessions that ask and ask, and connect again when they are cut off."""

    def __init__(self, place: Inside, size: int) -> None:
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
            thread.join(20)
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


class Killer:
    """Runs a restore and does something bad when it reaches a stage."""

    def __init__(
        self,
        place: Inside,
        stage: str,
        *,
        later: float = 0,
        deed: Any = None,
        verb: str = "restore",
    ) -> None:
        self._verb = verb
        self._place, self._stage, self._later, self._deed = place, stage, later, deed
        self._pid = ""
        self.notes: list[str] = []

    def run(self, store: FolderStore, **given: Any) -> Any:
        from slipway.ops import errand

        return errand.run(self._place.place(), self._verb, given, self, store)

    def note(self, text: str) -> None:
        self.notes.append(text)
        self._pid = self._pid or pid(self._place, "python -m slipway.inside")
        if re.match(rf"(\d+/\d+ )?{self._stage}", text):
            time.sleep(self._later)
            if self._deed:
                self._deed()
            else:
                subprocess.run(["kill", "-9", self._pid], check=True)

    def progress(self, what: str, done: int, total: int) -> None: ...


def way(place: Inside, database: str = "") -> dict[str, Any]:
    server = place.server
    return {
        "host": server.host,
        "port": server.port,
        "dbname": database or server.database,
        "user": "logbook",
        "password": inside.PASSWORD,
    }


def dumped(place: Inside) -> list[str]:
    """Schema and rows as SQL, but for whose it is; a line of it is new each time."""
    argv = ("pg_dump", "-U", "logbook", "--exclude-schema=slipway", "logbook")
    out = place.corner.docker("exec", place.db, *argv)
    return [
        line for line in out.splitlines() if not line.startswith(("\\restrict", "\\unrestrict"))
    ]


def plain_dump(place: Inside) -> bytes:
    argv = ["docker", "exec", place.db, "pg_dump", "-U", "logbook", "-Fc", "logbook"]
    return subprocess.run(argv, capture_output=True, check=True).stdout


def scratch(place: Inside) -> str:
    """What lies in the scratch volume of ops, but for the lock."""
    found = place.corner.docker("exec", place.ops, "ls", "-A", "/var/lib/slipway").split()
    return " ".join(each for each in found if each != "lock")


def dump_of_15() -> bytes:
    """A dump that PostgreSQL 15 took of itself, where that is installed."""
    programs = Path("/usr/lib/postgresql/15/bin")
    if not (programs / "postgres").exists():
        pytest.skip("PostgreSQL 15 is not on this computer")
    data = Path(tempfile.mkdtemp(dir="/tmp"))  # a way in for another user than this one
    data.chmod(0o777)
    script = f"""
        {programs}/initdb -D {data}/db -U me -A trust --no-sync >/dev/null
        {programs}/pg_ctl -D {data}/db -w -o '-k {data} -c listen_addresses=' start >/dev/null
        {programs}/psql -q -h {data} -U me -d postgres -c \
            'create table people as select generate_series(1, 7) id'
        {programs}/pg_dump -h {data} -U me -Fc -O postgres
        {programs}/pg_ctl -D {data}/db -m immediate stop >/dev/null
    """
    argv = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "sh", "-euc", script]
    try:
        return subprocess.run(argv, capture_output=True, check=True, cwd="/").stdout
    finally:
        shutil.rmtree(data)
