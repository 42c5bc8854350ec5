"""The parts of a query that write, itself and in its WITH, and what stands in its parentheses."""

from collections.abc import Iterator, Sequence

_BEHIND_WHERE = {"RETURNING", "GROUP", "ORDER", "HAVING", "WINDOW", "LIMIT", "OFFSET", "FETCH"}
VERBS = {"UPDATE": "", "DELETE": "FROM", "INSERT": "INTO", "MERGE": "INTO"}


def writes(words: Sequence[str]) -> Iterator[Sequence[str]]:
    """Cut out each UPDATE, DELETE, INSERT and MERGE, with the table right behind its verb."""
    if words[:1] and words[0] not in (*VERBS, "WITH"):
        return
    for at, word in enumerate(words):
        # Others stand behind a word: FOR UPDATE, ON DELETE, DO UPDATE, THEN INSERT.
        if word in VERBS and (at == 0 or words[at - 1] in ("(", ")")):
            rest = words[at + 1 : _end(words, at)]
            if VERBS[word] in ("", *rest[:1]):
                yield (word, *(rest[1:] if VERBS[word] else rest))


def _end(words: Sequence[str], begin: int) -> int:
    """Find the parenthesis that closes around a place, or the end."""
    depth = 0
    for at in range(begin, len(words)):
        depth += {"(": 1, ")": -1}.get(words[at], 0)
        if depth < 0:
            return at
    return len(words)


def condition(words: Sequence[str]) -> Sequence[str]:
    """Cut out what stands behind the WHERE of an UPDATE or DELETE itself, not of its subqueries."""
    depth, begin = 0, len(words)
    for at, word in enumerate(words):
        depth += {"(": 1, ")": -1}.get(word, 0)
        if depth == 0 and word == "WHERE":
            begin = at + 1
        elif depth == 0 and word in _BEHIND_WHERE:
            return words[begin:at]
    return words[begin:]


def inner(words: Sequence[str]) -> Sequence[str]:
    """Cut out what stands in the parentheses that the words begin with."""
    depth = 0
    for at, word in enumerate(words):
        depth += {"(": 1, ")": -1}.get(word, 0)
        if depth == 0:
            return words[1:at]
    return words[1:]
