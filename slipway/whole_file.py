"""Files put in place in one move: who reads sees the old one or the new one, never a part of it."""

import contextlib
import errno
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)  # a write that fails so names no file


@contextlib.contextmanager
def draft(path: Path, *, mode: int | None = None) -> Iterator[Path]:
    """Yield an empty file that takes the place of `path` when the block ends well.

    Without a mode it has that of the file it replaces, or what the umask leaves; as root, the owner
    too. A link stays one: the file that it leads to is replaced. Its name ends as that of `path`.
    """
    path = path.resolve()
    before = path.stat() if path.exists() else None
    new = path.with_name(f".{secrets.token_hex(6)}.{path.name}")
    with _naming(path, new), _drafted(path, new, before, mode):
        yield new


@contextlib.contextmanager
def _drafted(
    path: Path, new: Path, before: os.stat_result | None, mode: int | None
) -> Iterator[None]:
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666 if mode is None else mode)
    try:
        with contextlib.closing(os.fdopen(descriptor, "wb")) as file:
            if before is not None and os.geteuid() == 0:
                os.fchown(file.fileno(), before.st_uid, before.st_gid)
            if mode is None and before is not None:
                mode = before.st_mode & 0o7777
            if mode is not None:
                os.fchmod(file.fileno(), mode)
        yield
        _settle(new)
        new.replace(path)
        _settle(path.parent)
    except BaseException:
        new.unlink(missing_ok=True)
        raise


def write(path: Path, data: str | bytes, *, mode: int | None = None) -> None:
    """Replace a file, or make it; text as UTF-8, with the ends of lines that it has."""
    with draft(path, mode=mode) as new:
        new.write_bytes(_bytes(data))


def create(path: Path, data: str | bytes) -> None:
    """Make a file that was not there. Raises FileExistsError."""
    new = path.with_name(f".{secrets.token_hex(6)}.{path.name}")
    with _naming(path, new):
        try:
            with new.open("xb") as file:
                file.write(_bytes(data))
            _settle(new)
            _link(new, path)
            _settle(path.parent)
        finally:
            new.unlink(missing_ok=True)


@contextlib.contextmanager
def _naming(path: Path, new: Path) -> Iterator[None]:
    """Have an error of a full or read-only disk name the file that was to be, not its draft."""
    try:
        yield
    except OSError as error:
        if error.filename == str(new) or (error.filename is None and error.errno in FULL):
            error.filename = str(path)
        raise


def _link(new: Path, path: Path) -> None:
    """Give a file its name unless that is taken, also where a file system knows one name each."""
    try:
        os.link(new, path)
    except FileExistsError:
        raise
    except OSError:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))
        new.replace(path)


def _bytes(data: str | bytes) -> bytes:
    return data.encode() if isinstance(data, str) else data


def _settle(path: Path) -> None:
    """Have it on the disk before what comes next; a folder where the system can."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError) if path.is_dir() else contextlib.nullcontext():
            os.fsync(descriptor)
    finally:
        os.close(descriptor)
