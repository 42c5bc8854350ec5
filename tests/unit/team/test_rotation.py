"""Which values have another one is known by ciphertext, also where the data key was changed."""

import pytest

from slipway.team.rotation import Snapshot, pending

FIRST = Snapshot("key", {"A": "a1", "B": "b1", "C": "c1"})
REKEYED = Snapshot("key again", {"A": "a1", "B": "b1", "C": "c1"})  # sops updatekeys
ROTATED = Snapshot("another", {"A": "a2", "B": "b2", "C": "c2"})  # sops rotate


@pytest.mark.parametrize(
    ("states", "remaining"),
    [
        ([FIRST, FIRST], "A B C"),
        ([FIRST, Snapshot("key", {"A": "a9", "B": "b1", "C": "c1"})], "B C"),
        ([FIRST, Snapshot("key", {"B": "b1", "C": "c1"})], "B C"),
        ([FIRST, Snapshot("key", {"A": "a9", "B": "b9", "C": "c9"})], ""),
        ([FIRST, REKEYED], "A B C"),
        ([FIRST, ROTATED], "A B C"),
        ([FIRST, Snapshot("key", {"A": "a9", "B": "b1", "C": "c1"}), ROTATED], "B C"),
        ([FIRST, ROTATED, Snapshot("another", {"A": "a2", "B": "b3", "C": "c2"})], "A C"),
        ([FIRST, Snapshot("key again", {"A": "a9", "B": "b1", "C": "c1"})], "B C"),
    ],
    ids=[
        *("nothing", "one", "one is gone", "all", "other readers", "another data key"),
        *("one, then another data key", "another data key, then one", "one and other readers"),
    ],
)
def test_what_has_no_other_value_yet(states: list[Snapshot], remaining: str) -> None:
    assert pending(["A", "B", "C"], states) == remaining.split()
