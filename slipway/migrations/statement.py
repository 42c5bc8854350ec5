"""One SQL statement: its text, where it stands, what kind it is, and the words it is made of."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from slipway.migrations.lexer import Kind, Token, tokens

BLANK = (Kind.SPACE, Kind.COMMENT)
_MODIFIERS = {"OR", "REPLACE", "UNIQUE", "TEMP", "TEMPORARY", "UNLOGGED", "GLOBAL", "LOCAL"}
_MODIFIERS |= {"RECURSIVE", "TRUSTED", "PROCEDURAL", "CONSTRAINT"}
_PAIRS = {"MATERIALIZED VIEW", "FOREIGN TABLE", "FOREIGN DATA", "EVENT TRIGGER", "ACCESS METHOD"}
_PAIRS |= {"TEXT SEARCH", "OPERATOR CLASS", "OPERATOR FAMILY", "USER MAPPING"}
_PAIRS |= {"DEFAULT PRIVILEGES", "START TRANSACTION", "PREPARE TRANSACTION"}


@dataclass(frozen=True)
class Statement:
    """One statement without its semicolon; `line` is where it begins in the text that was split.

    `kind` is its verb with what it is done to, "CREATE INDEX"; `comment` is all the comments since
    the statement before it; `unclosed` is what it opens and does not close.
    """

    text: str
    line: int
    kind: str
    comment: str = ""
    unclosed: str = ""

    @cached_property
    def words(self) -> tuple[str, ...]:
        """What it says without space and comments; plain words in capitals."""
        return words([each for each in tokens(self.text) if each.kind not in BLANK])

    def says(self, *phrase: str) -> bool:
        """Whether the words stand in it, one after the other."""
        size = len(phrase)
        return any(self.words[at : at + size] == phrase for at in range(len(self.words)))


def words(held: Sequence[Token]) -> tuple[str, ...]:
    """Give the texts of tokens; plain words in capitals, as SQL reads them."""
    return tuple(each.text.upper() if each.kind is Kind.WORD else each.text for each in held)


def after(statement: Statement, word: str) -> Sequence[str]:
    """Return what follows the first such word in a statement."""
    at = statement.words.index(word) + 1 if word in statement.words else len(statement.words)
    return statement.words[at:]


def is_on(words: Sequence[str], option: str) -> bool:
    """Whether an option is on: `VACUUM FULL`, `VACUUM (FULL)`, but not `VACUUM (FULL false)`."""
    if option not in words:
        return False
    after = words[list(words).index(option) + 1 :][:1]
    off = {"FALSE", "OFF", "0", "'false'", "'off'", "'0'"}
    return words[:1] not in (("(",), ["("]) or after[:1] == () or after[0] not in off


def kind(tokens_read: Sequence[str]) -> str:
    """Name a statement by its verb and, where the verb needs one, its object."""
    verb, *rest = tokens_read or [""]
    if verb not in ("CREATE", "ALTER", "DROP"):
        pair = " ".join(tokens_read[:2])
        return pair if pair in _PAIRS else verb
    while verb == "CREATE" and rest and rest[0] in _MODIFIERS:
        del rest[0]
    size = 2 if " ".join(rest[:2]) in _PAIRS else 1
    return " ".join([verb, *rest[:size]])
