"""The folder of a build as BuildKit gets it: a copy that is the same on every computer.

Of a file git keeps the content and whether it is executable. Nothing else of a checkout may reach
an image: no modes that a umask made, no owner, no times.
"""

import hashlib
import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from slipway.errors import ConfigError, SlipwayError
from slipway.hosts.host import MINUTES
from slipway.images import checkout, dockerignore
from slipway.project import STATE

FILE, PROGRAM, FOLDER = 0o644, 0o755, 0o755
NANOSECONDS = 1_000_000_000
CHUNK = 1 << 20
DAY = 24 * 60 * MINUTES
PREFIX = "build-"
# What git, Slipway and Python keep in a checkout differs between computers. A line of .dockerignore
# (`!.git`) brings back what stands before; what stands after is never meant.
BEFORE = ("**/.git", ".slipway", ".venv")
AFTER = ("**/__pycache__", "**/*.pyc")


MEMORY = Path("/dev/shm")  # noqa: S108  of nobody else in the folder that is made there


def files(folder: Path, dockerfile: Path | None = None) -> list[str]:
    """List what a build can see of its folder, in a fixed order."""
    if not folder.is_dir():
        raise ConfigError(f"compose.yml: the build folder {folder.name}/ does not exist")
    own = dockerfile.with_name(f"{dockerfile.name}.dockerignore") if dockerfile else None
    path = own if own and own.is_file() else folder / ".dockerignore"
    text = path.read_bytes().decode(errors="surrogateescape") if path.is_file() else ""
    patterns = dockerignore.read("\n".join((*BEFORE, text.removeprefix("\ufeff"), *AFTER)))
    return [
        name
        for name in dockerignore.visible(folder, patterns)
        if (folder / name).is_symlink() or (folder / name).is_file()
    ]


@contextmanager
def copied(
    folder: Path, names: Iterable[str], moment: int, go_on: Callable[[], None] = lambda: None
) -> Iterator[Path]:
    """Lend a copy of these files, all of one time; `go_on` is called before each, and may raise.

    BuildKit keeps the files of an earlier build whose folder had the same last name, and takes one
    of the same size and time for unchanged. So the folder has a name of its own, and the fraction
    of a second, which no layer keeps, is made of the content.
    """
    is_program = checkout.programs(folder)
    with tempfile.TemporaryDirectory(prefix=PREFIX, dir=_room()) as scratch:
        copy = Path(scratch, secrets.token_hex(8))
        copy.mkdir()
        for name in names:
            go_on()
            try:
                (copy / name).parent.mkdir(parents=True, exist_ok=True)
                content = _copy(folder / name, copy / name, PROGRAM if is_program(name) else FILE)
            except OSError as error:
                raise SlipwayError(
                    f"{folder / name} cannot be copied to {scratch} for the build: {error.strerror}"
                ) from None
            when = moment * NANOSECONDS + int.from_bytes(content[:8]) % NANOSECONDS
            os.utime(copy / name, ns=(when, when), follow_symlinks=False)
        for path, _, _ in os.walk(copy, topdown=False):
            Path(path).chmod(FOLDER)
            os.utime(path, (moment, moment))
        yield copy


@contextmanager
def in_memory(values: Mapping[str, bytes]) -> Iterator[Path]:
    """Lend secrets as files that nobody else reads, in memory where there is a place for it."""
    place = MEMORY if os.access(MEMORY, os.W_OK) else _room()
    with tempfile.TemporaryDirectory(prefix=PREFIX, dir=place) as folder:
        for name, value in values.items():
            path = Path(folder, name)
            path.touch(mode=0o600)
            path.write_bytes(value)
        yield Path(folder)


def _room() -> Path | None:
    """Find where copies lie: in the checkout, since a docker of Snap sees nothing of /tmp.

    What a killed build left there more than a day ago is removed.
    """
    try:
        STATE.mkdir(exist_ok=True)
        for path in STATE.glob(f"{PREFIX}*"):
            if path.stat().st_mtime < time.time() - DAY:
                shutil.rmtree(path, ignore_errors=True)
    except OSError:
        return None
    return STATE if os.access(STATE, os.W_OK) else None


def _copy(source: Path, target: Path, mode: int) -> bytes:
    """Copy a file or a link; return a digest of what it holds."""
    if source.is_symlink():
        target.symlink_to(source.readlink())
        return hashlib.sha256(os.fsencode(target.readlink())).digest()
    digest = hashlib.sha256()
    with source.open("rb") as reader, target.open("xb") as writer:
        while chunk := reader.read(CHUNK):
            writer.write(chunk)
            digest.update(chunk)
        os.fchmod(writer.fileno(), mode)
    return digest.digest()
