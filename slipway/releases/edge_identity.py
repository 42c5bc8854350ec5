"""What edges and the service `certificates` know each other by: a certificate that only they have.

Keys of certificates travel between them. Whoever may create secrets of the environment may read
those anyway, so it is made here, once, and nobody has to think of it.
"""

import base64
import datetime
from collections.abc import Collection, Mapping
from typing import Any

from slipway.certificates.places import IDENTITY, NAME
from slipway.environments.environment import Environment
from slipway.hosts.host import Host
from slipway.releases.compose_labels import Role
from slipway.secrets import delivery

ROLES: tuple[Role, ...] = ("edge", "certificates")
YEARS = 50 * 365


def name(env: Environment) -> str:
    """Name the Swarm's secret that holds it."""
    return f"{env.prefix}.edge-identity"


def secret(env: Environment, spec: Mapping[str, Any]) -> dict[str, str | int]:
    """Return the secret of a service as a stack file describes it."""
    user, _, group = str(spec.get("user") or "0:0").partition(":")
    place = {"source": name(env), "target": str(IDENTITY)}
    return {**place, "uid": user, "gid": group or user, "mode": 0o400}


def keep(description: dict[str, Any], env: Environment) -> None:
    """Have edges that have no use for it have it all the same: routes that are live name its file.

    They are loaded by edges that start until the cutover. It stays until edges are changed next.
    """
    for spec in description["services"].values():
        if name(env) not in {entry["source"] for entry in spec["secrets"]}:
            spec["secrets"].append(secret(env, spec))
            entry = {"external": True, "name": name(env)}
            description.setdefault("secrets", {})[name(env)] = entry


def ensure(manager: Host, env: Environment, present: Collection[str]) -> bool:
    """Create it where it is not there yet; return whether it was made."""
    if name(env) in present:
        return False
    line = f"{name(env)} {base64.b64encode(make()).decode()}\n".encode()
    manager.run(["sh", "-euc", delivery.CREATE, "sh", env.prefix], stdin=line, timeout=60)
    return True


def make() -> bytes:
    """Return a new certificate that vouches for itself, and its key, as PEM."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
    now = datetime.datetime.now(datetime.UTC)
    both = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))  # clocks differ
        .not_valid_after(now + datetime.timedelta(days=YEARS))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .add_extension(x509.ExtendedKeyUsage(both), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    plain = serialization.NoEncryption()
    form = serialization.PrivateFormat.PKCS8
    return certificate.public_bytes(serialization.Encoding.PEM) + key.private_bytes(
        serialization.Encoding.PEM, form, plain
    )
