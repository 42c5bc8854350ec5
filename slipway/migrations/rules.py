"""What each kind of statement does to a database in use: its lock, its risk, the safe way."""

from collections.abc import Callable, Iterator, Sequence

from slipway.migrations.alter_table import FULL, MILD, alterations
from slipway.migrations.statement import Statement
from slipway.migrations.verdict import (
    KnownSchema,
    Verdict,
    all_named,
    careful,
    has,
    named,
    outer,
    plain,
    safe,
    unsafe,
    unused,
)

ROWS = "ROW EXCLUSIVE"
NO_LOCK = "none that anybody waits for"
GONE = "the release that serves may still use it"
LATER = "drop it one release after the last that uses it, then allow it here"


def verdicts(statement: Statement, schema: KnownSchema) -> Iterator[Verdict]:
    """Review one statement, and remember what it makes."""
    words = statement.words
    if used := schema.values & set(words):
        yield unsafe(
            "new-enum-value-used",
            NO_LOCK,
            f"PostgreSQL refuses to use {min(used)} in the transaction that adds it",
            "use it in a later file",
        )
    rule = RULES.get(statement.kind)
    if rule is not None:
        yield from rule(words[len(statement.kind.split()) :], schema)
    elif statement.kind.startswith("CREATE "):
        yield safe(NO_LOCK, "makes something new")
    elif statement.kind.startswith("DROP "):
        yield from _drop_other(words)
    else:
        yield safe(NO_LOCK, "locks no table for itself")


def _create_table(words: Sequence[str], schema: KnownSchema) -> Iterator[Verdict]:
    rest = words[words.index("TABLE") + 1 :] if "TABLE" in words[:4] else words
    table, after = named(rest)
    others = {named(after[at + 1 :])[0] for at, word in enumerate(after) if word == "REFERENCES"}
    others -= schema.tables | {table}
    schema.tables.add(table)
    if after[:2] == ("PARTITION", "OF"):
        parent = named(after[2:])[0]
        if parent not in schema.tables:
            lock, why = f"{FULL} on {parent}", f"holds up everything on {parent} for a moment"
            instead = "CREATE TABLE … (LIKE …) by itself, then ATTACH PARTITION"
            yield careful("creating-partition", lock, why, instead)
            return
    lock = f"SHARE ROW EXCLUSIVE on {', '.join(sorted(others))}" if others else NO_LOCK
    yield unused(lock, "makes a table")


def _alter_table(words: Sequence[str], schema: KnownSchema) -> Iterator[Verdict]:
    table, rest = named(words)
    if table in schema.tables:
        if rest[:2] == ("RENAME", "TO"):
            schema.tables.add(plain(rest[2]))
        yield unused(FULL, "alters a table")
    else:
        yield from alterations(table, rest, schema)


def _create_index(words: Sequence[str], schema: KnownSchema) -> Iterator[Verdict]:
    table = named(words[words.index("ON") + 1 :])[0] if "ON" in words else ""
    if table in schema.tables:
        yield unused("SHARE", "builds an index on a table")
    elif "CONCURRENTLY" in words:
        yield safe(MILD, f"builds an index while {table} stays in use")
    else:
        yield unsafe(
            "require-concurrent-index-creation",
            "SHARE",
            f"holds up every write to {table} while it builds the index",
            "CREATE INDEX CONCURRENTLY in a file with transaction:false",
        )


def _drop_index(words: Sequence[str], schema: KnownSchema) -> Iterator[Verdict]:
    if "CONCURRENTLY" in words:
        yield safe(MILD, "drops an index while its table stays in use")
    else:
        yield careful(
            "require-concurrent-index-deletion",
            FULL,
            "holds up everything on its table for a moment",
            "DROP INDEX CONCURRENTLY in a file with transaction:false",
        )


def _reindex(words: Sequence[str], schema: KnownSchema) -> Iterator[Verdict]:
    if "CONCURRENTLY" in words:
        yield safe(MILD, "rebuilds indexes while their tables stay in use")
    else:
        why = "holds up writes, and most reads, while it rebuilds indexes"
        instead = "REINDEX … CONCURRENTLY in a file with transaction:false"
        yield unsafe("require-concurrent-reindex", "SHARE", why, instead)


def _drop_table(words: Sequence[str], schema: KnownSchema) -> Iterator[Verdict]:
    tables = all_named(words)
    if tables <= schema.tables:
        schema.tables -= tables
        yield unused(FULL, "drops a table")
    else:
        yield unsafe("ban-drop-table", FULL, GONE, LATER)


def _drop_other(words: Sequence[str]) -> Iterator[Verdict]:
    kind = words[1].lower()
    of_table = kind in {"trigger", "policy", "rule", "view", "materialized", "sequence"}
    if "CASCADE" in words:
        why = "drops whatever depends on it too, and does not say what"
        yield unsafe("drop-cascade", FULL, why, "name what is to go, and leave CASCADE out")
    elif kind in {"schema", "database", "owned"}:
        yield unsafe(f"ban-drop-{kind}", FULL, GONE, LATER)
    else:
        lock = FULL if of_table else NO_LOCK
        yield careful(f"ban-drop-{kind}", lock, GONE, LATER)


