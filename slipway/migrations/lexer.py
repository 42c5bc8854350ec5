"""The tokens of SQL, cut where PostgreSQL's own scanner cuts them.

The rules are those of PostgreSQL 17 (scan.l and psql's psqlscan.l) with standard conforming
strings. Only what decides where a token ends is kept: operators come in pieces.
"""

import enum
import re
from collections.abc import Iterator
from dataclasses import dataclass


class Kind(enum.Enum):
    """What a token is, as far as splitting and reviewing need to know."""

    SPACE = "space"
    COMMENT = "comment"
    STRING = "string"
    QUOTED = "quoted identifier"
    WORD = "word"
    SIGN = "sign"
    OPEN = "never closed"


@dataclass(frozen=True)
class Token:
    """A piece of SQL between two positions."""

    kind: Kind
    text: str
    start: int

    @property
    def end(self) -> int:
        return self.start + len(self.text)


# A string goes on after a line's end; what is between counts, for the escapes go on too.
_ESCAPED = r"'(?>[^'\\]|\\.|'')*+'"
_GO_ON = r"(?>(?:[ \t\f\v]|--[^\n\r]*)*+[\n\r](?:[ \t\f\v\n\r]|--[^\n\r]*[\n\r])*+)"
_LETTER = r"[A-Za-z_\x80-\U0010ffff]"
# A word that clings to a number is an error to the server, but cut off with it.
_NUMBER = r"(?:[0-9]+(?:\.(?!\.)[0-9]*)?|\.[0-9]+)(?:[eE][-+][0-9]+)?"
_TOKEN = re.compile(
    rf"""
      (?P<SPACE>[ \t\n\r\f\v]+)
    | (?P<COMMENT>--[^\n\r]*)
    | (?P<block>/\*)
    | (?P<STRING>[eE]{_ESCAPED}(?:{_GO_ON}{_ESCAPED})*+ | (?:[uU]&|[nNbBxX])?'(?>[^']|'')*+')
    | (?P<QUOTED>(?:[uU]&)?"(?>[^"]|"")*+")
    | (?P<open>[eEnNbBxX]?' | [uU]&['"] | ")
    | (?P<dollar>\$(?:{_LETTER}(?:{_LETTER}|[0-9])*)?\$)
    | (?P<WORD>{_LETTER}(?:{_LETTER}|[0-9$])*)
    | (?P<SIGN>(?:{_NUMBER}|\$[0-9]+)(?:{_LETTER}(?:{_LETTER}|[0-9$])*)? | .)
    """,
    re.VERBOSE | re.DOTALL,
)
_COMMENT_EDGE = re.compile(r"/\*|\*/")


def tokens(text: str, position: int = 0) -> Iterator[Token]:
    """Cut a text into tokens; nothing between them is lost. What is never closed is the last."""
    while match := _TOKEN.match(text, position):
        end: int | None = match.end()
        name = match.lastgroup or ""
        kind = Kind.__members__.get(name, Kind.OPEN)
        if name == "block":
            kind, end = Kind.COMMENT, _comment_end(text, match.end())
        elif name == "dollar":
            closing = text.find(match[0], match.end())
            kind, end = Kind.STRING, closing + len(match[0]) if closing >= 0 else None
        if end is None or kind is Kind.OPEN:
            kind, end = Kind.OPEN, len(text)
        yield Token(kind, text[position:end], position)
        position = end


def _comment_end(text: str, position: int) -> int | None:
    """Find the end of a block comment that begins before `position`; they nest."""
    depth = 1
    for edge in _COMMENT_EDGE.finditer(text, position):
        depth += 1 if edge[0] == "/*" else -1
        if depth == 0:
            return edge.end()
    return None
