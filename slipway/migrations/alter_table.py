"""What ALTER TABLE does to a table that is in use, action by action."""

from collections.abc import Iterator, Sequence

from slipway.migrations import columns, constraints
from slipway.migrations.column_types import read_type
from slipway.migrations.known_schema import KnownSchema
from slipway.migrations.names import named
from slipway.migrations.verdict import (
    FULL,
    MILD,
    SHORT,
    Verdict,
    careful,
    has,
    safe,
    unsafe,
)

WITH_PARTITION = f"{MILD} on it, {FULL} on the partition"
COPYING = {"TABLESPACE", "LOGGED", "UNLOGGED", "ACCESS"}
_PASSES = {"DROP": 0, "ALTER": 1, "VALIDATE": 3}
_CONSTRAINT = {"CONSTRAINT", "CHECK", "FOREIGN", "UNIQUE", "PRIMARY", "EXCLUDE"}


def alterations(table: str, words: Sequence[str], schema: KnownSchema) -> Iterator[Verdict]:
    """Review each action of one ALTER TABLE on a table that was there before."""
    # In the order in which PostgreSQL does them, whatever the order in which they are written.
    parts = sorted(split_at_commas(words), key=lambda action: _PASSES.get(action[0], 2))
    verdicts = [each for action in parts for each in _alteration(table, action, schema)]
    yield from verdicts
    if any(action[0] == "VALIDATE" for action in parts):
        yield from _validation_with_others(verdicts)
    if schema.in_transaction and schema.altered - {table}:
        others = ", ".join(sorted(schema.altered - {table}))
        yield careful(
            "several-tables",
            FULL,
            f"keeps {others} locked while it waits for {table}, and can deadlock with the "
            "application",
            "alter one table in each file",
        )
    schema.altered.add(table)


def _validation_with_others(verdicts: Sequence[Verdict]) -> Iterator[Verdict]:
    """Find that rows are read under the lock of another action of the same statement."""
    locks = [each.lock for each in verdicts if each.lock.startswith((FULL, "SHARE ROW"))]
    if locks and not any(each.rule == "constraint-missing-not-valid" for each in verdicts):
        why = "reads all rows while the statement holds the lock of its other actions"
        instead = "validate it in a statement and a file of its own"
        yield unsafe("constraint-missing-not-valid", locks[0], why, instead)


def split_at_commas(words: Sequence[str]) -> list[list[str]]:
    """Cut words at the commas that stand outside of parentheses."""
    parts: list[list[str]] = [[]]
    depth = 0
    for word in words:
        depth += {"(": 1, "[": 1, ")": -1, "]": -1}.get(word, 0)
        if word == "," and depth == 0:
            parts.append([])
        else:
            parts[-1].append(word)
    return [each for each in parts if each]


def learn(table: str, words: Sequence[str], schema: KnownSchema) -> None:
    """Remember what the columns or constraints say that stand in CREATE TABLE or behind ADD."""
    for action in split_at_commas(words):
        if is_constraint(action):
            constraints.learn(table, action, schema)
        elif action[0] != "LIKE":
            column, rest = named(action)
            facts = schema.facts.tables[table]
            facts.columns[column.plain] = read_type(rest)
            if "REFERENCES" in rest:
                constraints.learn_key(table, (column.plain,), rest, schema)
            if has(rest, "PRIMARY", "KEY"):
                facts.primary = (column.plain,)
            if "CHECK" in rest:
                facts.tie("", rest[rest.index("CHECK") :])
            if columns.is_virtual(rest, schema):
                facts.virtual.add(column.plain)


def learn_changes(table: str, words: Sequence[str], schema: KnownSchema) -> None:
    """Remember what an ALTER TABLE says of a table that nobody uses yet."""
    for action in split_at_commas(words):
        list(_alteration(table, action, schema))
    schema.not_valid.discard(table)


def is_constraint(words: Sequence[str]) -> bool:
    """Whether what is added is a constraint of the table."""
    return words[:1] != [] and (words[0] in _CONSTRAINT or list(words[:2]) == ["NOT", "NULL"])


