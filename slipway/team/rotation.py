"""Which values have another one since somebody left, known by their ciphertext alone.

`sops rotate` gives a file another data key and so every value other ciphertext, though none has
changed. The data key is told by its encrypted forms, which every change but such a one leaves.
"""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

LENGTH = 12


@dataclass(frozen=True)
class Snapshot:
    """A file of secrets at one time: what tells its data key apart, and each value."""

    key: str
    values: Mapping[str, str]


def snapshot(document: Mapping[str, Any]) -> Snapshot:
    """Take a snapshot of an encrypted document; needs no key."""
    values = {name: _sum(str(text)) for name, text in document.items() if name != "sops"}
    stanzas = sorted(_stanzas(document["sops"]))
    return Snapshot(_sum("\n".join(stanzas)), values)


def pending(names: Collection[str], states: Sequence[Snapshot]) -> list[str]:
    """Return which of these values are, after all states of a file, still what they were."""
    remaining = list(names)
    for before, after in pairwise(states):
        changed = _changed(before, after)
        remaining = [name for name in remaining if name in after.values and name not in changed]
    return sorted(remaining)


def _changed(before: Snapshot, after: Snapshot) -> set[str]:
    common = before.values.keys() & after.values.keys()
    changed = {name for name in common if before.values[name] != after.values[name]}
    # All at once under another data key: that one was changed, and no value.
    return set() if before.key != after.key and changed == common else changed


def _stanzas(part: object) -> list[str]:
    """Return every encrypted form of the data key, wherever it stands in the metadata."""
    if isinstance(part, dict):
        own = [str(part["enc"])] if "enc" in part else []
        return own + [text for each in part.values() for text in _stanzas(each)]
    if isinstance(part, list):
        return [text for each in part for text in _stanzas(each)]
    return []


def _sum(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:LENGTH]
