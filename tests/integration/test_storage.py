"""Stores of backups against a real S3 server: on good days, and behind a faulty proxy."""

import signal
import subprocess
import sys
import time
import traceback
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from slipway.storage.s3 import Patience, S3Store
from slipway.storage.store import NotListable, NotThere, Outgrown, Retained, StoreError
from tests.fakes.faulty import Answer, FaultyS3, chunks
from tests.fakes.s3server import S3Server

ROOT = Path(__file__).resolve().parents[2]
MIB = 1 << 20
HASTE = Patience(tries=4)


@pytest.fixture
def bucket(s3: S3Server) -> str:
    return s3.make_bucket(f"b{uuid.uuid4().hex[:12]}")


@pytest.fixture
def proxy(s3: S3Server) -> Iterator[FaultyS3]:
    with FaultyS3(s3.port) as proxy:
        yield proxy


def open_at(server: S3Server, bucket: str, prefix: str = "app/prod", **more: Any) -> S3Store:
    given: dict[str, Any] = {
        "access_key": lambda: server.access_key,
        "secret_key": lambda: server.secret_key,
        "endpoint": server.endpoint,
        "patience": HASTE,
    }
    return S3Store(bucket, prefix, **{**given, **more})


def keys(store: S3Store, prefix: str = "") -> list[str]:
    return [entry.key for entry in store.entries(prefix)]


def test_a_stream_arrives_in_parts_and_comes_back_as_it_went(s3: S3Server, bucket: str) -> None:
    store = open_at(s3, bucket)
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
    assert s3.keys(bucket) == ["app/prod/a.dump", "app/prod/a.json", "app/prod/empty"]
    store.delete("a.dump")
    store.delete("a.dump")
    with pytest.raises(NotThere):
        list(store.get("a.dump"))


def test_an_environment_never_sees_another_whose_name_begins_the_same(
    s3: S3Server, bucket: str
) -> None:
    staging, other = open_at(s3, bucket, "app-staging"), open_at(s3, bucket, "app/prod2")
    for store in (staging, other):
        store.put("x.dump", [b"x"])
        s3.client().create_multipart_upload(Bucket=bucket, Key=f"{store.name.split('/', 3)[3]}/y")
    for mine in ("app", "app/prod"):
        store = open_at(s3, bucket, mine)
        assert "x.dump" not in keys(store)
    assert keys(open_at(s3, bucket, "app/prod")) == []
    assert open_at(s3, bucket, "app/prod").sweep(older_than=-60) == 0
    assert len(s3.uploads(bucket)) == 2


def test_a_connection_cut_at_60_percent_leaves_nothing(
    s3: S3Server, bucket: str, proxy: FaultyS3
) -> None:
    proxy.faults.cut_upload_at = 24 * MIB
    store = open_at(s3, bucket, endpoint=proxy.endpoint)
    with pytest.raises(StoreError, match=r"writing a\.dump failed: the connection to 127"):
        store.put("a.dump", chunks(40 * MIB))
    assert (s3.keys(bucket), s3.uploads(bucket)) == ([], [])


ENDLESS = """
import sys
from slipway.storage.s3 import S3Store
from tests.fakes.faulty import chunks
access, secret, endpoint, bucket = sys.stdin.read().split()
store = S3Store(bucket, "app/prod", access_key=lambda: access, secret_key=lambda: secret,
                endpoint=endpoint)
store.put("a.dump", chunks(1 << 50))
"""


def test_a_killed_uploader_leaves_nothing_to_see_and_the_next_one_sweeps_its_parts(
    s3: S3Server, bucket: str, proxy: FaultyS3
) -> None:
    argv = [sys.executable, "-c", ENDLESS]
    with subprocess.Popen(argv, cwd=ROOT, stdin=subprocess.PIPE) as child:
        assert child.stdin
        words = f"{s3.access_key} {s3.secret_key} {proxy.endpoint} {bucket}"
        child.stdin.write(words.encode())
        child.stdin.close()
        deadline = time.monotonic() + 60
        while proxy.asked.count("UploadPart") < 3 and time.monotonic() < deadline:
            time.sleep(0.05)
        child.send_signal(signal.SIGKILL)
    store = open_at(s3, bucket)
    assert keys(store) == []
    assert s3.uploads(bucket) == ["app/prod/a.dump"]
    assert store.sweep() == 0  # young: it may be somebody's who is at work
    assert store.sweep(older_than=-60) == 1
    assert s3.uploads(bucket) == []


