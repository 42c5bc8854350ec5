"""Host keys: what a machine shows, what a known_hosts file vouches for."""

import base64
import hashlib
import re
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from slipway import whole_file
from slipway.errors import CommandFailed, Unreachable
from slipway.hosts import ssh_config
from slipway.hosts.host import SECONDS
from slipway.hosts.local import LocalHost
from slipway.hosts.ssh_config import SshConfig
from slipway.text_file import read_utf8

KINDS = ("ssh-ed25519", "ecdsa-sha2-nistp256", "ssh-rsa")  # the best first
ALGORITHMS = (KINDS[0], KINDS[1], "rsa-sha2-512,rsa-sha2-256")
BASE64 = re.compile(r"[A-Za-z0-9+/]+={0,2}")
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


def scan(name: str, host: str, port: int = 0, user: str = "") -> list[HostKey]:
    """Ask a host for its keys, the best kind first. Whoever answers may lie: compare.

    Goes where this person's ssh_config leads, also over its jump hosts.
    """
    target = ssh_config.resolve(name, host, user, port)
    if target.is_direct:
        keys = _scan_directly(name, target)
    else:
        keys = [key for kind in ALGORITHMS for key in _scan_by_ssh(name, target, kind)]
    if not keys:
        where = place(target.address, target.port)
        raise Unreachable(name, f"no host key from {where}; is sshd up?")
    return sorted(keys, key=lambda key: KINDS.index(key.kind) if key.kind in KINDS else 9)


def _scan_directly(name: str, target: SshConfig) -> list[HostKey]:
    argv = ["ssh-keyscan", "-T", "10", "-p", str(target.port), "-t", "ed25519,ecdsa,rsa"]
    argv += ["--", target.address]
    return _keys(LocalHost(name).run(argv, timeout=40 * SECONDS, check=False).out)


def _scan_by_ssh(name: str, target: SshConfig, algorithms: str) -> list[HostKey]:
    """Let ssh go all the way and note the key; nobody logs in."""
    with tempfile.TemporaryDirectory(prefix="slipway-") as folder:
        file = Path(folder, "known_hosts")
        options = {
            "UserKnownHostsFile": f'"{file}"',
            "GlobalKnownHostsFile": "/dev/null",
            "StrictHostKeyChecking": "accept-new",
            "HashKnownHosts": "no",
            "HostKeyAlgorithms": algorithms,
            "PreferredAuthentications": "none",
            "BatchMode": "yes",
            "ControlPath": "none",
            "ConnectTimeout": "10",
        }
        argv = ["ssh", "-T", *(word for each in options.items() for word in ("-o", "=".join(each)))]
        argv += ["-l", target.user, "-p", str(target.port), "--", target.alias, "true"]
        LocalHost(name).run(argv, timeout=40 * SECONDS, check=False)
        return _keys(file.read_text()) if file.exists() else []


def pinned(path: Path, host: str, port: int) -> list[HostKey]:
    """The keys that the file vouches for; hashed names are understood."""
    if not path.exists():
        return []
    argv = ["ssh-keygen", "-F", place(host, port), "-f", str(path)]
    try:
        out = LocalHost().run(argv).out
    except CommandFailed:  # its way to say "none"
        return []
    return _keys(out)


def pin(path: Path, host: str, port: int, keys: Iterable[HostKey]) -> None:
    """Vouch for exactly these keys of the host."""
    lines = _others(path, host, port)
    _write(path, [*lines, *(f"{place(host, port)} {key.kind} {key.text}" for key in keys)])


def forget(path: Path, host: str, port: int) -> None:
    """Vouch for the host no longer; an empty file goes."""
    if path.exists():
        _write(path, _others(path, host, port))


def _keys(text: str) -> list[HostKey]:
    lines = [line.split() for line in text.splitlines() if line and not line.startswith("#")]
    keys = [HostKey(words[1], words[2]) for words in lines if len(words) >= 3]
    return [key for key in keys if BASE64.fullmatch(key.text) and len(key.text) % 4 == 0]


def _others(path: Path, host: str, port: int) -> list[str]:
    lines = read_utf8(path).splitlines() if path.exists() else []
    return [line for line in lines if place(host, port) not in line.split(" ", 1)[0].split(",")]


def _write(path: Path, lines: list[str]) -> None:
    if not lines:
        path.unlink(missing_ok=True)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    whole_file.write(path, "\n".join(lines) + "\n")
