"""What statements do that read or change rows, and what they do while a lock is held."""

import re
from collections.abc import Iterator, Mapping, Sequence

from slipway.migrations import upsert
from slipway.migrations.known_schema import KnownSchema
from slipway.migrations.names import named
from slipway.migrations.query import VERBS, inner, writes
from slipway.migrations.statement import Statement, is_on
from slipway.migrations.verdict import (
    NO_LOCK,
    ROWS,
    Risk,
    Verdict,
    careful,
    has,
    outer,
    safe,
    unsafe,
)

_WORK = re.compile(r"\b(?:update|delete\s+from|merge\s+into|insert\s+into)\b", re.IGNORECASE)
_CHANGES = ("UPDATE", "DELETE")
_QUICK = {"SETVAL", "NEXTVAL", "SET_CONFIG", "VALUES", ","}
_STRONG = ("SHARE", "SHARE ROW EXCLUSIVE", "EXCLUSIVE", "ACCESS EXCLUSIVE")


def written(statement: Statement, schema: KnownSchema) -> Iterator[Verdict]:
    """Review a query by each part that writes, in its WITH too."""
    words: Sequence[str] = statement.words
    if statement.kind == "EXPLAIN" and is_on(words[1:], "ANALYZE"):  # it runs what it explains
        begins = (at for at, word in enumerate(words) if word in (*VERBS, "WITH"))
        words = words[next(begins, len(words)) :]
    elif statement.kind == "COPY":
        words = inner(words[1:])
    queries = upsert.named_queries(words)
    parts = [_part(part, queries, schema) for part in writes(words)]
    yield from parts or [safe(NO_LOCK, "locks no table for itself")]


def _part(
    words: Sequence[str], queries: Mapping[str, Sequence[str]], schema: KnownSchema
) -> Verdict:
    verb, rest = words[0], words[1:]
    name = named(rest)[0]
    table = schema.resolve(name)
    update = upsert.update(rest) if verb == "INSERT" else rest
    only_adds = verb == "MERGE" and not any(has(rest, "THEN", each) for each in _CHANGES)
    if not update or only_adds:
        return safe(ROWS, "adds rows")
    if schema.is_new(name) or _is_of_few(verb, rest, queries):
        return safe(ROWS, "changes rows; who wants the same rows waits for the whole file")
    instead = "change it in batches with WHERE, in a file with transaction:false"
    if verb == "INSERT" and upsert.is_limited(update):
        why = f"holds every row of {table} that it meets until the file is done, changed or not"
        return careful("changing-all-rows", ROWS, why, instead)
    why = f"holds every row of {table} until the file is done, and doubles the table"
    return unsafe("changing-all-rows", ROWS, why, instead)


def _is_of_few(verb: str, words: Sequence[str], queries: Mapping[str, Sequence[str]]) -> bool:
    """Whether a statement names the rows that it changes, or chooses them."""
    if verb == "INSERT":
        return upsert.chooses(upsert.source(words), queries)
    if verb == "MERGE":
        used = words[words.index("USING") + 1 :] if "USING" in words else ()
        return not has(words, "BY", "SOURCE") and upsert.gives_chosen(used, queries)
    return upsert.is_limited(words)


def held(
    statement: Statement, verdicts: Sequence[Verdict], schema: KnownSchema
) -> Iterator[Verdict]:
    """Say what takes long while an earlier statement's lock is held; remember this one's locks."""
    is_validation = statement.kind == "ALTER TABLE"
    has_spoken = is_validation and any(each.risk is Risk.UNSAFE for each in verdicts)
    if schema.held and not has_spoken and _takes_long(statement, schema):
        yield unsafe(
            "working-under-lock",
            schema.held,
            "works on rows while the transaction holds this lock of an earlier statement",
            "put it in a later file of its own",
        )
    elif schema.held and _may_take_long(statement):
        why = "may read many rows, or call what does, while the transaction holds this lock"
        yield careful("working-under-lock", schema.held, why, "put it in a later file of its own")
    if schema.in_transaction and not schema.held:
        locks = (_strong_lock(each, statement, schema) for each in verdicts)
        schema.held = next(filter(None, locks), "")


def _strong_lock(verdict: Verdict, statement: Statement, schema: KnownSchema) -> str:
    """Say which lock a statement leaves behind that others wait for, and on what."""
    mode, _, where = verdict.lock.partition(" on ")
    if mode not in _STRONG or (verdict.is_new and not where):
        return ""
    on_itself = not where or where.startswith("it")
    return f"{mode} on {_subject(statement, schema)}" if on_itself else verdict.lock


def _takes_long(statement: Statement, schema: KnownSchema) -> bool:
    words, kind = statement.words, statement.kind
    if kind in ("REFRESH", "COPY"):
        return True
    if kind == "DO":
        return bool(_WORK.search(statement.text))
    if kind == "ALTER TABLE":
        return "VALIDATE" in words and not schema.is_new(named(words[2:])[0])
    if kind in ("CREATE TABLE", "CREATE MATERIALIZED VIEW"):
        return "AS" in outer(words) and not has(words, "NO", "DATA")
    return any(
        part[0] != "INSERT" or words[0] == "WITH" or upsert.reads_table(upsert.source(part[1:]))
        for part in writes(words)
    ) or (kind == "SELECT" and "INTO" in outer(words))


def _may_take_long(statement: Statement) -> bool:
    words = statement.words
    calls = {word for at, word in enumerate(words) if words[at + 1 : at + 2] == ("(",)}
    return statement.kind == "SELECT" and ("FROM" in words or not calls <= _QUICK)


def _subject(statement: Statement, schema: KnownSchema) -> str:
    """Name the table that a statement is about."""
    words = statement.words
    if "ON" in words and statement.kind not in ("ALTER TABLE", "DROP TABLE"):
        return schema.resolve(named(words[words.index("ON") + 1 :])[0])
    start = next((at for at, word in enumerate(words) if word in ("TABLE", "VIEW", "INDEX")), 0)
    return schema.resolve(named(words[start + 1 :])[0])
