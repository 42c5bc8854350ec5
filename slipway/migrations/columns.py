"""What it does to a table in use to add a column to it, or to change one."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

from slipway.migrations.column_types import (
    SERIAL,
    ColumnType,
    keeps_rows,
    read_casts,
    read_type,
)
from slipway.migrations.known_schema import KnownSchema
from slipway.migrations.names import named
from slipway.migrations.verdict import (
    FULL,
    MILD,
    SHORT,
    Verdict,
    careful,
    has,
    outer,
    safe,
    unsafe,
)

VOLATILE = {"GEN_RANDOM_UUID", "UUID_GENERATE_V4", "UUID_GENERATE_V1", "UUIDV4", "UUIDV7"}
VOLATILE |= {"RANDOM", "RANDOM_NORMAL", "CLOCK_TIMESTAMP", "TIMEOFDAY", "NEXTVAL", "CURRVAL"}
VOLATILE |= {"SETVAL", "LASTVAL", "UUID_GENERATE_V1MC", "GEN_RANDOM_BYTES", "GEN_SALT"}
# The same for all rows of one statement; what is written without parentheses is no call.
STEADY = {"NOW", "TRANSACTION_TIMESTAMP", "STATEMENT_TIMESTAMP", "CURRENT_SETTING", "TIMEZONE"}
STEADY |= {"CURRENT_TIMESTAMP", "CURRENT_TIME", "LOCALTIMESTAMP", "LOCALTIME", "DATE_TRUNC"}
STEADY |= {"TO_JSON", "TO_JSONB", "JSONB_BUILD_OBJECT", "JSONB_BUILD_ARRAY", "LOWER", "UPPER"}
STEADY |= {"JSON_BUILD_OBJECT", "JSON_BUILD_ARRAY", "MD5", "SHA256", "COALESCE", "NULLIF"}
STEADY |= {
    "CONCAT",
    "FORMAT",
    "LEFT",
    "RIGHT",
    "REPLACE",
    "SUBSTRING",
    "TRIM",
    "TO_CHAR",
    "TO_DATE",
}
STEADY |= {"TO_DATE", "EXTRACT", "DATE_PART", "MAKE_DATE", "MAKE_INTERVAL", "TO_TIMESTAMP", "AGE"}
STEADY |= {
    "ABS",
    "ROUND",
    "FLOOR",
    "CEIL",
    "GREATEST",
    "LEAST",
    "STRING_TO_ARRAY",
    "ENCODE",
    "DECODE",
}
STEADY |= {"STRING_TO_ARRAY", "CURRENT_SCHEMA", "CURRENT_DATABASE", "VERSION", "TXID_CURRENT"}
_NO_CALLS = {"ARRAY", "CAST", "ROW", "AS", "AND", "OR", "NOT", "IN", "ANY", "ALL", "WHEN", "THEN"}
_NO_CALLS |= {"ELSE", "CASE", "DEFAULT", "IS", "LIKE"}
_AFTER_DEFAULT = {"NOT", "NULL", "UNIQUE", "PRIMARY", "REFERENCES", "CHECK", "CONSTRAINT"}
_AFTER_DEFAULT |= {"GENERATED", "COLLATE"}
BACKFILL = "add it empty, let the application fill it, fill old rows in batches"
REWRITES = "rewrites every row while nobody can use the table"


def added(words: Sequence[str], schema: KnownSchema) -> Iterator[Verdict]:
    """Review ADD COLUMN; the words begin with its name."""
    rest = named(words)[1]
    verdicts = [*_filling(rest, schema), *_constraints(rest)]
    yield from verdicts or [safe(FULL, "adds a column, in a moment once it has the lock")]


def _filling(words: Sequence[str], schema: KnownSchema) -> Iterator[Verdict]:
    """Review what a new column has in old rows."""
    default = _default(words)
    column_type = read_type(words)
    fills = column_type.name in SERIAL or has(words, "AS", "IDENTITY")
    generates = "GENERATED" in words and not fills
    is_stored = generates and not is_virtual(words, schema)
    calls = _calls(default)
    if has(words, "NOT", "NULL") and not default and not fills and not generates:
        yield unsafe(
            "adding-required-field",
            FULL,
            "fails as soon as the table has one row, and so do inserts of the release that serves",
            "give it a DEFAULT, or add it without NOT NULL and fill it first",
        )
    if fills or is_stored or calls & VOLATILE:
        yield unsafe("adding-field-with-default", FULL, REWRITES, BACKFILL)
    elif unknown := calls - STEADY:
        why = f"rewrites every row if {min(unknown).lower()} is volatile"
        yield careful("adding-field-with-default", FULL, why, BACKFILL)
    yield from _domain(column_type, words, schema)


def is_virtual(words: Sequence[str], schema: KnownSchema) -> bool:
    """Whether a column is worked out when it is read; without a word for it, from 18 on."""
    is_generated = "GENERATED" in words and not has(words, "AS", "IDENTITY")
    return is_generated and schema.major >= 18 and "STORED" not in words


def _domain(
    column_type: ColumnType, words: Sequence[str], schema: KnownSchema
) -> Iterator[Verdict]:
    name = schema.resolve_type(named(words)[0])
    domain = schema.facts.domains.get(name)
    is_harmless = column_type.is_built_in or column_type.is_array
    if is_harmless or (domain and not domain.demands):
        return
    instead = "add it with the domain's base type, or add the check to the table NOT VALID"
    if domain:
        yield unsafe("adding-field-of-domain", FULL, REWRITES, instead)
    elif name not in schema.types | schema.facts.types:
        why = f"rewrites every row if {name} is a domain with a check"
        yield careful("adding-field-of-domain", FULL, why, instead)


def _constraints(words: Sequence[str]) -> Iterator[Verdict]:
    """Review the constraints that are written behind a new column."""
    if "UNIQUE" in words or has(words, "PRIMARY", "KEY"):
        yield building_index("disallowed-unique-constraint")
    if "CHECK" in outer(words):
        yield reading_rows()
    if "REFERENCES" in words:
        lock = f"{FULL} on it, SHARE ROW EXCLUSIVE on what it references"
        why = "holds up writes to both tables for a moment"
        instead = "add the column first, the foreign key NOT VALID in a later file"
        verdict = unsafe if _default(words) else careful
        yield verdict("adding-foreign-key-constraint", lock, why, instead)


def changed(table: str, column: str, words: list[str], schema: KnownSchema) -> Verdict:
    """Review ALTER COLUMN; the words are what follows its name."""
    if "TYPE" in words[:3]:
        return _new_type(table, column, words[words.index("TYPE") + 1 :], schema)
    if has(words, "SET", "NOT", "NULL"):
        return _not_null(table, column, schema)
    if words[:2] == ["SET", "EXPRESSION"] and column not in schema.facts.tables[table].virtual:
        instead = "add a column with the new expression, move the application, drop the old one"
        return unsafe("changing-generated-column", FULL, REWRITES, instead)
    is_setting = "STATISTICS" in words[:2] or words[1:2] == ["("]
    return safe(MILD if is_setting else FULL, SHORT)


def _new_type(table: str, column: str, words: Sequence[str], schema: KnownSchema) -> Verdict:
    facts = schema.facts.tables[table]
    new, old = _underlying(words, schema), facts.columns.get(column)
    facts.columns[column] = new
    casts = read_casts(words[words.index("USING") + 1 :], column) if "USING" in words else []
    is_cast = casts is not None and "COLLATE" not in words
    types = [*(_underlying(each, schema) for each in casts or ()), new]
    is_cast = is_cast and all(keeps_rows(*pair) for pair in pairwise(types))
    if old is not None and is_cast and keeps_rows(old, types[0]):
        others = schema.facts.bound_tables(table, column)
        return _tied() if facts.is_tied(column) else _bound(others) if others else safe(FULL, SHORT)
    if old is None and is_cast and new.name in ("TEXT", "VARCHAR") and not new.is_array:
        why = f"rewrites every row unless it was a {'shorter ' * bool(new.limits)}varchar"
        instead = "check the type it has now, then allow it here"
        return careful("changing-column-type", FULL, why, instead)
    instead = "add a column of that type, let the application fill it, fill old rows in batches"
    return unsafe("changing-column-type", FULL, REWRITES, instead)


def _underlying(words: Sequence[str], schema: KnownSchema) -> ColumnType:
    """Read a type; of a domain that demands nothing, the one that it is made of."""
    domain = schema.facts.domains.get(schema.resolve_type(named(words)[0]))
    return domain.base if domain and not domain.demands else read_type(words)


def _bound(others: set[str]) -> Verdict:
    tables = ", ".join(sorted(others))
    return careful(
        "changing-column-type",
        f"{FULL} on it and on {tables}",
        f"recreates a foreign key, and holds up everything on {tables} too for a moment",
        "a file of its own, so that neither lock is held for longer",
    )


def _tied() -> Verdict:
    return unsafe(
        "changing-column-type",
        FULL,
        "reads all rows while nobody can use the table: a check or an index is made of the column",
        "drop that first, change the type, and add it again NOT VALID or CONCURRENTLY",
    )


def _not_null(table: str, column: str, schema: KnownSchema) -> Verdict:
    if schema.facts.tables[table].is_never_null(column):
        return safe(FULL, "a validated check spares it the reading of all rows")
    not_null = f"NOT NULL {column}" if schema.major >= 18 else f"CHECK ({column} IS NOT NULL)"
    return unsafe(
        "adding-not-nullable-field",
        FULL,
        "reads all rows while nobody can use the table",
        f"ADD CONSTRAINT … {not_null} NOT VALID, and VALIDATE CONSTRAINT in a later file",
    )


def reading_rows() -> Verdict:
    """Say that a check is compared with every row."""
    return unsafe(
        "constraint-missing-not-valid",
        FULL,
        "reads all rows while nobody can use the table",
        "add it NOT VALID here, and VALIDATE CONSTRAINT in a later file",
    )


def building_index(rule: str) -> Verdict:
    """Say that an index is built for a constraint."""
    return unsafe(
        rule,
        FULL,
        "builds an index while nobody can use the table",
        "CREATE UNIQUE INDEX CONCURRENTLY first, then ADD CONSTRAINT … USING INDEX",
    )


def _default(words: Sequence[str]) -> list[str]:
    """Read the default of a column; NULL is none."""
    if "DEFAULT" not in words:
        return []
    default: list[str] = []
    depth = 0
    for word in words[list(words).index("DEFAULT") + 1 :]:
        if default and not depth and word in _AFTER_DEFAULT:
            break
        depth += {"(": 1, ")": -1}.get(word, 0)
        default.append(word)
    bare = [word for word in default if word not in ("(", ")")]
    return [] if bare[:1] == ["NULL"] else default


def _calls(words: Sequence[str]) -> set[str]:
    """Name the functions that are called; what follows a cast is a type."""
    calls = set()
    for at, word in enumerate(words):
        before = words[at - 1] if at else ""
        is_name = word[0].isalpha() or word[0] in '_"'
        if words[at + 1 : at + 2] != ["("] or not is_name or word in _NO_CALLS:
            continue
        if before not in (":", "AS") and not read_type([word]).is_built_in:
            name = word[1:-1].upper() if word.startswith('"') else word
            is_theirs = before == "." and words[at - 2] != "PG_CATALOG"
            calls.add(f"{words[at - 2]}.{name}" if is_theirs else name)
    return calls
