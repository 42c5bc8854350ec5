"""Backups in S3-compatible storage: AWS, R2, Scaleway, MinIO, SeaweedFS and the like."""

import contextlib
import functools
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from slipway.progress import SILENT, Reporter
from slipway.storage.multipart import Upload, part_size
from slipway.storage.s3_errors import KEPT, MISSING, NOT_ALLOWED, NotS3, code, explain, require
from slipway.storage.store import (
    DAY,
    NotFound,
    NotListable,
    Retained,
    StoredObject,
    StoreError,
    check_key,
)

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import GetObjectOutputTypeDef

CHUNK = 1 << 20
BREAKS = 100  # of one download, whatever it brings


@dataclass(frozen=True)
class Timeouts:
    """How long a store may take; ten tries outlast an outage of some 12 s."""

    to_connect: float = 10.0  # seconds
    of_silence: float = 60.0
    tries: int = 10  # of each request, by boto3; and of a download that brings nothing new


@dataclass(frozen=True)
class S3Access:
    """The way to a store: its address, whose certificate it may show, and the keys.

    The keys are read at the first request, and are in no text of ours.
    """

    access_key: Callable[[], str]
    secret_key: Callable[[], str]
    endpoint: str = ""  # AWS itself
    region: str = ""
    authority: Path | None = None  # a certificate file, where the store's own is not public


