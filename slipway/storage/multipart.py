"""One stream into S3: cut into equal parts, some of them on their way at a time, or nothing."""

import base64
import hashlib
import io
import math
from collections import deque
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event
from typing import TYPE_CHECKING

from slipway.progress import Reporter
from slipway.storage.s3_errors import MISSING, code, require
from slipway.storage.store import StoreError, TooLarge

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import CompletedPartTypeDef

MIB = 1 << 20
SMALLEST_PART = 16 * MIB
BUFFERS = 48 * MIB  # memory for parts: one that fills, and those on their way


class UploadStopped(BaseException):
    """The upload has failed elsewhere; what is on its way need not arrive.

    No Exception, because boto3 would take it for a bad connection and try again.
    """


class Part(io.BytesIO):
    """A part that boto3 reads without copying it, and cannot read on when all is over."""

    def __init__(self, stopped: Event) -> None:
        super().__init__()
        self._stopped = stopped

    def read(self, size: int | None = -1) -> bytes:
        """Read on, unless the whole upload was given up."""
        if self._stopped.is_set():
            raise UploadStopped
        return super().read(size)

    def md5(self) -> str:
        """The check-sum that every store knows, and that AWS asks for in buckets with a lock."""
        digest = hashlib.md5(self.getbuffer(), usedforsecurity=False).digest()
        return base64.b64encode(digest).decode()


class PartSplitter:
    """Cuts a stream into parts of one size, the last of which may be smaller."""

    def __init__(self, chunks: Iterable[bytes], size: int) -> None:
        self._chunks = iter(chunks)
        self._size = size
        self._rest = memoryview(b"")

    def fill(self, part: Part) -> int:
        """Fill a part, which may have been used before; return how much there was."""
        part.seek(0)
        while (room := self._size - part.tell()) > 0:
            if not self._rest:
                chunk = next(self._chunks, None)
                if chunk is None:
                    break
                self._rest = memoryview(chunk)
            part.write(self._rest[:room])
            self._rest = self._rest[room:]
        length = part.tell()
        part.truncate()
        part.seek(0)
        return length


def part_size(expected: int, max_parts: int) -> int:
    """Choose the size before the first byte is known: equal parts cannot grow on the way."""
    return max(SMALLEST_PART, math.ceil(expected / (0.9 * max_parts)))


class Upload:
    """`Upload(client, bucket, key, …).run(chunks)`: nothing is kept unless everything arrived."""

    def __init__(
        self,
        client: "S3Client",
        bucket: str,
        key: str,
        *,
        size: int,
        max_parts: int,
        reporter: Reporter,
    ) -> None:
        self._client = client
        self._bucket = bucket
        self._key = key
        self._name = f"s3://{bucket}/{key}"
        self._size = size
        self._max_parts = max_parts
        self._reporter = reporter
        self._stopped = Event()
        self._parts: list[CompletedPartTypeDef] = []
        self._id = ""

    def run(self, chunks: Iterable[bytes]) -> int:
        """Send a stream; return its size. A small one needs no parts."""
        cutter = PartSplitter(chunks, self._size)
        first = Part(self._stopped)
        length = cutter.fill(first)
        if length == self._size:
            return self._send(cutter, first)
        answer = self._client.put_object(
            Bucket=self._bucket, Key=self._key, Body=first, ContentMD5=first.md5()
        )
        require(answer, "ETag")
        return length

    def _send(self, cutter: PartSplitter, first: Part) -> int:
        """Send in parts; whatever ends this early, Ctrl-C too, rolls back what was sent."""
        begun = self._client.create_multipart_upload(Bucket=self._bucket, Key=self._key)
        self._id = require(begun, "UploadId")
        try:
            with ThreadPoolExecutor(self._parallel_parts()) as pool:
                try:
                    size = self._send_parts(pool, cutter, first)
                except BaseException:
                    self._stopped.set()  # the pool waits: a part that lands later would stay
                    raise
            self._complete(size)
        except BaseException:
            self._abort()
            raise
        return size

    def _parallel_parts(self) -> int:
        """How many parts are on their way while one fills: two, or one where parts are large."""
        return min(2, max(1, BUFFERS // self._size - 1))

    def _send_parts(self, pool: ThreadPoolExecutor, cutter: PartSplitter, part: Part) -> int:
        """Send part after part in buffers that are used again; return the size of all."""
        pending: deque[tuple[Future[None], Part]] = deque()
        free_parts = [Part(self._stopped) for _ in range(self._parallel_parts())]
        size = number = 0
        length = self._size  # the first one is full already
        while length:
            size += length
            number += 1
            if number > self._max_parts:
                raise self._too_large()
            pending.append((pool.submit(self._send_part, number, part), part))
            if not free_parts:
                future, free = pending.popleft()
                future.result()
                free_parts.append(free)
            part = free_parts.pop()
            length = cutter.fill(part)
        for future, _ in pending:
            future.result()
        return size

    def _send_part(self, number: int, part: Part) -> None:
        answer = self._client.upload_part(
            Bucket=self._bucket,
            Key=self._key,
            UploadId=self._id,
            PartNumber=number,
            Body=part,
            ContentMD5=part.md5(),
        )
        self._parts.append({"PartNumber": number, "ETag": require(answer, "ETag")})

    def _complete(self, size: int) -> None:
        """Make the object appear, and see that all of it is there."""
        parts = sorted(self._parts, key=lambda part: part["PartNumber"])
        try:
            self._client.complete_multipart_upload(
                Bucket=self._bucket,
                Key=self._key,
                UploadId=self._id,
                MultipartUpload={"Parts": parts},
            )
        except Exception:
            # Only the answer may have been lost; then a second try finds no such upload.
            if self._stored_size() != size:
                raise
            return
        if (stored := self._stored_size()) not in (size, None):
            self._client.delete_object(Bucket=self._bucket, Key=self._key)
            raise StoreError(f"the store kept {stored} of {size} bytes of {self._name}; try again")

    def _stored_size(self) -> int | None:
        """How large the object is, 0 where it is not there; None where nobody says."""
        try:
            answer = self._client.head_object(Bucket=self._bucket, Key=self._key)
        except Exception as error:  # keys that may only write; the store has said that it has it
            return 0 if code(error) in MISSING else None
        return answer.get("ContentLength")

    def _abort(self) -> None:
        try:
            self._client.abort_multipart_upload(
                Bucket=self._bucket, Key=self._key, UploadId=self._id
            )
        except Exception as error:  # the failure that led here is the one to tell
            if code(error) == "NoSuchUpload":
                return
            self._reporter.note(
                f"the unfinished upload of {self._name} could not be aborted "
                f"({code(error) or type(error).__name__}); a later backup removes it"
            )

    def _too_large(self) -> TooLarge:
        held = self._max_parts * self._size
        return TooLarge(
            f"{self._name} is larger than the {held >> 20} MiB that {self._max_parts} parts hold; "
            "nothing was kept; set BACKUP_S3_MAX_PARTS to what the store allows (AWS: 10000), "
            "or run it again with a larger estimate",
            expected=4 * held,
        )