def test_ctrl_c_and_a_dying_source_take_back_what_was_sent(s3: S3Server, bucket: str) -> None:
    def breaking(error: BaseException) -> Iterator[bytes]:
        yield from chunks(40 * MIB)
        raise error

    store = open_at(s3, bucket)
    for error in (KeyboardInterrupt(), ValueError("pg_dump ended with 1")):
        with pytest.raises(type(error)) as caught:
            store.put("a.dump", breaking(error))
        assert caught.value is error
    assert (s3.keys(bucket), s3.uploads(bucket)) == ([], [])


def test_three_times_slow_down_is_waited_out_and_noted(
    s3: S3Server, bucket: str, proxy: FaultyS3
) -> None:
    notes: list[str] = []
    proxy.faults.answers["UploadPart"] = Answer(503, "SlowDown", times=3)
    store = open_at(s3, bucket, endpoint=proxy.endpoint, note=notes.append)
    assert store.put("a.dump", chunks(20 * MIB)) == 20 * MIB
    assert b"".join(store.get("a.dump")) == b"".join(chunks(20 * MIB))
    assert len([note for note in notes if note.startswith("UploadPart got 503 at try")]) == 3


def test_a_store_that_stays_overloaded_is_a_sentence_and_nothing_is_left(
    s3: S3Server, bucket: str, proxy: FaultyS3
) -> None:
    proxy.faults.answers["PutObject"] = Answer(503, "SlowDown")
    store = open_at(s3, bucket, endpoint=proxy.endpoint)
    with pytest.raises(StoreError, match=r"writing a\.json failed: the store is overloaded"):
        store.put("a.json", [b"{}"])
    assert s3.keys(bucket) == []


def test_an_error_in_an_answer_of_200_is_an_error(
    s3: S3Server, bucket: str, proxy: FaultyS3
) -> None:
    proxy.faults.answers["CompleteMultipartUpload"] = Answer(200, "InternalError")
    store = open_at(s3, bucket, endpoint=proxy.endpoint)
    with pytest.raises(StoreError, match="the store answered InternalError"):
        store.put("a.dump", chunks(20 * MIB))
    assert (s3.keys(bucket), s3.uploads(bucket)) == ([], [])


def test_an_object_whose_last_answer_was_lost_is_there_and_counts(
    s3: S3Server, bucket: str, proxy: FaultyS3
) -> None:
    proxy.faults.lose_answers["CompleteMultipartUpload"] = 1
    notes: list[str] = []
    store = open_at(s3, bucket, endpoint=proxy.endpoint, note=notes.append)
    assert store.put("a.dump", chunks(20 * MIB)) == 20 * MIB
    assert keys(store) == ["a.dump"]


def test_a_store_with_few_and_equal_parts_is_enough_when_the_guess_is_near(
    s3: S3Server, bucket: str, proxy: FaultyS3
) -> None:
    proxy.faults.equal_parts = True
    proxy.faults.max_parts = 4
    store = open_at(s3, bucket, endpoint=proxy.endpoint, max_parts=4)
    assert store.put("a.dump", chunks(78 * MIB, 1_000_003), expected=72 * MIB) == 78 * MIB
    (sizes,) = proxy.parts.values()
    assert len(sizes) == 4
    assert sizes[1] == sizes[2] == sizes[3] == 20 * MIB


