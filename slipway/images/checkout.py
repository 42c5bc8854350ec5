"""What git knows of a build folder: which files are programs, and of when they are."""

import functools
from collections.abc import Callable, Iterable
from pathlib import Path

from slipway.errors import CommandFailed
from slipway.hosts import git

PROGRAM = "100755"


def programs(folder: Path) -> Callable[[str], bool]:
    """Return how to tell which files are executable: by their own mode, as git does, or by the
    index where the file system keeps no modes and git was told so.
    """
    above = (folder, *folder.parents)
    if _trusts_modes(next((each for each in above if (each / ".git").exists()), folder)):
        return lambda name: bool((folder / name).stat().st_mode & 0o100)
    listed = _ask(folder, ["git", "ls-files", "-z", "--stage"]).split("\0")
    entries = [line.partition("\t") for line in listed]
    named = {name for entry, _, name in entries if entry.startswith(PROGRAM)}
    return lambda name: name in named


@functools.cache
def _trusts_modes(repository: Path) -> bool:
    """Ask git once for all folders of a repository; a deploy names ten."""
    argv = ["git", "config", "--type=bool", "--default=true", "core.fileMode"]
    return _ask(repository, argv).strip() != "false"


def moment(folder: Path, names: Iterable[str]) -> int:
    """Return the time of the commit, or of the newest of these files that is not as committed."""
    commit = _ask(folder, ["git", "rev-list", "-1", "--format=%ct", "HEAD"]).split()[-1:]
    known: set[str] = set()
    if commit:
        listed = ["git", "ls-files", "-z", "--recurse-submodules"]
        differ = ["git", "diff", "--no-ext-diff", "--name-only", "--relative", "-z", "HEAD"]
        known = {*_ask(folder, listed).split("\0")} - {*_ask(folder, differ).split("\0")}
    own = [int((folder / name).lstat().st_mtime) for name in names if name not in known]
    return max([*map(int, commit), *own], default=0)


def _ask(folder: Path, argv: list[str]) -> str:
    """Ask git; nothing where it does not know the folder."""
    try:
        return git.at(folder).run(argv, timeout=60).out
    except CommandFailed:
        return ""
