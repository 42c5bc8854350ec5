"""Restored files against what restic lists: whatever differs of one is found."""

import os
import stat
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from slipway.errors import DifferenceFound
from slipway.files.compare import compare, nanoseconds

GO = {stat.S_ISUID: 1 << 23, stat.S_ISGID: 1 << 22, stat.S_ISVTX: 1 << 20}


def listed(path: Path, folder: Path) -> dict[str, Any]:
    """A file as restic lists it."""
    seen = path.lstat()
    kind = "symlink" if path.is_symlink() else "dir" if path.is_dir() else "file"
    name = os.fsencode(path)[len(os.fsencode(folder)) :].decode(errors="replace")
    bits = seen.st_mode & 0o777 | sum(go for unix, go in GO.items() if seen.st_mode & unix)
    whole = datetime.fromtimestamp(seen.st_mtime_ns // 10**9, UTC)
    at = f"{whole:%Y-%m-%dT%H:%M:%S}.{seen.st_mtime_ns % 10**9:09}Z"
    facts = {"uid": seen.st_uid, "gid": seen.st_gid, "mode": bits, "mtime": at}
    size = {"size": seen.st_size} if kind == "file" else {}
    return {"path": f"/volumes/up{name}", "type": kind, **facts, **size}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "up"
    (made / "d").mkdir(parents=True)
    (made / "d" / "f").write_text("text")
    (made / "d").chmod(0o2750)
    (made / "link").symlink_to("d")
    Path(os.fsdecode(os.fsencode(made) + b"/\xff\xe4")).write_text("1")
    Path(os.fsdecode(os.fsencode(made) + b"/\xe4\xff")).write_text("2")
    return made


def nodes(folder: Path) -> list[dict[str, Any]]:
    paths = [folder, *(p for p in folder.rglob("*"))]
    above = {"path": "/volumes", "type": "dir", "mode": 0, "mtime": "2026-01-01T00:00:00Z"}
    return [above, *(listed(path, folder) for path in paths)]


def test_what_is_the_same_is_counted(folder: Path) -> None:
    found = compare(nodes(folder), "/volumes/up", folder)
    assert (found.files, found.folders, found.size) == (4, 2, 6)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda folder: (folder / "d" / "f").unlink(),
        lambda folder: (folder / "more").touch(),
        lambda folder: (folder / "d" / "f").chmod(0o666),
        lambda folder: (folder / "d").chmod(0o750),
        lambda folder: (folder / "d" / "f").write_text("longer than before"),
        lambda folder: os.utime(folder / "d" / "f", (1, 1)),
        lambda folder: os.chown(folder / "link", 4711, 4711, follow_symlinks=False),
    ],
)
def test_what_differs_is_found(folder: Path, spoil: Callable[[Path], None]) -> None:
    if os.geteuid():
        pytest.skip("only root gives files away")
    before = nodes(folder)
    spoil(folder)
    with pytest.raises(DifferenceFound):
        compare(before, "/volumes/up", folder)


def test_moments_are_read_to_the_nanosecond() -> None:
    assert nanoseconds("1970-01-02T00:00:00.000000001Z") == 86_400_000_000_001
    assert nanoseconds("1970-01-01T01:00:01.5+01:00") == 1_500_000_000
    with pytest.raises(DifferenceFound):
        nanoseconds("yesterday")
