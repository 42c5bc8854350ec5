"""Ways to spoil what was whole: other bytes, another shape, values that nobody expects."""

import copy
import json
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from hypothesis import strategies as st

JUNK = st.sampled_from(
    [
        *(b"[", b"]", b"{", b"}", b": ", b"- ", b"\n", b"\t", b"'", b'"', b"\\", b"\0", b"\r"),
        *(b"null", b"true", b"~", b"0", b"-1", b"1e999", b"NaN", b"9" * 5000),
        b"9223372036854775808",
        *(b"\xff\xfe", "\u2028\u202e".encode(), b"=", b"|", b"@revoked ", b"\x1b[2J", b"x" * 600),
    ]
) | st.binary(max_size=8)
EDITS = st.lists(st.tuples(st.floats(0, 1), st.integers(0, 12), JUNK), min_size=1, max_size=4)
LEAVES: tuple[Any, ...] = (
    *(None, True, -1, 2**63, 10**400, float("inf"), float("nan"), "", "x", "9" * 5000, "\0"),
    *([], {}, [None], [[]], {"x": None}, "\ud800"),
)


def spoilt(text: bytes, edits: list[tuple[float, int, bytes]]) -> bytes:
    """Put junk in place of a few bytes, here and there."""
    for at, length, junk in edits:
        start = int(at * len(text))
        text = text[:start] + junk + text[start + length :]
    return text


def misshapen(document: Any) -> Iterator[Any]:
    """Return the document with each of its values in turn missing, or another."""
    for change in _changes(document):
        changed = copy.deepcopy(document)
        yield change(changed)


def lines_misshapen(text: bytes) -> Iterator[bytes]:
    """Return a text of which each JSON document, in its lines and columns, is misshapen in turn."""
    lines = text.split(b"\n")
    for n, line in enumerate(lines):
        columns = line.split(b"\t")
        for m, column in enumerate(columns):
            try:
                document = json.loads(column)
            except ValueError:
                continue
            for other in misshapen(document):
                row = b"\t".join([*columns[:m], json.dumps(other).encode(), *columns[m + 1 :]])
                yield b"\n".join([*lines[:n], row, *lines[n + 1 :]])


def _changes(document: Any) -> Iterator[Callable[[Any], Any]]:
    for leaf in LEAVES:
        yield partial(_other, leaf)
    keys = document if isinstance(document, dict) else ()
    for key in range(len(document)) if isinstance(document, list) else keys:
        for change in _changes(document[key]):
            yield partial(_changed, key, change)
        yield partial(_without, key)


def _other(leaf: Any, whole: Any) -> Any:
    return leaf


def _changed(key: Any, change: Callable[[Any], Any], whole: Any) -> Any:
    whole[key] = change(whole[key])
    return whole


def _without(key: Any, whole: Any) -> Any:
    del whole[key]
    return whole


def huge(whole: bytes, size: int) -> Iterator[bytes]:
    """Return what is of one kind and without end: depth, keys, lines, one line, one number."""
    line = whole.rstrip(b"\n").split(b"\n")[-1]
    keys = b",".join(b'"k%d": %d' % (n, n) for n in range(size))
    yield b"[" * size
    yield b'{"a":' * size
    yield b"{" + keys + b"}"
    yield whole.replace(b"{", b"{" + keys + b",", 1)
    yield whole.replace(b"{", b'{"a":' + b"[" * size + b"]" * size + b",", 1)
    yield (whole.rstrip(b"\n") + b"\n") * size
    yield whole + (line + b"\n") * size
    yield whole + b"\n" * size + b" " * size + b"\r" * size
    yield line * size
    yield b"9" * size
    yield whole + b"\\" * size + b"'" * size + b'"' * size
    yield whole + b"#`*_[(<" * size
