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


def verdicts(one: Statement, known: KnownSchema) -> Iterator[Verdict]:
    """Review one statement, and remember what it makes."""
    said = one.words
    if used := known.values & set(said):
        yield unsafe(
            "new-enum-value-used",
            NO_LOCK,
            f"PostgreSQL refuses to use {min(used)} in the transaction that adds it",
            "use it in a later file",
        )
    rule = RULES.get(one.kind)
    if rule is not None:
        yield from rule(said[len(one.kind.split()) :], known)
    elif one.kind.startswith("CREATE "):
        yield safe(NO_LOCK, "makes something new")
    elif one.kind.startswith("DROP "):
        yield from _drop_other(said)
    else:
        yield safe(NO_LOCK, "locks no table for itself")


def _create_table(said: Sequence[str], known: KnownSchema) -> Iterator[Verdict]:
    rest = said[said.index("TABLE") + 1 :] if "TABLE" in said[:4] else said
    table, after = named(rest)
    others = {named(after[at + 1 :])[0] for at, word in enumerate(after) if word == "REFERENCES"}
    others -= known.tables | {table}
    known.tables.add(table)
    if after[:2] == ("PARTITION", "OF"):
        whole = named(after[2:])[0]
        if whole not in known.tables:
            lock, why = f"{FULL} on {whole}", f"holds up everything on {whole} for a moment"
            instead = "CREATE TABLE … (LIKE …) by itself, then ATTACH PARTITION"
            yield careful("creating-partition", lock, why, instead)
            return
    lock = f"SHARE ROW EXCLUSIVE on {', '.join(sorted(others))}" if others else NO_LOCK
    yield unused(lock, "makes a table")


def _alter_table(said: Sequence[str], known: KnownSchema) -> Iterator[Verdict]:
    table, rest = named(said)
    if table in known.tables:
        if rest[:2] == ("RENAME", "TO"):
            known.tables.add(plain(rest[2]))
        yield unused(FULL, "alters a table")
    else:
        yield from alterations(table, rest, known)


def _create_index(said: Sequence[str], known: KnownSchema) -> Iterator[Verdict]:
    table = named(said[said.index("ON") + 1 :])[0] if "ON" in said else ""
    if table in known.tables:
        yield unused("SHARE", "builds an index on a table")
    elif "CONCURRENTLY" in said:
        yield safe(MILD, f"builds an index while {table} stays in use")
    else:
        yield unsafe(
            "require-concurrent-index-creation",
            "SHARE",
            f"holds up every write to {table} while it builds the index",
            "CREATE INDEX CONCURRENTLY in a file with transaction:false",
        )


def _drop_index(said: Sequence[str], known: KnownSchema) -> Iterator[Verdict]:
    if "CONCURRENTLY" in said:
        yield safe(MILD, "drops an index while its table stays in use")
    else:
        yield careful(
            "require-concurrent-index-deletion",
            FULL,
            "holds up everything on its table for a moment",
            "DROP INDEX CONCURRENTLY in a file with transaction:false",
        )


def _reindex(said: Sequence[str], known: KnownSchema) -> Iterator[Verdict]:
    if "CONCURRENTLY" in said:
        yield safe(MILD, "builds indexes anew while their tables stay in use")
    else:
        why = "holds up writes, and most reads, while it builds indexes anew"
        instead = "REINDEX … CONCURRENTLY in a file with transaction:false"
        yield unsafe("require-concurrent-reindex", "SHARE", why, instead)


def _drop_table(said: Sequence[str], known: KnownSchema) -> Iterator[Verdict]:
    tables = all_named(said)
    if tables <= known.tables:
        known.tables -= tables
        yield unused(FULL, "drops a table")
    else:
        yield unsafe("ban-drop-table", FULL, GONE, LATER)


def _drop_other(said: Sequence[str]) -> Iterator[Verdict]:
    what = said[1].lower()
    of_table = what in {"trigger", "policy", "rule", "view", "materialized", "sequence"}
    if "CASCADE" in said:
        why = "drops whatever depends on it too, and does not say what"
        yield unsafe("drop-cascade", FULL, why, "name what is to go, and leave CASCADE out")
    elif what in {"schema", "database", "owned"}:
        yield unsafe(f"ban-drop-{what}", FULL, GONE, LATER)
    else:
        lock = FULL if of_table else NO_LOCK
        yield careful(f"ban-drop-{what}", lock, GONE, LATER)


