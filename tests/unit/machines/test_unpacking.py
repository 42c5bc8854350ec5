"""Archives from a machine that is somebody else's: nothing of them lands outside the folder."""

import contextlib
import errno
import io
import os
import stat
import tarfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from slipway.machines import unpacking
from slipway.machines.unpacking import UnsafeArchive

KINDS = {
    "file": tarfile.REGTYPE,
    "folder": tarfile.DIRTYPE,
    "link": tarfile.SYMTYPE,
    "hard link": tarfile.LNKTYPE,
    "pipe": tarfile.FIFOTYPE,
    "device": tarfile.BLKTYPE,
}
Member = tuple[str, str, str]  # kind, name, where a link leads


def archive(path: Path, members: Sequence[Member], mode: int = 0o644) -> Path:
    with tarfile.open(path, "w") as tar:
        for kind, name, target in members:
            member = tarfile.TarInfo(name)
            member.type, member.linkname, member.mode = KINDS[kind], target, mode
            member.size = 4 if kind == "file" else 0
            tar.addfile(member, io.BytesIO(b"text") if kind == "file" else None)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "folder").mkdir()
    return tmp_path / "folder"


def test_files_folders_and_links_inside_are_unpacked_with_sane_modes(
    tmp_path: Path, folder: Path
) -> None:
    members = [
        ("folder", "./", ""),
        ("folder", "./bin", ""),
        ("file", "./bin/run", ""),
        ("file", "./bin/Run", ""),
        ("link", "./current", "bin"),
        ("link", "./bin/up", "../bin/run"),
        ("hard link", "./again", "./bin/run"),
    ]
    unpacking.unpack(archive(tmp_path / "a.tar", members, mode=0o6777), folder)
    assert (folder / "current/run").read_text() == (folder / "bin/up").read_text() == "text"
    assert (folder / "again").samefile(folder / "bin/run")
    assert stat.S_IMODE((folder / "bin/run").stat().st_mode) == 0o755
    assert stat.S_IMODE((folder / "bin").stat().st_mode) == 0o755


@pytest.mark.parametrize(
    ("members", "why"),
    [
        ([("pipe", "p", "")], "is a device or a pipe"),
        ([("device", "d", "")], "is a device or a pipe"),
        ([("file", "/etc/x", "")], "leads out"),
        ([("file", "a/../../x", "")], "leads out"),
        ([("link", "l", "/etc")], "leads out"),
        ([("link", "l", "..")], "leads out"),
        ([("folder", "a", ""), ("link", "l", "a/../..")], "leads out"),
        ([("link", "l", "."), ("file", "l/x", "")], "below a link"),
        ([("link", "Ln", "."), ("file", "lN/x", "")], "below a link"),
        ([("link", "l", "x"), ("file", "l", "")], "comes twice"),
        ([("hard link", "h", "/etc/passwd")], "no file of the folder"),
        ([("link", "l", "x"), ("hard link", "h", "l")], "no file of the folder"),
    ],
)
def test_what_leads_elsewhere_or_is_no_file_is_refused_by_name(
    tmp_path: Path, folder: Path, members: list[Member], why: str
) -> None:
    with pytest.raises(UnsafeArchive, match=rf"^'{members[-1][1]}' .*{why}"):
        unpacking.unpack(archive(tmp_path / "a.tar", members), folder)


@pytest.mark.parametrize("size", [1 << 40, 1 << 60])
def test_a_file_that_claims_to_be_larger_than_the_disk_is_refused(
    tmp_path: Path, folder: Path, size: int
) -> None:
    member = tarfile.TarInfo("huge")
    member.size = size
    (tmp_path / "a.tar").write_bytes(member.tobuf(tarfile.GNU_FORMAT))
    with pytest.raises(UnsafeArchive, match="larger than the room"):
        unpacking.unpack(tmp_path / "a.tar", folder)


def test_what_is_no_archive_is_called_damaged(tmp_path: Path, folder: Path) -> None:
    (tmp_path / "a.tar").write_bytes(os.urandom(5000))
    with pytest.raises(UnsafeArchive, match="damaged"):
        unpacking.unpack(tmp_path / "a.tar", folder)


NAMES = st.lists(st.sampled_from(["a", "b", "..", ".", "", "c"]), min_size=1, max_size=4)
PATHS = st.builds("/".join, NAMES)


def leads_to(path: Path) -> Path:
    """Follow a name; of links that lead in a circle, which nobody gets through, Python makes up
    an end (`a -> a//a` would be `/a`)."""
    try:
        return Path(os.path.realpath(path, strict=True))
    except OSError as error:
        return path if error.errno == errno.ELOOP else Path(os.path.realpath(path))


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(sorted(KINDS)), PATHS, PATHS), max_size=6))
@example([("link", "a", "a//a")])
def test_no_order_of_members_writes_outside(
    tmp_path_factory: pytest.TempPathFactory, members: list[Member]
) -> None:
    home = tmp_path_factory.mktemp("home")
    (home / "folder").mkdir()
    outside = home / "a"
    outside.write_text("ours")
    packed = archive(home / "x.tar", [each for each in members if each[1]])
    with contextlib.suppress(UnsafeArchive):
        unpacking.unpack(packed, home / "folder")
    assert sorted(path.name for path in home.iterdir()) == ["a", "folder", "x.tar"]
    assert outside.read_text() == "ours" and outside.stat().st_nlink == 1
    for path in (home / "folder").rglob("*"):
        assert leads_to(path).is_relative_to(home / "folder")
