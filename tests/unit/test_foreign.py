"""What comes from elsewhere is read, or refused in a sentence: no traceback, and not for ever."""

import contextlib
import dataclasses
import io
import itertools
import json
import subprocess
import sys
import tarfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from slipway.agent.channel import Channel, ChannelBroken, Message
from slipway.backups.format import manifest
from slipway.backups.format.manifest import Manifest
from slipway.backups.schedule import job_results
from slipway.client.grant import Grant
from slipway.client.store_server import StoreServer
from slipway.errors import UNREADABLE, SlipwayError, readable
from slipway.images import archive
from slipway.machines import unpacking
from slipway.machines.unpacking import UnsafeArchive
from slipway.project import ROOT
from slipway.releases.release import Release
from slipway.storage.folder import FolderStore
from tests.foreign.readers import JOB, MANIFEST, READERS, tar
from tests.foreign.spoiling import EDITS, lines_misshapen, spoilt
from tests.unit.releases import running_swarm

LONGEST = 1500  # characters of a sentence that somebody reads
STEP = 17  # of misshapen documents one in so many; all of them in tests/soak
STEADY = settings(
    max_examples=25,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow],
    deadline=None,
    derandomize=True,
)


def judge(name: str, data: bytes) -> None:
    """Read something; a complaint has to be a sentence of ours."""
    try:
        READERS[name].read(data)
    except SlipwayError as error:
        for text in readable(str(error)).split("\n"):
            assert text.isprintable() and 0 < len(text) < LONGEST, f"{text[:LONGEST]!a}"


@pytest.mark.parametrize("name", READERS)
def test_what_is_whole_is_read(name: str) -> None:
    for whole in READERS[name].whole:
        if name != "what an agent says":  # which is an error of its own
            READERS[name].read(whole)


@pytest.mark.parametrize("name", READERS)
@given(edits=EDITS)
@STEADY
def test_what_is_spoilt_is_refused_in_a_sentence(
    name: str, edits: list[tuple[float, int, bytes]]
) -> None:
    for whole in READERS[name].whole:
        judge(name, spoilt(whole, edits))


@pytest.mark.parametrize("name", READERS)
def test_a_document_of_another_shape_is_refused_in_a_sentence(name: str) -> None:
    for whole in READERS[name].whole:
        for data in itertools.islice(lines_misshapen(whole), len(name) % STEP, None, STEP):
            judge(name, data)


# What is read and written again, and how.
WRITTEN: dict[str, tuple[bytes, Callable[[bytes], Any], Callable[[Any], str]]] = {
    "a manifest": (MANIFEST, manifest.parse, Manifest.to_json),
    "a release": (
        running_swarm.RELEASE.to_json().encode(),
        lambda data: Release.from_json(data.decode(errors="replace")),
        Release.to_json,
    ),
    "the result of a job": (
        json.dumps(JOB).encode(),
        lambda data: job_results.parse(json.loads(data)),
        lambda result: json.dumps(dataclasses.asdict(result)),
    ),
}


@pytest.mark.parametrize("name", WRITTEN)
def test_what_is_taken_is_written_and_read_again_as_it_was(name: str) -> None:
    whole, read, write = WRITTEN[name]
    taken = 0
    for data in itertools.islice(lines_misshapen(b"".join(whole.splitlines())), 0, None, 3):
        with contextlib.suppress(SlipwayError, *UNREADABLE):
            value = read(data)
            taken += 1
            assert read(write(value).encode(errors="backslashreplace")) == value
    assert taken


HUGE = """
import resource, sys, time
from slipway.errors import SlipwayError
from tests.foreign.readers import READERS
from tests.foreign.spoiling import huge
size, memory, seconds = map(int, sys.argv[1:])
resource.setrlimit(resource.RLIMIT_AS, (memory << 20, memory << 20))
for name, reader in READERS.items():
    for n, data in enumerate(data for whole in reader.whole for data in huge(whole, size)):
        began = time.process_time()
        try:
            reader.read(data)
        except SlipwayError:
            pass
        assert time.process_time() - began < seconds, f"{name}, {n}: {len(data)} bytes"
"""


def test_what_has_no_end_takes_neither_memory_nor_time() -> None:
    argv = [sys.executable, "-c", HUGE, "300", "1024", "5"]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]


def test_a_length_that_nothing_has_breaks_the_line() -> None:
    for size in (2**63, 10**400, -1, "1e999", "NaN"):
        head = f'{{"kind": "note", "bytes": {size}}}\n'.encode()
        with pytest.raises(ChannelBroken, match="not a message"):
            Channel(io.BytesIO(head).read, print).receive()


@pytest.mark.parametrize(
    ("size", "kind"),
    [
        (2**62, tarfile.XHDTYPE),
        (2**40, tarfile.GNUTYPE_LONGNAME),
        (-1024, tarfile.REGTYPE),
        (-512, tarfile.XHDTYPE),
        (2**62, tarfile.REGTYPE),
    ],
)
def test_a_tar_whose_header_lies_about_its_size_is_refused(
    tmp_path: Path, size: int, kind: bytes
) -> None:
    member = tarfile.TarInfo("./a")
    member.type, member.size = kind, size
    data = member.tobuf(tarfile.GNU_FORMAT) + bytes(2048)
    (tmp_path / "a.tar").write_bytes(tar("./b")[:1024] + data)
    (tmp_path / "inside").mkdir()
    with pytest.raises(UnsafeArchive):
        unpacking.unpack(tmp_path / "a.tar", tmp_path / "inside")
    with contextlib.suppress(tarfile.ReadError):
        assert len(b"".join(archive.thinned(io.BytesIO(data), []))) < 100_000


def test_a_tar_of_headers_within_headers_is_refused(tmp_path: Path) -> None:
    name = tarfile.TarInfo("././@LongLink")
    name.type, name.size = tarfile.GNUTYPE_LONGNAME, 10
    (tmp_path / "a.tar").write_bytes((name.tobuf(tarfile.GNU_FORMAT) + bytes(512)) * 5000)
    (tmp_path / "inside").mkdir()
    with pytest.raises(UnsafeArchive, match="damaged"):
        unpacking.unpack(tmp_path / "a.tar", tmp_path / "inside")


ASKED: dict[str, dict[str, object]] = {
    "get": {"key": "a", "ahead": 8},
    "put": {"key": "b", "expected": 0},
    "entries": {"prefix": ""},
    "delete": {"key": "b"},
    "sweep": {},
    "sign": {"what": "backup"},
}
WRONG: tuple[object, ...] = (None, [], {}, "x", -1, float("inf"), 10**400)


@pytest.mark.parametrize("what", ASKED)
def test_a_store_that_is_asked_nonsense_answers_in_a_sentence(
    tmp_path: Path, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    tracebacks: list[object] = []
    monkeypatch.setattr(threading, "excepthook", tracebacks.append)
    store = FolderStore(tmp_path / "backups", "backups")
    store.put("a", [b"text"])
    for name, value in itertools.product([*ASKED[what], "id"], WRONG):
        channel = Channel(io.BytesIO().read, lambda data: None)
        server = StoreServer(channel, Grant(store, reads=["a"], creates=["b"]))
        fields = {"id": 1, **ASKED[what], name: value}
        with contextlib.suppress(*UNREADABLE):  # which end the line
            server.answer(Message(f"store.{what}", fields))
            server.answer(Message("store.abort", {"id": fields["id"]}))
        server.close()
    assert not tracebacks
