"""What each kind of statement does to a database in use: its lock, its risk, the safe way.

The locks, and what is read or rewritten under them, are those of docs/locks.md, measured.
"""

import re
from collections.abc import Callable, Iterator

from slipway.migrations import alter_table, maintenance, objects, rows
from slipway.migrations.known_schema import KnownSchema
from slipway.migrations.names import Name, SearchPath, all_named, named
from slipway.migrations.query import inner
from slipway.migrations.statement import Statement, after
from slipway.migrations.verdict import (
    FULL,
    GONE,
    LATER,
    NO_LOCK,
    ROWS,
    Verdict,
    careful,
    has,
    outer,
    safe,
    unsafe,
    unused,
)

Review = Iterator[Verdict]
_DROPS = re.compile(r"\b(?:drop|discard)\b", re.IGNORECASE)


def verdicts(statement: Statement, schema: KnownSchema) -> Review:
    """Review one statement, and remember what it makes, proves and locks."""
    if used := schema.values & set(statement.words):
        yield unsafe(
            "new-enum-value-used",
            NO_LOCK,
            f"PostgreSQL refuses to use {min(used)} in the transaction that adds it",
            "use it in a later file",
        )
    own = list(_own(statement, schema))
    yield from own
    yield from rows.held(statement, own, schema)
    schema.path.follow(statement, schema.in_transaction)


def _own(statement: Statement, schema: KnownSchema) -> Review:
    rule = RULES.get(statement.kind)
    if rule is not None:
        yield from rule(statement, schema)
    elif statement.kind.startswith("CREATE "):
        objects.created(statement, schema)
        yield safe(NO_LOCK, "makes something new")
    elif statement.kind.startswith("ALTER "):
        yield from objects.altered(statement, schema)
    elif statement.kind.startswith("DROP "):
        yield from objects.dropped(statement, schema)
    else:
        yield safe(NO_LOCK, "locks no table for itself")


def _create_table(statement: Statement, schema: KnownSchema) -> Review:
    words = after(statement, "TABLE")
    name, rest = named(words)
    is_sure = words[:3] != ("IF", "NOT", "EXISTS")
    table = schema.make(
        name,
        is_temporary=_is_temporary(statement),
        is_sure=is_sure,
        ends=has(rest, "ON", "COMMIT", "DROP"),
    )
    if rest[:2] == ("PARTITION", "OF"):
        name, bounds = named(rest[2:])
        parent, is_new = schema.resolve(name), schema.is_new(name)
        verdict = _partition(parent, schema)
        if bounds[:1] == ("DEFAULT",):
            schema.facts.tables[parent].has_default_partition = True
        if not is_new:
            yield verdict
            return
    elif is_sure and rest[:1] == ("(",):
        schema.facts.tables.pop(table, None)
        alter_table.learn(table, inner(rest), schema)
        schema.facts.tables[table].is_partitioned = has(rest, "PARTITION", "BY")
    others = [named(rest[at + 1 :])[0] for at, word in enumerate(rest) if word == "REFERENCES"]
    in_use = {schema.resolve(each) for each in others if not schema.is_new(each)} - {table}
    lock = f"SHARE ROW EXCLUSIVE on {', '.join(sorted(in_use))}" if in_use else NO_LOCK
    verdict = unused(lock, "makes a table")
    yield verdict if is_sure else safe(lock, "makes a table where there is none")


def _is_temporary(statement: Statement) -> bool:
    return bool({"TEMP", "TEMPORARY"} & set(statement.words[:4]))


def _partition(parent: str, schema: KnownSchema) -> Verdict:
    """Review CREATE TABLE … PARTITION OF a table in use."""
    if schema.facts.tables[parent].has_default_partition:
        return alter_table.beside_default(f"{FULL} on {parent} and on its DEFAULT partition")
    return careful(
        "creating-partition",
        f"{FULL} on {parent}",
        f"holds up everything on {parent} for a moment, for longer where it has a DEFAULT "
        "partition, which is read",
        "CREATE TABLE … (LIKE …) by itself, then ATTACH PARTITION",
    )


def _alter_table(statement: Statement, schema: KnownSchema) -> Review:
    name, rest = named(statement.words[2:])
    table = schema.resolve(name)
    if statement.words[2:4] == ("ALL", "IN"):  # ALL IN TABLESPACE
        yield from maintenance.rewritten(statement, schema)
    elif table in schema.tables:
        if rest[:2] == ("RENAME", "TO"):
            schema.rename(table, Name("", named(rest[2:])[0].plain))
        elif rest[:2] == ("SET", "SCHEMA"):
            schema.rename(table, Name(named(rest[2:])[0].plain, name.plain))
        else:
            alter_table.learn_changes(table, rest, schema)
        yield unused(FULL, "alters a table")
    else:
        yield from alter_table.alterations(table, rest, schema)


def _create_view(statement: Statement, schema: KnownSchema) -> Review:
    objects.created(statement, schema)
    if has(statement.words, "OR", "REPLACE"):
        yield safe(FULL, "replaces the definition, in a moment once it has the lock")
    else:
        yield safe(NO_LOCK, "makes something new")