def _alteration(table: str, action: list[str], schema: KnownSchema) -> Iterator[Verdict]:
    verb, rest = action[0], [word for word in action[1:] if word != "COLUMN"]
    is_sure = rest[:3] != ["IF", "NOT", "EXISTS"]
    if not is_sure:
        del rest[:3]
    if verb == "ADD" and is_constraint(rest):
        yield from constraints.added(table, rest, schema)
    elif verb == "ADD":
        yield from columns.added(rest, schema)
        if is_sure:
            learn(table, rest, schema)
    elif verb == "ALTER" and rest[:1] != ["CONSTRAINT"]:
        yield columns.changed(table, named(rest)[0].plain, rest[1:], schema)
    elif verb == "DROP" and rest[:1] == ["CONSTRAINT"]:
        yield constraints.dropped(table, rest[1:], schema)
    elif verb == "DROP":
        schema.facts.tables[table].forget_column(named(rest)[0].plain)
        yield dropping_column()
    elif verb == "RENAME" and rest[:1] != ["CONSTRAINT"]:
        schema.facts.tables[table].forget_column(named(rest)[0].plain)
        yield renaming("table" if rest[:1] == ["TO"] else "column")
    elif verb == "VALIDATE":
        yield constraints.validated(table, rest, schema)
    else:
        yield _of_table(table, verb, rest, schema)


def foreign_alterations(words: Sequence[str]) -> Iterator[Verdict]:
    """Review each action of an ALTER FOREIGN TABLE; its rows are elsewhere, and stay so."""
    for action in split_at_commas(words):
        drops_column = action[0] == "DROP" and action[1:2] != ["CONSTRAINT"]
        yield dropping_column() if drops_column else safe(FULL, SHORT)


def dropping_column(lock: str = FULL) -> Verdict:
    """Say that a release uses a column that is gone."""
    return unsafe(
        "ban-drop-column",
        lock,
        "the release that serves still reads and writes this column",
        "drop it one release after the last that uses it, then allow it here",
    )


def renaming(kind: str) -> Verdict:
    """Say that what a release uses has another name from now on."""
    return unsafe(
        f"renaming-{kind.replace(' ', '-')}",
        FULL,
        f"the release that serves knows the {kind} by its old name only",
        f"add the new {kind} beside the old, keep both in step, drop the old one later",
    )


def _of_table(table: str, verb: str, words: Sequence[str], schema: KnownSchema) -> Verdict:
    if verb == "DETACH":
        return _detaching(words)
    if verb == "ATTACH":
        return _attaching(table, words, schema)
    if verb == "SET" and words[:1] == ["SCHEMA"]:
        return renaming("table")
    copies = verb == "SET" and words[:1] and words[0] in COPYING
    if copies and not schema.facts.tables[table].is_partitioned:
        why = "copies the whole table while nobody can use it"
        return unsafe("rewriting-table", FULL, why, "do it in a maintenance window")
    if verb in {"ENABLE", "DISABLE"} and "TRIGGER" in words:
        return safe("SHARE ROW EXCLUSIVE", SHORT)
    is_setting = words[:1] == ["("] or verb == "CLUSTER"
    return safe(MILD if is_setting else FULL, SHORT)


def _detaching(words: Sequence[str]) -> Verdict:
    if "CONCURRENTLY" in words or "FINALIZE" in words:
        return safe(WITH_PARTITION, "takes a partition off while the table stays in use")
    instead = "DETACH PARTITION … CONCURRENTLY in a file with transaction:false"
    why = "holds up everything on the whole table for a moment"
    return careful("require-concurrent-partition-detach", FULL, why, instead)


def _attaching(table: str, words: Sequence[str], schema: KnownSchema) -> Verdict:
    if schema.facts.tables[table].has_default_partition:
        return beside_default(f"{WITH_PARTITION} and on the DEFAULT one")
    if words[-1:] == ["DEFAULT"]:
        schema.facts.tables[table].has_default_partition = True
    why = "reads the partition, and a DEFAULT one, unless checks prove where their rows belong"
    instead = "add those checks NOT VALID and validate them first"
    return careful("attaching-partition", WITH_PARTITION, why, instead)


def beside_default(lock: str) -> Verdict:
    """Say that the rows of a DEFAULT partition are compared with a new one."""
    return unsafe(
        "partition-beside-default",
        lock,
        "reads all rows of the DEFAULT partition while nobody can use it",
        "first prove by a check of the DEFAULT partition, NOT VALID and then validated, that it "
        "has no row for the new one",
    )
