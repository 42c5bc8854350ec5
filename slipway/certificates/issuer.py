"""What is to be done for the names of an environment now: keep, obtain, renew, or wait."""

import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from slipway.certificates import pem
from slipway.certificates.bundle import ACCOUNTS, BY_CADDY, Attempt, Bundle
from slipway.certificates.renewal_info import NEVER

PROVIDED = "provided"
LEAST_AGE = 24 * 3600.0  # before which no suggestion counts: a wrong one costs an order a day
# So Let's Encrypt says when it accepts requests again.
RETRY_AFTER = re.compile(r"retry after (\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d)")
Files = Mapping[str, bytes]


class NotObtained(Exception):
    """The authority gave no certificate; the text is its client's last word."""


@dataclass
class Issuer:
    """The certificates of an environment; `obtain` gets one name's from the authority.

    That is handed the accounts of before and returns the certificate with its key, and accounts.
    """

    names: Sequence[str]
    authority: str
    obtain: Callable[[str, Files], tuple[bytes, Files]]
    bundle: Bundle = field(default_factory=Bundle)
    renew_below: float = 1 / 3  # of its life
    suggested: Callable[[bytes], float] = lambda chain: NEVER  # when the authority wants it renewed
    clock: Callable[[], float] = time.time

    def take_over(self, bundles: Sequence[Bundle]) -> None:
        """Continue from the newest of what edges have.

        Each may have obtained some by itself, before there was an issuer: then from all of these.
        """
        self.bundle = max([self.bundle, *bundles], key=lambda each: each.number)
        if self.bundle.number == BY_CADDY:
            files: dict[str, bytes] = {}
            for name, data in (pair for each in bundles for pair in each.files.items()):
                files[name] = max(files.get(name, b""), data, key=_ends)
            self.bundle = replace(self.bundle, files={**self.bundle.files, **files})

    def work(self) -> list[str]:
        """Obtain what is missing or due, one name after another; return a line for each."""
        lines = []
        for name in self.names:
            if self._is_due(name, self.clock()):
                lines.append(self._attempt(name))
        self._forget()
        return lines

    def forgive(self) -> None:
        """Have what failed tried at once, by whoever has fixed the cause."""
        again = {k: replace(each, again=0.0) for k, each in self.bundle.attempts.items()}
        self._put({}, again)

    def provide(self, chain: bytes, key: bytes) -> None:
        """Show one certificate that the team brought, for all names."""
        both = chain.rstrip() + b"\n" + key.rstrip() + b"\n"
        files = dict(self._accounts())
        files |= {pem.file_of(name): both for name in self.names}
        attempts = {name: Attempt(PROVIDED) for name in self.names}
        self.bundle = self.bundle.succeed(files, attempts)

    def _is_due(self, name: str, now: float) -> bool:
        attempt = self.bundle.attempts.get(name, Attempt())
        if attempt.again > now:
            return False
        data = self.bundle.files.get(pem.file_of(name))
        try:
            certificate = pem.read(data or b"")
        except ValueError:
            return True
        is_ours = attempt.origin in ("", self.authority) and certificate.covers(name)
        if not is_ours or certificate.is_due(now, self.renew_below):
            return True
        return now - certificate.begins > LEAST_AGE and self.suggested(data or b"") <= now

    def _attempt(self, name: str) -> str:
        attempt = self.bundle.attempts.get(name, Attempt())
        try:
            data, accounts = self.obtain(name, self._accounts())
            certificate = pem.read(data)
            self._demand_use(certificate, name)
        except (NotObtained, ValueError, OSError) as error:
            now = self.clock()
            failed = attempt.failed(str(error), now, retry_after(str(error)))
            self._put({}, {name: failed})
            return f"{name}: {failed.error}; tried again in {(failed.again - now) / 60:.0f} min"
        self._put({pem.file_of(name): data, **accounts}, {name: Attempt(self.authority)})
        return f"{name}: from {certificate.issuer}, until {pem.date(certificate.ends)}"

    def _demand_use(self, certificate: pem.Certificate, name: str) -> None:
        """Raise NotObtained for one that would be obtained anew at once, again and again."""
        if not certificate.covers(name):
            raise NotObtained(f"the authority gave one for {', '.join(certificate.names)}")
        if certificate.is_due(self.clock(), self.renew_below):
            ends = pem.date(certificate.ends)
            raise NotObtained(f"the authority gave one that ends on {ends}; is the clock right?")

    def _accounts(self) -> Files:
        return {k: v for k, v in self.bundle.files.items() if k.startswith(ACCOUNTS)}

    def _put(self, files: Files, attempts: Mapping[str, Attempt]) -> None:
        self.bundle = self.bundle.succeed(
            {**self.bundle.files, **files}, {**self.bundle.attempts, **attempts}
        )

    def _forget(self) -> None:
        """Drop what is of names that are served no more."""
        current = {pem.file_of(name) for name in self.names}
        files = {k: v for k, v in self.bundle.files.items() if k in current}
        attempts = {name: each for name, each in self.bundle.attempts.items() if name in self.names}
        self.bundle = self.bundle.succeed({**self._accounts(), **files}, attempts)


def _ends(chain: bytes) -> float:
    """Return until when a certificate is valid; 0 for what is none."""
    try:
        return pem.read(chain).ends
    except ValueError:
        return 0.0


def retry_after(text: str) -> float:
    """Return when the authority accepts requests again, where its error says so; else 0."""
    match = RETRY_AFTER.search(text)
    if match is None:
        return 0.0
    return datetime.fromisoformat(match[1]).replace(tzinfo=UTC).timestamp()