def _drop_table(statement: Statement, schema: KnownSchema) -> Review:
    tables = {schema.resolve(each) for each in all_named(statement.words[2:])}
    facts = [schema.facts.tables.pop(table, None) for table in tables]
    are_new = tables <= schema.tables
    schema.tables -= tables
    if "CASCADE" in statement.words or any(each and each.is_partitioned for each in facts):
        schema.forget_temporary()  # partitions and views of it go with it
    if are_new:
        yield unused(FULL, "drops a table")
    else:
        yield unsafe("ban-drop-table", FULL, GONE, LATER)


def _truncate(statement: Statement, schema: KnownSchema) -> Review:
    words = statement.words[1:]
    if "CASCADE" in words:
        why = "empties every table that refers to it too, and does not say which"
        yield unsafe("ban-truncate-cascade", FULL, why, "name the tables that are to be emptied")
    elif not schema.are_new(all_named(words)):
        yield unsafe("truncating-table", FULL, "throws all rows away", "DELETE what is to go")
    else:
        yield unused(FULL, "empties a table")


def _trigger(statement: Statement, schema: KnownSchema) -> Review:
    if schema.is_new(named(after(statement, "ON"))[0]):
        yield unused("SHARE ROW EXCLUSIVE", "adds a trigger to a table")
    else:
        yield safe("SHARE ROW EXCLUSIVE", "holds up writes to its table for a moment")


def _policy(statement: Statement, schema: KnownSchema) -> Review:
    words = after(statement, "TO" if statement.kind == "CREATE RULE" else "ON")
    if schema.is_new(named(words)[0]):
        yield unused(FULL, "sets rules for a table")
    else:
        yield safe(FULL, "holds up everything on its table for a moment")


def _select(statement: Statement, schema: KnownSchema) -> Review:
    words = outer(statement.words)
    if "INTO" in words:
        rest = words[words.index("INTO") + 1 :]
        is_temporary = bool({"TEMP", "TEMPORARY"} & set(rest[:1]))
        bare = [word for word in rest if word not in ("TEMP", "TEMPORARY", "UNLOGGED", "TABLE")]
        schema.make(named(bare)[0], is_temporary=is_temporary)
        yield unused(NO_LOCK, "makes a table")
    else:
        yield safe(NO_LOCK, "locks no table for itself")


def _savepoint(statement: Statement, schema: KnownSchema) -> Review:
    schema.savepoints[named(statement.words[1:])[0].plain] = schema.path.schemas
    yield safe(NO_LOCK, "locks no table for itself")


def _rollback(statement: Statement, schema: KnownSchema) -> Review:
    schema.forget_new()  # what was made since the savepoint is gone again
    savepoint = named(statement.words[-1:])[0].plain
    schema.path.schemas = schema.savepoints.get(savepoint, schema.path.schemas)
    yield safe(NO_LOCK, "locks no table for itself")


def _discard(statement: Statement, schema: KnownSchema) -> Review:
    if {"ALL", "TEMP", "TEMPORARY"} & set(statement.words[1:]):
        schema.forget_temporary()
    yield safe(NO_LOCK, "drops what this session alone uses")


def _alter_role(statement: Statement, schema: KnownSchema) -> Review:
    words = statement.words
    if has(words, "SET", "SEARCH_PATH"):
        path = SearchPath()
        path.follow_words(words[words.index("SEARCH_PATH") :])
        schema.first_path = path.schemas
    yield from objects.altered(statement, schema)


def _copy(statement: Statement, schema: KnownSchema) -> Review:
    if statement.words[1:2] == ("(",):
        yield from rows.written(statement, schema)  # COPY (UPDATE … RETURNING …) TO
    else:
        yield safe(ROWS, "adds rows")


def _opaque(statement: Statement, schema: KnownSchema) -> Review:
    if _DROPS.search(statement.text):
        schema.forget_temporary()
    why = "runs code that was not reviewed"
    yield careful("opaque-code", "whatever its code takes", why, "review it, then allow it here")


RULES: dict[str, Callable[[Statement, KnownSchema], Review]] = {
    "CREATE TABLE": _create_table,
    "ALTER TABLE": _alter_table,
    "DROP TABLE": _drop_table,
    "CREATE VIEW": _create_view,
    "CREATE INDEX": maintenance.index_created,
    "ALTER INDEX": maintenance.index_altered,
    "DROP INDEX": maintenance.index_dropped,
    "REINDEX": maintenance.index_rebuilt,
    "TRUNCATE": _truncate,
    "CLUSTER": maintenance.rewritten,
    "VACUUM": maintenance.vacuumed,
    "LOCK": maintenance.locked,
    **dict.fromkeys(("UPDATE", "DELETE", "INSERT", "MERGE", "WITH", "EXPLAIN"), rows.written),
    "SELECT": _select,
    "COPY": _copy,
    "REFRESH": maintenance.refreshed,
    "CREATE TRIGGER": _trigger,
    **dict.fromkeys(("CREATE POLICY", "ALTER POLICY", "CREATE RULE"), _policy),
    "SAVEPOINT": _savepoint,
    "ROLLBACK": _rollback,
    "DISCARD": _discard,
    **dict.fromkeys(("ALTER ROLE", "ALTER USER", "ALTER DATABASE"), _alter_role),
    **dict.fromkeys(("DO", "CALL", "EXECUTE"), _opaque),
}
