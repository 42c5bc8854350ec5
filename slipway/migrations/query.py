"""The parts of a query that write: itself, and what stands in its WITH."""

from collections.abc import Iterator, Sequence

_KEYWORDS = {"UPDATE": "", "DELETE": "FROM", "INSERT": "INTO", "MERGE": "INTO"}


def writes(words: Sequence[str]) -> Iterator[Sequence[str]]:
    """Cut out each UPDATE, DELETE, INSERT and MERGE, with the table right behind its verb."""
    if words[:1] and words[0] not in (*_KEYWORDS, "WITH"):
        return
    for at, word in enumerate(words):
        # Others stand behind a word: FOR UPDATE, ON DELETE, DO UPDATE, THEN INSERT.
        if word in _KEYWORDS and (at == 0 or words[at - 1] in ("(", ")")):
            rest = words[at + 1 : _end(words, at)]
            if _KEYWORDS[word] in ("", *rest[:1]):
                yield (word, *(rest[1:] if _KEYWORDS[word] else rest))


def _end(words: Sequence[str], begin: int) -> int:
    """Find the parenthesis that closes around a place, or the end."""
    depth = 0
    for at in range(begin, len(words)):
        depth += {"(": 1, ")": -1}.get(words[at], 0)
        if depth < 0:
            return at
    return len(words)
