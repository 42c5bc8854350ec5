"""Restores of files: filled beside those there are, proven, swapped in, and taken back."""

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from tempfile import mkdtemp

from slipway.backups.format.manifest import sized, stamp
from slipway.errors import DISK_FULL, Refused, UsageError
from slipway.files import backups, compare, swap
from slipway.files.backups import VOLUMES
from slipway.files.compare import Compared
from slipway.files.messages import FilesBackup, FilesReply, FilesRequest
from slipway.files.repository import HOME
from slipway.files.restic import Restic, of_bytes

SPARE = 64 << 20  # bytes that a disk keeps free


def fill(request: FilesRequest, restic: Restic) -> FilesReply:
    """Restore a backup beside the files of each volume, and hold it against what was backed up.

    Services go on with the files that are there. With `plan` nothing is restored.
    """
    backup = backups.find(request, restic)
    volumes = _common(request, backup)
    size = _size(restic, backup)
    _demand_room({VOLUMES / volume for volume in volumes}, size)
    text = backups.described(backup, volumes)
    if request.plan:
        return FilesReply(text, restic.repository.name, (backup,))
    for volume in volumes:
        backups.refuse_half_swapped([volume])
        _fill(VOLUMES / volume, backup, restic)
    return FilesReply(f"{text} restored and compared", restic.repository.name, (backup,))


def exchange(request: FilesRequest, restic: Restic) -> FilesReply:
    """Swap in what was restored, while nobody has the volumes; what was there is kept.

    Asked again it ends what was begun.
    """
    moment, incoming = stamp(), f"{swap.RESTORED}{request.backup}"
    ready = []
    for volume in request.volumes:
        if swap.finish(VOLUMES / volume):
            ready.append(volume)
        elif swap.has(VOLUMES / volume, incoming):
            swap.exchange(VOLUMES / volume, incoming, moment)
            ready.append(volume)
    if not ready:
        raise Refused(f"nothing of {request.backup} is restored here; nothing was changed")
    text = f"{', '.join(request.volumes)}: the files of {request.backup} are in place"
    return FilesReply(text, restic.repository.name)


def undo(request: FilesRequest, restic: Restic) -> FilesReply:
    """Swap back what the last restore has replaced; a swap that was killed is ended first."""
    volumes = [VOLUMES / volume for volume in request.volumes]
    finished = [volume.name for volume in volumes if not request.plan and swap.finish(volume)]
    moment = max((swap.newest_replaced(volume) for volume in volumes), default="")
    if not moment:
        raise Refused("no restore has replaced files here, or inv files.prune has removed them")
    mine = [volume for volume in volumes if swap.newest_replaced(volume) == moment]
    names = ", ".join(volume.name for volume in mine)
    text = f"{names}: the files that were replaced at {moment} are back in place"
    if request.plan:
        return FilesReply(text, restic.repository.name)
    now = stamp()
    for volume in mine:
        swap.exchange(volume, f"{swap.REPLACED}{moment}", now)
    text += f" (a swap of {', '.join(finished)} was ended first)" if finished else ""
    return FilesReply(text, restic.repository.name)


def drill(request: FilesRequest, restic: Restic) -> FilesReply:
    """Restore a backup where it is thrown away, and hold it against what was backed up."""
    backup = backups.find(request, restic)
    _demand_room({HOME}, _size(restic, backup))
    with _scratch() as folder:
        compared = _restore(folder, "", backup, restic)
    files = backups.counted(compared.files, "file")
    text = f"{backup.id} is proven: {files} in {backups.counted(compared.folders, 'folder')} "
    text += f"({sized(compared.size)}) restored, and each is what was backed up"
    return FilesReply(text, restic.repository.name, (backup,))


def _fill(volume: Path, backup: FilesBackup, restic: Restic) -> None:
    ours = swap.room(volume)
    swap.discard(volume)
    target = swap.room(volume) / f"{swap.RESTORING}{backup.id}"
    target.mkdir(mode=0o700)
    try:
        _restore(target, f"/{volume.name}", backup, restic)
        ready = ours / f"{swap.RESTORED}{backup.id}"
        (target / VOLUMES.relative_to("/") / volume.name).rename(ready)
    finally:
        swap.remove(target)


def _restore(target: Path, below: str, backup: FilesBackup, restic: Restic) -> Compared:
    """Have restic restore a backup, or one volume of it, and read back what it wrote."""
    base = f"{VOLUMES}{below}"
    argv = ["restore", backup.snapshot, "--target", str(target), "--include", _literal(base)]
    argv += ["--sparse", "--verify", "--include-xattr", "user.*"]
    restic.run(*argv)
    nodes = restic.stream("ls", backup.snapshot)
    top = target / base.removeprefix("/")
    if below:
        return compare.compare(nodes, base, top)
    # Of the folder that holds all volumes restic knows what it was in another container.
    compared = Compared(0, 0, 0)
    listed = list(nodes) if len(backup.volumes) > 1 else nodes
    for volume in backup.volumes:
        one = compare.compare(listed, f"{base}/{volume}", top / volume)
        compared = Compared(
            compared.files + one.files, compared.folders + one.folders, compared.size + one.size
        )
    return compared


def _literal(path: str) -> str:
    """Write a path so that restic finds no pattern in it."""
    return "".join(f"\\{sign}" if sign in "*?[\\" else sign for sign in path)


def _common(request: FilesRequest, backup: FilesBackup) -> list[str]:
    """Return the volumes to be restored; all that are asked for have to be in the backup."""
    volumes = [volume for volume in request.volumes if volume in backup.volumes]
    if missing := [volume for volume in request.volumes if volume not in backup.volumes]:
        raise UsageError(
            f"{backup.id} holds {', '.join(backup.volumes)} and not {', '.join(missing)}; "
            f"name what to restore: --volume={','.join(volumes or backup.volumes)}"
        )
    return volumes


def _size(restic: Restic, backup: FilesBackup) -> int:
    return of_bytes(restic.run("stats", "--mode", "restore-size", backup.snapshot), "total_size")


def _demand_room(folders: set[Path], size: int) -> None:
    """Raise Refused where what is restored finds no room beside what is there."""
    for folder in folders:
        seen = os.statvfs(folder)
        free = seen.f_bavail * seen.f_frsize
        if free < size + SPARE:
            raise Refused(
                f"{sized(size)} are restored beside what is there, and the disk has {sized(free)} "
                f"free: {DISK_FULL}. Nothing was changed"
            )


@contextlib.contextmanager
def _scratch() -> Iterator[Path]:
    folder = Path(mkdtemp(prefix="drill-", dir=HOME))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)
