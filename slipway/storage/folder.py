"""Backups in a folder: written beside their place under a hidden name, moved when whole."""

import contextlib
import errno
import io
import os
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from slipway.storage.store import (
    DAY,
    NotFound,
    NotListable,
    Retained,
    StoredObject,
    StoreError,
    check_key,
)

PARTIAL = ".partial-"
CHUNK = 1 << 20
WRITING = "could not be written to; nothing was kept"
FULL = {errno.ENOSPC, errno.EDQUOT}
NOT_ALLOWED = {errno.EACCES, errno.EPERM, errno.EROFS}


class FolderStore:
    """`FolderStore(Path("backups/prod"), "backups/prod")`: only its owner may look into it."""

    def __init__(self, root: Path, label: str) -> None:
        self._root = root
        self._label = label

    @property
    def name(self) -> str:
        """The folder as the settings name it."""
        return self._label

    def put(self, key: str, chunks: Iterable[bytes], *, expected: int = 0) -> int:
        """Write a file; it has its name only when its bytes are on the disk."""
        path = self._path(key)
        with self._translated(WRITING):
            _make_folder(path.parent)
            handle, partial = tempfile.mkstemp(prefix=f"{PARTIAL}{path.name}-", dir=path.parent)
        try:
            size = self._write(handle, chunks)
            with self._translated(WRITING):
                Path(partial).replace(path)
                _sync_folder(path.parent)
        except BaseException:
            Path(partial).unlink(missing_ok=True)
            raise
        return size

    def get(self, key: str) -> Iterator[bytes]:
        """Stream a file; one that is replaced meanwhile is read to its old end."""
        path = self._path(key)
        reading = f"could not be read ({key})"
        if not path.is_file() or path.is_symlink():
            raise NotFound(f"{self.name} holds no {key}")
        with self._translated(reading):
            handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        with io.FileIO(handle) as file:
            while True:
                with self._translated(reading):
                    chunk = file.read(CHUNK)
                if not chunk:
                    return
                yield chunk

    def entries(self, prefix: str = "") -> Iterator[StoredObject]:
        """List the files, also those in folders, sorted by key; links and hidden ones are not."""
        objects = [entry for entry in self._walk(self._root) if entry.key.startswith(prefix)]
        yield from sorted(objects, key=lambda entry: os.fsencode(entry.key))

    def delete(self, key: str) -> None:
        """Remove one file."""
        path = self._path(key)
        try:
            path.unlink(missing_ok=True)
            _sync_folder(path.parent)
        except (FileNotFoundError, NotADirectoryError):
            return
        except OSError as error:
            if error.errno in NOT_ALLOWED:
                raise Retained(f"{self.name} keeps {key}: {_reason(error)}") from None
            raise StoreError(f"{self.name} could not delete {key}: {_reason(error)}") from None

    def sweep(self, older_than: float = DAY) -> int:
        """Remove partial files that no running write can still own."""
        swept = 0
        before = time.time() - older_than
        for folder, _, names in os.walk(self._root):
            for path in (Path(folder, name) for name in names if name.startswith(PARTIAL)):
                with contextlib.suppress(OSError):  # gone meanwhile, or not ours to remove
                    if path.lstat().st_mtime < before:
                        path.unlink()
                        swept += 1
        return swept

    def _path(self, key: str) -> Path:
        return self._root / check_key(key)

    def _write(self, handle: int, chunks: Iterable[bytes]) -> int:
        """Write everything, and wait until the disk has it; close in any case."""
        size = 0
        try:
            for chunk in chunks:
                rest = memoryview(chunk)
                with self._translated(WRITING):
                    while rest:
                        rest = rest[os.write(handle, rest) :]
                size += len(chunk)
            with self._translated(WRITING):
                os.fsync(handle)
        finally:
            os.close(handle)
        return size

    def _walk(self, folder: Path) -> Iterator[StoredObject]:
        try:
            with os.scandir(folder) as items:
                for item in items:
                    if item.name.startswith("."):
                        continue
                    if item.is_dir(follow_symlinks=False):
                        yield from self._walk(Path(item.path))
                    elif item.is_file(follow_symlinks=False):
                        with contextlib.suppress(FileNotFoundError):  # deleted a moment ago
                            status = item.stat(follow_symlinks=False)
                            key = Path(item.path).relative_to(self._root).as_posix()
                            yield StoredObject(key, status.st_size, status.st_mtime)
        except FileNotFoundError:  # no backup was made yet
            return
        except OSError as error:
            raise NotListable(f"{self.name} cannot be listed: {_reason(error)}") from None

    @contextlib.contextmanager
    def _translated(self, what: str) -> Iterator[None]:
        """Turn a failure of the disk into a sentence."""
        try:
            yield
        except OSError as error:
            if error.errno in FULL:
                raise StoreError(
                    f"the disk of {self.name} is full; nothing was kept; "
                    "free some space (df -h shows it) and run this again"
                ) from None
            raise StoreError(f"{self.name} {what}: {_reason(error)}") from None


def _make_folder(folder: Path) -> None:
    """Make a folder and those above it; what was there already keeps its rights."""
    if folder.is_dir():
        return
    _make_folder(folder.parent)
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    _sync_folder(folder.parent)


def _sync_folder(folder: Path) -> None:
    """A new name in a folder survives a loss of power only when the folder is on the disk too."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno != errno.EINVAL:  # some network file systems cannot, and need not
            raise
    finally:
        os.close(handle)


def _reason(error: OSError) -> str:
    return error.strerror or type(error).__name__
