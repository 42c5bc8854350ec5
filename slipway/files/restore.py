"""Restores of files: filled beside those there are, proven, swapped in, and taken back."""

import contextlib
import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import mkdtemp

from slipway.agent.context import own_key
from slipway.backups.format.manifest import sized
from slipway.backups.format.signature import Trust
from slipway.backups.schedule import file_drill, job_results
from slipway.backups.schedule.file_drill import FilesDrill
from slipway.errors import DISK_FULL, Refused, SlipwayError, UsageError
from slipway.files import backups, compare, swap
from slipway.files.backups import VOLUMES
from slipway.files.compare import Compared
from slipway.files.messages import FilesBackup, FilesReply, FilesRequest
from slipway.files.repository import HOME
from slipway.files.restic import Restic, of_bytes

SPARE = 64 << 20  # bytes that a disk keeps free
DRILL = "drill-"


def fill(request: FilesRequest, restic: Restic) -> FilesReply:
    """Restore a backup beside the files of each volume, and hold it against what was backed up.

    Services go on with the files that are there. With `plan` nothing is restored.
    """
    backup = backups.find(request, restic)
    volumes = _common(request, backup)
    size = _size(restic, backup)
    demand_room({VOLUMES / volume for volume in volumes}, size)
    text = backups.described(backup, volumes)
    if request.plan:
        return FilesReply(text, restic.repository.name, (backup,))
    for volume in volumes:
        backups.refuse_half_swapped([volume])
        _fill(VOLUMES / volume, backup, restic)
    return FilesReply(f"{text} restored and compared", restic.repository.name, (backup,))


def exchange(request: FilesRequest) -> FilesReply:
    """Swap in what lies ready, while nobody has the volumes; what was there is kept.

    Asked again it ends what was begun.
    """
    incoming, moment = request.incoming, request.moment
    names = (incoming, f"{swap.REPLACED}{moment}")
    if not all(map(swap.NAME.fullmatch, names)):
        raise UsageError(f"{incoming[:60]!a} is nothing that could be swapped in")
    volumes = {name: VOLUMES / name for name in request.volumes}
    for volume in volumes.values():
        swap.is_interrupted(volume)  # refused for all of them, before any is touched
    ready = tuple(n for n, volume in volumes.items() if swap.settle(volume, incoming, moment))
    if not ready:
        return FilesReply(f"nothing of {incoming} is in {', '.join(volumes)}, nothing was changed")
    what = f"the files of {incoming.removeprefix(swap.RESTORED)} are in place"
    if incoming.startswith(swap.REPLACED):
        replaced = incoming.removeprefix(swap.REPLACED)
        what = f"the files that were replaced at {replaced} are back in place"
    return FilesReply(f"{', '.join(ready)}: {what}", volumes=ready, moment=moment)


def replaced(request: FilesRequest) -> FilesReply:
    """Say what the last restore has replaced, and in which volumes; nothing is changed."""
    moments = {name: swap.newest_replaced(VOLUMES / name) for name in request.volumes}
    moment = max(moments.values(), default="")
    if not moment:
        raise Refused("no restore has replaced files here, or inv files.prune has removed them")
    names = tuple(name for name, each in moments.items() if each == moment)
    text = f"{', '.join(names)}: the files that were replaced at {moment} would be back in place"
    return FilesReply(text, volumes=names, moment=moment)


def drill(request: FilesRequest, restic: Restic) -> FilesReply:
    """Restore a backup where it is thrown away, and hold it against what was backed up.

    How it ended is kept beside the backups, for a status.
    """
    backup = backups.find(request, restic)
    demand_room({HOME}, _size(restic, backup))
    began, at = time.monotonic(), job_results.written(datetime.now(UTC))
    try:
        with scratch() as folder:
            compared = _restore(folder, "", backup, restic)
    except SlipwayError as error:
        with contextlib.suppress(SlipwayError):  # a store that is away must not hide the reason
            _keep(restic, FilesDrill(backup.id, at, time.monotonic() - began, False, str(error)))
        raise
    _keep(restic, FilesDrill(backup.id, at, time.monotonic() - began, True))
    files = backups.counted(compared.files, "file")
    text = f"{backup.id} is proven: {files} in {backups.counted(compared.folders, 'folder')} "
    text += f"({sized(compared.size)}) restored, and each is what was backed up"
    return FilesReply(text, restic.repository.name, (backup,))


def _keep(restic: Restic, drill: FilesDrill) -> None:
    """Write a drill down where a status looks: in a store, not in a volume of restic's own."""
    if store := restic.repository.store:
        rounded = replace(drill, seconds=round(drill.seconds, 1))
        file_drill.keep(store, rounded, Trust(key=own_key()))


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
    top = target / base.removeprefix("/")
    if below:
        return compare.compare(restic.stream("ls", backup.snapshot), base, top)
    # Of the folder that holds all volumes restic knows what it was in another container. It lists
    # them once more for each: a million files would not fit into the memory.
    compared = Compared(0, 0, 0)
    for volume in backup.volumes:
        nodes = restic.stream("ls", backup.snapshot)
        one = compare.compare(nodes, f"{base}/{volume}", top / volume)
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


def demand_room(folders: set[Path], size: int) -> None:
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
def scratch(home: Path = HOME) -> Iterator[Path]:
    """Lend an empty folder for a block; those of drills that were killed go first."""
    for left in home.glob(f"{DRILL}*"):
        shutil.rmtree(left)
    folder = Path(mkdtemp(prefix=DRILL, dir=home))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)
