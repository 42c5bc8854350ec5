"""CI runs what somebody read: actions of others are named by their commit."""

import re

import pytest

from slipway.project import ROOT

FILES = sorted((ROOT / ".github" / "workflows").glob("*.y*ml"))
PINNED = re.compile(r"\S+@[0-9a-f]{40} # v[0-9.]+")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_an_action_is_named_by_its_commit_and_no_token_may_write(path: str) -> None:
    text = (ROOT / path).read_text(encoding="utf-8")
    uses = re.findall(r"^\s*-?\s*uses: (.*)$", text, re.MULTILINE)
    assert uses and all(PINNED.fullmatch(each) for each in uses), uses
    assert "permissions:\n  contents: read\n" in text