def test_a_guess_far_too_low_ends_cleanly_and_says_what_to_guess_next(
    s3: S3Server, bucket: str, proxy: FaultyS3
) -> None:
    proxy.faults.equal_parts = True
    store = open_at(s3, bucket, endpoint=proxy.endpoint, max_parts=2)
    with pytest.raises(Outgrown, match="nothing was kept; set BACKUP_S3_MAX_PARTS") as caught:
        store.put("a.dump", chunks(60 * MIB), expected=20 * MIB)
    assert (s3.keys(bucket), s3.uploads(bucket)) == ([], [])
    assert store.put("a.dump", chunks(60 * MIB), expected=caught.value.expected) == 60 * MIB


def test_a_broken_download_goes_on_where_it_broke(
    s3: S3Server, bucket: str, proxy: FaultyS3
) -> None:
    open_at(s3, bucket).put("a.dump", chunks(5 * MIB))
    proxy.faults.cut_downloads_after = [2 * MIB, MIB + 1, 0]
    notes: list[str] = []
    store = open_at(s3, bucket, endpoint=proxy.endpoint, note=notes.append)
    assert b"".join(store.get("a.dump")) == b"".join(chunks(5 * MIB))
    assert len(notes) == 3


def test_a_download_never_mixes_two_objects(s3: S3Server, bucket: str, proxy: FaultyS3) -> None:
    open_at(s3, bucket).put("a.dump", chunks(5 * MIB))
    proxy.faults.cut_downloads_after = [2 * MIB]
    reading = open_at(s3, bucket, endpoint=proxy.endpoint).get("a.dump")
    next(reading)
    open_at(s3, bucket).put("a.dump", [b"another"] * MIB)
    with pytest.raises(StoreError, match="it was replaced while it was read"):
        list(reading)


def test_a_download_that_brings_nothing_new_is_given_up(
    s3: S3Server, bucket: str, proxy: FaultyS3
) -> None:
    open_at(s3, bucket).put("a.dump", chunks(MIB))
    proxy.faults.cut_downloads_after = [0] * 9
    with pytest.raises(StoreError, match="the connection broke, again and again"):
        list(open_at(s3, bucket, endpoint=proxy.endpoint).get("a.dump"))
    assert proxy.asked.count("GetObject") == 4


def test_a_silent_store_is_not_waited_for_for_ever(
    s3: S3Server, bucket: str, proxy: FaultyS3
) -> None:
    proxy.faults.silent |= {"UploadPart", "AbortMultipartUpload", "PutObject"}
    store = open_at(s3, bucket, endpoint=proxy.endpoint, patience=Patience(0.2, 0.2, tries=3))
    began = time.monotonic()
    with pytest.raises(StoreError, match=r"writing a\.json failed: 127\S* fell silent"):
        store.put("a.json", [b"{}"])
    with pytest.raises(StoreError, match=r"writing a\.dump failed: the connection to 127\S* broke"):
        store.put("a.dump", chunks(40 * MIB))
    assert time.monotonic() - began < 60
    assert s3.keys(bucket) == []


def test_a_thousand_and_five_backups_are_all_listed(s3: S3Server, bucket: str) -> None:
    store = open_at(s3, bucket)
    wanted = [f"{number:04}.json" for number in range(1005)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda key: store.put(key, [b"{}"]), wanted))
    assert keys(store) == wanted


@pytest.mark.parametrize(
    ("status", "code", "more", "sentence"),
    [
        (403, "ExpiredToken", "", "does not accept the keys; renew BACKUP_S3_KEY"),
        (403, "RequestTimeTooSkewed", "", "this machine's clock is wrong; set it"),
        (403, "AccessDenied", "", "the keys may not do this"),
        (
            301,
            "PermanentRedirect",
            "<Region>eu-west-1</Region>",
            "in the region eu-west-1; name it",
        ),
        (
            400,
            "AuthorizationHeaderMalformed",
            "<Region>eu-west-1</Region>",
            "in the region eu-west-1",
        ),
        (404, "NoSuchBucket", "", "there is no such bucket; make it, or correct BACKUP_STORE"),
        (507, "XMinioStorageFull", "", "the store is full"),
        (418, "Teapot", "", "the store answered Teapot: as the test wants it"),
    ],
)
def test_what_the_store_complains_of_is_one_sentence(
    s3: S3Server, proxy: FaultyS3, status: int, code: str, more: str, sentence: str
) -> None:
    for operation in ("PutObject", "ListObjectsV2", "GetObject"):
        proxy.faults.answers[operation] = Answer(status, code, more=more)
    store = open_at(s3, "bucket", endpoint=proxy.endpoint)
    for use in (
        lambda: store.put("a.json", [b"{}"]),
        lambda: keys(store),
        lambda: b"".join(store.get("a")),
    ):
        with pytest.raises(StoreError, match=sentence) as caught:
            use()
        assert str(caught.value).startswith("s3://bucket/app/prod: ")
        assert "\n" not in str(caught.value)


