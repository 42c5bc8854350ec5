"""Whether the pair that a team brings, TLS_CHAIN and TLS_KEY, can be shown to browsers."""

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from slipway.certificates import pem

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
    from cryptography.x509 import Certificate

KEY = re.compile(rb"-----BEGIN [A-Z ]*PRIVATE KEY-----")
ORDER = "the certificate of TLS_KEY first, then the one that issued it, and so on"
SOON = 30  # days


class Unreadable(Exception):
    """One of the pair cannot be read; the text names it, and in no case what it holds."""


def complaints(chain: bytes, key: bytes, names: Sequence[str], now: float) -> Iterator[str]:
    """Say why a chain and its key cannot be shown for names."""
    try:
        certificates, own = _certificates(chain), _public_key(key)
    except Unreadable as error:
        yield str(error)
        return
    if KEY.search(chain):
        yield "TLS_CHAIN holds a private key; that belongs in TLS_KEY alone"
    keys = [each.public_key() for each in certificates]
    if own in keys[1:] and own != keys[0]:
        yield f"TLS_CHAIN is in the wrong order: {ORDER}"
        return
    if own != keys[0]:
        yield "TLS_KEY is not the key of TLS_CHAIN's first certificate"
    leaf = pem.read(chain)
    if missing := [name for name in names if not leaf.covers(name)]:
        covered = ", ".join(leaf.names) or "no name"
        yield f"TLS_CHAIN is for {covered}, and not for {', '.join(missing)}"
    for number, each in enumerate(certificates, 1):
        what = "TLS_CHAIN" if number == 1 else f"certificate {number} of TLS_CHAIN"
        begins, ends = each.not_valid_before_utc.timestamp(), each.not_valid_after_utc.timestamp()
        if ends <= now:
            yield f"{what} has expired on {pem.date(ends)}"
        if begins > now:
            yield f"{what} is not valid before {pem.date(begins)}"
        if number > 1 and each.subject not in {one.issuer for one in certificates[: number - 1]}:
            yield f"{what} has issued none of those before it: {ORDER}"


def warnings(chain: bytes, now: float) -> Iterator[str]:
    """Say what is to be known of a chain that can be shown."""
    certificate = pem.read(chain)
    days = certificate.days_left(now)
    if days < SOON:
        yield f"TLS_CHAIN ends in {days:.0f} days"
    leaf, *others = _certificates(chain)
    if not others and leaf.issuer != leaf.subject:
        yield (
            f"TLS_CHAIN holds one certificate, by {certificate.issuer}; a public authority has "
            "others between, without which many clients refuse it"
        )


def _certificates(chain: bytes) -> "list[Certificate]":
    from cryptography import x509

    try:
        return x509.load_pem_x509_certificates(chain)
    except (ValueError, x509.InvalidVersion) as error:
        raise Unreadable("TLS_CHAIN is no certificate as PEM") from error


def _public_key(key: bytes) -> "PublicKeyTypes":
    """Return the public half of what is to be a private key that needs no passphrase."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        return load_pem_private_key(key, None).public_key()
    except TypeError as error:
        raise Unreadable(
            "TLS_KEY has a passphrase, which nobody types on a machine; "
            "remove it: openssl pkey -in key.pem -out plain.pem"
        ) from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise Unreadable("TLS_KEY is no private key as PEM") from error
