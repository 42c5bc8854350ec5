"""Public keys of people: what is one, what is a private one by mistake, what age encrypts to."""

import base64
import binascii
import re

from slipway.secrets.rules import core

PRIVATE = re.compile(r"AGE-SECRET-KEY-|AGE-PLUGIN-|PRIVATE KEY", re.IGNORECASE)
RECIPIENT = re.compile(r"age1[02-9ac-hj-np-z]{6,2000}|age1[a-z0-9-]{1,40}1[02-9ac-hj-np-z]{6,2000}")
SSH_RECIPIENTS = ("ssh-ed25519", "ssh-rsa")
SSH_KINDS = (
    *SSH_RECIPIENTS,
    *("ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521"),
    *("sk-ssh-ed25519@openssh.com", "sk-ecdsa-sha2-nistp256@openssh.com"),
)
SHORTEST = 20  # of what is worth shortening
LETTERS = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
GENERATORS = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)


def is_private(text: str) -> bool:
    """Whether a text holds, or begins like, a private key; then it is repeated nowhere."""
    return PRIVATE.search(text) is not None


def why_no_recipient(text: str) -> str:
    """Say why secrets cannot be encrypted to a key; nothing when they can.

    A key in hardware (age1yubikey1…) needs its plugin on the computer that encrypts.
    """
    if text.startswith(SSH_KINDS) or text.startswith(("ssh-", "sk-", "ecdsa-")):
        if not text.startswith(tuple(f"{kind} " for kind in SSH_RECIPIENTS)):
            return (
                "age encrypts to ssh-ed25519 and ssh-rsa keys, and to no other of SSH; give an age "
                "key: inv team.keygen"
            )
        return why_no_ssh_key(text)
    if not RECIPIENT.fullmatch(text):
        return "is no public age key (age1...) and no ssh-ed25519 or ssh-rsa key"
    if not _is_bech32(text):
        return "is no age key: its checksum does not fit; copy it once more"
    return ""


def why_no_ssh_key(text: str) -> str:
    """Say why a text is no public SSH key, as one line of a .pub file; nothing when it is one."""
    kind, _, rest = text.partition(" ")
    if kind not in SSH_KINDS:
        return f"is no public SSH key: it begins with none of {', '.join(SSH_KINDS)}"
    if any(not char.isprintable() for char in text):
        return "is no public SSH key: it is one line"
    try:
        blob = base64.b64decode(rest.partition(" ")[0], validate=True)
    except (binascii.Error, ValueError):
        blob = b""
    size = int.from_bytes(blob[:4], "big")
    is_complete = len(blob) > 4 + size and blob[4 : 4 + size] == kind.encode()
    return "" if is_complete else f"is no {kind} key: it is damaged; copy the line of the .pub file"


def comment(key: str) -> str:
    """Return what stands behind an SSH key."""
    return " ".join(key.split()[2:])


def shortened(key: str) -> str:
    """Return as much of a key as a table has room for."""
    kind, _, body = core(key).rpartition(" ")
    short = f"{body[:10]}…{body[-6:]}" if len(body) > SHORTEST else body
    return f"{kind} {short}".strip()


def _is_bech32(text: str) -> bool:
    """Check the checksum of BIP 173, which finds every slip of a few letters."""
    prefix, _, data = text.rpartition("1")
    if any(letter not in LETTERS for letter in data):
        return False
    values = [ord(char) >> 5 for char in prefix] + [0] + [ord(char) & 31 for char in prefix]
    checksum = 1
    for value in [*values, *map(LETTERS.index, data)]:
        top = checksum >> 25
        checksum = (checksum & 0x1FFFFFF) << 5 ^ value
        for bit, generator in enumerate(GENERATORS):
            checksum ^= generator if top >> bit & 1 else 0
    return checksum == 1
