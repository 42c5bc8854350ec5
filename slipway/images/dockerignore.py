"""What a build can see of its folder: .dockerignore, matched as moby matches it."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from slipway.errors import ConfigError

if TYPE_CHECKING:
    from e2b_dockerfile_utils import PatternMatcher


def read(text: str) -> "PatternMatcher":
    """Read the lines of a .dockerignore file. Raises ConfigError for one that is no pattern."""
    from e2b_dockerfile_utils import PatternMatcher

    try:
        return PatternMatcher(text.removeprefix("\ufeff").split("\n"))
    except ValueError as error:
        raise ConfigError(f".dockerignore: {ascii(str(error))[1:-1]}") from None


def visible(folder: Path, patterns: "PatternMatcher", below: str = "") -> Iterator[str]:
    """List the files and links below a folder that a build can see, in a fixed order."""
    with os.scandir(folder / below) as entries:
        children = sorted(entries, key=lambda entry: entry.name)
    for entry in children:
        name = f"{below}{entry.name}"
        hidden = patterns.matches(name)
        if entry.is_dir(follow_symlinks=False):
            if not hidden or patterns.may_match_under(name):
                yield from visible(folder, patterns, f"{name}/")
        elif not hidden:
            yield name
