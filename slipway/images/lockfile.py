"""compose/images.lock: what the images of others are, by content, until somebody looks anew.

A tag moves: what it means on the day of a build would decide what prod runs. So the digests are in
git, and a change of them is a commit like any other.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from slipway import whole_file
from slipway.errors import ConfigError, Refused, last_line
from slipway.hosts.answers import reading
from slipway.hosts.host import MINUTES, Host
from slipway.images.references import plain
from slipway.images.sources import Image
from slipway.progress import Reporter

FILE = "images.lock"
HEADER = "# What the images are that this project starts from. Written by: inv images.lock\n"
LINE = re.compile(r"(\S+)\s+(sha256:[0-9a-f]{64})")

Lock = Mapping[str, str]  # the digest of each image, by its familiar name
NONE: Lock = MappingProxyType({})


def read(compose: Path) -> Lock:
    """Read the digests; none where there is no such file. Raises ConfigError with its line."""
    try:
        lines = (compose / FILE).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"compose/{FILE} cannot be read: {error}") from None
    lock: dict[str, str] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip() or line.startswith("#"):
            continue
        entry = LINE.fullmatch(line.strip())
        if entry is None or entry[1] in lock:
            raise ConfigError(
                f"compose/{FILE}:{number}: expected a name and its digest, each name once; write "
                "it anew: inv images.lock"
            )
        lock[entry[1]] = entry[2]
    return lock


def write(compose: Path, lock: Lock) -> None:
    """Write the digests down."""
    lines = [f"{name} {digest}\n" for name, digest in sorted(lock.items())]
    whole_file.write(compose / FILE, "".join((HEADER, *lines)))


def look_up(host: Host, names: Iterable[str], reporter: Reporter) -> Lock:
    """Pull images as their registries have them today; return their digests. Raises Refused."""
    lock: dict[str, str] = {}
    for name in sorted({plain(each) for each in names if "@" not in each}):
        reporter.note(f"pulling {name}")
        code, words = pull(host, name, NONE)
        if code != 0:
            raise Refused(
                f"{name} cannot be pulled: {last_line(words)}; compose/{FILE} is as it was"
            )
        lock[name] = _digest(host, name)
    return lock


def changes(before: Lock, after: Lock) -> list[str]:
    """Say which names are new, gone, or of another content."""
    lines = [f"{name}: added" for name in sorted(after.keys() - before.keys())]
    lines += [f"{name}: removed" for name in sorted(before.keys() - after.keys())]
    both = sorted(before.keys() & after.keys())
    return lines + [f"{name}: changed" for name in both if before[name] != after[name]]


def pull(host: Host, name: str, lock: Lock) -> tuple[int, str]:
    """Pull an image as the lock has it, under its name; return the code and the last words."""
    digest = lock.get(plain(name))
    argv = ["docker", "pull", "--quiet", by_digest(name, digest) if digest else name]
    pulled = host.run(argv, timeout=15 * MINUTES, check=False)
    if pulled.code == 0 and digest:
        pulled = host.run(["docker", "tag", argv[-1], plain(name)], timeout=20, check=False)
    return pulled.code, pulled.err


def by_digest(name: str, digest: str) -> str:
    """Name an image by its content: python@sha256:…"""
    return f"{plain(name).rpartition(':')[0]}@{digest}"


def others(images: Mapping[str, Image], lock: Lock) -> list[str]:
    """Name the images that are not what the lock says; a stand-in is what no registry has."""
    return [
        name
        for name, image in sorted(images.items())
        if (digest := lock.get(plain(name)))
        and not image.stand_in
        and by_digest(name, digest) not in image.digests
    ]


def check(names: Sequence[str], images: Mapping[str, Image], lock: Lock) -> None:
    """Raise where an image that a build needs is not locked, or not what the lock says."""
    unnamed = [name for name in names if "@" not in name and plain(name) not in lock]
    if lock and unnamed:
        raise ConfigError(f"compose/{FILE} does not name {unnamed[0]}; type: inv images.lock")
    if wrong := others(images, lock):
        raise Refused(
            f"{wrong[0]} on this computer is not the one that compose/{FILE} names; type: inv "
            "bootstrap"
        )


def _digest(host: Host, name: str) -> str:
    argv = ["docker", "image", "inspect", "--format", "{{json .RepoDigests}}", name]
    start = by_digest(name, "")
    with reading(host.name, f"the digests of {name}"):
        listed = json.loads(host.run(argv).out) or ()
        named = next((each for each in listed if each.startswith(start)), "")
    digest = named.partition("@")[2]
    if not digest:
        raise Refused(f"{name} has no digest here, though it was pulled; is it an engine's own?")
    return digest