def test_wrong_keys_a_wrong_bucket_and_a_wrong_address_are_named_without_the_keys(
    s3: S3Server, bucket: str
) -> None:
    address = f"https://127.0.0.1:{s3.port}"
    for wrong, sentence in (
        (open_at(s3, bucket, secret_key=lambda: "hush-hush"), "does not accept the keys"),
        (open_at(s3, bucket, access_key=lambda: "hush-hush"), "does not accept the keys"),
        (open_at(s3, "nobodys-bucket"), "there is no such bucket"),
        (open_at(s3, bucket, endpoint="http://127.0.0.1:1"), "no connection to 127.0.0.1:1;"),
        (open_at(s3, bucket, endpoint=address), "has no certificate this machine trusts"),
    ):
        with pytest.raises(StoreError, match=sentence) as caught:
            wrong.put("a.json", [b"{}"])
        text = "".join(traceback.format_exception(caught.value))
        assert "hush-hush" not in text and s3.secret_key not in text
        assert "botocore.exceptions" not in text


def test_something_else_than_s3_is_told(s3: S3Server, bucket: str) -> None:
    store = open_at(s3, bucket, endpoint=f"{s3.endpoint}/healthz")
    with pytest.raises(StoreError):
        list(store.entries())


def test_keys_that_may_only_write_are_enough_for_a_backup(s3: S3Server, bucket: str) -> None:
    writer = open_at(
        s3, bucket, access_key=lambda: s3.writer_key, secret_key=lambda: s3.writer_secret
    )
    assert writer.put("a.dump", chunks(20 * MIB)) == 20 * MIB
    assert writer.put("a.json", [b"{}"]) == 2
    with pytest.raises(NotListable, match="listing failed: the keys may not do this"):
        keys(writer)
    assert writer.sweep(older_than=-60) == 0
    assert keys(open_at(s3, bucket)) == ["a.dump", "a.json"]


@pytest.mark.parametrize(
    "answer", [Answer(403, "AccessDenied"), Answer(403, "ObjectLocked"), Answer(403, "Forbidden")]
)
def test_a_store_that_will_not_delete_has_retained_it(
    s3: S3Server, bucket: str, proxy: FaultyS3, answer: Answer
) -> None:
    store = open_at(s3, bucket, endpoint=proxy.endpoint)
    store.put("a.json", [b"{}"])
    proxy.faults.answers["DeleteObject"] = answer
    with pytest.raises(Retained, match=r"deleting a\.json failed"):
        store.delete("a.json")
    assert keys(store) == ["a.json"]


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
    store = open_at(s3, name)
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
from slipway.storage.s3 import S3Store
from tests.fakes.faulty import chunks
access, secret, endpoint, bucket = sys.stdin.read().split()
store = S3Store(bucket, "app/prod", access_key=lambda: access, secret_key=lambda: secret,
                endpoint=endpoint)
size = 2 << 30
assert store.put("a.dump", chunks(size), expected=size) == size
assert sum(map(len, store.get("a.dump"))) == size
status = Path("/proc/self/status").read_text()
print(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")))
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux tells the peak")
def test_two_gigabytes_go_there_and_back_through_little_memory(s3: S3Server, bucket: str) -> None:
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
from tests.fakes.faulty import chunks
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
