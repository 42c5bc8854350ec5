"""Backups of files, taken, listed, verified, pruned: snapshots of restic with ids of ours."""

import re
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from slipway.backups.format.manifest import ID, new_id, sized
from slipway.backups.schedule import retention
from slipway.backups.schedule.retention import DatedBackup, Decision
from slipway.errors import DifferenceFound, Refused, UsageError
from slipway.files import swap
from slipway.files.messages import FilesBackup, FilesReply, FilesRequest, Keeping
from slipway.files.restic import INCOMPLETE, Message, Restic, ResticFailed

VOLUMES = Path("/volumes")  # where the container has them
OURS = f"--exclude={VOLUMES}/*/{swap.FOLDER}"
BROKEN = "repository contains errors"


def take(request: FilesRequest, restic: Restic) -> FilesReply:
    """Back up the volumes as they are now; what did not change since the last time is not sent.

    Where the request says what is kept, what is not goes then.
    """
    if not request.volumes:
        raise Refused("no volume is labelled to be backed up; nothing was done")
    refuse_half_swapped(request.volumes)
    restic.ready(make=True)
    name = request.backup or new_id()
    if not ID.fullmatch(name):
        raise UsageError(f"{name[:60]!a} is no id of a backup, as 20261122T021500Z-1f3a")
    if any(backup.id == name for backup in _all(request, restic)):
        raise Refused(f"there is a backup {name} of files already; nothing was changed")
    paths = [str(VOLUMES / volume) for volume in request.volumes]
    argv = ["backup", "--host", request.owner, "--tag", name, "--group-by", "host", OURS, *paths]
    messages: list[Message] = []
    try:
        messages.extend(restic.stream(*argv))
    except ResticFailed as error:
        if error.code == INCOMPLETE:  # restic keeps what it could read, which is no backup
            _forget(restic, [_summary(messages)["snapshot_id"]])
        raise
    summary = _summary(messages)
    taken = next(one for one in _all(request, restic) if one.snapshot == summary["snapshot_id"])
    sent = sized(int(summary["data_added_packed"]))
    text = f"{described(taken, taken.volumes)}, {sent} of them new; in {restic.repository.name}"
    removed: tuple[str, ...] = ()
    if request.keeping is not None:
        backups = _all(request, restic)
        removed = _drop(backups, _decide(backups, request.keeping), restic)
        text += f"; {counted(len(removed))} removed" if removed else ""
    return FilesReply(text, restic.repository.name, (taken,), removed)


def read_list(request: FilesRequest, restic: Restic) -> FilesReply:
    """List the backups of this environment's files, the newest first."""
    backups = tuple(_all(request, restic)) if restic.ready() else ()
    return FilesReply(counted(len(backups)), restic.repository.name, backups)


def find(request: FilesRequest, restic: Restic) -> FilesBackup:
    """Find the backup that is meant. Raises Refused where there is none."""
    backups = _all(request, restic) if restic.ready() else []
    meant = request.backup or "latest"
    for backup in backups:
        if meant in ("latest", backup.id):
            return backup
    if not backups:
        raise Refused(f"{restic.repository.name} holds no backup of files yet")
    newest = ", ".join(backup.id for backup in backups[:3])
    raise Refused(f"there is no backup {meant[:60]!a} of files (the newest: {newest})")


def verify(request: FilesRequest, restic: Restic) -> FilesReply:
    """Read all that is stored and hold it against its sums. Raises DifferenceFound."""
    find(request, restic)
    try:
        restic.run("check", "--read-data")
    except ResticFailed as error:
        if BROKEN in str(error) or "integrity" in str(error):
            text = f"{restic.repository.name} is damaged, and restores what is whole of it"
            raise DifferenceFound(f"{text}: {error}") from None
        raise
    backups = tuple(_all(request, restic))
    text = f"{restic.repository.name} is whole: all that is in {counted(len(backups))} was read"
    return FilesReply(text, restic.repository.name, backups)


def prune(request: FilesRequest, restic: Restic) -> FilesReply:
    """Remove the backups that the policy does not keep, and what old restores have replaced."""
    keeping = request.keeping
    if keeping is None:
        raise UsageError("the request to prune says nothing of what is kept")
    backups = _all(request, restic) if restic.ready() else []
    decision = _decide(backups, keeping)
    before = time.time() - keeping.keep_replaced
    old = [each for name in request.volumes for each in swap.outdated(VOLUMES / name, before)]
    if not request.plan:
        _drop(backups, decision, restic)
        for folder in old:
            swap.remove(folder)
    removed = (*decision.drop, *(str(folder.relative_to(VOLUMES)) for folder in old))
    return FilesReply(
        f"{len(removed)} {'would be ' if request.plan else ''}removed, "
        f"{counted(len(backups) - len(decision.drop))} kept",
        restic.repository.name,
        removed=removed,
        staying=dict(decision.keep),
        held=decision.held if backups else "",
    )


def described(backup: FilesBackup, volumes: Sequence[str]) -> str:
    """Say what a backup holds, and of which volumes."""
    files = counted(backup.files, "file")
    return f"{backup.id}: {files} ({sized(backup.size)}) of {', '.join(volumes)}"


def counted(number: int, what: str = "backup") -> str:
    """Write a number of things for people."""
    return f"{number} {what}{'' if number == 1 else 's'}"


def refuse_half_swapped(volumes: Sequence[str]) -> None:
    """Raise Refused where a restore was interrupted while it swapped files in."""
    for volume in volumes:
        if swap.is_interrupted(VOLUMES / volume):
            raise Refused(
                f"a restore of {volume} was interrupted while it swapped files, and its files are "
                "of two times; have those from before: inv files.restore --undo"
            )


def _all(request: FilesRequest, restic: Restic) -> list[FilesBackup]:
    read = (_backup(each) for each in restic.run("snapshots", "--host", request.owner))
    return sorted(filter(None, read), key=lambda each: (each.at, each.id), reverse=True)


def _backup(snapshot: Message) -> FilesBackup | None:
    """Read one snapshot; one that somebody took by hand has no id of ours."""
    names = [tag for tag in snapshot.get("tags") or [] if ID.fullmatch(tag)]
    if not names:
        return None
    summary = snapshot.get("summary") or {}
    return FilesBackup(
        id=names[0],
        at=f"{re.split('[.Z+]', snapshot['time'])[0]}Z",  # the container's clock is at UTC
        volumes=tuple(sorted(Path(path).name for path in snapshot["paths"])),
        files=int(summary.get("total_files_processed", 0)),
        size=int(summary.get("total_bytes_processed", 0)),
        snapshot=str(snapshot["id"]),
    )


def _summary(messages: Sequence[Message]) -> Message:
    return next(each for each in reversed(messages) if each.get("message_type") == "summary")


def _forget(restic: Restic, snapshots: Sequence[str]) -> None:
    restic.run("forget", *snapshots)


def _decide(backups: Sequence[FilesBackup], keeping: Keeping) -> Decision:
    dated = [
        DatedBackup(each.id, datetime.fromisoformat(each.at), proven=False) for each in backups
    ]
    return retention.decide(dated, keeping.keep, datetime.now(UTC), keeping.stale_after)


def _drop(backups: Sequence[FilesBackup], decision: Decision, restic: Restic) -> tuple[str, ...]:
    by_id = {each.id: each.snapshot for each in backups}
    if decision.drop:
        _forget(restic, [by_id[ident] for ident in decision.drop])
        restic.run("prune")
    return decision.drop


Work = Callable[[FilesRequest, Restic], FilesReply]
