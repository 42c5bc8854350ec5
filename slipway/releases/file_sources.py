"""Where files are imported from: a folder, a tar, packed or not, a pipe, a volume of an engine."""

import bz2
import contextlib
import gzip
import lzma
import os
import re
import stat
import sys
import tarfile
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO, Any, cast

from slipway.errors import UsageError, readable
from slipway.files import archive
from slipway.files.archive import Entry
from slipway.hosts.host import Process
from slipway.hosts.local import LocalHost
from slipway.tar_file import CompleteMember

Members = Generator[Entry, None, None]

PIPE, VOLUME = "-", "volume:"
UNPACKED: Mapping[bytes, Callable[[IO[bytes]], Any]] = {
    b"\x1f\x8b": gzip.open,
    b"BZh": bz2.open,
    b"\xfd7zXZ": lzma.open,
}
ZSTD, ZIP = b"\x28\xb5\x2f\xfd", b"PK\x03\x04"
VOLUME_NAME = re.compile(r"[a-zA-Z0-9][\w.-]*")
MOST_NAMED = 20
LATEST = 1 << 33  # a time that every file system takes
KINDS = {
    stat.S_IFREG: tarfile.REGTYPE,
    stat.S_IFDIR: tarfile.DIRTYPE,
    stat.S_IFLNK: tarfile.SYMTYPE,
}


@dataclass
class Source:
    """What is imported, `below` a folder of it.

    While it is read, `left_out` fills with what does not come, and why: the first of them, of
    `omitted` in all.
    """

    name: str
    below: str = ""
    left_out: list[str] = field(default_factory=list)
    omitted: int = 0
    tops: set[str] = field(default_factory=set)  # the first part of names, two at most

    def entries(self) -> Iterator[Entry]:
        """Yield each file, folder and link that may come, with the content of a file.

        Raises UsageError for a source that cannot be read.
        """
        self.left_out, self.omitted, self.tops = [], 0, set()
        with contextlib.closing(self._members()) as members:
            for member, body in members:
                if (passed := self._pass(member)) is not None:
                    yield passed, body

    @property
    def is_read_once(self) -> bool:
        """Whether nothing can look into it and leave it as it was."""
        return self.name == PIPE

    @property
    def is_folder(self) -> bool:
        """Whether it is known at once how much it holds."""
        return self.name != PIPE and Path(self.name).expanduser().is_dir()

    def _members(self) -> Members:
        if self.name == PIPE:
            return _read_tar(sys.stdin.buffer, "what comes through the pipe")
        if self.name.startswith(VOLUME):
            return _read_volume(self.name.removeprefix(VOLUME))
        path = Path(self.name).expanduser()
        if path.is_dir():
            return _read_folder(path)
        if path.is_file():
            return _read_archive(path)
        raise UsageError(
            f"--from={self.name[:200]!a} is no folder, no tar, no volume:NAME of this computer's "
            "engine, and not - for a tar through a pipe"
        )

    def _pass(self, member: tarfile.TarInfo) -> tarfile.TarInfo | None:
        """Return a member as it is sent; None for one that is left out or lies elsewhere."""
        if why := archive.objection(member):
            self._leave_out(member, why)
            return None
        below = archive.parts(self.below)
        names = archive.parts(member.name)
        if names[: len(below)] != below or names == below:
            return None
        names = names[len(below) :]
        if len(self.tops) < 2:
            self.tops.add(f"{names[0]}/" if member.isdir() or len(names) > 1 else names[0])
        passed = tarfile.TarInfo("/".join(names))
        passed.type = tarfile.REGTYPE if member.isreg() else member.type
        passed.size = member.size if member.isreg() else 0
        passed.mode = member.mode
        passed.mtime = max(0, min(int(member.mtime), LATEST))
        passed.uid, passed.gid = _id(member.uid), _id(member.gid)
        if member.issym():
            passed.linkname = str(PurePosixPath(member.linkname))
        elif member.islnk():
            origin = archive.parts(member.linkname)
            if origin[: len(below)] != below:
                self._leave_out(member, "is a link that leads out of the folder")
                return None
            passed.linkname = "/".join(origin[len(below) :])
        return passed

    def _leave_out(self, member: tarfile.TarInfo, why: str) -> None:
        if len(archive.parts(member.name)) > 1 and why == archive.OURS:
            return  # all of it, then
        self.omitted += 1
        if len(self.left_out) < MOST_NAMED:
            self.left_out.append(readable(f"{member.name[:80]} {why}"))


