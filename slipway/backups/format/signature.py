"""Signatures of what a store holds: who may write there can forge nothing.

A document is JSON; each signature in it is Ed25519 over its canonical text without signatures.
"""

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from slipway.errors import ConfigError, Refused

FIELD = "signatures"  # public half: signature, both base64
SIZE = 32  # bytes of either half of a key
OPERATIONS, OPERATORS = "operations", "operators"  # what runs by itself, and people

Document = Mapping[str, Any]
Sign = Callable[[str, Document], "tuple[str, str]"]


@dataclass(frozen=True)
class SigningKey:
    """The private half of a key; its text shows nothing."""

    seed: bytes = field(repr=False)

    @classmethod
    def parse(cls, text: str, name: str) -> "SigningKey":
        """Read a secret of 32 random bytes as `inv secrets.create` makes it. Raises ConfigError."""
        try:
            seed = base64.b64decode(text.strip() + "=" * (-len(text.strip()) % 4), b"-_", True)
        except ValueError:
            seed = b""
        if len(seed) != SIZE:
            raise ConfigError(f"{name} is not {SIZE} random bytes in base64; make it anew")
        return cls(seed)

    @property
    def public(self) -> str:
        """The public half, as backups/signers.yml names it."""
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        key = Ed25519PrivateKey.from_private_bytes(self.seed).public_key()
        return base64.b64encode(key.public_bytes_raw()).decode()

    def sign(self, kind: str, document: Document) -> tuple[str, str]:
        """Return the public half and the signature of a document of this kind."""
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        key = Ed25519PrivateKey.from_private_bytes(self.seed)
        return self.public, base64.b64encode(key.sign(message(kind, document))).decode()


@dataclass(frozen=True)
class Trust:
    """Whose signatures are trusted, by public half, and who signs here.

    Where nobody is named, everything is accepted, as it was before there were signatures.
    """

    signers: Mapping[str, str] = field(default_factory=dict)  # public half: who that is
    key: SigningKey | None = None  # of what runs here
    countersign: Sign | None = None  # by the person who asked for it

    @property
    def is_required(self) -> bool:
        """Whether what is not signed is refused."""
        return bool(self.signers)

    @property
    def own_name(self) -> str:
        """Who signs what is made here; nothing for an untrusted key."""
        if self.countersign and self.is_required:
            return OPERATORS
        return self.signers.get(self.key.public, "") if self.key else ""

    def require_signer(self) -> None:
        """Raise Refused where what is made here would have no trusted signature."""
        if not self.is_required or self.countersign:
            return
        if self.key is None or self.key.public not in self.signers:
            raise Refused(
                "backups/signers.yml does not name the key that signs here, so the backup would "
                "not be trusted; nothing was done. Add the key: inv secrets.add, commit, deploy"
            )

    def accepts(self, kind: str, document: Document) -> bool:
        """Whether a document may be used."""
        return not self.is_required or bool(self.signer(kind, document))

    def signer(self, kind: str, document: Document) -> str:
        """Say who signed a document: people before what runs by itself; nothing for nobody."""
        signatures = document.get(FIELD)
        if not isinstance(signatures, dict):
            return ""
        names = {
            name
            for public, name in self.signers.items()
            if is_valid(public, signatures.get(public), kind, document)
        }
        return OPERATORS if OPERATORS in names else next(iter(names), "")

    def signed(self, kind: str, document: Document) -> dict[str, Any]:
        """Return a document with the signatures of everybody who signs here."""
        bare = {key: value for key, value in document.items() if key != FIELD}
        signing = [sign for sign in (self.key and self.key.sign, self.countersign) if sign]
        signatures = dict(sign(kind, bare) for sign in signing)
        return bare | ({FIELD: signatures} if signatures else {})


ANYBODY = Trust()


def message(kind: str, document: Document) -> bytes:
    """Return what is signed: what kind of document it is, and its canonical text."""
    bare = {key: value for key, value in document.items() if key != FIELD}
    text = json.dumps(bare, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return f"slipway {kind} 1\n{text}".encode()


def is_valid(public: str, signature: object, kind: str, document: Document) -> bool:
    """Whether a signature is one of this document by this key."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    if not isinstance(signature, str):
        return False
    try:
        key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public, validate=True))
        key.verify(base64.b64decode(signature, validate=True), message(kind, document))
    except (ValueError, RecursionError, InvalidSignature):
        return False
    return True


def is_public(text: str) -> bool:
    """Whether a text is the public half of a key."""
    try:
        return len(base64.b64decode(text, validate=True)) == SIZE
    except ValueError:
        return False