class S3Store:
    """`S3Store("bucket", "path/prod", S3Access(…))`: sees only `path/prod/…`."""

    def __init__(
        self,
        bucket: str,
        prefix: str,
        access: S3Access,
        *,
        max_parts: int = 1000,
        patience: Timeouts = Timeouts(),
        reporter: Reporter = SILENT,
    ) -> None:
        self._bucket = bucket
        self._root = "".join(f"{part}/" for part in prefix.split("/") if part)
        self._access = access
        self._max_parts = max_parts
        self._patience = patience
        self._reporter = reporter

    @property
    def name(self) -> str:
        """The place as the settings name it, and the environment."""
        return f"s3://{self._bucket}/{self._root.rstrip('/')}"

    def put(self, key: str, chunks: Iterable[bytes], *, expected: int = 0) -> int:
        """Send a stream: one request when it is small, equal parts when it is not."""
        path = self._root + check_key(key)
        with self._translated(f"writing {key}"):
            upload = Upload(
                self._client,
                self._bucket,
                path,
                size=part_size(expected, self._max_parts),
                max_parts=self._max_parts,
                reporter=self._reporter,
            )
            return upload.run(chunks)

    def get(self, key: str) -> Iterator[bytes]:
        """Stream an object; after a break the rest of the very same object is asked for."""
        from botocore.exceptions import BotoCoreError

        check_key(key)
        got = idle = 0
        tag = ""
        for _ in range(BREAKS):
            with self._translated(f"reading {key}"):
                answer = self._request_object(key, got, tag)
                tag = require(answer, "ETag")
                with contextlib.closing(answer["Body"]) as body:
                    try:
                        for chunk in body.iter_chunks(CHUNK):
                            got, idle = got + len(chunk), 0
                            yield chunk
                        return
                    except BotoCoreError:
                        if (idle := idle + 1) >= self._patience.tries:
                            raise
            self._reporter.note(f"the connection broke while reading {key}; resuming at byte {got}")
            time.sleep(min(0.2 * 2**idle, 5))
        raise StoreError(f"{self.name}: reading {key} failed: the connection broke too often")

    def entries(self, prefix: str = "") -> Iterator[StoredObject]:
        """List page by page; stores sort by the key's bytes."""
        with self._translated("listing", forbidden=NotListable):
            pages = self._client.get_paginator("list_objects_v2")
            for page in pages.paginate(Bucket=self._bucket, Prefix=self._root + prefix):
                require(page, "Name")
                for item in page.get("Contents", []):
                    key = item["Key"].removeprefix(self._root)
                    if key and not key.endswith("/"):  # what consoles show as folders
                        yield StoredObject(key, item["Size"], item["LastModified"].timestamp())

    def delete(self, key: str) -> None:
        """Remove one object; a store that keeps it locked says so."""
        path = self._root + check_key(key)
        with contextlib.suppress(NotFound), self._translated(f"deleting {key}", forbidden=Retained):
            self._client.delete_object(Bucket=self._bucket, Key=path)

    def sweep(self, older_than: float = DAY) -> int:
        """Abort uploads under our prefix that a killed process left; without the right to, none."""
        swept = 0
        before = datetime.now(UTC) - timedelta(seconds=older_than)
        with contextlib.suppress(NotListable), self._translated("sweeping", forbidden=NotListable):
            pages = self._client.get_paginator("list_multipart_uploads")
            for page in pages.paginate(Bucket=self._bucket, Prefix=self._root):
                for upload in page.get("Uploads", []):
                    if upload["Key"].startswith(self._root) and upload["Initiated"] <= before:
                        self._client.abort_multipart_upload(
                            Bucket=self._bucket, Key=upload["Key"], UploadId=upload["UploadId"]
                        )
                        swept += 1
        return swept

    @functools.cached_property
    def _client(self) -> "S3Client":
        import boto3
        from botocore.config import Config
        from botocore.session import Session

        access = self._access
        config = Config(
            connect_timeout=self._patience.to_connect,
            read_timeout=self._patience.of_silence,
            retries={"mode": "standard", "total_max_attempts": self._patience.tries},
            # Not every store has a name for each bucket in its DNS; AWS wants just that.
            s3={"addressing_style": "path" if access.endpoint else "auto"},
            # The check-sums that boto3 adds by itself come in a form many stores refuse; each
            # body of ours carries its MD5, which all of them know and check.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            ignore_configured_endpoint_urls=True,  # type: ignore[call-arg]  # its types lag behind
        )
        # The settings say everything; a person's own profile, or ~/.aws/config, says nothing.
        alone = {"profile": (None,) * 4, "config_file": (None, None, "/dev/null", None)}
        client = boto3.Session(botocore_session=Session(session_vars=alone)).client(
            "s3",
            endpoint_url=access.endpoint or None,
            region_name=access.region or "us-east-1",
            aws_access_key_id=access.access_key(),
            aws_secret_access_key=access.secret_key(),
            verify=str(access.authority) if access.authority else None,
            config=config,
        )
        client.meta.events.register_last("needs-retry.s3", self._note_retry)
        return client

    def _request_object(self, key: str, start: int, tag: str) -> "GetObjectOutputTypeDef":
        """Ask for an object, or for the rest of the one that has this tag."""
        path = self._root + key
        if not start:
            return self._client.get_object(Bucket=self._bucket, Key=path)
        answer = self._client.get_object(
            Bucket=self._bucket, Key=path, Range=f"bytes={start}-", IfMatch=tag
        )
        if not answer.get("ContentRange", "").startswith(f"bytes {start}-"):
            raise StoreError(f"{self.name}: reading {key} broke, and the store cannot resume it")
        return answer

    @contextlib.contextmanager
    def _translated(self, doing: str, forbidden: type[StoreError] = StoreError) -> Iterator[None]:
        """Turn a failure of boto3 into a sentence; its own text may hold too much."""
        from botocore.exceptions import BotoCoreError, ClientError
        from botocore.parsers import ResponseParserError

        try:
            yield
        except ResponseParserError:
            raise explain(NotS3(), self.name, doing) from None
        except (BotoCoreError, ClientError, NotS3) as error:
            text = str(explain(error, self.name, doing))
            error_code = code(error)
            if error_code in MISSING:
                raise NotFound(text) from None
            raise (forbidden if error_code in NOT_ALLOWED | KEPT else StoreError)(text) from None

    def _note_retry(self, **event: Any) -> None:
        """Say that boto3 tries a request again, and why."""
        failure, answer = event.get("caught_exception"), event.get("response")
        status = answer[0].status_code if answer else 0
        if failure is None and status < 500:
            return
        if failure is not None and "CERTIFICATE_VERIFY_FAILED" in str(failure):
            raise failure  # another try would see the same certificate
        why = type(failure).__name__ if failure else f"{status}"
        attempt, attempts = event["attempts"], self._patience.tries
        if attempt < attempts:
            name = event["operation"].name
            self._reporter.note(f"{name} got {why} at try {attempt} of {attempts}")