def _read_folder(folder: Path) -> Members:
    """Walk through a folder; a file with several names comes once."""
    known: dict[tuple[int, int], str] = {}
    waiting = [folder.resolve()]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as entries:
                listed = sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            raise _unreadable(error) from None
        for entry in listed:
            member = _described(entry, folder.resolve(), known)
            if member.isreg():
                try:
                    with Path(entry.path).open("rb") as body:
                        yield member, body
                except OSError as error:
                    raise _unreadable(error) from None
                continue
            if member.isdir():
                waiting.append(Path(entry.path))
            yield member, None


def _described(
    entry: os.DirEntry[str], folder: Path, known: dict[tuple[int, int], str]
) -> tarfile.TarInfo:
    seen = entry.stat(follow_symlinks=False)
    member = tarfile.TarInfo(os.path.relpath(entry.path, folder))
    member.type = KINDS.get(stat.S_IFMT(seen.st_mode), tarfile.FIFOTYPE)
    member.mode, member.mtime = stat.S_IMODE(seen.st_mode), seen.st_mtime
    member.uid, member.gid = seen.st_uid, seen.st_gid
    if member.issym():
        member.linkname = str(Path(entry.path).readlink())
    if member.isreg():
        member.size = seen.st_size
        if seen.st_nlink > 1:
            first = known.setdefault((seen.st_dev, seen.st_ino), member.name)
            if first != member.name:
                member.type, member.linkname, member.size = tarfile.LNKTYPE, first, 0
    return member


def _read_archive(path: Path) -> Members:
    with path.open("rb") as raw:
        start = raw.read(6)
        raw.seek(0)
        if start.startswith(ZIP):
            raise UsageError(f"{path.name} is packed as zip; unpack it and import the folder")
        if start.startswith(ZSTD):
            with LocalHost().open(["zstd", "--decompress", "--stdout", str(path)]) as process:
                process.end()
                yield from _read_tar(cast(IO[bytes], process), path.name)
                _drain(process)
                process.wait().check()
            return
        yield from _read_tar(raw, path.name, start)


def _read_tar(raw: IO[bytes], name: str, start: bytes = b"") -> Members:
    """Read a tar to its very end, so that the sums of what packs it are seen too."""
    opener = next((UNPACKED[sign] for sign in UNPACKED if start.startswith(sign)), None)
    try:
        with contextlib.ExitStack() as stack:
            plain = stack.enter_context(opener(raw)) if opener else raw
            mode = "r|" if opener or start else "r|*"
            tar = stack.enter_context(
                tarfile.open(
                    fileobj=plain,
                    mode=cast(Any, mode),
                    tarinfo=CompleteMember,
                    encoding=archive.ENCODING,
                    errors=archive.ERRORS,
                )
            )
            while (member := tar.next()) is not None:
                tar.members.clear()  # type: ignore[attr-defined]  # it would remember each
                yield member, tar.extractfile(member) if member.isreg() else None
            _drain(plain)
    except archive.DAMAGED as error:
        raise UsageError(f"{name} is no tar, or a damaged one: {error}") from None


def _read_volume(name: str) -> Members:
    """Read a volume of this computer's engine, through a container that never starts."""
    here = LocalHost()
    inspect = ["docker", "volume", "inspect", name]
    if not VOLUME_NAME.fullmatch(name) or here.run(inspect, timeout=30, check=False).code:
        raise UsageError(
            f"the engine of this computer has no volume {name[:60]!a}: docker volume ls"
        )
    image = here.run(["docker", "import", "-"], stdin=bytes(2 * archive.BLOCK)).out.strip()
    create = ["docker", "create", "--network=none", f"--volume={name}:/from:ro", image, "none"]
    try:
        container = here.run(create).out.strip()
        try:
            with here.open(["docker", "cp", f"{container}:/from/.", "-"]) as process:
                process.end()
                yield from _read_tar(cast(IO[bytes], process), f"volume {name}")
                process.wait().check()
        finally:
            here.run(["docker", "rm", "--force", container], check=False)
    finally:
        here.run(["docker", "image", "rm", image], check=False)


def _id(number: int) -> int:
    """Return a user's or group's number, root's for what is none."""
    return number if 0 <= number < 1 << 31 else 0


def _drain(rest: IO[bytes] | Process) -> None:
    while rest.read(archive.CHUNK):
        pass


def _unreadable(error: OSError) -> UsageError:
    return UsageError(
        f"{os.fsdecode(error.filename or '')!a} cannot be read: {error.strerror}; as one who may: "
        "sudo tar -C FOLDER -c . | inv files.import --from=- --env=..."
    )
