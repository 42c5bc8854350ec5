"""The front matter of a runbook, merged key by key: an owner next to a new task is no conflict."""

import re
from collections.abc import Mapping

MATTER = re.compile(rb"\A---\n(.*?^)---\n", re.DOTALL | re.MULTILINE)
KEY = re.compile(rb"^(?=[a-z_]+:)", re.MULTILINE)


def split(text: bytes) -> tuple[bytes, bytes]:
    """Return what stands between the marks, and the rest; nothing and all of it without marks."""
    match = MATTER.match(text)
    return (match[1], text[match.end() :]) if match else (b"", text)


def merge(own: bytes, old: bytes, new: bytes) -> bytes:
    """Return the front matter, with its marks; a value that the team changed is the team's."""
    ours, before, theirs = _keys(own), _keys(old), _keys(new)
    merged = b"".join(
        (theirs if ours.get(key) == before.get(key) else ours).get(key, b"")
        for key in [*theirs, *(key for key in ours if key not in theirs)]
    )
    return b"---\n" + merged + b"---\n" if merged else b""


def _keys(matter: bytes) -> Mapping[bytes, bytes]:
    """Return each key's own lines."""
    return {part.partition(b":")[0]: part for part in KEY.split(matter) if part}
