"""Texts as their readers take them: without colours, codes, folds; and where each part stood.

A secret that is written otherwise than it is stands whole in one of these readings.
"""

import html
import re
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import NamedTuple

LINE = 60  # of base64, at least: openssl breaks its lines at 64, base64 at 76
# Colours and other commands to a terminal, also one that is not whole yet.
ESCAPE = re.compile(
    rb"\x1b(?:\[[0-?]*[ -/]*(?:[@-~]|\Z)|\][^\x07\x1b]*(?:\x07|\x1b\\|\x1b?\Z)|[@-Z\\^_]|\Z)"
)
# Nothing of this is in short lines, so that none of those waits for what may follow.
BREAK = re.compile(rb"[\r\n](?<=[\w+/-]{%d}[\r\n])[\r\n \t]*" % LINE)
FRAME = re.compile(rb"\xe2[\x94-\x96][\x80-\xbf]")  # the lines of tables and boxes
# %41, \u0041, \u{41}, \U00000041, \x41, \101, &amp;, &#65; and with more backslashes each.
CODE = re.compile(
    rb"[%\\&](?:"
    rb"(?<=%)([0-9a-fA-F]{2})"
    rb"|(?<=\\)\\*+(?:u([dD][89abAB][0-9a-fA-F]{2})\\+u([dD][c-fC-F][0-9a-fA-F]{2})"
    rb"|u([0-9a-fA-F]{4})|u\{([0-9a-fA-F]{1,6})\}|U([0-9a-fA-F]{8})"
    rb"|x([0-9a-fA-F]{2})|([0-3][0-7]{2}))"
    rb"|(?<=&)(\#[0-9]{1,7};|\#[xX][0-9a-fA-F]{1,6};|[a-zA-Z]{2,8};))"
)
# The begin of a code or of a line of a box: alone it would stand for itself.
CUT_OFF = re.compile(
    rb"(?:%[0-9a-fA-F]?"
    rb"|(?:\\+u[dD][89abAB][0-9a-fA-F]{2})?"
    rb"\\+(?:u[0-9a-fA-F]{0,3}|u\{[0-9a-fA-F]{0,6}|U[0-9a-fA-F]{0,7}|x[0-9a-fA-F]?|[0-3][0-7]?)?"
    rb"|\\+u[dD][89abAB][0-9a-fA-F]{2}"
    rb"|&(?:\#[xX]?[0-9a-fA-F]{0,7}|[a-zA-Z]{0,8})"
    rb"|\xe2[\x94-\x96]?)\Z"
)
NEAR = 48  # bytes; no code is longer
MAY_BE_CUT_OFF = re.compile(rb"[%\\&\xe2]")
DEEPEST = 4  # a code in a code in a code, as JSON in JSON in a URL has it
# What quoting, folding, doubling and joining add; NUL is half of each letter in UTF-16.
NOISE = b" \t\r\n\v\f\0\\'\"`$|>=+,"
OUTSIDE_HEX = bytes(byte for byte in range(256) if byte not in b"0123456789abcdefABCDEF")
LOWER = bytes(range(256)).lower()


class Rewrite(NamedTuple):
    """One thing that a reader does to a text, where a mark for it is in it."""

    marks: tuple[bytes, ...]
    pattern: re.Pattern[bytes]
    becomes: Callable[[re.Match[bytes]], bytes] = lambda match: b""
    deletes: bytes = b""  # what the pattern matches, where that is single bytes

    def apply(self, text: bytes) -> bytes:
        """Return the text as it is read."""
        if self.deletes:
            return text.translate(None, self.deletes)
        if any(mark in text for mark in self.marks):
            return self.pattern.sub(self.becomes, text)
        return text


