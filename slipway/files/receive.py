"""Files of others, received beside those of a volume: nothing of them leads out of their folder.

Links are made last, so that nothing is ever written through one, and root alone looks into the
folder meanwhile. What lies on the disk in the end is read back and held against what was sent.
"""

import contextlib
import hashlib
import os
import stat
import sys
import tarfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from slipway.backups.format.manifest import ID, sized
from slipway.errors import DISK_FULL, Refused, UsageError, reason
from slipway.files import archive, backups, swap
from slipway.files.archive import CHUNK, Tally
from slipway.files.backups import VOLUMES
from slipway.files.messages import FilesReply, FilesRequest
from slipway.files.restore import SPARE, demand_room
from slipway.tar_file import CompleteMember

LOOK_EVERY = 64 << 20  # bytes between two looks at the room on the disk
MOST_LINKS = 1_000_000  # each takes memory until the end
SHOWN = 3


def measure(request: FilesRequest) -> FilesReply:
    """Say what a volume holds, and whose its top is. Raises Refused where nothing can come in."""
    (name,) = request.volumes
    volume = VOLUMES / name
    backups.refuse_half_swapped([name])
    demand_room({volume}, request.size)
    files = size = 0
    for place, folders, names in os.walk(volume):
        if Path(place) == volume and swap.FOLDER in folders:
            folders.remove(swap.FOLDER)
        for each in names:
            with contextlib.suppress(FileNotFoundError):  # services go on with it
                size += Path(place, each).lstat().st_size
                files += 1
    top = volume.stat()
    text = f"{name} holds {backups.counted(files, 'file')} ({sized(size)})"
    return FilesReply(text, volumes=(name,), owners=f"{top.st_uid}:{top.st_gid}")


def receive(request: FilesRequest, source: IO[bytes] | None = None) -> FilesReply:
    """Receive a tar from the input beside the files of a volume; they stay as they are."""
    (name,) = request.volumes
    if not ID.fullmatch(request.backup):
        raise UsageError(f"{request.backup[:60]!a} is no id for files")
    volume = VOLUMES / name
    backups.refuse_half_swapped([name])
    ours = swap.room(volume)
    swap.discard(volume)
    target = swap.room(volume) / f"{swap.RESTORING}{request.backup}"
    target.mkdir(mode=0o700)
    target = target.resolve()
    try:
        arrival = Arrival(target, request.owners)
        arrival.read(source or sys.stdin.buffer)
        arrival.compare()
        swap.look_like(target, volume)
        if request.owners:
            os.chown(target, *arrival.owner(tarfile.TarInfo()))
        os.sync()
        target.rename(ours / f"{swap.RESTORED}{request.backup}")
    except OSError as error:
        why = reason(error.strerror or "")
        raise Refused(
            f"the files cannot be written to {name}: {why}. Nothing was changed"
        ) from None
    finally:
        if target.exists():
            swap.remove(target)
    tally = arrival.expected
    text = f"{backups.counted(tally.files, 'file')} ({sized(tally.size)}) received and compared"
    if arrival.left_out:
        shown = ", ".join(arrival.left_out[:SHOWN])
        text += f"; {len(arrival.left_out)} links to files that did not come: {shown}"
    return FilesReply(text, volumes=(name,))


