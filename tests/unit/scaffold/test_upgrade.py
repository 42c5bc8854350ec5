"""What an upgrade tells of the versions between: all of them, each once, and nothing empty."""

import pytest

from slipway.scaffold import upgrade

LOG = """# Changelog

## [Unreleased]
{unreleased}
## [0.10.0] - 2027-03-01

- Ten.

## [0.3.0] - 2027-01-01

- Three.

## [0.2.0] - 2026-11-30

- Two.
"""


@pytest.mark.parametrize(
    ("before", "after", "unreleased", "told"),
    [
        ("0.2.0", "0.10.0", "", ["Ten.", "Three."]),
        ("0.2.0", "0.3.0", "", ["Three."]),
        ("0.3.0", "0.10.0", "\n- Soon.\n", ["Soon.", "Ten."]),
        ("0.10.0", "0.10.0", "", []),
    ],
)
def test_the_notes_are_those_of_the_versions_between(
    before: str, after: str, unreleased: str, told: list[str]
) -> None:
    notes = "".join(upgrade.between(LOG.format(unreleased=unreleased), before, after))
    assert [line[2:] for line in notes.splitlines() if line.startswith("- ")] == told
    assert ("[Unreleased]" in notes) == bool(unreleased)
