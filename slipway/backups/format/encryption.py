"""Encryption with age: each backup has a key of its own, sealed to the environment's recipients.

A server can seal and not open. A restore is handed the key of one backup; who may open backups
can change without a byte of them being uploaded again.
"""

import contextlib
import os
import re
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from slipway.database.processes import started
from slipway.errors import ConfigError, SlipwayError, UsageError, first_line

IDENTITY = re.compile(r"^AGE-SECRET-KEY-1[0-9A-Z]{50,80}$", re.MULTILINE)
RECIPIENT = re.compile(r"age1[0-9a-z]{20,2000}|ssh-(?:ed25519|rsa) [A-Za-z0-9+/=]{40,2000}(?: .*)?")
OWN = re.compile(r"age1[0-9a-z]{58}")
PATIENCE = 60.0


@dataclass(frozen=True)
class Key:
    """The key of one backup; its text shows nothing."""

    identity: str = field(repr=False)

    def __post_init__(self) -> None:
        if not IDENTITY.fullmatch(self.identity):
            raise UsageError("this is not the key of a backup")

    def __str__(self) -> str:
        return "Key(…)"


def new_key() -> tuple[Key, str]:
    """Make a key; return it and the recipient that data is sealed to."""
    text = _run(["age-keygen"], b"").decode()
    identity, recipient = IDENTITY.search(text), OWN.search(text)
    if identity is None or recipient is None:
        raise SlipwayError("age-keygen produced no key; nothing was backed up")
    return Key(identity[0]), recipient[0]


def seal_key(key: Key, recipients: Sequence[str]) -> str:
    """Encrypt a key to the recipients, armored. Raises ConfigError for a recipient that is none."""
    return seal(key.identity.encode() + b"\n", recipients, armored=True).decode()


def seal(data: bytes, recipients: Sequence[str], *, armored: bool = False) -> bytes:
    """Encrypt something small."""
    if not recipients:
        raise ConfigError("no recipient is named to encrypt the backup to; nothing was backed up")
    for recipient in recipients:
        if not RECIPIENT.fullmatch(recipient):
            raise ConfigError(f"{recipient[:80]!a} is not an age recipient; nothing was backed up")
    flags = [word for recipient in recipients for word in ("--recipient", recipient)]
    return _run(["age", "--encrypt", *(["--armor"] if armored else []), *flags], data)


def unseal(data: bytes, key: Key) -> bytes:
    """Decrypt something small. Raises SlipwayError when the key does not fit or it is damaged."""
    with identity_pipe(key) as pipe:
        return _run(decrypt_line(pipe), data, pass_fds=(pipe,))


def encrypt_line(recipient: str) -> list[str]:
    """Return the command that seals a stream."""
    return ["age", "--encrypt", "--recipient", recipient]


def decrypt_line(pipe: int) -> list[str]:
    """Return the command that opens a stream, with the identity in an open pipe."""
    return ["age", "--decrypt", "--identity", f"/dev/fd/{pipe}"]


@contextlib.contextmanager
def identity_pipe(key: Key) -> Iterator[int]:
    """Hold a pipe that gives the identity to one child: give it to `pass_fds`."""
    reading, writing = os.pipe()
    try:
        os.write(writing, key.identity.encode() + b"\n")  # a pipe holds far more
        os.close(writing)
        yield reading
    finally:
        os.close(reading)


def _run(argv: Sequence[str], data: bytes, *, pass_fds: Sequence[int] = ()) -> bytes:
    """Run one of age's programs in memory; its own words hold no secret."""
    pipe = subprocess.PIPE
    with started(argv, stdin=pipe, stdout=pipe, pass_fds=pass_fds) as process:
        out, err = process.communicate(data, timeout=PATIENCE)
    if process.returncode != 0:
        reason = first_line(err.decode(errors="replace")).removeprefix("age: error: ")
        raise SlipwayError(f"{argv[0]} failed: {reason}")
    return out