@dataclass
class Arrival:
    """Files as they arrive in a folder; `owners` is the UID:GID that all get."""

    target: Path
    owners: str
    sent: Tally = field(default_factory=Tally)  # as the other side counts
    expected: Tally = field(default_factory=Tally)  # on the disk, once all is there
    left_out: list[str] = field(default_factory=list)
    _folders: list[tarfile.TarInfo] = field(default_factory=list)
    _links: list[tarfile.TarInfo] = field(default_factory=list)
    _written: int = 0
    _last: Path | None = None  # folder that was written to

    def read(self, source: IO[bytes]) -> None:
        """Read all members. Raises Refused for what is damaged, cut off, or not to come in."""
        announced: Tally | None = None
        try:
            with tarfile.open(
                fileobj=source,
                mode="r|",
                tarinfo=CompleteMember,
                encoding=archive.ENCODING,
                errors=archive.ERRORS,
            ) as tar:
                while (member := tar.next()) is not None:
                    tar.members.clear()  # type: ignore[attr-defined]  # it would remember each
                    body = tar.extractfile(member) if member.isreg() else None
                    if member.name == archive.TRAILER and body:
                        announced = Tally.from_json(body.read(CHUNK))
                        continue
                    is_plain = member.name == "/".join(archive.parts(member.name)) or member.isdir()
                    if announced is not None or archive.objection(member) or not is_plain:
                        raise Refused(f"{member.name[:80]!a} may not come in")
                    self._take(member, body)
        except (tarfile.TarError, EOFError) as error:
            raise Refused(f"what was sent did not arrive: {error}. Nothing was changed") from None
        if announced is None or self.sent != announced:
            raise Refused("what was sent did not arrive completely. Nothing was changed")
        self._finish()
        if not self.expected.files + self.expected.links:
            raise Refused("no file came that could be imported. Nothing was changed")

    def compare(self) -> None:
        """Read all of it back. Raises Refused where it is not what was sent."""
        actual = Tally()
        for place, folders, names in os.walk(self.target):
            for name in (*names, *folders):
                self._count(Path(place, name), actual, 1)
        if actual != self.expected:
            raise Refused(
                f"of {backups.counted(self.expected.files, 'file')} that arrived "
                f"{actual.files} are on the disk as they were sent. Nothing was changed"
            )

    def owner(self, member: tarfile.TarInfo) -> tuple[int, int]:
        """Return whose something becomes."""
        if not self.owners:
            return member.uid, member.gid
        user, _, group = self.owners.partition(":")
        return int(user), int(group)

    def _take(self, member: tarfile.TarInfo, body: IO[bytes] | None) -> None:
        path = self._path(member.name)
        if body is not None:
            digest = self._write(member, body, path)
            self.sent.add(member, digest)
            self.expected.add(member, digest)
            return
        self.sent.add(member)
        if member.isdir():
            self._make(path)
            self._folders.append(member)
            return
        self._links.append(member)
        if len(self._links) > MOST_LINKS:
            raise Refused(f"it holds more than {MOST_LINKS:,} links. Nothing was changed")

    def _write(self, member: tarfile.TarInfo, body: IO[bytes], path: Path) -> bytes:
        self._make(path.parent)
        sha = hashlib.sha256()
        try:
            file = path.open("xb")
        except FileExistsError:
            self._clear(path)
            file = path.open("xb")
        with file:
            descriptor = file.fileno()
            while chunk := body.read(CHUNK):
                sha.update(chunk)
                file.write(chunk)
                self._demand_room(len(chunk))
            file.flush()
            os.fchown(descriptor, *self.owner(member))
            os.fchmod(descriptor, member.mode & 0o777 | 0o600)
            os.utime(descriptor, (member.mtime, member.mtime))
        return sha.digest()

    def _finish(self) -> None:
        """Make the links, and give the folders what writing into them would have changed."""
        for member in sorted(self._links, key=tarfile.TarInfo.issym):
            path = self._path(member.name)
            self._make(path.parent)
            if path.parent.resolve() != path.parent:
                raise Refused(f"{member.name[:80]!a} lies below a link. Nothing was changed")
            if member.issym():
                self._clear(path)
                path.symlink_to(member.linkname)
                os.chown(path, *self.owner(member), follow_symlinks=False)
                self.expected.add(member)
            else:
                self._link(member, path)
        for member in reversed(self._folders):
            path = self._path(member.name)
            os.chown(path, *self.owner(member))
            path.chmod(member.mode & 0o3777 | 0o700)
            os.utime(path, (member.mtime, member.mtime))

    def _link(self, member: tarfile.TarInfo, path: Path) -> None:
        """Give a file that has come a second name."""
        origin = self._path(member.linkname)
        if origin == path or origin.is_symlink() or not origin.is_file():
            self.left_out.append(ascii(member.name))
            return
        self._clear(path)
        os.link(origin, path)
        self._count(path, self.expected, 1)

    def _clear(self, path: Path) -> None:
        """Make way for what comes once more under a name, which the last one has."""
        if path.is_dir() and not path.is_symlink():
            raise Refused(f"{path.name!a} comes as a folder and as something else")
        if path.is_symlink() or path.exists():
            self._count(path, self.expected, -1)
            path.unlink()

    def _count(self, path: Path, tally: Tally, times: int) -> None:
        """Count what lies on the disk; a folder is not counted."""
        member, mode = tarfile.TarInfo(os.path.relpath(path, self.target)), path.lstat().st_mode
        if stat.S_ISLNK(mode):
            member.type, member.linkname = tarfile.SYMTYPE, str(path.readlink())
            tally.add(member, times=times)
        elif stat.S_ISREG(mode):
            member.size = path.lstat().st_size
            with path.open("rb") as file:
                tally.add(member, archive.digest_of(file), times)

    def _path(self, name: str) -> Path:
        return self.target.joinpath(*archive.parts(name))

    def _make(self, folder: Path) -> None:
        """Make a folder and those above it, which an archive need not name."""
        if folder == self._last or (folder.is_dir() and not folder.is_symlink()):
            self._last = folder
            return
        if folder.is_symlink() or folder.exists():
            raise Refused(f"{folder.name!a} comes as a folder and as something else")
        self._make(folder.parent)
        folder.mkdir(mode=0o755)
        os.chown(folder, *self.owner(tarfile.TarInfo()))

    def _demand_room(self, size: int) -> None:
        self._written += size
        if self._written < LOOK_EVERY:
            return
        self._written = 0
        seen = os.statvfs(self.target)
        if seen.f_bavail * seen.f_frsize < SPARE:
            raise Refused(f"the disk has no room for it: {DISK_FULL}. Nothing was changed")
