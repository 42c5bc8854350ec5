"""Host keys: what a machine shows, what a known_hosts file vouches for."""

import base64
import hashlib
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from slipway.errors import CommandFailed, Unreachable
from slipway.hosts.host import SECONDS
from slipway.hosts.local import LocalHost

KINDS = ("ssh-ed25519", "ecdsa-sha2-nistp256", "ssh-rsa")  # the best first
FINGERPRINT = re.compile(r"SHA256:[A-Za-z0-9+/]{43}")


@dataclass(frozen=True)
class HostKey:
    """A public key of a host, without the host."""

    kind: str
    text: str  # base64

    @property
    def fingerprint(self) -> str:
        """As `ssh-keygen -l` and the consoles of clouds show it."""
        digest = hashlib.sha256(base64.b64decode(self.text)).digest()
        return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")


def place(host: str, port: int) -> str:
    """A host as known_hosts spells it."""
    return host if port == 22 else f"[{host}]:{port}"


def parse(line: str) -> HostKey:
    """The key in a line of a `.pub` file: kind, base64, comment."""
    kind, text, *_ = line.split()
    return HostKey(kind, text)


def scan(name: str, host: str, port: int) -> list[HostKey]:
    """Ask a host for its keys, the best kind first. Whoever answers may lie: compare."""
    argv = ["ssh-keyscan", "-T", "10", "-p", str(port), "-t", "ed25519,ecdsa,rsa", "--", host]
    out = LocalHost(name).run(argv, timeout=40 * SECONDS, check=False).out
    lines = [line.split() for line in out.splitlines() if line and not line.startswith("#")]
    keys = [HostKey(words[1], words[2]) for words in lines if len(words) >= 3]
    if not keys:
        raise Unreachable(name, f"no host key from {place(host, port)}; is sshd up?")
    return sorted(keys, key=lambda key: KINDS.index(key.kind) if key.kind in KINDS else 9)


def pinned(path: Path, host: str, port: int) -> list[HostKey]:
    """The keys that the file vouches for; hashed names are understood."""
    if not path.exists():
        return []
    argv = ["ssh-keygen", "-F", place(host, port), "-f", str(path)]
    try:
        out = LocalHost().run(argv).out
    except CommandFailed:  # its way to say "none"
        return []
    lines = [line.split() for line in out.splitlines() if line and not line.startswith("#")]
    return [HostKey(words[1], words[2]) for words in lines if len(words) >= 3]


def pin(path: Path, host: str, port: int, keys: Iterable[HostKey]) -> None:
    """Vouch for exactly these keys of the host."""
    lines = _others(path, host, port)
    _write(path, [*lines, *(f"{place(host, port)} {key.kind} {key.text}" for key in keys)])


def forget(path: Path, host: str, port: int) -> None:
    """Vouch for the host no longer; an empty file goes."""
    if path.exists():
        _write(path, _others(path, host, port))


def _others(path: Path, host: str, port: int) -> list[str]:
    lines = path.read_text().splitlines() if path.exists() else []
    return [line for line in lines if place(host, port) not in line.split(" ", 1)[0].split(",")]


def _write(path: Path, lines: list[str]) -> None:
    if not lines:
        path.unlink(missing_ok=True)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_text("\n".join(lines) + "\n")
    draft.replace(path)
