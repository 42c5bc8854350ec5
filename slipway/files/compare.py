"""Whether files on a disk are those of a backup: each one's kind, size, owner, mode and time."""

import hashlib
import os
import re
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from slipway.errors import DifferenceFound

# restic shows bits of Go's: what a mode of Unix has beside the nine.
SPECIAL = {1 << 23: stat.S_ISUID, 1 << 22: stat.S_ISGID, 1 << 20: stat.S_ISVTX}
KINDS = {stat.S_IFDIR: "dir", stat.S_IFREG: "file", stat.S_IFLNK: "symlink", stat.S_IFIFO: "fifo"}
LEFT_OUT = ("socket", "irregular")  # nobody listens on a socket that was restored
UNDECODABLE = re.compile("�+")  # a byte that is no text is one sign to restic, or several
MOMENT = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d+))?(Z|[+-]\d\d:\d\d)")


@dataclass(frozen=True)
class Compared:
    """How much was compared and found the same."""

    files: int
    folders: int
    size: int


def compare(nodes: Iterable[Mapping[str, Any]], base: str, folder: Path) -> Compared:
    """Hold a folder against what restic lists below `base`. Raises DifferenceFound."""
    expected = {_digest(fact) for fact in _listed(nodes, base)}
    files = folders = size = 0
    for path, fact in _found(folder):
        digest = _digest(fact)
        if digest not in expected:
            raise DifferenceFound(f"{path} was restored otherwise than it was backed up")
        expected.remove(digest)
        kind = fact[1]
        folders += kind == "dir"
        files += kind != "dir"
        size += fact[2]
    if expected:
        raise DifferenceFound(f"{len(expected)} files of the backup were not restored")
    return Compared(files, folders, size)


Fact = tuple[str, str, int, int, int, int, int]  # path, kind, size, mode, owner, group, time


def _listed(nodes: Iterable[Mapping[str, Any]], base: str) -> Iterator[Fact]:
    seen: dict[str, int] = {}
    for node in nodes:
        path, kind = str(node.get("path", "")), str(node.get("type", ""))
        if not (path == base or path.startswith(f"{base}/")) or kind in LEFT_OUT:
            continue
        bits = int(node["mode"])
        mode = bits & 0o777 | sum(unix for go, unix in SPECIAL.items() if bits & go)
        size = int(node.get("size", 0)) if kind == "file" else 0
        owner, group = int(node.get("uid", 0)), int(node.get("gid", 0))
        at = 0 if kind == "symlink" else nanoseconds(str(node["mtime"]))
        yield _told_apart((path[len(base) :], kind, size, mode, owner, group, at), seen)


def _found(folder: Path) -> Iterator[tuple[Path, Fact]]:
    seen: dict[str, int] = {}
    yield folder, _told_apart(_fact(folder, folder), seen)
    for place, folders, files in os.walk(folder):
        for name in (*folders, *files):
            path = Path(place, name)
            if not stat.S_ISSOCK(path.lstat().st_mode):
                yield path, _told_apart(_fact(path, folder), seen)


def _fact(path: Path, folder: Path) -> Fact:
    seen = path.lstat()
    kind = KINDS.get(stat.S_IFMT(seen.st_mode), "device")
    size = seen.st_size if kind == "file" else 0
    name = os.fsencode(path)[len(os.fsencode(folder)) :].decode(errors="replace")
    at = 0 if kind == "symlink" else seen.st_mtime_ns
    return name, kind, size, stat.S_IMODE(seen.st_mode), seen.st_uid, seen.st_gid, at


def _told_apart(fact: Fact, seen: dict[str, int]) -> Fact:
    """Number names that are the same once what is no text in them is replaced."""
    name = UNDECODABLE.sub("�", fact[0])
    if "�" not in name:
        return fact
    key = repr((name, *fact[1:]))
    seen[key] = seen.get(key, 0) + 1
    return (f"{name}\0{seen[key]}", *fact[1:])


def _digest(fact: Fact) -> int:
    return int.from_bytes(hashlib.blake2b(repr(fact).encode(), digest_size=8).digest())


def nanoseconds(text: str) -> int:
    """Read a moment as restic writes it: `2026-11-30T10:25:01.88733624Z`."""
    match = MOMENT.fullmatch(text)
    if match is None:
        raise DifferenceFound(f"{text[:60]!a} is no moment")
    whole = datetime.fromisoformat(f"{match[1]}{match[3]}").astimezone(UTC)
    seconds = int((whole - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds())
    return seconds * 1_000_000_000 + int((match[2] or "").ljust(9, "0")[:9] or 0)
