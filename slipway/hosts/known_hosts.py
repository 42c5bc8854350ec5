"""Host keys: what a machine shows, what a known_hosts file vouches for."""

import base64
import hashlib
import re
import tempfile
from collections.abc import Iterable, Sequence
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
REVOKED = "@revoked"
FOUND = re.compile(r"# Host .* found: line (\d+)\b.*")  # what `ssh-keygen -F` says before a line
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
    """The keys that the file vouches for, as ssh reads it: none that it also calls revoked."""
    lines = _matching(path, host, port)
    barred = [each.key for each in lines if each.marker == REVOKED]
    return [each.key for each in lines if not each.marker and each.key not in barred]


def revoked(path: Path, host: str, port: int) -> list[HostKey]:
    """The keys that the file says are not to be trusted any more."""
    return [each.key for each in _matching(path, host, port) if each.marker == REVOKED]


def line(host: str, port: int, key: HostKey) -> str:
    """What vouches for a key in a file."""
    return f"{place(host, port)} {key.kind} {key.text}"


def pin(path: Path, host: str, port: int, keys: Iterable[HostKey]) -> None:
    """Vouch for exactly these keys of the host, beside what stands there for many hosts."""
    _write(path, [*_others(path, host, port), *(line(host, port, key) for key in keys)])


def forget(path: Path, host: str, port: int) -> None:
    """Vouch for the host no longer; an empty file goes."""
    if path.exists():
        _write(path, _others(path, host, port))


@dataclass(frozen=True)
class _Line:
    """A line of a known_hosts file that is about a host."""

    number: int
    marker: str  # REVOKED, the mark of an authority, or nothing
    names: str
    key: HostKey


def _matching(path: Path, host: str, port: int) -> list[_Line]:
    """Let OpenSSH find the lines about a host: it knows hashed names, patterns, tabs and marks."""
    if not path.exists():
        return []
    argv = ["ssh-keygen", "-F", place(host, port), "-f", str(path)]
    try:
        out = LocalHost().run(argv).out
    except CommandFailed:  # its way to say "none"
        return []
    lines, number = list[_Line](), 0
    for text in out.split("\n"):
        if match := FOUND.fullmatch(text):
            number = int(match[1])
            continue
        words = text.split()
        marker = words.pop(0) if text.lstrip().startswith("@") else ""
        if key := _key(words):
            lines.append(_Line(number, marker, words[0], key))
    return lines


def _keys(text: str) -> list[HostKey]:
    """Read what a host was seen to show: no marks, no patterns."""
    lines = [each.split() for each in text.splitlines() if each and each[0] not in "#@"]
    return [key for words in lines if (key := _key(words))]


def _key(words: Sequence[str]) -> HostKey | None:
    """Read names, kind and base64; nothing that is no key."""
    if len(words) < 3 or not BASE64.fullmatch(words[2]) or len(words[2]) % 4:
        return None
    return HostKey(words[1], words[2])


def _others(path: Path, host: str, port: int) -> list[str]:
    """Return the file without what vouches for this host alone; other names of a line stay."""
    lines = read_utf8(path).split("\n") if path.exists() else []
    for match in _matching(path, host, port):
        names = [name for name in match.names.split(",") if name != place(host, port)]
        is_pattern = any(sign in name for name in names for sign in "*?!")
        if match.marker or is_pattern:
            continue
        is_hashed = match.names.startswith("|")
        rest = lines[match.number - 1].lstrip().removeprefix(match.names)
        lines[match.number - 1] = "" if is_hashed or not names else ",".join(names) + rest
    return [each for each in lines if each.strip()]


def _write(path: Path, lines: list[str]) -> None:
    if not lines:
        path.unlink(missing_ok=True)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    whole_file.write(path, "\n".join(lines) + "\n")
