"""What statements do to types and domains, and by that to the tables that are made of them."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from slipway.migrations import columns
from slipway.migrations.alter_table import dropping_column, learn, split_at_commas
from slipway.migrations.column_types import ColumnType, Domain, read_type
from slipway.migrations.known_schema import KnownSchema
from slipway.migrations.names import named
from slipway.migrations.query import inner
from slipway.migrations.statement import Statement
from slipway.migrations.verdict import (
    FULL,
    GONE,
    LATER,
    NO_LOCK,
    Verdict,
    careful,
    has,
    safe,
    unsafe,
)


def made(statement: Statement, schema: KnownSchema) -> None:
    """Remember a new type or domain, and what it is made of."""
    what, words = statement.kind.removeprefix("CREATE "), statement.words
    name, rest = named(words[words.index(what) + 1 :])
    full = schema.resolve(name, ())
    schema.types.add(full)
    body = rest[rest[:1] == ("AS",) :]
    if what == "DOMAIN":
        demands = "CHECK" in words or has(words, "NOT", "NULL")
        schema.facts.domains[full] = Domain(read_type(body), demands)
    else:
        schema.facts.types.add(full)
        if rest[:2] == ("AS", "("):
            learn(full, inner(body), schema)


def type_altered(name: str, words: Sequence[str], schema: KnownSchema) -> Iterator[Verdict]:
    """Review ALTER TYPE, where it gives no other name to the type."""
    if words[1:2] == ("VALUE",):
        yield _value(words)
        _remember_value(name, words, schema)
    else:
        yield from _attributes(name, words, schema)


def lock_of_tables(words: Sequence[str]) -> str:
    """Say which lock is on the tables made OF a type; only with CASCADE they are altered too."""
    return f"{FULL} on each table of the type" if "CASCADE" in words else NO_LOCK


def _attributes(name: str, words: Sequence[str], schema: KnownSchema) -> Iterator[Verdict]:
    """Review ALTER TYPE … ADD, DROP or ALTER ATTRIBUTE."""
    for verb, *rest in split_at_commas(words):
        lock, cascades = lock_of_tables(rest), "CASCADE" in rest
        attribute, what = named(rest[1:])
        if verb == "DROP":
            own = careful("ban-drop-attribute", lock, GONE, LATER)
            yield dropping_column(lock) if cascades else own
        elif verb == "ALTER" and cascades:
            new = [word for word in what if word != "CASCADE"]
            yield replace(columns.changed(name, attribute.plain, new, schema), lock=lock)
        else:
            yield safe(lock, "changes the definition only")


def _value(words: Sequence[str]) -> Verdict:
    """Review ALTER TYPE … ADD VALUE or RENAME VALUE."""
    if "RENAME" in words:
        why = "the release that serves knows the value by its old name only"
        instead = "add the new value, drop the old use later"
        return unsafe("renaming-value", NO_LOCK, why, instead)
    return safe(NO_LOCK, "adds a value, for use after this file is done")


def _remember_value(name: str, words: Sequence[str], schema: KnownSchema) -> None:
    if schema.in_transaction and "ADD" in words and name not in schema.types:
        schema.values.add(next((word for word in words if word.startswith("'")), ""))


def domain_altered(name: str, words: Sequence[str], schema: KnownSchema) -> Verdict:
    """Review ALTER DOMAIN, where it gives no other name to it."""
    is_not_valid = has(words, "NOT", "VALID")
    if words[:1] == ("ADD",) or has(words, "SET", "NOT", "NULL"):
        base = schema.facts.domains[name].base if name in schema.facts.domains else ColumnType("")
        schema.facts.domains[name] = Domain(base, demands=True)
    if words[:1] in (("ADD",), ("VALIDATE",)) and not is_not_valid:
        return unsafe(
            "ban-alter-domain-with-add-constraint",
            "SHARE on every table that has it",
            "holds up writes to every table with a column of it while all rows are read",
            "add the check to each table, NOT VALID, and validate it in a later file",
        )
    if has(words, "SET", "NOT", "NULL"):
        return unsafe(
            "setting-domain-not-null",
            "SHARE on every table that has it",
            "holds up writes to every table with a column of it while all rows are read",
            "add CHECK (… IS NOT NULL) to each table, NOT VALID, and validate it in a later file",
        )
    return safe(NO_LOCK, "changes the domain's definition only")
