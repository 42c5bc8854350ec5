"""The keys that OpenSSH would offer a host, in its order: from the agent, then from files."""

import contextlib
import socket
from collections.abc import Iterator
from pathlib import Path

import paramiko  # noqa: TID253  imported only when a host is reached
from paramiko.agent import AgentKey, AgentSSH  # noqa: TID253
from paramiko.auth_strategy import AuthSource, AuthStrategy, InMemoryPrivateKey  # noqa: TID253

from slipway.hosts.ssh_config import SshConfig

SECONDS_FOR_AN_AGENT = 5.0
LOCKED = "locked with a passphrase, and in no agent"


class OwnKeys(AuthStrategy):
    """The keys that a person's ssh_config names, and the agent's unless it says otherwise."""

    def __init__(self, config: SshConfig) -> None:
        super().__init__(ssh_config=paramiko.SSHConfig())
        self._config = config
        self.tried: list[str] = []

    def get_sources(self) -> Iterator[AuthSource]:
        config = self._config
        with contextlib.ExitStack() as stack:
            held = _held(config.agent, stack)
            named = [blob for path in config.identities if (blob := _public(path))]
            first = [key for key in held if key.asbytes() in named]
            rest = [] if config.identities_only else [key for key in held if key not in first]
            for key in (*first, *rest):
                yield self._source(f"{key.comment or key.get_name()} (agent)", key)
            for path in config.identities:
                for file, loaded in _loaded(path, config):
                    if loaded is None:
                        self.tried.append(f"{_shown(file)} ({LOCKED})")
                    elif loaded.asbytes() not in [key.asbytes() for key in first]:
                        yield self._source(_shown(file), loaded)

    def _source(self, name: str, key: paramiko.PKey) -> AuthSource:
        self.tried.append(name)
        return InMemoryPrivateKey(self._config.user, key)


class _Agent(AgentSSH):
    """The key agent behind a socket that ssh_config may name."""

    def __init__(self, path: str) -> None:
        super().__init__()
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(SECONDS_FOR_AN_AGENT)
        connection.connect(path)
        self._connect(connection)  # type: ignore[attr-defined]  # paramiko's stubs lack both

    def close(self) -> None:
        self._close()  # type: ignore[attr-defined]


def _shown(path: Path) -> str:
    home = Path.home()
    return f"~/{path.relative_to(home)}" if path.is_relative_to(home) else str(path)


def _held(path: str, stack: contextlib.ExitStack) -> list[AgentKey]:
    if not path:
        return []
    with contextlib.suppress(OSError, paramiko.SSHException):
        agent = stack.enter_context(contextlib.closing(_Agent(path)))
        return list(agent.get_keys())
    return []


def _public(path: Path) -> bytes:
    """Return the public half of a key that lies next to it, or in its place."""
    for file in (path.with_name(f"{path.name}.pub"), path):
        with contextlib.suppress(OSError, ValueError, paramiko.SSHException):
            words = file.read_text().split()
            if len(words) > 1 and words[1].startswith("AAAA"):
                return paramiko.pkey.PublicBlob.from_string(" ".join(words)).key_blob
    return b""


def _loaded(path: Path, config: SshConfig) -> Iterator[tuple[Path, paramiko.PKey | None]]:
    """Yield the private key in a file, None for one that is locked, and nothing for no key."""
    if not path.is_file():
        return
    try:
        key = paramiko.PKey.from_path(path)
    except (TypeError, paramiko.PasswordRequiredException):  # cryptography says TypeError
        yield path, None
        return
    except Exception:  # a kind that Paramiko does not know, or no private key: ssh skips it too
        return
    for certificate in config.certificates:
        with contextlib.suppress(OSError, ValueError, paramiko.SSHException):
            key.load_certificate(str(certificate))
    yield path, key
