"""Scripts that need root, on hosts where we are not root."""

import pytest

from slipway.errors import CommandFailed, Refused
from slipway.hosts.sudo import as_root
from tests.fakes.host import FakeHost


@pytest.mark.parametrize(
    ("code", "complaint"),
    [(1, "sudo: a password is required"), (127, "sh: 1: exec: sudo: not found")],
)
def test_a_host_without_free_sudo_is_refused_with_the_line_that_helps(
    code: int, complaint: str
) -> None:
    host = FakeHost("m1").answers("sh", code=code, err=complaint)
    with pytest.raises(Refused, match="NOPASSWD"):
        as_root(host, "true")


def test_what_a_script_itself_says_is_not_taken_for_sudo() -> None:
    host = FakeHost("m1").answers("sh", code=1, err="nft: syntax error")
    with pytest.raises(CommandFailed, match="syntax error"):
        as_root(host, "nft -f -")


def test_input_goes_to_the_script_and_its_arguments_stay_words() -> None:
    host = FakeHost("m1").answers("sh", out="done")
    as_root(host, 'cat > "$1"', "/etc/a b", stdin=b"rules", timeout=7)
    (asked,) = host.asked
    assert asked.stdin == b"rules"
    assert asked.argv[-1] == "/etc/a b"
    assert "7" in asked.argv
