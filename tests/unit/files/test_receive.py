"""Files of others: read here, sent as a tar, received beside a volume's, held against the sum."""

import gzip
import io
import os
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from slipway.errors import Refused, SlipwayError, UsageError
from slipway.files import archive
from slipway.files.archive import Tally
from slipway.files.receive import Arrival
from slipway.releases.file_sources import Source

ME = f"{os.getuid()}:{os.getgid()}"
NOBODYS_TEXT = os.fsdecode(b"no text \xff\xe4")


def sent(source: Source) -> bytes:
    return b"".join(archive.stream(source.entries(), Tally()))


def received(folder: Path, stream: bytes) -> Arrival:
    folder.mkdir()
    arrival = Arrival(folder, ME)
    arrival.read(io.BytesIO(stream))
    arrival.compare()
    return arrival


def contents(folder: Path) -> dict[str, str | bytes]:
    paths = (path for path in folder.rglob("*") if path.is_symlink() or path.is_file())
    return {
        str(path.relative_to(folder)): str(path.readlink())
        if path.is_symlink()
        else path.read_bytes()
        for path in paths
    }


@pytest.fixture
def uploads(tmp_path: Path) -> Path:
    folder = tmp_path / "old"
    (folder / "a" / "deep er").mkdir(parents=True)
    (folder / "empty").mkdir()
    for name, text in {"a/one": b"1", "new\nline": b"2", NOBODYS_TEXT: b"3", "-rf": b""}.items():
        (folder / name).write_bytes(text)
    (folder / "a" / "deep er" / "ünï").write_bytes(os.urandom(3 << 20))
    os.link(folder / "a" / "one", folder / "twin")
    (folder / "a" / "in").symlink_to("../a/one")
    (folder / "a" / "one").chmod(0o4755)
    os.utime(folder / "a" / "one", (86_400, 86_400))
    os.utime(folder / "a", (86_401, 86_401))
    return folder


def test_a_folder_arrives_as_it_is_with_owners_and_times_of_its_own(
    uploads: Path, tmp_path: Path
) -> None:
    arrival = received(tmp_path / "new", sent(Source(str(uploads))))
    new = tmp_path / "new"
    assert contents(new) == contents(uploads) and (new / "empty").is_dir()
    assert (new / "twin").samefile(new / "a" / "one")
    one = (new / "a" / "one").stat()
    assert (one.st_mode & 0o7777, one.st_mtime) == (0o755, 86_400)  # and no right of its owner's
    assert (new / "a").stat().st_mtime == 86_401
    assert (arrival.expected.files, arrival.expected.links) == (6, 1)


@pytest.mark.parametrize("packed", ["w:", "w:gz", "w:bz2", "w:xz"])
def test_a_tar_arrives_as_the_folder_that_it_was_made_of(
    uploads: Path, tmp_path: Path, packed: str
) -> None:
    path = tmp_path / "uploads.tar"
    with tarfile.open(path, packed) as tar:  # type: ignore[call-overload]
        tar.add(uploads, "srv/uploads")
    received(tmp_path / "new", sent(Source(str(path), "./srv/uploads/")))
    assert contents(tmp_path / "new") == contents(uploads)


