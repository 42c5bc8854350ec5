"""Files on their way into a volume: what passes, how many they are, and their sum.

They travel as a tar whose last member holds the tally of all that was sent. So one that was cut off
is never taken for complete, and what lies on the disk in the end is held against what was read.
"""

import hashlib
import json
import lzma
import os
import tarfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import PurePosixPath
from typing import IO

from slipway.errors import UNREADABLE, Refused
from slipway.files import swap
from slipway.tar_file import stays_inside

CHUNK = 1 << 20
TRAILER = f"{swap.FOLDER}/tally"
ENCODING, ERRORS = "utf-8", "surrogateescape"  # a name need not be text
LONGEST_NAME, LONGEST_PATH = 255, 3000  # bytes; the volume lies some folders deep itself
BLOCK = tarfile.BLOCKSIZE
MODULUS = 1 << 256
OURS = "is what restores have replaced"
# What reading a file raises, or one of an archive that is packed.
DAMAGED = (tarfile.TarError, EOFError, OSError, zlib.error, lzma.LZMAError)

Entry = tuple[tarfile.TarInfo, IO[bytes] | None]


@dataclass
class Tally:
    """How many files and links, with how many bytes, and the sum of their digests, which does not
    depend on their order: a million of them need no list."""

    files: int = 0
    links: int = 0
    size: int = 0
    sum: int = 0

    def add(self, member: tarfile.TarInfo, digest: bytes = b"", times: int = 1) -> None:
        """Count a member with the digest of its content; with `times` -1, forget it."""
        if member.isdir():
            return
        words = [ascii(member.name), member.linkname and ascii(member.linkname), digest.hex()]
        whole = hashlib.blake2b("\0".join(words).encode(), digest_size=32).digest()
        self.files += times * (not member.issym())
        self.links += times * member.issym()
        self.size += times * member.size
        self.sum = (self.sum + times * int.from_bytes(whole)) % MODULUS

    def to_json(self) -> bytes:
        """Write it for the other side."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def from_json(cls, text: bytes) -> "Tally":
        """Read what `to_json` wrote. Raises Refused."""
        try:
            return cls(**{key: int(number) for key, number in json.loads(text).items()})
        except UNREADABLE:
            raise Refused("what was sent ends with no tally of its files") from None


def parts(name: str) -> tuple[str, ...]:
    """Cut a name."""
    return PurePosixPath(name).parts


def objection(member: tarfile.TarInfo) -> str:
    """Say why a member is left out of a volume; nothing where it may come in."""
    names = parts(member.name)
    if not (member.isreg() or member.isdir() or member.issym() or member.islnk()):
        return "is a device, a pipe or a socket"
    if member.name.startswith("/") or ".." in names or "\0" in member.name + member.linkname:
        return "leads out of the folder"
    if names[:1] == (swap.FOLDER,):
        return OURS
    lengths = [len(os.fsencode(name)) for name in names]
    if max(lengths, default=0) > LONGEST_NAME or sum(lengths) + len(names) > LONGEST_PATH:
        return "has a name that is too long"
    if member.issym() and not stays_inside(member.linkname, len(names) - 1):
        return "is a link that leads out of the folder"
    if member.islnk() and objection(tarfile.TarInfo(member.linkname)):
        return "is a link that leads out of the folder"
    return ""


def stream(entries: Iterable[Entry], tally: Tally) -> Iterator[bytes]:
    """Yield a tar of what is to be sent, a chunk at a time, and count it."""
    return _in_chunks(_blocks(entries, tally))


def digest_of(file: IO[bytes]) -> bytes:
    """Read a file to its end; return the digest of its content."""
    digest = hashlib.sha256()
    while chunk := file.read(CHUNK):
        digest.update(chunk)
    return digest.digest()


def _blocks(entries: Iterable[Entry], tally: Tally) -> Iterator[bytes]:
    for member, body in entries:
        yield member.tobuf(tarfile.GNU_FORMAT, ENCODING, ERRORS)
        digest = b""
        if member.isreg() and body is not None:
            sha, left = hashlib.sha256(), member.size
            while left:
                chunk = _read(body, min(CHUNK, left), member)
                if not chunk:
                    raise Refused(
                        f"{member.name!a} became shorter while it was read; stop what writes "
                        "to it, and try again. Nothing was changed"
                    )
                sha.update(chunk)
                left -= len(chunk)
                yield chunk
            yield bytes(-member.size % BLOCK)
            digest = sha.digest()
        tally.add(member, digest)
    text = tally.to_json()
    trailer = tarfile.TarInfo(TRAILER)
    trailer.size = len(text)
    yield trailer.tobuf(tarfile.GNU_FORMAT, ENCODING, ERRORS)
    yield text + bytes(-len(text) % BLOCK) + bytes(2 * BLOCK)


def _read(body: IO[bytes], size: int, member: tarfile.TarInfo) -> bytes:
    try:
        return body.read(size)
    except DAMAGED as error:
        text = f"{member.name!a} cannot be read: {error}. Nothing was changed"
        raise Refused(text) from None


def _in_chunks(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Join small pieces, of which each would be a write of its own."""
    waiting = bytearray()
    for block in blocks:
        waiting += block
        if len(waiting) >= CHUNK:
            yield bytes(waiting)
            waiting.clear()
    yield bytes(waiting)
