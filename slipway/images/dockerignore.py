"""What a build can see of its folder: .dockerignore read as BuildKit reads it.

The Docker SDK has such a reader too; it does not descend where a wildcard brings files back
(`*`, then `!app/**/*.py`), so a change below would not count as one.
"""

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from slipway.errors import ConfigError

WILD = re.compile(r"[*?\[\]\\]")


@dataclass(frozen=True)
class Pattern:
    """One line: what it matches, whether it brings back, and its folders before any wildcard."""

    match: re.Pattern[str]
    brings_back: bool
    head: tuple[str, ...]
    literal: bool  # no wildcard: nothing above or next to `head` is meant


def read(text: str) -> list[Pattern]:
    """Read the lines of a .dockerignore file, comments left out. Raises ConfigError."""
    text = text.removeprefix("\ufeff")
    lines = (line.strip() for line in text.split("\n") if not line.startswith("#"))
    return [_pattern(line) for line in lines if line.lstrip("!").strip()]


def visible(folder: Path, patterns: Sequence[Pattern]) -> Iterator[str]:
    """List the files and links below a folder that a build can see, in a fixed order."""
    yield from _below(folder, "", patterns)


def is_ignored(name: str, patterns: Sequence[Pattern]) -> bool:
    """Say whether a path is left out; of several lines that match it the last one counts."""
    parents = [str(parent) for parent in PurePosixPath(name).parents][:-1]
    ignored = False
    for pattern in patterns:
        if pattern.brings_back == ignored and any(
            pattern.match.fullmatch(each) for each in (name, *parents)
        ):
            ignored = not pattern.brings_back
    return ignored


def _below(folder: Path, prefix: str, patterns: Sequence[Pattern]) -> Iterator[str]:
    with os.scandir(folder / prefix) as entries:
        children = sorted(entries, key=lambda entry: entry.name)
    for entry in children:
        name = f"{prefix}{entry.name}"
        ignored = is_ignored(name, patterns)
        if entry.is_dir(follow_symlinks=False):
            if not ignored or any(_reaches(pattern, name) for pattern in patterns):
                yield from _below(folder, f"{name}/", patterns)
        elif not ignored:
            yield name


def _reaches(pattern: Pattern, folder: str) -> bool:
    """Whether a line may bring back something below an ignored folder."""
    parts = tuple(folder.split("/"))
    shared = min(len(parts), len(pattern.head))
    if not pattern.brings_back or parts[:shared] != pattern.head[:shared]:
        return False
    return len(pattern.head) > len(parts) or not pattern.literal


def _pattern(line: str) -> Pattern:
    brings_back = line.startswith("!")
    clean = os.path.normpath(line.removeprefix("!").strip()).lstrip("/")
    parts = clean.split("/")
    wild = next((index for index, part in enumerate(parts) if WILD.search(part)), len(parts))
    literal = wild == len(parts)
    try:
        match = re.compile(_regex(clean), re.DOTALL)
    except re.error:
        raise ConfigError(f".dockerignore: {line[:60]!a} is no pattern") from None
    return Pattern(match, brings_back, tuple(parts[:wild]), literal)


def _regex(pattern: str) -> str:
    """Translate as moby/patternmatcher does."""
    end = pattern.removeprefix("**")
    if end != pattern and not end.startswith("/") and not WILD.search(end):
        return f".*{re.escape(end)}"  # `**.py`: whatever ends so, in any folder
    out, rest = "", pattern
    while rest:
        if match := re.match(r"\*\*/?", rest):
            out += "(.*/)?" if match.end() < len(rest) else ".*"
        elif match := re.match(r"\*", rest):
            out += "[^/]*"
        elif match := re.match(r"\?", rest):
            out += "[^/]"
        elif match := re.match(r"\[\^?(?:\\.|[^]\\])+\]", rest):
            out += match[0]
        else:
            match = re.match(r"\\?(.)", rest, re.DOTALL)
            assert match is not None  # noqa: S101  there is a character left
            out += re.escape(match[1])
        rest = rest[match.end() :]
    return out
