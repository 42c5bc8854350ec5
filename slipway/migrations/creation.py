"""Starting a new migration: a file of its own, with both marks, named for what it is to do."""

import fcntl
import os
import re
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from slipway import whole_file
from slipway.errors import SlipwayError, UsageError
from slipway.migrations import files

TEMPLATE = "-- migrate:up\n\n\n-- migrate:down\n\n"
LONGEST = 100  # letters; with its version and ending well below what a file system takes
VERSION = "%Y%m%d%H%M%S"


def new(folder: Path, name: str, now: datetime) -> Path:
    """Make an empty migration, younger than every other; return its path. Raises SlipwayError."""
    words = slug(name)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _locked(folder):
            # A file from a clock that is ahead must not make the new one old.
            moment = now.astimezone(UTC).strftime(VERSION)
            version = max(moment, after(files.head(folder)), key=lambda each: int(each or 0))
            path = folder / f"{version}_{words}.sql"
            whole_file.create(path, TEMPLATE)
    except OSError as error:
        raise SlipwayError(f"no migration was made: {folder}: {error.strerror}") from None
    return path


def slug(name: str) -> str:
    """Make a file's name of any text: small letters, digits and underscores."""
    # ü comes apart into u and its dots, which are dropped.
    apart = unicodedata.normalize("NFKD", name.casefold())
    latin = "".join(each for each in apart if not unicodedata.combining(each))
    words = re.sub(r"[^a-z0-9]+", "_", latin).strip("_")[:LONGEST].rstrip("_")
    if not words:
        raise UsageError(
            f"no migration was made: {name!r} has no letter of a–z and no digit to name a file by; "
            'write what it does, like --name="add users"'
        )
    return words


def after(version: str) -> str:
    """Return the next version: a second later, where it is a time."""
    try:
        later = datetime.strptime(version, VERSION).replace(tzinfo=UTC) + timedelta(seconds=1)
        return later.strftime(VERSION)
    except ValueError:
        return str(int(version) + 1).zfill(len(version)) if version else ""


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Keep others from choosing a version in the same moment; a crash leaves nothing behind."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(opened, fcntl.LOCK_EX)
        yield
    finally:
        os.close(opened)
