"""Certificates as PEM: what one says of itself, and whether it can be shown for given names."""

import datetime
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography import x509

DAY = 24 * 3600
LEAF = re.compile(rb"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)


@dataclass(frozen=True)
class Certificate:
    """What a certificate says of itself; times are seconds since 1970."""

    names: tuple[str, ...]
    issuer: str
    serial: str
    begins: float
    ends: float

    def covers(self, name: str) -> bool:
        """Whether it can be shown for a name; for a wildcard, when it holds that very one."""
        return any(covers(each, name) for each in self.names)

    def days_left(self, now: float) -> float:
        return (self.ends - now) / DAY

    def is_due(self, now: float, share: float = 1 / 3) -> bool:
        """Whether the last part of its life has begun, in which it is renewed."""
        return self.ends - now < (self.ends - self.begins) * share


def covers(pattern: str, name: str) -> bool:
    """Whether a name of a certificate, or of DOMAIN, stands for another one."""
    pattern, name = pattern.lower(), name.lower()
    is_below = pattern.startswith("*.") and name.partition(".")[2] == pattern[2:]
    return pattern == name or (is_below and not name.startswith("*"))


def file_of(name: str) -> str:
    """Name the file of a certificate and its key."""
    return f"{name.replace('*', 'wildcard_')}.pem"


def leaf(chain: bytes) -> "x509.Certificate":
    """Return the first certificate. Raises ValueError for what is none."""
    from cryptography import x509

    match = LEAF.search(chain)
    if match is None:
        raise ValueError("it holds no certificate")
    return x509.load_pem_x509_certificate(match[0])


def read(chain: bytes) -> Certificate:
    """Read what the first certificate says. Raises ValueError for what is none."""
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    certificate = leaf(chain)
    try:
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        names = [str(each).lower() for each in extension.value.get_values_for_type(x509.DNSName)]
        names += [str(each) for each in extension.value.get_values_for_type(x509.IPAddress)]
    except x509.ExtensionNotFound:
        names = []
    of, parts = certificate.issuer, (NameOID.ORGANIZATION_NAME, NameOID.COMMON_NAME)
    issuer = [str(each.value) for oid in parts for each in of.get_attributes_for_oid(oid)]
    return Certificate(
        names=tuple(names),
        issuer=" ".join(issuer),
        serial=f"{certificate.serial_number:x}",
        begins=certificate.not_valid_before_utc.timestamp(),
        ends=certificate.not_valid_after_utc.timestamp(),
    )


def date(seconds: float) -> str:
    return f"{datetime.datetime.fromtimestamp(seconds, datetime.UTC):%Y-%m-%d}"
