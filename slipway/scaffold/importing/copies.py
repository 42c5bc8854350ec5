"""What of a build folder is copied into the new project: neither what is made, nor secrets."""

import re
from collections.abc import Iterator
from pathlib import Path

from slipway.errors import ConfigError, SlipwayError
from slipway.hosts.local import LocalHost
from slipway.images import dockerignore

NEVER = re.compile(
    r"(?:^|/)(?:\.git|node_modules|__pycache__|\.venv|venv|\.idea|\.pytest_cache|\.mypy_cache"
    r"|\.DS_Store)(?:/|$)"
)
# Named in a .gitignore of nobody's, and full of passwords all the same.
SECRETS = re.compile(
    r"(?:^|/)\.env(?!.*(?:example|sample|dist|template))(?:\.[^/]*)?$|(?:^|/)id_(?:rsa|ed25519)$"
)
LISTED = [
    "git",
    "-c",
    "core.fsmonitor=false",
    "ls-files",
    "--cached",
    "--others",
    "--exclude-standard",
    "-z",
]


def names(folder: Path) -> list[str]:
    """List the files and links below a folder that the new project gets, in a fixed order."""
    path = folder / ".dockerignore"
    text = path.read_bytes().decode(errors="replace") if path.is_file() else ""
    try:
        patterns = dockerignore.read(text)
    except ConfigError:
        patterns = dockerignore.read("")
    visible = (name for name in dockerignore.visible(folder, patterns) if _is_wanted(name))
    needed = {".dockerignore", *_dockerfiles(folder)}
    listed = _listed_by_git(folder)
    chosen = {*visible, *(name for name in needed if (folder / name).is_file())}
    return sorted(name for name in chosen if listed is None or name in listed)


def _is_wanted(name: str) -> bool:
    return not NEVER.search(name) and not SECRETS.search(name)


def _dockerfiles(folder: Path) -> Iterator[str]:
    """Name what a build needs and often hides from itself."""
    for path in sorted(folder.glob("*Dockerfile*")):
        yield path.name


def _listed_by_git(folder: Path) -> set[str] | None:
    """Return what git has or would take; None where there is no git."""
    try:
        result = LocalHost(cwd=folder).run(LISTED, timeout=30, check=False)
    except SlipwayError:
        return None
    return {name for name in result.out.split("\0") if name} if result.code == 0 else None
