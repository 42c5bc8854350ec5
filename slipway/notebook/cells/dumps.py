"""What xxd, hexdump and od print, read back: which bytes their lines stand for."""

import re
from collections.abc import Iterator, Sequence
from itertools import accumulate

# An address, then groups of digits or single letters; or four digits in each of several groups.
GROUPS = rb"[ \t]*(?:[0-9a-fA-F]{6,16}(:?)[ \t]+|(?=(?:[0-9a-fA-F]{4}[ \t]+){3}))(\S[^\n]*)"
DUMP_LINE = re.compile(rb"\n" + GROUPS)
GOES_ON = re.compile(rb"(?m:^)" + GROUPS + rb"(?:\n[\s*]*[0-9a-fA-F]*:?\s*)?\Z")
LONGEST_LINE = 512
HEX = re.compile(rb"[0-9a-fA-F]+")
OCTAL = re.compile(rb"[0-7]+")
BITS = re.compile(rb"[01]{8}")
DECIMAL = re.compile(rb"-?[0-9]{1,5}")
LETTERS = {rb"\0": b"\0", rb"\a": b"\a", rb"\b": b"\b", rb"\t": b"\t"}
LETTERS |= {rb"\n": b"\n", rb"\v": b"\v", rb"\f": b"\f", rb"\r": b"\r"}


class Dump:
    """The bytes of a dump, if one way to read its groups is the right one."""

    def __init__(self, lines: Sequence[tuple[int, int]], groups: Sequence[Sequence[bytes]]) -> None:
        self._lines = lines
        self._ends = list(accumulate(sum(map(len, each)) for each in groups))
        self.text = b"".join(b"".join(each) for each in groups)
        last = groups[-1][-1] if groups[-1] else b""
        self.settled = self.text[: len(self.text) - len(last)]  # more digits may follow

    def span(self, begin: int, end: int) -> tuple[int, int]:
        """Return the lines that hold a part of the bytes, whole: letters stand at their ends."""
        first = next(n for n, stop in enumerate(self._ends) if begin < stop)
        last = next(n for n, stop in enumerate(self._ends) if end <= stop)
        return self._lines[first][0], self._lines[last][1]


def dumps(data: bytes) -> Iterator[Dump]:
    """Read the lines of dumps in a text, in each way that their groups may be meant."""
    matches = list(DUMP_LINE.finditer(b"\n" + data))
    if not matches:
        return
    lines = [(match.start(), match.end() - 1) for match in matches]
    digits = [_digits(match[2], colon=bool(match[1])) for match in matches]
    ways = [[list(way(groups)) for groups in digits] for way in WAYS]
    for groups in (*ways, [list(_letters(match[2].split())) for match in matches]):
        if any(groups):
            yield Dump(lines, groups)


def goes_on(data: bytes) -> bool:
    """Whether the end of a text is in a dump: a line of it, and the begin of one at most."""
    return bool(GOES_ON.search(data, max(0, len(data) - LONGEST_LINE)))


def _digits(rest: bytes, *, colon: bool) -> list[bytes]:
    """Return the groups of a line without the letters that some programs add."""
    for mark in (b"  ",) if colon else (b" |", b"  >"):
        rest = rest.split(mark)[0]
    return rest.split()


def _in_order(groups: Sequence[bytes]) -> Iterator[bytes]:
    for group in groups:
        if len(group) % 2 or not HEX.fullmatch(group):
            return
        yield bytes.fromhex(group.decode())


def _swapped(groups: Sequence[bytes]) -> Iterator[bytes]:
    """Words as a small-endian machine has them."""
    for piece in _in_order(groups):
        yield piece[::-1] if len(piece) > 1 else b""


def _octal(groups: Sequence[bytes]) -> Iterator[bytes]:
    for group in groups:
        size = len(group) // 3
        if len(group) not in (3, 6) or not OCTAL.fullmatch(group) or int(group, 8) >= 256**size:
            return
        yield int(group, 8).to_bytes(size, "little")


def _bits(groups: Sequence[bytes]) -> Iterator[bytes]:
    for group in groups:
        if not BITS.fullmatch(group):
            return
        yield bytes([int(group, 2)])


def _decimal(groups: Sequence[bytes]) -> Iterator[bytes]:
    for group in groups:
        size = 1 if len(group.lstrip(b"-")) <= 3 else 2
        if not DECIMAL.fullmatch(group) or int(group) >= 256**size:
            return
        yield (int(group) % 256**size).to_bytes(size, "little")


def _letters(groups: Sequence[bytes]) -> Iterator[bytes]:
    for group in groups:
        if len(group) == 1:
            yield group
        elif group in LETTERS:
            yield LETTERS[group]
        elif len(group) == 3 and OCTAL.fullmatch(group):
            yield bytes([int(group, 8) & 255])
        else:
            return


WAYS = (_in_order, _swapped, _octal, _bits, _decimal)
