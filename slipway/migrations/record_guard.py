"""Statements that name the record of migrations to change it: refused before anything runs."""

from collections.abc import Iterator

from slipway.migrations.names import Name, SearchPath, all_named, named
from slipway.migrations.query import writes
from slipway.migrations.statement import Statement

RECORD = (("public", "schema_migrations"), ("slipway", "migrations"))
_HARMLESS = {"OWNER", "REPLICA", "ENABLE", "DISABLE", "CLUSTER"}


def find_change(statement: Statement, path: SearchPath, in_transaction: bool) -> str:
    """Say which table or schema of the record a statement would change; nothing for any other."""
    words = statement.words
    renames = statement.kind == "ALTER SCHEMA" and "RENAME" in words
    if statement.kind == "DROP SCHEMA" or renames:
        schemas = {each.plain for each in all_named(words[2:])}
        return next((f"the schema {schema}" for schema, _ in RECORD if schema in schemas), "")
    for name in _changed(statement):
        for schema, table in RECORD:
            if path.may_mean(name, schema, table):
                return f"{schema}.{table}"
    if statement.kind == "DO" and not in_transaction:  # in one, it is seen when it has run
        return next(
            (
                each
                for each in ("schema_migrations", "slipway.migrations")
                if each in statement.text.lower()
            ),
            "",
        )
    return ""


def _changed(statement: Statement) -> Iterator[Name]:
    """Name the tables that a statement changes, drops or writes to."""
    words = statement.words
    if statement.kind == "DROP TABLE":
        yield from all_named(words[2:])
    elif statement.kind == "TRUNCATE":
        yield from all_named(words[1:])
    elif statement.kind == "ALTER TABLE":
        name, rest = named(words[2:])
        if rest and rest[0] not in _HARMLESS:
            yield name
    else:
        yield from (named(part[1:])[0] for part in writes(words))
