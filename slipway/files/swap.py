"""Two sets of files in one volume, and how they change places: by renaming, never by copying.

`.slipway` at the top of a volume holds what no service shall see: `restoring-ID` while it is
filled, `restored-ID` once it is proven, `replaced-MOMENT` what was there before. A swap that is
killed is finished by the next one: its journal says what goes out and what comes in.
"""

import contextlib
import json
import os
import re
import shutil
import stat
from pathlib import Path

from slipway import whole_file
from slipway.errors import UNREADABLE, Refused

FOLDER = ".slipway"
JOURNAL = "swap.json"
RESTORING, RESTORED, REPLACED = "restoring-", "restored-", "replaced-"
NAME = re.compile(r"(restored|replaced)-[0-9TZ]{16}(-[0-9a-f]{4})?")


def room(volume: Path) -> Path:
    """Return the folder of ours in a volume, made so that nobody but root looks into it.

    Raises Refused for one that is not ours: who writes to the volume could have made it.
    """
    folder = volume / FOLDER
    folder.mkdir(mode=0o700, exist_ok=True)
    _demand_ours(folder)
    return folder


def is_interrupted(volume: Path) -> bool:
    """Whether a swap has begun in a volume and not ended."""
    folder = volume / FOLDER
    if folder.is_symlink() or folder.exists():
        _demand_ours(folder)
    return (folder / JOURNAL).exists()


def finish(volume: Path) -> bool:
    """End a swap that was killed; say whether there was one."""
    if not is_interrupted(volume):
        return False
    journal = volume / FOLDER / JOURNAL
    try:
        document = json.loads(journal.read_text())
        names = [str(document["incoming"]), str(document["outgoing"])]
        if not all(map(NAME.fullmatch, names)):
            raise ValueError
    except UNREADABLE:
        raise Refused(
            f"{volume.name}: {FOLDER}/{JOURNAL} is not one that a restore wrote"
        ) from None
    _swap(volume, *names, is_out=bool(document["is_out"]))
    return True


def exchange(volume: Path, incoming: str, moment: str) -> Path:
    """Put the files of `incoming` in place of those that are there; return where these are now."""
    ours, outgoing = room(volume), f"{REPLACED}{moment}"
    _swap(volume, incoming, outgoing, is_out=False)
    return ours / outgoing


def settle(volume: Path, incoming: str, moment: str) -> bool:
    """Bring a swap to its end, from wherever it stands; say whether there was anything of it."""
    finish(volume)
    if incoming in _names(volume, incoming):
        exchange(volume, incoming, moment)
    return f"{REPLACED}{moment}" in _names(volume, REPLACED)


def newest_replaced(volume: Path) -> str:
    """Return the moment at which files were replaced the last time; nothing where none were."""
    return max((name.removeprefix(REPLACED) for name in _names(volume, REPLACED)), default="")


def outdated(volume: Path, before: float) -> list[Path]:
    """Return what old restores have replaced or left behind; an interrupted swap needs its own."""
    if is_interrupted(volume):
        return []
    ours = volume / FOLDER
    names = _names(volume, REPLACED, RESTORED, RESTORING)
    return [ours / name for name in names if (ours / name).lstat().st_ctime < before]


def discard(volume: Path, *prefixes: str) -> None:
    """Remove what restores have left that were never swapped in."""
    for name in _names(volume, *(prefixes or (RESTORING, RESTORED))):
        remove(volume / FOLDER / name)


def remove(folder: Path) -> None:
    """Remove a folder of ours, and the room itself once it is empty."""
    shutil.rmtree(folder)
    with contextlib.suppress(OSError):
        folder.parent.rmdir()


def _swap(volume: Path, incoming: str, outgoing: str, *, is_out: bool) -> None:
    ours = volume / FOLDER
    journal = ours / JOURNAL
    coming, going = ours / incoming, ours / outgoing

    def note(*, is_out: bool) -> None:
        document = {"incoming": incoming, "outgoing": outgoing, "is_out": is_out}
        whole_file.write(journal, json.dumps(document), mode=0o600)

    if not is_out:
        note(is_out=False)
        going.mkdir(mode=0o700, exist_ok=True)
        _move(volume, going)
        look_like(going, volume)
        note(is_out=True)
    if coming.is_dir():
        _move(coming, volume)
        look_like(volume, coming)
        coming.rmdir()
    journal.unlink()


def _move(source: Path, target: Path) -> None:
    for entry in sorted(source.iterdir()):
        if entry.name != FOLDER:
            entry.rename(target / entry.name)


def look_like(target: Path, source: Path) -> None:
    """Give a folder the owner, mode and times of another one."""
    seen = source.stat()
    os.chown(target, seen.st_uid, seen.st_gid)
    target.chmod(seen.st_mode & 0o7777)
    os.utime(target, ns=(seen.st_atime_ns, seen.st_mtime_ns))


def _names(volume: Path, *prefixes: str) -> list[str]:
    folder = volume / FOLDER
    if not (folder.is_symlink() or folder.exists()):
        return []
    _demand_ours(folder)
    return sorted(each.name for each in folder.iterdir() if each.name.startswith(prefixes))


def _demand_ours(folder: Path) -> None:
    seen = folder.lstat()
    if not stat.S_ISDIR(seen.st_mode) or seen.st_uid != os.geteuid():
        raise Refused(
            f"{folder.parent.name} has a {FOLDER} that no restore made; move it away, and try again"
        )