def _truncate(words: Sequence[str], schema: KnownSchema) -> Iterator[Verdict]:
    if "CASCADE" in words:
        why = "empties every table that refers to it too, and does not say which"
        yield unsafe("ban-truncate-cascade", FULL, why, "name the tables that are to be emptied")
    elif not all_named(words) <= schema.tables:
        yield unsafe("truncating-table", FULL, "throws all rows away", "DELETE what is to go")
    else:
        yield unused(FULL, "empties a table")


def _rewriting(words: Sequence[str], schema: KnownSchema) -> Iterator[Verdict]:
    why = "copies the whole table while nobody can use it"
    yield unsafe("rewriting-table", FULL, why, "plain VACUUM, or pg_repack")


def _vacuum(words: Sequence[str], schema: KnownSchema) -> Iterator[Verdict]:
    if "FULL" in words:
        yield from _rewriting(words, schema)
    else:
        yield safe(MILD, "tidies up while the table stays in use")


def _lock(words: Sequence[str], schema: KnownSchema) -> Iterator[Verdict]:
    mode = " ".join(words[words.index("IN") + 1 :]).partition(" MODE")[0] if "IN" in words else FULL
    if all_named(words) <= schema.tables:
        yield unused(mode, "locks a table")
    else:
        why = "holds the lock until the whole file is done"
        yield unsafe("locking-table", mode, why, "leave it out; each statement locks what it needs")


def _update(words: Sequence[str], schema: KnownSchema) -> Iterator[Verdict]:
    after = words[1:] if words[:1] == ("FROM",) else words
    table = named(after)[0]
    if "WHERE" in outer(words) or table in schema.tables:
        yield safe(ROWS, "changes rows; who wants the same rows waits for the whole file")
    else:
        yield unsafe(
            "changing-all-rows",
            ROWS,
            f"holds every row of {table} until the file is done, and doubles the table",
            "change it in batches with WHERE, in a file with transaction:false",
        )


def _refresh(words: Sequence[str], schema: KnownSchema) -> Iterator[Verdict]:
    if "CONCURRENTLY" in words:
        yield safe("EXCLUSIVE", "fills the view while it can be read")
    else:
        why = "nobody can read the view while it is filled"
        instead = "REFRESH MATERIALIZED VIEW CONCURRENTLY, which needs a unique index"
        yield careful("refreshing-view", FULL, why, instead)


def _create_type(words: Sequence[str], schema: KnownSchema) -> Iterator[Verdict]:
    schema.types.add(named(words)[0])
    yield safe(NO_LOCK, "makes something new")


def _alter_type(words: Sequence[str], schema: KnownSchema) -> Iterator[Verdict]:
    name = named(words)[0]
    if has(words, "RENAME", "VALUE") and name not in schema.types:
        why = "the release that serves knows the value by its old name only"
        yield unsafe("renaming-value", NO_LOCK, why, "add the new value, drop the old use later")
    elif has(words, "ADD", "VALUE"):
        if schema.in_transaction and name not in schema.types:
            schema.values.add(next((word for word in words if word.startswith("'")), ""))
        yield safe(NO_LOCK, "adds a value, for use after this file is done")
    else:
        yield safe(NO_LOCK, "changes the type's definition only")


def _trigger(words: Sequence[str], schema: KnownSchema) -> Iterator[Verdict]:
    yield safe("SHARE ROW EXCLUSIVE", "holds up writes to its table for a moment")


def _policy(words: Sequence[str], schema: KnownSchema) -> Iterator[Verdict]:
    yield safe(FULL, "holds up everything on its table for a moment")


def _create_view(words: Sequence[str], schema: KnownSchema) -> Iterator[Verdict]:
    schema.tables.add(named(words[words.index("VIEW") + 1 :] if "VIEW" in words else words)[0])
    yield safe(NO_LOCK, "makes something new")


def _insert(words: Sequence[str], schema: KnownSchema) -> Iterator[Verdict]:
    yield safe(ROWS, "adds or changes rows")


def _opaque(words: Sequence[str], schema: KnownSchema) -> Iterator[Verdict]:
    why = "runs code that was not reviewed"
    yield careful("opaque-code", "whatever its code takes", why, "review it, then allow it here")


RULES: dict[str, Callable[[Sequence[str], KnownSchema], Iterator[Verdict]]] = {
    "CREATE TABLE": _create_table,
    "ALTER TABLE": _alter_table,
    "DROP TABLE": _drop_table,
    "CREATE INDEX": _create_index,
    "DROP INDEX": _drop_index,
    "REINDEX": _reindex,
    "TRUNCATE": _truncate,
    "CLUSTER": _rewriting,
    "VACUUM": _vacuum,
    "LOCK": _lock,
    "UPDATE": _update,
    "DELETE": _update,
    "INSERT": _insert,
    "MERGE": _insert,
    "COPY": _insert,
    "REFRESH": _refresh,
    "CREATE TYPE": _create_type,
    "ALTER TYPE": _alter_type,
    "CREATE TRIGGER": _trigger,
    "CREATE POLICY": _policy,
    "ALTER POLICY": _policy,
    "CREATE RULE": _policy,
    "CREATE MATERIALIZED VIEW": _create_view,
    "WITH": _insert,
    "DO": _opaque,
    "CALL": _opaque,
}
