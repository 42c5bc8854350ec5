"""Stores of backups on bad days: a real S3 server behind a proxy that cuts, lies and sleeps."""

import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from slipway.storage.s3 import S3Store, Timeouts
from slipway.storage.store import Retained, StoreError, TooLarge
from tests.fakes.faulty_s3 import Answer, FaultyS3, chunks
from tests.fakes.reporter import RecordingReporter
from tests.fakes.s3server import S3Server

ROOT = Path(__file__).resolve().parents[2]
MIB = 1 << 20


@pytest.fixture
def proxy(s3: S3Server) -> Iterator[FaultyS3]:
    with FaultyS3(s3.port) as proxy:
        yield proxy


def keys(store: S3Store, prefix: str = "") -> list[str]:
    return [entry.key for entry in store.entries(prefix)]


def test_a_connection_cut_at_60_percent_leaves_nothing(
    s3: S3Server, bucket: str, proxy: FaultyS3
) -> None:
    proxy.faults.cut_upload_at = 24 * MIB
    store = s3.open(bucket, endpoint=proxy.endpoint)
    with pytest.raises(StoreError, match=r"writing a\.dump failed: the connection to 127"):
        store.put("a.dump", chunks(40 * MIB))
    assert (s3.keys(bucket), s3.uploads(bucket)) == ([], [])


