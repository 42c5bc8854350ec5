"""What issuer and edges hold alike: certificates with their keys, accounts, what was attempted.

A tar, since an edge has no other program to take it apart. Its number grows with every change, and
the larger one wins wherever two meet: an issuer that starts on another machine continues from the
newest that any edge has.
"""

import io
import json
import tarfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

NUMBER = "number"
ATTEMPTS = "attempts.json"
ACCOUNTS = "accounts/"
LARGEST = 16 << 20
BY_CADDY = 1  # the number of what an edge had obtained by itself; those of issuers are larger
# A failure is tried again after so many minutes. Let's Encrypt allows five failed validations an
# hour for each name; these are four.
PAUSES = (2, 15, 30, 60, 180, 360, 720)


@dataclass(frozen=True)
class Attempt:
    """How it stands with one name: who issued what is there, or why nobody did."""

    origin: str = ""  # the authority's address, "provided", or nothing where it was taken over
    failures: int = 0
    error: str = ""
    again: float = 0.0  # when it is tried next, where it failed

    def failed(self, error: str, now: float, not_before: float = 0.0) -> "Attempt":
        """Count a failure; `not_before` is what the authority says itself."""
        pause = PAUSES[min(self.failures, len(PAUSES) - 1)] * 60
        again = max(now + pause, not_before)
        return replace(self, failures=self.failures + 1, error=error[:500], again=again)


@dataclass(frozen=True)
class Bundle:
    """Files by name: NAME.pem for each certificate with its key, and the client's accounts."""

    number: int = 0
    files: Mapping[str, bytes] = field(default_factory=dict)
    attempts: Mapping[str, Attempt] = field(default_factory=dict)

    def succeed(self, files: Mapping[str, bytes], attempts: Mapping[str, Attempt]) -> "Bundle":
        """Return the next one; itself where nothing differs."""
        if (dict(files), dict(attempts)) == (dict(self.files), dict(self.attempts)):
            return self
        return Bundle(max(self.number + 1, time.time_ns() // 1_000_000), files, attempts)

    def to_tar(self) -> bytes:
        attempts = {name: vars(each) for name, each in self.attempts.items()}
        own = {NUMBER: f"{self.number}\n".encode(), ATTEMPTS: json.dumps(attempts).encode()}
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as tar:
            for name, data in {**self.files, **own}.items():
                member = tarfile.TarInfo(name)
                member.size, member.mode = len(data), 0o600
                tar.addfile(member, io.BytesIO(data))
        return out.getvalue()

    @classmethod
    def from_tar(cls, data: bytes) -> "Bundle":
        """Read one. Raises ValueError for what is none."""
        try:
            with tarfile.open(fileobj=io.BytesIO(data)) as tar:
                parts = {member.name: tar.extractfile(member) for member in tar}
                files = {name: part.read() for name, part in parts.items() if part}
            if any(name.startswith("/") or ".." in name.split("/") for name in files):
                raise KeyError("a file outside of it")
            number = int(files.pop(NUMBER))
            written = json.loads(files.pop(ATTEMPTS))
            attempts = {name: Attempt(**each) for name, each in written.items()}
        except (tarfile.TarError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"no bundle of certificates: {error}") from error
        return cls(number, files, attempts)
