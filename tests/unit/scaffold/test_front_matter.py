"""A team's owner and dates stay in a runbook, whatever a new version changes next to them."""

import pytest

from slipway.scaffold import front_matter

OLD = b"task: [deploy]\nowner: '@ops'\nneeds:\n  - a key\nlast_tested: 2026-01-01\n"


@pytest.mark.parametrize(
    ("own", "new", "merged"),
    [
        (("@ops", "@ada"), ("[deploy]", "[deploy, plan]"), b"task: [deploy, plan]\nowner: '@ada'"),
        (("2026-01-01", "2026-02-02"), ("2026-01-01", "2026-03-03"), b"last_tested: 2026-02-02\n"),
        (("owner: '@ops'\n", ""), ("a key", "two keys"), b"]\nneeds:\n  - two keys\nlast"),
        (
            ("last", "risk: low\nlast"),
            ("needs:\n  - a key\n", ""),
            b"'\nlast_tested: 2026-01-01\nrisk",
        ),
        (("x", "x"), ("last", "time: 5m\nlast"), b"key\ntime: 5m\nlast"),
    ],
)
def test_each_key_is_merged_by_itself(
    own: tuple[str, str], new: tuple[str, str], merged: bytes
) -> None:
    ours, theirs = (OLD.replace(a.encode(), b.encode()) for a, b in (own, new))
    text = front_matter.merge(ours, OLD, theirs)
    assert merged in text and text.startswith(b"---\n") and text.endswith(b"\n---\n")


def test_a_page_without_front_matter_has_none() -> None:
    assert front_matter.split(b"# Deploy\n\n---\n") == (b"", b"# Deploy\n\n---\n")
    assert front_matter.split(b"---\nrisk: low\n---\n# A\n") == (b"risk: low\n", b"# A\n")
    assert front_matter.merge(b"", b"", b"") == b""
