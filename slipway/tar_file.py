"""Tar archives of others: none of their headers fills the memory or leads back to the begin."""

import tarfile

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
