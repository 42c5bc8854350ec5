"""A real S3 server (SeaweedFS) with throw-away data, for tests."""

import dataclasses
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from slipway.progress import SILENT, Reporter
from slipway.storage.s3 import S3Access, S3Store, Timeouts

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

WEED = Path(sys.executable).parent / "weed"
SECONDS_TO_START = 60.0
BRIEF = Timeouts(tries=4)


class S3Server:
    """`with S3Server() as s3: s3.make_bucket("backups")`; listens on every interface of this
    computer, so that a container reaches it at its network's gateway."""

    access_key = "KEYOFTESTS0000000001"
    secret_key = "secret/of+tests/0000000000000000000000001"
    writer_key = "KEYOFTESTS0000000002"  # may write (and delete), but neither read nor list
    writer_secret = "secret/of+tests/0000000000000000000000002"
    region = "us-east-1"

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="s3-"))
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def endpoint(self) -> str:
        """Where this computer reaches it."""
        return f"http://127.0.0.1:{self.port}"

    def endpoint_from_containers(self, gateway: str) -> str:
        """Say where containers reach it: their network's gateway is this computer."""
        return f"http://{gateway}:{self.port}"

    def client(self) -> "S3Client":
        """Speak to it with every right, for what a test prepares and looks at."""
        import boto3
        from botocore.config import Config

        return boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            region_name=self.region,
            aws_access_key_id=self.access_key,
            aws_secret_access_key=self.secret_key,
            config=Config(s3={"addressing_style": "path"}),
        )

    def make_bucket(self, name: str, *, object_lock: bool = False) -> str:
        """Make an empty bucket; with `object_lock` it can hold what nobody may delete."""
        self.client().create_bucket(Bucket=name, ObjectLockEnabledForBucket=object_lock)
        return name

    def keys(self, bucket: str, prefix: str = "") -> list[str]:
        """Every key there, seen with every right."""
        pages = (
            self.client().get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        )
        return [each["Key"] for page in pages for each in page.get("Contents", [])]

    def uploads(self, bucket: str) -> list[str]:
        """Keys of multipart uploads that were begun and neither completed nor aborted."""
        found = self.client().list_multipart_uploads(Bucket=bucket).get("Uploads", [])
        return [each["Key"] for each in found]

    def open(
        self,
        bucket: str,
        prefix: str = "app/prod",
        *,
        max_parts: int = 1000,
        patience: Timeouts = BRIEF,
        reporter: Reporter = SILENT,
        **changes: Any,
    ) -> S3Store:
        """Open a store of backups there, with little patience; `changes` are to S3Access."""
        every_right = S3Access(lambda: self.access_key, lambda: self.secret_key, self.endpoint)
        access = dataclasses.replace(every_right, **changes)
        return S3Store(
            bucket, prefix, access, max_parts=max_parts, patience=patience, reporter=reporter
        )

    def __enter__(self) -> Self:
        master, volume, filer = free_port(), free_port(), free_port()
        inner = {"master": master, "volume": volume, "filer": filer, "s3": self.port}
        argv = [str(WEED), "server", f"-dir={self._folder}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1"]
        argv += ["-s3", "-s3.ip.bind=0.0.0.0", f"-s3.config={self._identities()}", "-s3.iam=false"]
        argv += ["-s3.autoCreateBucket=false"]
        argv += ["-s3.port.iceberg=0", "-s3.port.lance=0", "-master.telemetry=false"]
        argv += ["-volume.max=10000", "-master.volumeSizeLimitMB=1024"]  # each bucket takes seven
        argv += [f"-{part}.port={port}" for part, port in inner.items()]
        argv += [f"-{part}.port.grpc={port + 10_000}" for part, port in inner.items()]
        log, env = self._folder / "log", os.environ | {"GOGC": "100"}  # it lives long
        with log.open("wb") as out:
            self._process = subprocess.Popen(
                argv, cwd=self._folder, env=env, stdout=out, stderr=out
            )
        try:
            self._wait(log)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *failure: object) -> None:
        if self._process:
            self._process.kill()  # nothing of it is kept, so nothing need be put in order
            self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _identities(self) -> Path:
        def identity(name: str, key: str, secret: str, *actions: str) -> dict[str, object]:
            credentials = [{"accessKey": key, "secretKey": secret}]
            return {"name": name, "credentials": credentials, "actions": list(actions)}

        every = ("Admin", "Read", "Write", "List", "Tagging")
        identities = [
            identity("everything", self.access_key, self.secret_key, *every),
            identity("writer", self.writer_key, self.writer_secret, "Write"),
        ]
        path = self._folder / "identities.json"
        path.write_text(json.dumps({"identities": identities}))
        return path

    def _wait(self, log: Path) -> None:
        """Until a bucket can be made: the parts find each other a moment after they listen."""
        deadline = time.monotonic() + SECONDS_TO_START
        while time.monotonic() < deadline:
            assert self._process and self._process.poll() is None, log.read_text()[-2000:]
            try:
                urllib.request.urlopen(f"{self.endpoint}/healthz", timeout=5).close()
                return
            except (urllib.error.URLError, OSError):
                time.sleep(0.2)
        raise AssertionError(f"the S3 server did not start: {log.read_text()[-2000:]}")


def free_port() -> int:
    """Find a port that is free and whose neighbour 10,000 above is too."""
    while True:
        with socket.socket() as first, socket.socket() as second:
            first.bind(("0.0.0.0", 0))  # noqa: S104 - only to learn what is free
            port = int(first.getsockname()[1])
            try:
                second.bind(("0.0.0.0", port + 10_000))  # noqa: S104  only to learn what is free
            except (OSError, OverflowError):
                continue
            return port
