"""INSERT … SELECT and MERGE: whether what they read is chosen, so that they change a few rows."""

from collections.abc import Iterator, Mapping, Sequence

from slipway.migrations.names import named, plain
from slipway.migrations.query import condition, inner
from slipway.migrations.verdict import has, outer

_QUERIES = {"SELECT", "VALUES", "TABLE", "WITH"}
_SETS = {"UNION", "INTERSECT", "EXCEPT"}
_KEEPS_ALL = {"LEFT", "RIGHT", "FULL", "CROSS", "NATURAL", "LATERAL"}
_BEHIND_FROM = {"WHERE", "GROUP", "ORDER", "HAVING", "WINDOW", "LIMIT", "OFFSET", "FETCH", "FOR"}
_CONSTANTS = {"TRUE", "FALSE", "NOT", "AND", "OR", "IS", "NULL"}


def is_limited(words: Sequence[str]) -> bool:
    """Whether a WHERE chooses rows; `WHERE true` and `WHERE 1 = 1` choose all."""
    names = {word for word in condition(words) if word[0].isalpha() or word[0] in '_"'}
    return bool(names - _CONSTANTS)


def source(words: Sequence[str]) -> Sequence[str]:
    """Cut out the query whose rows an INSERT adds, without parentheses around it."""
    begin, depth = len(words), 0
    for at, word in enumerate(words):
        opens = word == "(" and words[at + 1 : at + 2] and words[at + 1] in {*_QUERIES, "("}
        if depth == 0 and begin == len(words) and (word in _QUERIES or opens):
            begin = at
        depth += {"(": 1, ")": -1}.get(word, 0)
        if depth == 0 and (word == "RETURNING" or has(words[at : at + 2], "ON", "CONFLICT")):
            return _bare(words[begin:at])
    return _bare(words[begin:])


def update(words: Sequence[str]) -> Sequence[str]:
    """Cut out what an INSERT does with rows that are there: what stands behind DO UPDATE."""
    at = next((at for at in range(len(words)) if has(words[at : at + 2], "DO", "UPDATE")), None)
    return () if at is None else words[at + 2 :]


def reads_table(words: Sequence[str]) -> bool:
    """Whether a query reads a table, and not only what is written in it; EXISTS stops at a row."""
    if words[:1] in (["VALUES"], ("VALUES",)):
        return False
    left = list(words)
    while "EXISTS" in left:
        at = left.index("EXISTS")
        left[at : at + 3 + len(inner(left[at + 1 :]))] = []
    return "FROM" in left or words[:1] in (["TABLE"], ("TABLE",))


def named_queries(words: Sequence[str]) -> dict[str, Sequence[str]]:
    """Read the queries of a WITH by their names."""
    queries = {}
    for at, word in enumerate(words):
        begin = at + 1 + (words[at + 1 : at + 2] == ("MATERIALIZED",))
        begin += 2 * (words[at + 1 : at + 3] == ("NOT", "MATERIALIZED"))
        if word == "AS" and at and words[begin : begin + 1] == ("(",):
            queries[_name_before(words, at)] = inner(words[begin:])
    return queries


def _name_before(words: Sequence[str], at: int) -> str:
    """Read the name before an AS; columns may stand between them."""
    end = at - 1
    if words[end] == ")":
        while end and words[end] != "(":
            end -= 1
        end -= 1
    return plain(words[end])


def chooses(words: Sequence[str], queries: Mapping[str, Sequence[str]]) -> bool:
    """Whether a query gives the rows that are written in it, or some that it chooses."""
    words = _bare(words)
    flat = outer(words)
    if {"LIMIT", "FETCH"} & set(flat):
        return True
    parts = _split(words, _SETS)
    if len(parts) > 1:
        return all(chooses(part, queries) for part in parts)
    if is_limited(words) or words[:1] in (["VALUES"], ("VALUES",)):
        return True
    items = _split(_until(_from(words), _BEHIND_FROM), {","})
    return all(_joined(item, queries) for item in items)


def _from(words: Sequence[str]) -> Sequence[str]:
    """Cut out what a query reads; nothing where that is only what is written in it."""
    depth = 0
    for at, word in enumerate(words):
        depth += {"(": 1, ")": -1}.get(word, 0)
        if depth == 0 and word in ("FROM", "TABLE") and words[max(at - 1, 0)] != "DISTINCT":
            return words[at + 1 :]
    return ()


def _joined(words: Sequence[str], queries: Mapping[str, Sequence[str]]) -> bool:
    """Whether tables that are joined give chosen rows: one that has such is enough."""
    are_chosen = [gives_chosen(each, queries) for each in _split(words, {"JOIN"})]
    keeps_all = _KEEPS_ALL & set(outer(words)) or has(words, "ON", "TRUE")
    return all(are_chosen) if keeps_all else any(are_chosen)


def gives_chosen(words: Sequence[str], queries: Mapping[str, Sequence[str]]) -> bool:
    """Whether what stands behind a FROM, JOIN or USING gives rows that are written or chosen."""
    words = [word for word in words if word not in ("LATERAL", "ONLY")]
    if words[:1] == ["("]:
        return chooses(inner(words), queries)
    name, rest = named(words)
    if name.plain in queries:
        others = {key: query for key, query in queries.items() if key != name.plain}
        return chooses(queries[name.plain], others)
    return rest[:1] in (["("], ("(",))  # a function


def _bare(words: Sequence[str]) -> Sequence[str]:
    while words[:1] in (["("], ("(",)) and len(inner(words)) == len(words) - 2:
        words = inner(words)
    return words


def _split(words: Sequence[str], at: set[str]) -> list[list[str]]:
    """Cut words at some that stand outside of parentheses."""
    return [list(part) for part in _cut(words, at) if part]


def _cut(words: Sequence[str], at: set[str]) -> Iterator[Sequence[str]]:
    depth = begin = 0
    for number, word in enumerate(words):
        depth += {"(": 1, ")": -1}.get(word, 0)
        if depth == 0 and word in at:
            yield words[begin:number]
            begin = number + 1
    yield words[begin:]


def _until(words: Sequence[str], ends: set[str]) -> Sequence[str]:
    """Leave out what stands behind the first of some words outside of parentheses."""
    return next(_cut(words, ends))
