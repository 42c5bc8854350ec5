"""What an upgrade tells of the versions between: all of them, each once, and nothing empty."""

import re
from pathlib import Path

import pytest

from slipway.scaffold import notes

ROOT = Path(__file__).resolve().parents[3]

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
    text = "".join(notes.between(LOG.format(unreleased=unreleased), before, after))
    assert [line[2:] for line in text.splitlines() if line.startswith("- ")] == told
    assert ("[Unreleased]" in text) == bool(unreleased)


def test_what_has_to_be_done_is_told_by_entry_of_every_version() -> None:
    log = LOG.format(
        unreleased="\n### Action required\n\n- Add `a: {}` to\n  `b.yml`.\n- Then c.\n"
    )
    log = log.replace(
        "- Three.", "- Three.\n\n### Action required\n\n- Do three.\n\n### Fixed\n\n- d."
    )
    text = "".join(notes.between(log, "0.2.0", "0.10.0"))
    assert notes.actions(text) == ["Add `a: {}` to `b.yml`.", "Then c.", "Do three."]


def test_no_entry_of_this_changelog_hides_what_has_to_be_done() -> None:
    """Since 0.2.0, the first version that projects carry."""
    text = "".join(notes.between((ROOT / "CHANGELOG.md").read_text(), "0.2.0", "999"))
    told = " ".join(notes.actions(text))
    for entry in notes.ENTRY.findall(text):
        words = " ".join(entry.split())
        assert not re.search("begun before|from before needs", words) or words in told, words
