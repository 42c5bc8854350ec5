"""Which layers travel: those a machine lacks, and never fewer."""

import hashlib
import io
import tarfile

from hypothesis import given, settings
from hypothesis import strategies as st

from slipway.releases import archive, ship
from slipway.releases.ship import Chain

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
@settings(deadline=None)
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