def members(*entries: tuple[str, bytes, str]) -> bytes:
    """A tar of members, each with its name, type and where it leads."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w:", format=tarfile.PAX_FORMAT) as tar:
        for name, kind, target in entries:
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, target
            body = b"evil" if kind == tarfile.REGTYPE else b""
            member.size = len(body)
            tar.addfile(member, io.BytesIO(body))
    return raw.getvalue()


def test_what_leads_out_or_is_no_file_is_left_out_and_named(tmp_path: Path) -> None:
    path = tmp_path / "hostile.tar"
    path.write_bytes(
        members(
            ("good", tarfile.REGTYPE, ""),
            ("../out", tarfile.REGTYPE, ""),
            ("/etc/passwd", tarfile.REGTYPE, ""),
            ("a/../../out", tarfile.REGTYPE, ""),
            (".slipway/swap.json", tarfile.REGTYPE, ""),
            ("device", tarfile.CHRTYPE, ""),
            ("pipe", tarfile.FIFOTYPE, ""),
            ("secrets", tarfile.SYMTYPE, "/run/secrets"),
            ("d/up", tarfile.SYMTYPE, "../../out"),
            ("hard", tarfile.LNKTYPE, "../../etc/passwd"),
            ("n" * 300, tarfile.REGTYPE, ""),
        )
    )
    source = Source(str(path))
    received(tmp_path / "new", sent(source))
    assert contents(tmp_path / "new") == {"good": b"evil"}
    assert source.omitted == 9  # and what Slipway itself has there
    assert "device is a device, a pipe or a socket" in source.left_out


@pytest.mark.parametrize(
    "entries",
    [
        [("l", tarfile.SYMTYPE, "d"), ("l/x", tarfile.REGTYPE, ""), ("d/y", tarfile.REGTYPE, "")],
        [
            ("d/e/x", tarfile.REGTYPE, ""),
            ("p/q", tarfile.SYMTYPE, ".."),
            ("p/q/d/e/z", tarfile.SYMTYPE, "../../../../out"),
        ],
        [("x", tarfile.REGTYPE, ""), ("x/y", tarfile.REGTYPE, "")],
        [("x/y", tarfile.REGTYPE, ""), ("x", tarfile.REGTYPE, "")],
        [("x", tarfile.DIRTYPE, "")],
    ],
)
def test_nothing_is_written_through_a_link_or_below_a_file(
    tmp_path: Path, entries: list[tuple[str, bytes, str]]
) -> None:
    path = tmp_path / "hostile.tar"
    path.write_bytes(members(*entries))
    with pytest.raises(Refused):
        received(tmp_path / "new", sent(Source(str(path))))
    assert not (tmp_path / "out").exists()


def test_what_comes_twice_is_there_as_it_came_last(tmp_path: Path) -> None:
    old = io.BytesIO()
    with tarfile.open(fileobj=old, mode="w:") as tar:
        for text in (b"first", b"the last"):
            member = tarfile.TarInfo("./x")
            member.size = len(text)
            tar.addfile(member, io.BytesIO(text))
    path = tmp_path / "old.tar"
    path.write_bytes(old.getvalue())
    assert received(tmp_path / "new", sent(Source(str(path)))).expected.files == 1
    assert contents(tmp_path / "new") == {"x": b"the last"}


def cuts(stream: bytes) -> Iterator[bytes]:
    """The stream cut off at each block, and with one bit of it turned."""
    yield from (stream[:end] for end in range(0, len(stream) - 1024, 512))
    for place in range(0, len(stream) - 1024, 700):
        yield stream[:place] + bytes([stream[place] ^ 1]) + stream[place + 1 :]


def test_what_was_cut_off_or_changed_on_its_way_never_passes_for_complete(tmp_path: Path) -> None:
    folder = tmp_path / "old"
    folder.mkdir()
    for name in ("a", "b"):
        (folder / name).write_bytes(os.urandom(700))
    whole = sent(Source(str(folder)))
    for number, stream in enumerate(cuts(whole)):
        target = tmp_path / str(number)
        try:
            received(target, stream)
        except (Refused, UsageError):
            continue
        assert contents(target) == contents(folder)  # a bit that says nothing of the content


@pytest.mark.parametrize(
    "spoil",
    [
        lambda raw: raw[:-2000],  # at the end of a member, too
        lambda raw: gzip.compress(raw)[:-100],
        lambda raw: gzip.compress(raw)[:-6] + b"wrong!",
        lambda raw: b"PK\x03\x04" + raw,
        lambda raw: b"nothing of the kind" * 100,
        lambda raw: b"",
    ],
)
def test_a_damaged_archive_is_named_and_refused(
    uploads: Path, tmp_path: Path, spoil: Callable[[bytes], bytes]
) -> None:
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w:") as tar:
        tar.add(uploads, ".")
    path = tmp_path / "uploads.tar"
    path.write_bytes(spoil(raw.getvalue().rstrip(b"\0") + bytes(1024)))
    with pytest.raises(SlipwayError, match=r"uploads\.tar|cannot be read"):
        sent(Source(str(path)))


def test_a_source_that_is_none_is_told_with_what_could_be_one(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no folder, no tar, no volume:NAME"):
        sent(Source(str(tmp_path / "nowhere")))