def _decoded(match: re.Match[bytes]) -> bytes:
    """Return what a code stands for."""
    percent, high, low, *unicodes, hexadecimal, octal, entity = match.groups()
    if entity is not None:
        return _utf8(html.unescape(f"&{entity.decode()}"))
    if high is not None:
        both = bytes.fromhex((high + low).decode())
        return _utf8(both.decode("utf-16-be"))
    for digits in unicodes:
        if digits is not None:
            code = int(digits, 16)
            return _utf8(chr(code)) if code < 0x110000 else match[0]
    return bytes([int(octal, 8) if octal is not None else int(percent or hexadecimal, 16)])


def _utf8(text: str) -> bytes:
    return text.encode(errors="surrogatepass")


def _deletion(what: bytes) -> Rewrite:
    return Rewrite((), re.compile(b"[" + re.escape(what) + b"]+"), deletes=what)


COLOURS = Rewrite((b"\x1b",), ESCAPE)
LONG_LINES = Rewrite((b"\n", b"\r"), BREAK)
FRAMES = Rewrite((b"\xe2",), FRAME)
CODES = Rewrite((b"%", b"\\", b"&"), CODE, _decoded)
QUIET = _deletion(NOISE)
PREFIXES = Rewrite((b"0x", b"0X"), re.compile(rb"0[xX](?=[0-9a-fA-F])"))

PLAIN = (COLOURS,)
UNBROKEN = (LONG_LINES,)
BARE = (COLOURS, FRAMES, *[CODES] * DEEPEST, QUIET)
BARES = (BARE, (QUIET,))  # what looks like a code and is cut in two is none in its text
DIGITS = (COLOURS, PREFIXES, _deletion(OUTSIDE_HEX))


class Reading:
    """A text after some rewriting; positions in the original are worked out when asked for."""

    def __init__(self, data: bytes, rewrites: Sequence[Rewrite]) -> None:
        self._data, self._rewrites = data, rewrites
        self.text = read(data, rewrites)
        self.changed = len(self.text) != len(data)

    @cached_property
    def settled(self) -> bytes:
        """The begin of the text that stays as it is, whatever follows: no code is cut off there."""
        if self._rewrites is DIGITS:
            return self.text.removesuffix(b"0")  # of 0x
        if not MAY_BE_CUT_OFF.search(self._data, max(0, len(self._data) - NEAR)):
            return self.text
        return read(self._data, self._rewrites, whole=False)

    def span(self, begin: int, end: int) -> tuple[int, int]:
        """Return from where to where in the original a part of the text stands."""
        starts, stops = self._places
        return starts[begin], stops[end - 1]

    def place(self, at: int) -> int:
        """Return where in the original a byte of the text stands; its end for the end."""
        return self.span(at, at + 1)[0] if at < len(self.text) else len(self._data)

    @cached_property
    def _places(self) -> tuple[list[int], list[int]]:
        """Return where each byte of the text begins and ends in the original."""
        text = self._data
        starts, stops = list(range(len(text))), list(range(1, len(text) + 1))
        for rewrite in self._rewrites:
            was, last, pieces = (starts, stops), 0, []
            starts, stops = [], []
            for match in rewrite.pattern.finditer(text):
                first, after = match.span()
                new = rewrite.becomes(match)
                pieces += [text[last:first], new]
                starts += was[0][last:first] + [was[0][first]] * len(new)
                stops += was[1][last:first] + [was[1][after - 1]] * len(new)
                last = after
            text = b"".join([*pieces, text[last:]])
            starts, stops = starts + was[0][last:], stops + was[1][last:]
        return starts, stops


def read(data: bytes, rewrites: Sequence[Rewrite], *, whole: bool = True) -> bytes:
    """Return a text as it is read, with or without what is cut off at its end."""
    size, last = 0, None
    for rewrite in rewrites:
        if not whole and (cut_off := CUT_OFF.search(data, max(0, len(data) - NEAR))):
            data = data[: cut_off.start()]
        if rewrite is not last or len(data) < size:  # no codes, so none in codes
            size, data, last = len(data), rewrite.apply(data), rewrite
    return data.translate(LOWER) if rewrites is DIGITS else data