def _truncate(said: Sequence[str], known: KnownSchema) -> Iterator[Verdict]:
    if "CASCADE" in said:
        why = "empties every table that refers to it too, and does not say which"
        yield unsafe("ban-truncate-cascade", FULL, why, "name the tables that are to be emptied")
    elif not all_named(said) <= known.tables:
        yield unsafe("truncating-table", FULL, "throws all rows away", "DELETE what is to go")
    else:
        yield unused(FULL, "empties a table")


def _rewriting(said: Sequence[str], known: KnownSchema) -> Iterator[Verdict]:
    why = "copies the whole table while nobody can use it"
    yield unsafe("rewriting-table", FULL, why, "plain VACUUM, or pg_repack")


def _vacuum(said: Sequence[str], known: KnownSchema) -> Iterator[Verdict]:
    if "FULL" in said:
        yield from _rewriting(said, known)
    else:
        yield safe(MILD, "tidies up while the table stays in use")


def _lock(said: Sequence[str], known: KnownSchema) -> Iterator[Verdict]:
    mode = " ".join(said[said.index("IN") + 1 :]).partition(" MODE")[0] if "IN" in said else FULL
    if all_named(said) <= known.tables:
        yield unused(mode, "locks a table")
    else:
        why = "holds the lock until the whole file is done"
        yield unsafe("locking-table", mode, why, "leave it out; each statement locks what it needs")


def _update(said: Sequence[str], known: KnownSchema) -> Iterator[Verdict]:
    after = said[1:] if said[:1] == ("FROM",) else said
    table = named(after)[0]
    if "WHERE" in outer(said) or table in known.tables:
        yield safe(ROWS, "changes rows; who wants the same rows waits for the whole file")
    else:
        yield unsafe(
            "changing-all-rows",
            ROWS,
            f"holds every row of {table} until the file is done, and doubles the table",
            "change it in batches with WHERE, in a file with transaction:false",
        )


def _refresh(said: Sequence[str], known: KnownSchema) -> Iterator[Verdict]:
    if "CONCURRENTLY" in said:
        yield safe("EXCLUSIVE", "fills the view while it can be read")
    else:
        why = "nobody can read the view while it is filled"
        instead = "REFRESH MATERIALIZED VIEW CONCURRENTLY, which needs a unique index"
        yield careful("refreshing-view", FULL, why, instead)


def _create_type(said: Sequence[str], known: KnownSchema) -> Iterator[Verdict]:
    known.types.add(named(said)[0])
    yield safe(NO_LOCK, "makes something new")


def _alter_type(said: Sequence[str], known: KnownSchema) -> Iterator[Verdict]:
    name = named(said)[0]
    if has(said, "RENAME", "VALUE") and name not in known.types:
        why = "the release that serves knows the value by its old name only"
        yield unsafe("renaming-value", NO_LOCK, why, "add the new value, drop the old use later")
    elif has(said, "ADD", "VALUE"):
        if known.in_transaction and name not in known.types:
            known.values.add(next((word for word in said if word.startswith("'")), ""))
        yield safe(NO_LOCK, "adds a value, for use after this file is done")
    else:
        yield safe(NO_LOCK, "changes the type's definition only")


def _trigger(said: Sequence[str], known: KnownSchema) -> Iterator[Verdict]:
    yield safe("SHARE ROW EXCLUSIVE", "holds up writes to its table for a moment")


def _policy(said: Sequence[str], known: KnownSchema) -> Iterator[Verdict]:
    yield safe(FULL, "holds up everything on its table for a moment")


def _create_view(said: Sequence[str], known: KnownSchema) -> Iterator[Verdict]:
    known.tables.add(named(said[said.index("VIEW") + 1 :] if "VIEW" in said else said)[0])
    yield safe(NO_LOCK, "makes something new")


def _insert(said: Sequence[str], known: KnownSchema) -> Iterator[Verdict]:
    yield safe(ROWS, "adds or changes rows")


def _opaque(said: Sequence[str], known: KnownSchema) -> Iterator[Verdict]:
    why = "runs code that was not looked into"
    yield careful("opaque-code", "whatever its code takes", why, "look into it, then allow it here")


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
