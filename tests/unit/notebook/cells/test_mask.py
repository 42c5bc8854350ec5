"""A secret stays one however it is cut, coded or mixed with others; all else is left as it is."""

import base64
import json
import urllib.parse
from collections.abc import Callable

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from slipway.notebook.cells.mask import Framed, Mask

SECRET = "corréct-horse/battery+staple=7"
KEY = "-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG\n9w0BAQEFAASCBKcwggSj\n-----END KEY-----\n"


def through(mask: Mask, data: bytes, sizes: list[int]) -> bytes:
    """Send bytes through a stream in pieces of these sizes, over and over."""
    stream, shown, at = mask.stream(), b"", 0
    while data:
        size = sizes[at % len(sizes)]
        shown, data, at = shown + stream.feed(data[:size]), data[size:], at + 1
    return shown + stream.flush()


@given(
    secrets=st.lists(st.text("abc", min_size=4, max_size=7), min_size=1, max_size=4),
    text=st.text("abcd", max_size=60),
    sizes=st.lists(st.integers(1, 9), min_size=1, max_size=5),
)
@example(secrets=["abca", "cacbab"], text="abcacbab", sizes=[4])
@settings(max_examples=60)
def test_pieces_are_masked_like_the_whole(secrets: list[str], text: str, sizes: list[int]) -> None:
    mask = Mask(secrets)
    shown = through(mask, text.encode(), sizes).decode()
    assert shown == mask.text(text)
    assert not any(secret in shown for secret in secrets)


@given(st.binary(max_size=200), st.lists(st.integers(1, 50), min_size=1, max_size=4))
@settings(max_examples=60)
def test_what_is_no_secret_arrives_unchanged(data: bytes, sizes: list[int]) -> None:
    assert through(Mask([SECRET, KEY]), data, sizes) == data


def test_text_that_only_looks_random_stays() -> None:
    text = "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
    assert Mask([SECRET]).text(text) == text


@pytest.mark.parametrize(
    "coded",
    [
        SECRET,
        urllib.parse.quote(SECRET, safe=""),
        urllib.parse.quote_plus(SECRET),
        json.dumps(SECRET)[1:-1],
        "'it'\\''s-quoted'",  # as bash shows it with set -x
        "it\\'s-quoted",  # and with printf %q
        "it''s-quoted",  # SQL
        "a\\u0026b-quoted",  # Go's JSON
        "a\\u0026b-quoted".upper().replace("B-QUOTED", "b-quoted").replace("U00", "u00").lower(),
        "corr\\u00E9ct-horse/battery+staple=7",
        "corr%c3%a9ct-horse%2fbattery%2bstaple%3d7",
        "corr\\303\\251ct-horse/battery+staple=7",  # bash: $'…'
        "corr%C3%A9ct-horse/battery+staple=7",  # JavaScript's encodeURI
        "p$$a\\bquoted",  # Compose
        "p$a\\\\bquoted",  # a connection string of libpq
        "a&b\x1b[31m-quo\x1b[0mted",  # grep with colours
        "p$a\\b\x1b]8;;\x1b\\quoted",
    ],
)
def test_a_secret_is_known_by_what_tools_make_of_it(coded: str) -> None:
    mask = Mask([SECRET, "it's-quoted", "a&b-quoted", "p$a\\bquoted"])
    masked = mask.text(f"password={coded}!")
    assert masked == "password=***!" or masked == "password='***'!", masked
    assert through(mask, f"password={coded}!".encode(), [1]).decode() == masked


@pytest.mark.parametrize("before", ["", "u", "us", "user:"])
@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
def test_a_secret_is_known_in_base64_wherever_it_stands_in_the_text(
    before: str, encode: Callable[[bytes], bytes]
) -> None:
    masked = Mask([SECRET]).text(encode(f"{before}{SECRET}, and more".encode()).decode())
    rest = masked.replace("***", "")
    assert "***" in masked and len(rest) < len(encode(before.encode() + b", and more")) + 5


