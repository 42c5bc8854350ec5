"""Archives of images: streamed, without the layers nobody needs, to several readers at once."""

import contextlib
import io
import queue
import tarfile
import threading
from collections.abc import Collection, Generator, Iterator, Sequence
from typing import IO, Protocol, cast

from slipway.hosts.host import Host
from slipway.tar_file import BoundedMember

CHUNK = 1 << 20
AHEAD = 8  # chunks a fast reader may be ahead of a slow one


class Readable(Protocol):
    """What bytes are read from until there are none."""

    def read(self, size: int) -> bytes: ...


def save(host: Host, names: Sequence[str], spare: Collection[str]) -> Generator[bytes]:
    """Stream `docker save` of a host without the layers named, as chunks of a tar archive."""
    with host.open(["docker", "save", *names]) as process:
        process.end()
        # What ends before it began is told by the exit code.
        with contextlib.suppress(tarfile.ReadError):
            yield from thinned(process, spare)
        process.wait().check()


def thinned(complete: Readable, spare: Collection[str]) -> Iterator[bytes]:
    """Read a tar archive of images and hand it on, in chunks, without the layers named."""
    left_out = {f"blobs/sha256/{layer.removeprefix('sha256:')}" for layer in spare}
    buffer = io.BytesIO()
    with (
        tarfile.open(
            fileobj=cast(IO[bytes], complete), mode="r|", bufsize=CHUNK, tarinfo=BoundedMember
        ) as source,
        tarfile.open(fileobj=buffer, mode="w|", bufsize=CHUNK) as target,
    ):
        for member in source:
            if member.name not in left_out:
                content = source.extractfile(member) if member.isfile() else None
                yield from _copy(member, content, target, buffer)
            source.members.clear()  # type: ignore[attr-defined]  # it would keep them all
    yield buffer.getvalue()


def _copy(
    member: tarfile.TarInfo,
    content: IO[bytes] | None,
    target: tarfile.TarFile,
    buffer: io.BytesIO,
) -> Iterator[bytes]:
    """Write one member in pieces, handing over what the target has produced so far."""
    target.addfile(member)  # the header; the content follows, padded to whole blocks
    assert target.fileobj is not None  # noqa: S101  open for writing
    written = 0
    while content is not None and (piece := content.read(CHUNK)):
        target.fileobj.write(piece)
        written += len(piece)
        yield _drained(buffer)
    if rest := written % tarfile.BLOCKSIZE:
        target.fileobj.write(b"\0" * (tarfile.BLOCKSIZE - rest))
    yield _drained(buffer)


def _drained(buffer: io.BytesIO) -> bytes:
    data = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return data


class ArchiveReader:
    """One of several readers of a stream; it must be closed, or the others wait for it."""

    def __init__(self) -> None:
        self.size = 0
        self._chunks: queue.Queue[bytes | BaseException | None] = queue.Queue(AHEAD)
        self._closed = threading.Event()

    def __iter__(self) -> Iterator[bytes]:
        while (chunk := self._chunks.get()) is not None:
            if isinstance(chunk, BaseException):
                raise chunk
            self.size += len(chunk)
            yield chunk

    def give(self, chunk: bytes | BaseException | None) -> bool:
        """Hand over a chunk when there is room; False when nobody reads any more."""
        while not self._closed.is_set():
            with contextlib.suppress(queue.Full):
                self._chunks.put(chunk, timeout=0.2)
                return True
        return False

    def close(self) -> None:
        self._closed.set()


def shared(chunks: Generator[bytes], readers: int) -> list[ArchiveReader]:
    """Read a stream once and give every reader all of it, at the pace of the slowest."""
    consumers = [ArchiveReader() for _ in range(readers)]

    def pump() -> None:
        end: BaseException | None = None
        try:
            for chunk in chunks:
                accepted = [reader.give(chunk) for reader in consumers]
                if not any(accepted):
                    break
        except BaseException as error:  # it belongs to those who read, not to this thread
            end = error
        finally:
            chunks.close()
        for reader in consumers:
            reader.give(end)

    threading.Thread(target=pump, daemon=True).start()
    return consumers
