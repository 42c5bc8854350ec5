"""The files that a project shares with Slipway: as a version made them, and as they are now."""

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
from slipway.scaffold import front_matter, kit, template

State = Literal["as made", "changed", "removed"]
# missing: Slipway changed what the team removed or renamed. retired: Slipway has no longer what the
# team changed. Both stay as the team has them.
Outcome = Literal[
    "same", "added", "updated", "merged", "conflict", "removed", "yours", "missing", "retired"
]
WRITTEN = ("added", "updated", "merged", "conflict", "removed")


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

    @property
    def is_written(self) -> bool:
        """Whether the project's file changes."""
        return self.outcome in WRITTEN


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
    before = original.read_bytes()
    return "as made" if _with_ends_of(before, own.read_bytes()) == before else "changed"


def _merge(path: str, project: Path, before: Path, after: Path) -> Merge:
    written, old, new = (_read(folder / path) for folder in (project, before, after))
    if new is None:
        if written is None:
            return Merge(path, "same")
        is_theirs = old is not None and _with_ends_of(old, written) == old
        return Merge(path, "removed" if is_theirs else "retired")
    if written is None:
        outcome: Outcome = "added" if old is None else "same" if old == new else "missing"
        content = new if outcome == "added" else None
        return Merge(path, outcome, content, _is_program(after / path))
    own = _with_ends_of(new, written)
    if own == new or old == new:
        return Merge(path, "same" if own == new else "yours")
    merged, conflicts = (new, False) if own == old else _merged(path, own, old or b"", new)
    if own != written and b"\n" not in written.replace(b"\r\n", b""):
        merged = merged.replace(b"\n", b"\r\n")
    outcome = "conflict" if conflicts else "updated" if own == old else "merged"
    return Merge(path, outcome, merged, _mode(path, project, before, after))


def _with_ends_of(original: bytes, own: bytes) -> bytes:
    """Return a file with the ends of lines that Slipway's has: an editor may have its own."""
    return own if b"\r\n" in original else own.replace(b"\r\n", b"\n")


def _mode(path: str, project: Path, before: Path, after: Path) -> bool:
    """Return whether a merged file is a program: as the team has it where it changed that."""
    own, old, new = (_is_program(folder / path) for folder in (project, before, after))
    return new if own == old else own


def _is_program(path: Path) -> bool:
    return path.is_file() and bool(path.stat().st_mode & 0o100)


def _merged(path: str, own: bytes, old: bytes, new: bytes) -> tuple[bytes, bool]:
    """Merge a file's content; return whether there are conflict markers too."""
    if not path.endswith(".md"):
        return _three_ways(own, old, new)
    matters, texts = zip(*map(front_matter.split, (own, old, new)), strict=True)
    text, conflicts = _three_ways(*texts)
    return front_matter.merge(*matters) + text, conflicts


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