def test_each_line_of_a_key_is_masked_and_base64_in_lines_too() -> None:
    mask = Mask([KEY])
    assert mask.text("9w0BAQEFAASCBKcwggSj") == "***"
    coded = base64.encodebytes(KEY.encode()).decode()
    assert "MIIE" not in mask.text(KEY.replace("\n", "\r\n"))
    assert mask.text(coded) == "***Qo=\n"
    assert mask.text(coded.splitlines()[0]) == "***"


LONG = "Zq7-nine/horses+eat_forty.oats:while&singing=sea#songs!"


def in_lines(text: str, width: int, end: str) -> str:
    coded = base64.b64encode(text.encode()).decode()
    return "".join(coded[at : at + width] + end for at in range(0, len(coded), width))


@given(
    before=st.text("abc", max_size=200),
    width=st.sampled_from([64, 76]),
    end=st.sampled_from(["\n", "\r\n", "\n    "]),
    sizes=st.lists(st.integers(1, 90), min_size=1, max_size=5),
)
@example(before="user=admin password=", width=76, end="\n", sizes=[1])
@settings(max_examples=150)
def test_a_secret_is_known_in_base64_that_is_broken_into_lines(
    before: str, width: int, end: str, sizes: list[int]
) -> None:
    mask = Mask([LONG, SECRET])
    shown = mask.text(in_lines(before + LONG + " and more", width, end))
    left = len(in_lines(before + " and more", 1000, ""))
    assert "***" in shown and len("".join(shown.replace("***", "").split())) <= left + 5
    assert mask.hides(in_lines(before + LONG, width, end))
    assert through(mask, in_lines(before + LONG + " and more", width, end).encode(), sizes) == (
        shown.encode()
    )


def test_a_line_that_ends_like_a_secret_begins_is_shown_at_once_unless_it_is_long() -> None:
    coded = base64.b64encode(LONG.encode())
    stream = Mask([LONG]).stream()
    assert stream.feed(b"it is " + coded[:3] + b"\n") == b"it is " + coded[:3] + b"\n"
    assert stream.feed(b"x" * 70 + coded[:3] + b"\n") == b"x" * 70


def test_values_too_short_to_be_told_from_text_are_left() -> None:
    assert Mask(["abc", "", " "]).text("abc, a b c") == "abc, a b c"


def test_a_prompt_appears_at_once_and_only_what_may_become_a_secret_waits() -> None:
    stream = Mask(["secret-value"]).stream()
    assert stream.feed(b"Password: ") == b"Password: "
    assert stream.feed(b"its secret-") == b"its "
    assert stream.feed(b"ary") == b"secret-ary"


def test_a_value_learned_later_is_masked_in_a_stream_that_is_open() -> None:
    mask = Mask([])
    stream = mask.stream()
    assert stream.feed(b"token-1234\n") == b"token-1234\n"
    mask.add("token-1234")
    assert stream.feed(b"token-1234\n") == b"***\n"


ADDRESS = Framed("//u:", "abcd", "@")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgres://u:abcd@h/x abcd u:abcd", "postgres://u:***@h/x abcd u:abcd"),
        ("postgres://u:\x1b[31mabcd\x1b[0m@h", "postgres://u:\x1b[31m***\x1b[0m@h"),
        ('{"url": "postgres:\\/\\/u:abcd@h"}', '{"url": "postgres:***h"}'),
        ("to=postgres%3A%2F%2Fu%3Aabcd%40h", "to=postgres%3A***h"),
        ("//u:abcd@//u:abcd@abcd-efgh@", "//u:***@//u:***@***@"),
        ("//u:abc //u:abcde@ //v:abcd@", "//u:abc //u:abcde@ //v:abcd@"),
    ],
)
def test_a_short_password_is_masked_where_it_stands_in_an_address(text: str, shown: str) -> None:
    mask = Mask([ADDRESS, "abcd-efgh"])
    assert mask.text(text) == shown
    data = text.encode()
    for at in range(len(data)):
        stream = mask.stream()
        pieces = stream.feed(data[:at]) + stream.feed(data[at:]) + stream.flush()
        assert pieces.decode() == shown
    stream = mask.stream()
    pieces = b"".join(stream.feed(data[at : at + 1]) for at in range(len(data)))
    assert (pieces + stream.flush()).decode() == shown
    assert mask.hides(text) == (text != shown)
