"""What a changelog tells of the versions between two, and what it leaves to who upgrades."""

import re
from collections.abc import Iterator

HEADING = re.compile(r"^## \[([^\]]+)\].*$", re.MULTILINE)
UNRELEASED = "Unreleased"
# The section of a version in which each entry is something that `inv kit.upgrade` cannot do.
ACTIONS = re.compile(r"^### Action required$(.*?)(?=^##|\Z)", re.MULTILINE | re.DOTALL)
ENTRY = re.compile(r"^- (.*(?:\n  .*)*)", re.MULTILINE)


def between(log: str, before: str, after: str) -> Iterator[str]:
    """Yield the parts of a changelog that tell of versions after one and up to another."""
    from packaging.version import Version

    headings = list(HEADING.finditer(log))
    ends = [match.start() for match in headings[1:]] + [len(log)]
    for match, end in zip(headings, ends, strict=True):
        has_entries = bool(log[match.end() : end].strip())
        is_new = match[1] == UNRELEASED or Version(before) < Version(match[1]) <= Version(after)
        if has_entries and is_new:
            yield log[match.start() : end]


def actions(notes: str) -> list[str]:
    """Return what these notes say has to be done, an entry each."""
    entries = ENTRY.findall("".join(ACTIONS.findall(notes)))
    return [" ".join(entry.split()) for entry in entries]
