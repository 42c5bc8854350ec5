"""Certificates for any names and times: such as vouch for themselves, and chains."""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

NOW = datetime.datetime.now(datetime.UTC)
PLAIN = serialization.NoEncryption()


@dataclass(frozen=True)
class Signed:
    """A certificate and its key; another may be signed by it."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    def key_pem(self, encryption: serialization.KeySerializationEncryption = PLAIN) -> bytes:
        form = serialization.PrivateFormat.PKCS8
        return self.key.private_bytes(serialization.Encoding.PEM, form, encryption)


def sign(
    subject: str,
    names: Sequence[str] = (),
    begins: float = -1,
    ends: float = 90,
    *,
    by: Signed | None = None,
) -> Signed:
    """Make a certificate, signed by another or by itself; one without names is an authority's."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)])
    constraints = x509.BasicConstraints(ca=not names, path_length=None)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(by.certificate.subject if by else name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW + datetime.timedelta(days=begins))
        .not_valid_after(NOW + datetime.timedelta(days=ends))
        .add_extension(constraints, critical=True)
    )
    if names:
        alternatives = x509.SubjectAlternativeName([x509.DNSName(each) for each in names])
        builder = builder.add_extension(alternatives, critical=False)
    if by:
        signer = x509.AuthorityKeyIdentifier.from_issuer_public_key(by.key.public_key())
        builder = builder.add_extension(signer, critical=False)
    return Signed(builder.sign(by.key if by else key, hashes.SHA256()), key)


def make(names: Sequence[str], begins: float = -1, ends: float = 90) -> tuple[bytes, bytes]:
    """Return a certificate that vouches for itself and its key, as PEM; times are days from now."""
    made = sign("Test Authority", names, begins, ends)
    return made.pem, made.key_pem()
