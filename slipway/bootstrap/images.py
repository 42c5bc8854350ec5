"""Base images: those the stack names are present, pulled, or built as labelled stand-ins."""

import re
from collections.abc import Sequence

from slipway.bootstrap import standins
from slipway.errors import Refused, last_line
from slipway.hosts.host import Host
from slipway.hosts.local import LocalHost
from slipway.images import lockfile, sources
from slipway.images.lockfile import NONE, Lock
from slipway.images.references import plain
from slipway.progress import Reporter

# What an engine says when there was nobody to ask, as against "there is no such image".
NO_ANSWER = re.compile(
    r"no such host|connection refused|i/o timeout|Client\.Timeout|no route to host|unreachable"
    r"|TLS handshake|certificate|server misbehaving|deadline exceeded|no end after|EOF"
    r"|connection reset|Temporary failure|proxyconnect|Service Unavailable|Bad Gateway"
)


def is_standin(reference: str, host: Host | None = None) -> bool:
    """Whether an image is a stand-in or was built from one (labels are inherited)."""
    template = f'{{{{index .Config.Labels "{standins.LABEL}"}}}}'
    argv = ["docker", "image", "inspect", "--format", template, reference]
    return (host or LocalHost()).run(argv, check=False).out.strip() == "true"


def missing(references: Sequence[str], host: Host | None = None) -> list[str]:
    """Return those of the images that the engine does not have."""
    if not references:
        return []
    argv = ["docker", "image", "ls", "--format", "{{.Repository}}:{{.Tag}}"]
    have = set((host or LocalHost()).run(argv).out.split())
    return [name for name in references if plain(name) not in have and not _has(name, host)]


def ensure_images(
    references: Sequence[str], reporter: Reporter, host: Host | None = None, lock: Lock = NONE
) -> list[str]:
    """Make every image present, as the lock has it; return a line for each thing done.

    An image is pulled; where its registry does not answer, a stand-in is built if there is one.
    Raises Refused for an image that can be had neither way.
    """
    host = host or LocalHost()
    errors: dict[str, str] = {}  # registry -> its last words
    lines: list[str] = []
    unreachable: list[str] = []
    others = lockfile.others(sources.inspect(host, references), lock) if lock else []
    for name in [*missing(references, host), *others]:
        registry = _registry(name)
        if registry not in errors and _pull(host, name, errors, reporter, lock):
            lines.append(f"pulled {name}")
        elif name in others:
            lines.append(f"kept {name}, of which compose/{lockfile.FILE} names another")
        else:
            unreachable.append(name)
    without = [name for name in unreachable if plain(name) not in standins.RECIPES]
    if without:
        raise Refused(
            f"no registry answers for {', '.join(without)} ({errors[_registry(without[0])]}) and "
            "there is no stand-in for it; bring it with `docker load`, then run this again"
        )
    if unreachable:
        lines += standins.build([plain(name) for name in unreachable], reporter, host)
    return lines


def _pull(host: Host, name: str, errors: dict[str, str], reporter: Reporter, lock: Lock) -> bool:
    reporter.note(f"pulling {name}")
    code, words = lockfile.pull(host, name, lock)
    if code == 0:
        return True
    reason = last_line(words)
    if not NO_ANSWER.search(reason):
        raise Refused(f"{name} cannot be pulled: {reason}")
    errors[_registry(name)] = reason.removeprefix("Error response from daemon: ")
    return False


def _has(name: str, host: Host | None) -> bool:
    """Whether a name that is not a plain tag (a digest, say) is present."""
    if "@" not in name:
        return False
    argv = ["docker", "image", "inspect", "--format", "{{.Id}}", name]
    return (host or LocalHost()).run(argv, check=False).code == 0


def _registry(name: str) -> str:
    first, slash, _ = name.partition("/")
    return (
        first if slash and ("." in first or ":" in first or first == "localhost") else "docker.io"
    )
