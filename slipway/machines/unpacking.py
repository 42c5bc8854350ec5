"""Unpacks a folder that a machine sent as tar: files, folders and links that stay inside it.

The machine may be anybody's by now. Beyond the standard library's own `data` filter no name comes
twice and nothing is written below what is no folder: no order of members leads outside.
"""

import os
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from slipway.errors import UNREADABLE, SlipwayError
from slipway.tar_file import BoundedMember, stays_inside

MOST_MEMBERS = 500_000  # each takes memory here
MODES = 0o755  # what is above says setuid, or that others may write
OWN = 0o700  # of a folder

Parts = tuple[str, ...]


class UnsafeArchive(SlipwayError):
    """An archive holds what a folder that is copied has no need of."""


@dataclass
class Filter:
    """Lets the members of one archive pass, for `tarfile`; `room` is in bytes."""

    room: int
    _folders: set[Parts] = field(default_factory=set)
    _files: set[Parts] = field(default_factory=set)
    _links: set[Parts] = field(default_factory=set)
    _folded_links: set[Parts] = field(default_factory=set)  # as a disk may have them that folds

    def __call__(self, member: tarfile.TarInfo, folder: str) -> tarfile.TarInfo:
        """Return a member as it is to be written. Raises UnsafeArchive."""
        parts = _parts(member.name)
        if why := self._objection(member, parts):
            raise UnsafeArchive(f"{member.name[:80]!a} {why}")
        try:
            passed = tarfile.data_filter(member, folder)
        except tarfile.FilterError:
            passed = None
        if passed is None:
            raise UnsafeArchive(f"{member.name[:80]!a} leads out of the folder")
        self._note(member, parts)
        self.room -= member.size
        return passed.replace(mode=member.mode & MODES | OWN) if member.isdir() else passed

    def _objection(self, member: tarfile.TarInfo, parts: Parts) -> str:
        """Say what is wrong with a member; nothing when it may be written."""
        if not (member.isreg() or member.isdir() or member.issym() or member.islnk()):
            return "is a device or a pipe"
        if not _is_plain(member.name):
            return "leads out of the folder"
        above = _above(parts)
        if above & self._files or above & self._links or _folded(above) & self._folded_links:
            return "lies below a link or a file"
        if any(parts in known for known in (self._folders, self._files, self._links)):
            return "comes twice"
        if member.issym() and not stays_inside(member.linkname, depth=len(parts) - 1):
            return "is a link that leads out of the folder"
        if member.islnk() and not self._is_file(member.linkname):
            return "is a link to what is no file of the folder"
        return "is larger than the room on this disk" if member.size > self.room else ""

    def _note(self, member: tarfile.TarInfo, parts: Parts) -> None:
        """Remember what is written, and the folders that this makes."""
        self._folders |= _above(parts)
        if member.issym():
            self._links.add(parts)
            self._folded_links |= _folded({parts})
        else:
            (self._folders if member.isdir() else self._files).add(parts)

    def _is_file(self, name: str) -> bool:
        return _is_plain(name) and _parts(name) in self._files


def unpack(archive: Path, folder: Path) -> None:
    """Unpack an archive into an empty folder. Raises UnsafeArchive; what was written stays."""
    status = os.statvfs(folder)
    checked = Filter(room=status.f_bavail * status.f_frsize)
    try:
        with tarfile.open(archive, "r:", tarinfo=BoundedMember) as tar:
            tar.extractall(folder, members=_members(tar), filter=checked)  # noqa: S202 - filtered
    except (tarfile.TarError, EOFError, *UNREADABLE) as error:
        raise UnsafeArchive(f"its archive is damaged: {type(error).__name__}") from None


def _members(tar: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    """Read one member after another; the folder itself is there already."""
    members = 0
    while (member := tar.next()) is not None:
        members += 1
        if members > MOST_MEMBERS:
            raise UnsafeArchive(f"it holds more than {MOST_MEMBERS:,} files")
        if _parts(member.name) or not member.isdir():
            yield member


def _above(parts: Parts) -> set[Parts]:
    """The folders that something lies in."""
    return {parts[:end] for end in range(1, len(parts))}


def _is_plain(name: str) -> bool:
    """Whether a name is written as tar writes it, `./bin/run`, and leads further in."""
    plain = name.removeprefix("./").removesuffix("/")
    return not {"", ".", ".."} & {*plain.split("/")}


def _parts(name: str) -> Parts:
    """Cut a name."""
    return tuple(part for part in PurePosixPath(name).parts if part != "/")


def _folded(names: set[Parts]) -> set[Parts]:
    return {tuple(part.casefold() for part in parts) for parts in names}
