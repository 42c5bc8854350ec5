"""Which layers travel: those a machine lacks, and never fewer."""

import hashlib
import io
import tarfile
import threading
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slipway.images import archive, ship
from slipway.images.ship import Chain

chains = st.lists(
    st.lists(st.sampled_from("abcdef"), max_size=5, unique=True).map(tuple), max_size=5
)


def loads(wanted: list[Chain], present: list[Chain], sent: set[str]) -> bool:
    """Whether an engine that has `present` can put every image together from what was sent.

    As `docker load` does it: from the bottom up, a layer is looked for by all that lies below it.
    """
    known = {chain[:depth] for chain in present for depth in range(1, len(chain) + 1)}
    for chain in wanted:
        for depth in range(1, len(chain) + 1):
            if chain[:depth] not in known and chain[depth - 1] not in sent:
                return False
    return True


@given(chains, chains)
def test_what_is_left_out_is_never_missed_and_what_is_there_never_travels(
    wanted: list[Chain], present: list[Chain]
) -> None:
    layers = {layer for chain in wanted for layer in chain}
    spare = ship.dispensable(wanted, present)
    assert spare <= layers
    assert loads(wanted, present, layers - spare)
    for layer in layers - spare:
        assert not loads(wanted, present, layers - spare - {layer})


def test_a_new_image_on_a_known_base_sends_its_own_layers_alone() -> None:
    assert ship.dispensable([("base", "old", "new")], [("base", "old")]) == {"base", "old"}


def test_a_layer_on_another_base_counts_as_missing() -> None:
    assert ship.dispensable([("other", "app")], [("base", "app")]) == set()


contents = st.lists(st.binary(max_size=3000), max_size=6)


def packed(blobs: list[bytes]) -> tuple[bytes, list[str]]:
    """A tar archive like `docker save` writes it, and the digests of its blobs."""
    buffer = io.BytesIO()
    digests = []
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        folder = tarfile.TarInfo("blobs/sha256")
        folder.type = tarfile.DIRTYPE
        archive.addfile(folder)
        for blob in blobs:
            digests.append(hashlib.sha256(blob).hexdigest())
            member = tarfile.TarInfo(f"blobs/sha256/{digests[-1]}")
            member.size, member.mode, member.mtime = len(blob), 0o444, 7
            archive.addfile(member, io.BytesIO(blob))
        link = tarfile.TarInfo("legacy/layer.tar")
        link.type, link.linkname = tarfile.SYMTYPE, "../blobs"
        archive.addfile(link)
    return buffer.getvalue(), digests


def members(data: bytes) -> list[tuple[str, int, int, str, bytes]]:
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        found = []
        for member in archive:
            content = archive.extractfile(member) if member.isfile() else None
            data = content.read() if content else b""
            found.append((member.name, member.mode, int(member.mtime), member.linkname, data))
        return found


@given(contents, st.data())
def test_an_archive_loses_the_layers_named_and_nothing_else(
    blobs: list[bytes], data: st.DataObject
) -> None:
    whole, digests = packed(blobs)
    spare = set(data.draw(st.lists(st.sampled_from(digests)))) if digests else set()
    thin = b"".join(archive.thinned(io.BytesIO(whole), {f"sha256:{digest}" for digest in spare}))
    kept = [each for each in members(whole) if each[0].rpartition("/")[2] not in spare]
    assert members(thin) == kept


def test_an_archive_travels_in_pieces_however_big_a_layer_is() -> None:
    whole, _ = packed([b"x" * (5 * archive.CHUNK + 17)])
    pieces = list(archive.thinned(io.BytesIO(whole), set()))
    assert max(map(len, pieces)) <= archive.CHUNK + 10 * tarfile.BLOCKSIZE
    assert members(b"".join(pieces)) == members(whole)


class Stream:
    """A stream that remembers whether it was given up, and may break off."""

    def __init__(self, chunks: list[bytes], fails: Exception | None = None) -> None:
        self.chunks = chunks
        self.fails = fails
        self.closed = threading.Event()

    def read(self) -> Generator[bytes]:
        try:
            yield from self.chunks
            if self.fails is not None:
                raise self.fails
        finally:
            self.closed.set()


@given(st.lists(st.binary(max_size=9), max_size=40), st.integers(1, 4))
@settings(max_examples=40)
def test_every_reader_of_a_stream_gets_all_of_it(chunks: list[bytes], count: int) -> None:
    readers = archive.shared(Stream(chunks).read(), count)
    with ThreadPoolExecutor(count) as pool:
        found: list[list[bytes]] = list(pool.map(list, readers))
    assert found == [chunks] * count
    assert {reader.size for reader in readers} == {sum(map(len, chunks))}


def test_a_reader_that_gives_up_does_not_hold_the_others() -> None:
    chunks = [b"x"] * (archive.AHEAD * 5)
    gone, stays = archive.shared(Stream(chunks).read(), 2)
    next(iter(gone))
    gone.close()
    assert list(stays) == chunks


def test_a_stream_that_breaks_off_is_told_to_every_reader() -> None:
    readers = archive.shared(Stream([b"x"], OSError("the disk is gone")).read(), 2)
    for reader in readers:
        with pytest.raises(OSError, match="the disk is gone"):
            list(reader)


def test_a_stream_nobody_reads_any_more_is_given_up() -> None:
    stream = Stream([b"x"] * 100)
    for reader in archive.shared(stream.read(), 2):
        reader.close()
    assert stream.closed.wait(5)
