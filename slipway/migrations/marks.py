"""The marks of a migration file, `-- migrate:up` and `-- migrate:down`, and what is nearly one.

A mark that is misspelt is a comment: the way down would run as the end of the way up.
"""

import difflib
import re
from collections.abc import Iterator

from slipway.migrations.lexer import Kind, tokens

MARK = re.compile(r"^--[^\S\n]*migrate:(up|down)(?:[^\S\n]+(\S.*))?[^\S\n]*$", re.MULTILINE)
# Most files name it in their marks only, and are not read any further.
HINT = re.compile(r"(?<![^\W_])(?:m[a-z]{4,10}|goose|dbmate)(?![a-z])", re.IGNORECASE)
ATTEMPT = re.compile(r"[\W_]*(?P<tool>[^\W_]+)(?P<sign>[\W_]+)(?P<way>[^\W_]+)(?P<rest>.*)")
LINE = re.compile(r"^[^\S\n]*(?:#|//)*[^\S\n]*m\w+[^\S\n]*:.*$|^[^\S\n]*(?:#|//).*$", re.MULTILINE)
TOOLS = ("migrate", "migration", "migrations", "dbmate", "goose")
# What people write for one of the two, here or with other tools.
WAYS = {
    "up": ("up", "upgrade", "forward", "apply", "do"),
    "down": ("down", "downgrade", "undo", "revert", "rollback", "back", "rewind"),
}


def find_marks(text: str) -> list[re.Match[str]]:
    """Find the marks; their groups are the way and the options behind it."""
    return list(MARK.finditer(text))


def find_near_marks(text: str) -> Iterator[tuple[int, str, str]]:
    """Find what was meant as a mark: its position, its line, and what to write."""
    exact = {mark.start() for mark in find_marks(text)}
    if not any(_close(word) for word in {*HINT.findall(MARK.sub("", text))}):
        return
    lines = {line.end() - len(line[0].lstrip()): line[0] for line in LINE.finditer(text)}
    for token in tokens(text):
        # What begins within a string or a comment is no token of its own.
        written = token.text if token.kind is Kind.COMMENT else lines.get(token.start, "")
        if token.start not in exact and written and (way := _way(written)):
            yield token.start, _line(text, token.start), f"-- migrate:{way}"


def _way(comment: str) -> str:
    """Say which mark a comment means to be, or nothing."""
    words = comment.removesuffix("*/").strip()
    match = ATTEMPT.fullmatch(words)
    if match is None or not _close(match["tool"]):
        return ""
    names = [name for each in WAYS.values() for name in each]
    close = difflib.get_close_matches(match["way"].lower(), names, n=1, cutoff=0.7)
    rest = match["rest"].strip(" \t-*/:;").lower()
    has_colon = match["sign"].strip() == ":"
    # With words behind it, what has no colon may be prose; not so "down", which must not run.
    is_meant = has_colon or not rest or rest.startswith("trans") or match["way"].lower() == "down"
    if close and is_meant:
        return next(way for way, each in WAYS.items() if close[0] in each)
    # A mark of dbmate's kind, with a word that is neither.
    return "down" if has_colon and not rest else ""


def _close(word: str) -> bool:
    return bool(difflib.get_close_matches(word.lower(), TOOLS, n=1, cutoff=0.75))


def _line(text: str, position: int) -> str:
    begin = text.rfind("\n", 0, position) + 1
    return " ".join(text[begin:].partition("\n")[0].split())
