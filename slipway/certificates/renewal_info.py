"""When the authority suggests that a certificate is renewed: ACME renewal information, RFC 9773.

lego 4.9 does not ask for it. The question needs no account, so it is asked here: an authority that
has to revoke certificates names a time that is over, and they are renewed before.
"""

import base64
import hashlib
import http.client
import json
import math
import ssl
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from slipway.certificates import pem

TIMEOUT = 10.0
HOUR = 3600.0
PAUSE = 6 * HOUR  # between two questions, where the authority names no other
SHORTEST, LONGEST = 60.0, 24 * HOUR
NEVER = math.inf
FAILURES = (OSError, http.client.HTTPException, ValueError, KeyError, TypeError)


@dataclass(frozen=True)
class _Suggestion:
    """When to renew, and when to ask once more; both in seconds since 1970."""

    renew_at: float
    ask_at: float


@dataclass
class RenewalInfo:
    """Asks an authority, by its directory, no more often than it likes."""

    directory: str
    trust: ssl.SSLContext | None = None
    clock: Callable[[], float] = time.time
    _suggestions: dict[str, _Suggestion] = field(default_factory=dict)

    def suggested(self, chain: bytes) -> float:
        """Return when to renew a certificate; NEVER where nothing is suggested or known."""
        try:
            ident = identifier(chain)
        except ValueError:
            return NEVER
        now = self.clock()
        last = self._suggestions.get(ident, _Suggestion(NEVER, now))
        if last.ask_at <= now:
            try:
                last = self._ask(ident, now)
            except FAILURES:  # it is asked again; a certificate is renewed by its age all the same
                last = replace(last, ask_at=now + PAUSE)
            self._suggestions[ident] = last
        return last.renew_at

    def _ask(self, ident: str, now: float) -> _Suggestion:
        directory, _ = self._get(self.directory)
        if "renewalInfo" not in directory:
            return _Suggestion(NEVER, now + LONGEST)
        answer, pause = self._get(f"{directory['renewalInfo'].rstrip('/')}/{ident}")
        window = answer["suggestedWindow"]
        start, end = (datetime.fromisoformat(window[key]).timestamp() for key in ("start", "end"))
        return _Suggestion(start + _share(ident) * (end - start), now + pause)

    def _get(self, url: str) -> tuple[dict[str, Any], float]:
        """Return a document, and for how long it is not to be asked for again."""
        with urllib.request.urlopen(url, timeout=TIMEOUT, context=self.trust) as response:  # noqa: S310  of the setting ACME_CA
            document = json.loads(response.read())
            pause = response.headers.get("Retry-After", "")
        seconds = float(pause) if pause.isdigit() else PAUSE
        return document, min(max(seconds, SHORTEST), LONGEST)


def identifier(chain: bytes) -> str:
    """Name a certificate as RFC 9773 does. Raises ValueError for one without a signer's key."""
    from cryptography import x509

    certificate = pem.leaf(chain)
    try:
        extension = certificate.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier)
    except x509.ExtensionNotFound as error:
        raise ValueError("it does not name the key that signed it") from error
    return identifier_of(extension.value.key_identifier or b"", certificate.serial_number)


def identifier_of(signer: bytes, serial: int) -> str:
    """Name a certificate by its signer's key identifier and its serial number."""
    number = serial.to_bytes(serial.bit_length() // 8 + 1, "big")  # signed, as in the certificate
    return f"{_base64url(signer)}.{_base64url(number)}"


def _share(ident: str) -> float:
    """Choose where in a window, the same for the same certificate wherever it is asked."""
    return int.from_bytes(hashlib.sha256(ident.encode()).digest()[:4], "big") / 2**32


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
