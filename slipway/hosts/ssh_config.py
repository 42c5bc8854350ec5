"""How this person's OpenSSH would reach a host: what `ssh -G` prints of it, asked once a host."""

import contextlib
import functools
import os
import re
import socket
import threading
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from slipway.errors import CommandFailed, Unreachable, last_line
from slipway.hosts import person
from slipway.hosts.local import LocalHost

JUMP = re.compile(r"(?:(?P<user>.+)@)?(?:\[(?P<six>[^]]+)\]|(?P<host>[^:@]+))(?::(?P<port>\d+))?")
TOKEN = re.compile(r"%(.)|\$\{(\w+)\}")


@dataclass(frozen=True)
class Jump:
    """One host of ProxyJump, as it is written there."""

    address: str
    user: str = ""
    port: int = 0


@dataclass(frozen=True)
class SshConfig:
    """What ssh_config says of one host, with all that it includes; only what we act on."""

    alias: str  # as it was typed
    address: str
    user: str
    port: int
    identities: tuple[Path, ...]
    certificates: tuple[Path, ...]
    agent: str  # its socket, "" for none
    identities_only: bool
    jumps: tuple[Jump, ...]
    proxy_command: str

    @property
    def is_direct(self) -> bool:
        """Whether nothing stands between this computer and the host."""
        return not self.jumps and not self.proxy_command


_locks: dict[tuple[str, str, int], threading.Lock] = defaultdict(threading.Lock)


def resolve(name: str, address: str, user: str = "", port: int = 0) -> SshConfig:
    """Ask OpenSSH; threads that ask for the same host wait for the first. Raises Unreachable.

    `name` is the machine's, for the error.
    """
    with _locks[address, user, port]:
        try:
            return _resolve(address, user, port)
        except CommandFailed as error:
            if error.code == 127:
                raise Unreachable(
                    name, "there is no `ssh` on this computer (OpenSSH's client); inv bootstrap"
                ) from None
            raise Unreachable(name, f"ssh: {last_line(error.stderr)}") from None


@functools.cache
def _resolve(address: str, user: str, port: int) -> SshConfig:
    argv = [
        "ssh",
        "-T",
        "-G",
        *(["-l", user] if user else []),
        *(["-p", str(port)] if port else []),
    ]
    return parse(address, LocalHost().run([*argv, "--", address], timeout=30).out)


def parse(alias: str, text: str) -> SshConfig:
    """Read what `ssh -G` prints: one option a line, its name in small letters."""
    options: dict[str, list[str]] = {}
    for line in text.splitlines():
        key, _, value = line.partition(" ")
        options.setdefault(key, []).append(value)

    def one(key: str) -> str:
        return options.get(key, [""])[0]

    address, user, port = one("hostname") or alias, one("user"), int(one("port") or 22)
    tokens = _tokens(alias, address, user, port)
    agent = one("identityagent") or "SSH_AUTH_SOCK"
    if agent == "SSH_AUTH_SOCK" or agent.startswith("$"):
        agent = os.environ.get(agent.strip("${}"), "")
    return SshConfig(
        alias=alias,
        address=address,
        user=user,
        port=port,
        identities=tuple(_path(each, tokens) for each in options.get("identityfile", ())),
        certificates=tuple(_path(each, tokens) for each in options.get("certificatefile", ())),
        agent="" if agent in ("", "none") else str(_path(agent, tokens)),
        identities_only=one("identitiesonly") == "yes",
        jumps=tuple(map(read_jump, filter(None, one("proxyjump").split(",")))),
        proxy_command=_filled(one("proxycommand"), tokens),
    )


def read_jump(text: str) -> Jump:
    """Read `user@host:port`, where an IPv6 address with a port stands in brackets."""
    match = JUMP.fullmatch(text)
    if match is None:  # an IPv6 address without brackets
        user, _, host = text.rpartition("@")
        return Jump(host, user)
    return Jump(match["six"] or match["host"], match["user"] or "", int(match["port"] or 0))


def _tokens(alias: str, address: str, user: str, port: int) -> dict[str, str]:
    here = socket.gethostname()
    remote = {"h": address, "n": alias, "k": alias, "p": str(port), "r": user}
    own = {"u": person.user(), "i": str(os.getuid()), "d": str(Path.home())}
    return {**remote, **own, "l": here, "L": here.partition(".")[0], "%": "%"}


def _filled(text: str, tokens: dict[str, str]) -> str:
    def fill(match: re.Match[str]) -> str:
        return tokens.get(match[1], match[0]) if match[1] else os.environ.get(match[2], match[0])

    return TOKEN.sub(fill, text)


def _path(text: str, tokens: dict[str, str]) -> Path:
    path = Path(_filled(text, tokens))
    with contextlib.suppress(RuntimeError):  # ~somebody, whom nobody knows here
        return path.expanduser()
    return path
