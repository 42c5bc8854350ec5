"""Restores from files that are no backups of ours: damaged ones, foreign ones, older ones."""

import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from slipway.agent.messages.restore import RestoreRequest
from slipway.database import identity
from slipway.errors import Refused
from slipway.storage.folder import FolderStore
from tests.integration.postgres_stack import PostgresStack
from tests.integration.restore_cases import count, databases, plain_dump, scratch

pytestmark = pytest.mark.engine


def test_a_damaged_foreign_file_is_found_by_decoding_it(
    peopled: PostgresStack, tmp_path: Path
) -> None:
    whole = plain_dump(peopled)
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
        "newer.dump": (versions, "it is from PostgreSQL 18 and the server is older"),
    }
    assert versions != whole
    for name, (data, said) in cases.items():
        (tmp_path / name).write_bytes(data)
        with pytest.raises(Refused, match=said):
            peopled.call(RestoreRequest(file=name), files)
    assert databases(peopled) == {"logbook"} and scratch(peopled) == ""


def test_a_foreign_dump_of_this_server_is_restored(peopled: PostgresStack, tmp_path: Path) -> None:
    (tmp_path / "mine.dump").write_bytes(plain_dump(peopled))
    peopled.sql("drop table people")
    done = peopled.restore(RestoreRequest(file="mine.dump"), FolderStore(tmp_path, str(tmp_path)))
    assert (count(peopled), done.backup) == (1000, "mine.dump")


def test_a_file_that_says_itself_whose_it_is_goes_nowhere_else(
    peopled: PostgresStack, apart: PostgresStack, tmp_path: Path
) -> None:
    with peopled.server.connect() as session:
        identity.write(session, "prod")
    (tmp_path / "prod.dump").write_bytes(plain_dump(peopled))
    (tmp_path / "inserts.dump").write_bytes(plain_dump(peopled, "--inserts"))
    files = FolderStore(tmp_path, str(tmp_path))
    with pytest.raises(Refused, match="this database says that it is 'prod'"):
        apart.call(RestoreRequest(file="prod.dump", scrub="truncate people"), files)
    peopled.sql("delete from slipway.identity")
    for name in ("prod.dump", "inserts.dump"):
        with pytest.raises(Refused, match=r"backups/scrub\.sql"):
            apart.call(RestoreRequest(file=name), files)
        assert ("started", "create") not in apart.heard.events
    with pytest.raises(Refused, match="add the service drill"):
        peopled.call(RestoreRequest(file="prod.dump", scrub="truncate people"), files)
    assert databases(peopled) == {"logbook"}
    apart.call(RestoreRequest(file="prod.dump", scrub="truncate people"), files)
    assert count(peopled) == 0
    assert peopled.sql("select environment from slipway.identity") == [("testing",)]


def test_a_file_of_production_is_scrubbed_when_only_the_person_says_so(
    peopled: PostgresStack, apart: PostgresStack, tmp_path: Path
) -> None:
    (tmp_path / "old.dump").write_bytes(plain_dump(peopled))
    files = FolderStore(tmp_path, str(tmp_path))
    with pytest.raises(Refused, match=r"backups/scrub\.sql"):
        apart.call(RestoreRequest(file="old.dump", origin="prod"), files)
    apart.call(RestoreRequest(file="old.dump", origin="prod", scrub="truncate people"), files)
    assert count(peopled) == 0


def test_a_dump_of_an_older_server_is_restored(peopled: PostgresStack, tmp_path: Path) -> None:
    (tmp_path / "old.dump").write_bytes(dump_of_15())
    files = FolderStore(tmp_path, str(tmp_path))
    with pytest.raises(Refused, match="the roles me do not exist there"):
        peopled.call(RestoreRequest(file="old.dump", into="old"), files)
    done = peopled.restore(RestoreRequest(file="old.dump", into="old", create_roles=True), files)
    assert (count(peopled, "old"), done.kept) == (7, "")


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