ENDLESS = """
import sys
from slipway.storage.s3 import S3Access, S3Store
from tests.fakes.faulty_s3 import chunks
access, secret, endpoint, bucket = sys.stdin.read().split()
store = S3Store(bucket, "app/prod", S3Access(lambda: access, lambda: secret, endpoint))
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
    store = s3.open(bucket)
    assert keys(store) == []
    assert s3.uploads(bucket) == ["app/prod/a.dump"]
    assert store.sweep() == 0  # young: it may be somebody's who is at work
    assert store.sweep(older_than=-60) == 1
    assert s3.uploads(bucket) == []


def test_ctrl_c_and_a_dying_source_take_back_what_was_sent(s3: S3Server, bucket: str) -> None:
    def breaking(error: BaseException) -> Iterator[bytes]:
        yield from chunks(40 * MIB)
        raise error

    store = s3.open(bucket)
    for error in (KeyboardInterrupt(), ValueError("pg_dump ended with 1")):
        with pytest.raises(type(error)) as caught:
            store.put("a.dump", breaking(error))
        assert caught.value is error
    assert (s3.keys(bucket), s3.uploads(bucket)) == ([], [])


def test_ctrl_c_does_not_wait_for_a_slow_part(s3: S3Server, bucket: str, proxy: FaultyS3) -> None:
    def interrupted() -> Iterator[bytes]:
        yield from chunks(20 * MIB)
        raise KeyboardInterrupt

    proxy.faults.seconds_per_block = 0.5  # a part takes two minutes
    store = s3.open(bucket, endpoint=proxy.endpoint, patience=Timeouts())
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        store.put("a.dump", interrupted())
    assert time.monotonic() - began < 60
    assert (s3.keys(bucket), s3.uploads(bucket)) == ([], [])


def test_three_times_slow_down_is_waited_out_and_noted(
    s3: S3Server, bucket: str, proxy: FaultyS3
) -> None:
    reporter = RecordingReporter()
    proxy.faults.answers["UploadPart"] = Answer(503, "SlowDown", times=3)
    store = s3.open(bucket, endpoint=proxy.endpoint, reporter=reporter)
    assert store.put("a.dump", chunks(20 * MIB)) == 20 * MIB
    assert b"".join(store.get("a.dump")) == b"".join(chunks(20 * MIB))
    assert (
        len([note for note in reporter.notes if note.startswith("UploadPart got 503 at try")]) == 3
    )


def test_a_store_that_stays_overloaded_is_a_sentence_and_nothing_is_left(
    s3: S3Server, bucket: str, proxy: FaultyS3
) -> None:
    proxy.faults.answers["PutObject"] = Answer(503, "SlowDown")
    store = s3.open(bucket, endpoint=proxy.endpoint)
    with pytest.raises(StoreError, match=r"writing a\.json failed: the store is overloaded"):
        store.put("a.json", [b"{}"])
    assert s3.keys(bucket) == []


def test_an_error_in_an_answer_of_200_is_an_error(
    s3: S3Server, bucket: str, proxy: FaultyS3
) -> None:
    proxy.faults.answers["CompleteMultipartUpload"] = Answer(200, "InternalError")
    store = s3.open(bucket, endpoint=proxy.endpoint)
    with pytest.raises(StoreError, match="the store has trouble of its own"):
        store.put("a.dump", chunks(20 * MIB))
    assert (s3.keys(bucket), s3.uploads(bucket)) == ([], [])


def test_an_object_whose_last_answer_was_lost_is_there_and_counts(
    s3: S3Server, bucket: str, proxy: FaultyS3
) -> None:
    proxy.faults.lose_answers["CompleteMultipartUpload"] = 1
    reporter = RecordingReporter()
    store = s3.open(bucket, endpoint=proxy.endpoint, reporter=reporter)
    assert store.put("a.dump", chunks(20 * MIB)) == 20 * MIB
    assert keys(store) == ["a.dump"]


def test_a_store_with_few_and_equal_parts_is_enough_when_the_guess_is_near(
    s3: S3Server, bucket: str, proxy: FaultyS3
) -> None:
    proxy.faults.equal_parts = True
    proxy.faults.max_parts = 4
    store = s3.open(bucket, endpoint=proxy.endpoint, max_parts=4)
    assert store.put("a.dump", chunks(78 * MIB, 1_000_003), expected=72 * MIB) == 78 * MIB
    (sizes,) = proxy.parts.values()
    assert len(sizes) == 4
    assert sizes[1] == sizes[2] == sizes[3] == 20 * MIB


def test_a_guess_far_too_low_ends_cleanly_and_says_what_to_guess_next(
    s3: S3Server, bucket: str, proxy: FaultyS3
) -> None:
    proxy.faults.equal_parts = True
    store = s3.open(bucket, endpoint=proxy.endpoint, max_parts=2)
    with pytest.raises(TooLarge, match="nothing was kept; set BACKUP_S3_MAX_PARTS") as caught:
        store.put("a.dump", chunks(60 * MIB), expected=20 * MIB)
    assert (s3.keys(bucket), s3.uploads(bucket)) == ([], [])
    assert store.put("a.dump", chunks(60 * MIB), expected=caught.value.expected) == 60 * MIB


def test_a_broken_download_goes_on_where_it_broke(
    s3: S3Server, bucket: str, proxy: FaultyS3
) -> None:
    s3.open(bucket).put("a.dump", chunks(5 * MIB))
    proxy.faults.cut_downloads_after = [2 * MIB, MIB + 1, 0]
    reporter = RecordingReporter()
    store = s3.open(bucket, endpoint=proxy.endpoint, reporter=reporter)
    assert b"".join(store.get("a.dump")) == b"".join(chunks(5 * MIB))
    assert len(reporter.notes) == 3


def test_a_download_never_mixes_two_objects(s3: S3Server, bucket: str, proxy: FaultyS3) -> None:
    s3.open(bucket).put("a.dump", chunks(5 * MIB))
    proxy.faults.cut_downloads_after = [2 * MIB]
    reading = s3.open(bucket, endpoint=proxy.endpoint).get("a.dump")
    next(reading)
    s3.open(bucket).put("a.dump", [b"another"] * MIB)
    with pytest.raises(StoreError, match="it was replaced while it was read"):
        list(reading)


def test_a_download_that_brings_nothing_new_is_given_up(
    s3: S3Server, bucket: str, proxy: FaultyS3
) -> None:
    s3.open(bucket).put("a.dump", chunks(MIB))
    proxy.faults.cut_downloads_after = [0] * 9
    with pytest.raises(StoreError, match="the connection broke, after several retries"):
        list(s3.open(bucket, endpoint=proxy.endpoint).get("a.dump"))
    assert proxy.asked.count("GetObject") == 4


def test_a_silent_store_is_not_waited_for_for_ever(
    s3: S3Server, bucket: str, proxy: FaultyS3
) -> None:
    proxy.faults.silent |= {"UploadPart", "AbortMultipartUpload", "PutObject"}
    store = s3.open(bucket, endpoint=proxy.endpoint, patience=Timeouts(0.2, 0.2, tries=3))
    with pytest.raises(StoreError, match=r"writing a\.json failed: 127\S* stopped responding"):
        store.put("a.json", [b"{}"])
    with pytest.raises(StoreError, match=r"writing a\.dump failed: the connection to 127\S* broke"):
        store.put("a.dump", chunks(40 * MIB))
    assert s3.keys(bucket) == []


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
        (404, "NoSuchBucket", "", "there is no such bucket; create it, or correct BACKUP_STORE"),
        (507, "XMinioStorageFull", "", "the store is full"),
        (418, "Teapot", "", "the store answered Teapot: as the test wants it"),
    ],
)
def test_what_the_store_complains_of_is_one_sentence(
    s3: S3Server, proxy: FaultyS3, status: int, code: str, more: str, sentence: str
) -> None:
    for operation in ("PutObject", "ListObjectsV2", "GetObject"):
        proxy.faults.answers[operation] = Answer(status, code, more=more)
    store = s3.open("bucket", endpoint=proxy.endpoint)
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
        (s3.open(bucket, secret_key=lambda: "hush-hush"), "does not accept the keys"),
        (s3.open(bucket, access_key=lambda: "hush-hush"), "does not accept the keys"),
        (s3.open("nobodys-bucket"), "there is no such bucket"),
        (s3.open(bucket, endpoint="http://127.0.0.1:1"), "no connection to 127.0.0.1:1;"),
        (s3.open(bucket, endpoint=address), "has no certificate this machine trusts"),
    ):
        with pytest.raises(StoreError, match=sentence) as caught:
            wrong.put("a.json", [b"{}"])
        text = "".join(traceback.format_exception(caught.value))
        assert "hush-hush" not in text and s3.secret_key not in text
        assert "botocore.exceptions" not in text


def test_something_else_than_s3_is_told(s3: S3Server) -> None:
    class Page(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.do_GET()

        def do_GET(self) -> None:
            text = b"<html><title>Sign in</title></html>"
            self.send_response(200)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        store = s3.open("bucket", endpoint=f"http://127.0.0.1:{server.server_port}")
        for use in (
            lambda: keys(store),
            lambda: store.put("a", [b"x"]),
            lambda: list(store.get("a")),
        ):
            with pytest.raises(StoreError, match="does not speak S3; see BACKUP_S3_ENDPOINT"):
                use()
        server.shutdown()


@pytest.mark.parametrize(
    "answer", [Answer(403, "AccessDenied"), Answer(403, "ObjectLocked"), Answer(403, "Forbidden")]
)
def test_a_store_that_will_not_delete_has_retained_it(
    s3: S3Server, bucket: str, proxy: FaultyS3, answer: Answer
) -> None:
    store = s3.open(bucket, endpoint=proxy.endpoint)
    store.put("a.json", [b"{}"])
    proxy.faults.answers["DeleteObject"] = answer
    with pytest.raises(Retained, match=r"deleting a\.json failed"):
        store.delete("a.json")
    assert keys(store) == ["a.json"]
