"""A collection of runbooks: a folder with all below it, and its settings in `.runbooks.yml`."""

import functools
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from slipway.errors import ConfigError, UsageError
from slipway.images import dockerignore
from slipway.notebook.problem import nearest, where
from slipway.project import ROOT
from slipway.yaml_file import read_yaml

if TYPE_CHECKING:
    from e2b_dockerfile_utils import PatternMatcher

RUNBOOKS = ROOT / "runbooks"
SETTINGS = ".runbooks.yml"
OURS = ("/*.md",)
IGNORE, HOUSE_STYLE = "ignore", "house_style"
INDEXES = ("README.md", "index.md", "_index.md")  # of a folder: on GitHub, with MkDocs, with Hugo


@dataclass(frozen=True)
class Collection:
    """The runbooks of a folder; both lists hold patterns as .gitignore has them."""

    folder: Path
    ignore: tuple[str, ...] = ()
    house_style: tuple[str, ...] = ()

    def runbooks(self) -> list[Path]:
        """Return the runbooks, without the indexes of their folders."""
        return sorted(path for path in self._files() if path.name not in INDEXES)

    def indexes(self) -> list[Path]:
        """Return what leads to the runbooks of a folder."""
        return sorted(path for path in self._files() if path.name in INDEXES)

    def has_house_style(self, path: Path) -> bool:
        """Whether a file is to have what a runbook of this kit has: owner, sections, a test."""
        name = _within(path, self.folder)
        return bool(name) and _matches(f"{name}.md", self.house_style)

    def _files(self) -> Iterator[Path]:
        """Yield the Markdown files, also behind links; what is hidden is none."""
        seen: set[str] = set()
        for folder, below, names in os.walk(self.folder, followlinks=True):
            real = os.path.realpath(folder)
            is_met_again = real in seen  # a link that leads back
            seen.add(real)
            here = Path(folder)
            if is_met_again:
                below.clear()
                continue
            below[:] = [name for name in sorted(below) if self._is_read(here / name)]
            for name in names:
                if name.endswith(".md") and self._is_read(here / name):
                    yield here / name

    def _is_read(self, path: Path) -> bool:
        name = path.relative_to(self.folder).as_posix()
        return not path.name.startswith(".") and not _matches(name, self.ignore)


def read(folder: Path = RUNBOOKS) -> Collection:
    """Read a folder and its settings. Raises ConfigError, or UsageError without a folder.

    The house style is for the first level of the project's own folder, unless its settings differ.
    """
    if not folder.is_dir():
        raise UsageError(f"there is no folder {where(folder)}")
    if (other := folder / SETTINGS.replace(".yml", ".yaml")).is_file():
        raise ConfigError(f"{where(other)} is not read: call it {SETTINGS}")
    path = folder / SETTINGS
    house_style = OURS if folder == RUNBOOKS else ()
    return _read(folder, path.stat().st_mtime_ns if path.is_file() else 0, house_style)


def find(name: str, folder: Path = RUNBOOKS) -> Path:
    """Return the file of a runbook: one of the collection by its name, or any by its path."""
    if not name:
        raise UsageError("which runbook? write --name=deploy; see inv runbook.list")
    paths = read(folder).runbooks() if folder.is_dir() else []
    names = {name_of(path, folder): path for path in paths}
    if name in names:
        return names[name]
    same = [each for each in names if each.rpartition("/")[2] == name]
    if len(same) == 1:
        return names[same[0]]
    if same:
        raise UsageError(f'"{name}" is ambiguous: write --name={" or --name=".join(sorted(same))}')
    if "/" not in name and not name.endswith(".md"):
        hint = nearest(name, names) or "; see inv runbook.list"
        raise UsageError(f'there is no runbook "{name[:60]}"{hint}')
    path = Path(name)
    for candidate in (path, ROOT / path, folder / path):
        if _is_file(candidate):
            if candidate.suffix != ".md":
                raise UsageError(f"{name} is not a Markdown file: its name must end with .md")
            return candidate
    raise UsageError(f"there is no file {name[:200]}{nearest(path.stem, names)}")


def name_of(path: Path, folder: Path = RUNBOOKS) -> str:
    """Return a runbook's name: `deploy`, or `alerts/disk` for one in a folder of the collection."""
    return _within(path, folder) or path.stem


def typed_name(text: str) -> str:
    """Return a runbook's name as records keep it, from a name or a path; it may be gone."""
    try:
        return name_of(find(text)) if text else ""
    except UsageError:
        return text.rpartition("/")[2].removesuffix(".md")


def has_house_style(path: Path) -> bool:
    """Whether a file belongs to the project's own collection, and is held to its style."""
    return RUNBOOKS.is_dir() and read().has_house_style(path)


@functools.lru_cache(maxsize=16)  # asked for by every runbook of the folder
def _read(folder: Path, changed: int, house_style: tuple[str, ...]) -> Collection:
    if not changed:
        return Collection(folder, house_style=house_style)
    path = folder / SETTINGS
    values = read_yaml(path, where(path))
    keys = (IGNORE, HOUSE_STYLE)
    if values is None:
        values = {}
    if not isinstance(values, dict):
        raise ConfigError(
            f"{where(path)} must be lines of key: [patterns], of {' and '.join(keys)}"
        )
    lists: dict[str, tuple[str, ...]] = {}
    for key, value in values.items():
        if key not in keys:
            raise ConfigError(f'{where(path)} has no "{key}"{nearest(str(key), keys)}')
        patterns = [value] if isinstance(value, str) else value
        if not isinstance(patterns, list) or not all(isinstance(each, str) for each in patterns):
            raise ConfigError(f'{where(path)}: {key} must be a list of patterns: ["drafts/"]')
        lists[key] = tuple(patterns)
        try:
            _patterns(lists[key])
        except ConfigError as error:
            _, _, what = str(error).partition(": ")
            raise ConfigError(f"{where(path)}: {key}: {what}") from None
    return Collection(folder, lists.get(IGNORE, ()), lists.get(HOUSE_STYLE, house_style))


def _matches(name: str, patterns: tuple[str, ...]) -> bool:
    if patterns == OURS:  # at the start of every run, where 50 ms for the library are many
        return "/" not in name and name.endswith(".md")
    return bool(patterns) and _patterns(patterns).matches(name)


@functools.lru_cache(maxsize=16)
def _patterns(lines: tuple[str, ...]) -> "PatternMatcher":
    """Read patterns as git does: one without a slash inside it means any folder."""
    anchored = []
    for line in lines:
        mark, pattern = ("!", line[1:]) if line.startswith("!") else ("", line)
        is_anywhere = "/" not in pattern.strip().rstrip("/")
        anchored.append(f"{mark}**/{pattern}" if is_anywhere else f"{mark}{pattern}")
    return dockerignore.read("\n".join(anchored))


def _within(path: Path, folder: Path) -> str:
    """Return a file's path below a folder without .md, "" for one that is elsewhere."""
    for file, top in ((path, folder), (path.absolute(), folder.absolute())):
        if file.is_relative_to(top):
            return file.relative_to(top).as_posix().removesuffix(".md")
    return ""


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name no file system takes
        return False
