"""The files that a project shares with Slipway: as a version made them, and as they are now."""

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from slipway import child_environment, whole_file
from slipway.errors import SlipwayError, last_line
from slipway.hosts.git import at
from slipway.hosts.local import LocalHost
from slipway.scaffold import kit, template

State = Literal["as made", "changed", "removed"]
Outcome = Literal["same", "added", "updated", "merged", "conflict", "yours", "removed"]


@dataclass(frozen=True)
class SharedFile:
    """What became of one shared file in a project."""

    path: str
    state: State


@dataclass(frozen=True)
class Merge:
    """What an upgrade does to one shared file; `content` is None where the file goes."""

    path: str
    outcome: Outcome
    content: bytes | None = None
    is_program: bool = False


@contextmanager
def rendered(project: Path, wheel: Path) -> Iterator[Path]:
    """Lend the shared files as the version of a wheel makes them from this project's answers."""
    with kit.unpacked(wheel) as engine, TemporaryDirectory(prefix="slipway-") as folder:
        code = "import sys; sys.path.insert(0, sys.argv.pop(1)); import runpy; "
        code += "runpy.run_module('slipway.scaffold.template', run_name='__main__')"
        argv = [sys.executable, "-I", "-c", code, str(engine), str(project), folder, str(wheel)]
        host = LocalHost(cwd=project, env=child_environment.made(sys.executable))
        result = host.run(argv, timeout=120, check=False)
        if result.code != 0:
            raise SlipwayError(
                f"{wheel.name} cannot make the files of this project: {last_line(result.err)}"
            )
        yield Path(folder)


def look(project: Path, original: Path) -> list[SharedFile]:
    """Compare the shared files of a project with those that its version made."""
    return [SharedFile(path, _state(project / path, original / path)) for path in paths(original)]


def merges(project: Path, before: Path, after: Path) -> list[Merge]:
    """Merge three ways, as git does: what Slipway changed into what the project has."""
    return [
        _merge(path, project, before, after) for path in sorted({*paths(before), *paths(after)})
    ]


def paths(folder: Path) -> list[str]:
    """List the files of a folder that was rendered."""
    return sorted(
        path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()
    )


def _state(own: Path, original: Path) -> State:
    if not own.is_file():
        return "removed"
    return "as made" if own.read_bytes() == original.read_bytes() else "changed"


def _merge(path: str, project: Path, before: Path, after: Path) -> Merge:
    own, old, new = (_read(folder / path) for folder in (project, before, after))
    is_program = (after / path).exists() and bool((after / path).stat().st_mode & 0o100)
    if new is None:
        gone = own in (old, None)
        return Merge(path, "removed" if own is not None and gone else "yours")
    if own == new or old == new:
        return Merge(path, "same" if own == new else "yours")
    if own == old:
        return Merge(path, "updated" if old is not None else "added", new, is_program)
    if own is None:
        return Merge(path, "yours")  # removed by the team, and stays so
    merged, conflicts = _three_ways(own, old or b"", new)
    return Merge(path, "conflict" if conflicts else "merged", merged, is_program)


def _three_ways(own: bytes, old: bytes, new: bytes) -> tuple[bytes, bool]:
    """Merge with git's own program, byte by byte; return whether there are conflict markers too."""
    with TemporaryDirectory(prefix="slipway-") as folder:
        names = {"yours": own, "before": old, "slipway": new}
        for name, content in names.items():
            whole_file.write(Path(folder) / name, content)
        labels = [word for name in names for word in ("-L", name)]
        argv = ["git", "merge-file", "--quiet", *labels, *names]
        result = at(Path(folder)).run(argv, check=False)
        if not 0 <= result.code < 128:
            raise SlipwayError(f"git merge-file failed: {last_line(result.err)}")
        return (Path(folder) / "yours").read_bytes(), result.code > 0


def _read(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None


def put(project: Path, merge: Merge) -> None:
    """Write what a merge made of a file; a file that stays as it is is not touched."""
    target = project / merge.path
    if merge.content is not None:
        template.write(target, template.File(merge.content, merge.is_program))
    elif merge.outcome == "removed":
        target.unlink()


def put_wheel(project: Path, wheel: Path) -> None:
    """Have the project carry this wheel and no other."""
    vendor = project / kit.VENDOR
    shutil.copyfile(wheel, vendor / wheel.name)
    for path in vendor.glob(kit.WHEEL):
        if path.name != wheel.name:
            path.unlink()
