"""Tar archives of others: none of their headers fills the memory or leads back to the begin."""

import tarfile
from itertools import takewhile
from pathlib import PurePosixPath

LARGEST_HEADER = 16 * 1024  # of a long name, or of what PAX says besides
EXTENSIONS = (
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
)


class BoundedMember(tarfile.TarInfo):
    """A member that the standard library reads: `tarfile.open(..., tarinfo=BoundedMember)`.

    It would take a header of any size into memory, look for words in it in quadratic time, and
    with a negative size read the same member for ever.
    """

    @classmethod
    def fromtarfile(cls, tar: tarfile.TarFile) -> "BoundedMember":
        """Read the next member. Raises tarfile.ReadError."""
        member = super().fromtarfile(tar)
        if member.size < 0:
            raise tarfile.ReadError("a member of negative size")
        return member

    def _proc_member(self, tar: tarfile.TarFile) -> "BoundedMember":
        if self.size < 0 or (self.type in EXTENSIONS and self.size > LARGEST_HEADER):
            raise tarfile.ReadError("a header of a size that none has")
        member: BoundedMember = super()._proc_member(tar)  # type: ignore[misc]
        return member


class CompleteMember(BoundedMember):
    """A member of an archive that has to come to its end: one cut off between two members, or with
    something else in its middle, the standard library takes for complete."""

    @classmethod
    def fromtarfile(cls, tar: tarfile.TarFile) -> "CompleteMember":
        """Read the next member. Raises tarfile.ReadError."""
        try:
            return super().fromtarfile(tar)  # type: ignore[return-value]
        except tarfile.HeaderError as error:
            if type(error).__name__ == "EOFHeaderError":  # of two empty blocks, which end it
                raise
            raise tarfile.ReadError(f"it is cut off or damaged ({error})") from None


def stays_inside(target: str, depth: int) -> bool:
    """Whether a link at a depth leads up no further than the folder, and up only at first: what
    follows a name may follow another link."""
    parts = PurePosixPath(target).parts
    ups = len(list(takewhile(lambda part: part == "..", parts)))
    return bool(target) and not target.startswith("/") and ups <= depth and ".." not in parts[ups:]
