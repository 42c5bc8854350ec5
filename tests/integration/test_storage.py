"""Stores of backups on good days: a real S3 server, with rights and locks of all kinds; a disk."""

import subprocess
import sys
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from slipway.storage.s3 import S3Store
from slipway.storage.store import NotFound, NotListable
from tests.fakes.faulty_s3 import chunks
from tests.fakes.s3server import S3Server

ROOT = Path(__file__).resolve().parents[2]
MIB = 1 << 20


def keys(store: S3Store, prefix: str = "") -> list[str]:
    return [entry.key for entry in store.entries(prefix)]


def test_a_stream_arrives_in_parts_and_comes_back_as_it_went(s3: S3Server, bucket: str) -> None:
    store = s3.open(bucket)
    s3.client().put_object(Bucket=bucket, Key="app/prod/")  # as consoles make folders
    whole = b"".join(chunks(40 * MIB + 1, 1_000_000))
    assert store.put("a.dump", chunks(40 * MIB + 1, 1_000_000), expected=1) == len(whole)
    assert store.put("a.json", [b"{}"]) == 2
    assert store.put("empty", []) == 0
    assert b"".join(store.get("a.dump")) == whole
    assert b"".join(store.get("empty")) == b""
    assert [(each.key, each.size) for each in store.entries("a")] == [
        ("a.dump", len(whole)),
        ("a.json", 2),
    ]
    assert abs(next(store.entries()).written - time.time()) < 60
    assert s3.keys(bucket) == ["app/prod/", *(f"app/prod/{key}" for key in keys(store))]
    store.delete("a.dump")
    store.delete("a.dump")
    with pytest.raises(NotFound):
        list(store.get("a.dump"))


def test_an_environment_never_sees_another_whose_name_begins_the_same(
    s3: S3Server, bucket: str
) -> None:
    staging, other = s3.open(bucket, "app-staging"), s3.open(bucket, "app/prod2")
    for store in (staging, other):
        store.put("x.dump", [b"x"])
        s3.client().create_multipart_upload(Bucket=bucket, Key=f"{store.name.split('/', 3)[3]}/y")
    for mine in ("app", "app/prod"):
        store = s3.open(bucket, mine)
        assert "x.dump" not in keys(store)
    assert keys(s3.open(bucket, "app/prod")) == []
    assert s3.open(bucket, "app/prod").sweep(older_than=-60) == 0
    assert len(s3.uploads(bucket)) == 2


def test_a_thousand_and_five_backups_are_all_listed(s3: S3Server, bucket: str) -> None:
    store = s3.open(bucket)
    wanted = [f"{number:04}.json" for number in range(1005)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda key: store.put(key, [b"{}"]), wanted))
    assert keys(store) == wanted


def test_keys_that_may_only_write_are_enough_for_a_backup(s3: S3Server, bucket: str) -> None:
    writer = s3.open(bucket, access_key=lambda: s3.writer_key, secret_key=lambda: s3.writer_secret)
    assert writer.put("a.dump", chunks(20 * MIB)) == 20 * MIB
    assert writer.put("a.json", [b"{}"]) == 2
    with pytest.raises(NotListable, match="listing failed: the keys may not do this"):
        keys(writer)
    assert writer.sweep(older_than=-60) == 0
    assert keys(s3.open(bucket)) == ["a.dump", "a.json"]


def test_a_bucket_with_a_lock_takes_backups_and_keeps_their_bytes(s3: S3Server) -> None:
    name = s3.make_bucket(f"b{uuid.uuid4().hex[:12]}", object_lock=True)
    client = s3.client()
    client.put_object_lock_configuration(
        Bucket=name,
        ObjectLockConfiguration={
            "ObjectLockEnabled": "Enabled",
            "Rule": {"DefaultRetention": {"Mode": "COMPLIANCE", "Days": 1}},
        },
    )
    store = s3.open(name)
    assert store.put("a.json", [b"{}"]) == 2
    assert store.put("a.dump", chunks(20 * MIB)) == 20 * MIB
    kept = client.head_object(Bucket=name, Key="app/prod/a.json")
    assert kept["ObjectLockRetainUntilDate"] > datetime.now(UTC)
    store.delete("a.json")
    assert keys(store) == ["a.dump"]
    versions = client.list_object_versions(Bucket=name, Prefix="app/prod/a.json")["Versions"]
    assert [each["Size"] for each in versions] == [2]


LARGE = """
import sys
from pathlib import Path
from slipway.storage.s3 import S3Access, S3Store
from tests.fakes.faulty_s3 import chunks
access, secret, endpoint, bucket = sys.stdin.read().split()
store = S3Store(bucket, "app/prod", S3Access(lambda: access, lambda: secret, endpoint))
size = 512 << 20
assert store.put("a.dump", chunks(size), expected=size) == size
assert sum(map(len, store.get("a.dump"))) == size
status = Path("/proc/self/status").read_text()
print(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")))
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux tells the peak")
def test_half_a_gigabyte_goes_there_and_back_through_little_memory(
    s3: S3Server, bucket: str
) -> None:
    words = f"{s3.access_key} {s3.secret_key} {s3.endpoint} {bucket}"
    done = subprocess.run(
        [sys.executable, "-c", LARGE],
        input=words,
        text=True,
        capture_output=True,
        cwd=ROOT,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 120 * 1024


FULL_DISK = """
import sys
from pathlib import Path
from slipway.storage.folder import FolderStore
from slipway.storage.store import StoreError
from tests.fakes.faulty_s3 import chunks
root = Path(sys.argv[1])
store = FolderStore(root / "prod", "backups/prod")
store.put("old.dump", [b"x"])
try:
    store.put("a.dump", chunks(8 << 20))
except StoreError as error:
    print(error)
print(sorted(path.name for path in root.rglob("*")))
"""


def test_a_full_disk_is_told_and_nothing_of_the_stream_stays(tmp_path: Path) -> None:
    script = 'mount -t tmpfs -o size=4m tmpfs "$1" && exec "$2" -c "$3" "$1"'
    words = ["sh", "-c", script, "sh", str(tmp_path), sys.executable, FULL_DISK]
    done = subprocess.run(
        ["unshare", "--map-root-user", "--mount", *words],
        text=True,
        capture_output=True,
        cwd=ROOT,
        check=False,
    )
    if "unshare" in done.stderr or "mount:" in done.stderr:
        pytest.skip(f"no small disk can be made here: {done.stderr.strip()}")
    assert done.stderr == ""
    told, left = done.stdout.splitlines()
    assert told.startswith("the disk of backups/prod is full; nothing was kept; free some space")
    assert left == "['old.dump', 'prod']"
    assert list(tmp_path.iterdir()) == []
