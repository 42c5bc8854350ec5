"""What ALTER TABLE does to a table that is in use, action by action."""

from collections.abc import Iterator, Sequence

from slipway.migrations.verdict import (
    KnownSchema,
    Verdict,
    careful,
    has,
    named,
    outer,
    plain,
    safe,
    unsafe,
)

FULL = "ACCESS EXCLUSIVE"
BOTH = "SHARE ROW EXCLUSIVE on both tables"
MILD = "SHARE UPDATE EXCLUSIVE"
SHORT = "changes the definition only, in a moment once it has the lock"
VOLATILE = {"GEN_RANDOM_UUID", "UUID_GENERATE_V4", "UUID_GENERATE_V1", "UUIDV4", "UUIDV7"}
VOLATILE |= {"RANDOM", "CLOCK_TIMESTAMP", "TIMEOFDAY", "NEXTVAL"}
STEADY = {"NOW", "CURRENT_TIMESTAMP", "TRANSACTION_TIMESTAMP", "STATEMENT_TIMESTAMP", "LOCALTIME"}
STEADY |= {"LOCALTIMESTAMP", "CURRENT_TIME", "CURRENT_SETTING", "TIMEZONE", "ARRAY", "TO_JSONB"}
STEADY |= {"JSONB_BUILD_OBJECT", "JSONB_BUILD_ARRAY", "LOWER", "UPPER", "MD5", "CAST", "ROW"}
SERIAL = {"SERIAL", "BIGSERIAL", "SMALLSERIAL", "SERIAL4", "SERIAL8", "SERIAL2"}
BACKFILL = "add it empty, let the application fill it, fill old rows in batches"


def alterations(table: str, words: Sequence[str], schema: KnownSchema) -> Iterator[Verdict]:
    """Review each action of one ALTER TABLE on a table that was there before."""
    for action in actions(words):
        yield from _alteration(table, action, schema)
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


def actions(words: Sequence[str]) -> list[list[str]]:
    """Cut the words of an ALTER TABLE at its commas."""
    parts: list[list[str]] = [[]]
    depth = 0
    for word in words:
        depth += {"(": 1, "[": 1, ")": -1, "]": -1}.get(word, 0)
        if word == "," and depth == 0:
            parts.append([])
        else:
            parts[-1].append(word)
    return [each for each in parts if each]


def _alteration(table: str, action: list[str], schema: KnownSchema) -> Iterator[Verdict]:
    verb, rest = action[0], [word for word in action[1:] if word != "COLUMN"]
    if rest[:3] == ["IF", "NOT", "EXISTS"]:
        del rest[:3]
    if verb == "ADD":
        is_constraint = rest[:1] and rest[0] in {
            *("CONSTRAINT", "CHECK", "FOREIGN", "UNIQUE", "PRIMARY", "EXCLUDE")
        }
        review = _constraint if is_constraint or rest[:2] == ["NOT", "NULL"] else _column
        yield from review(table, rest, schema)
    elif verb == "ALTER" and rest[:1] != ["CONSTRAINT"]:
        yield _of_column(table, named(rest)[0], rest[1:], schema)
    elif verb == "DROP" and rest[:1] != ["CONSTRAINT"]:
        yield unsafe(
            "ban-drop-column",
            FULL,
            "the release that serves still reads and writes this column",
            "drop it one release after the last that uses it, then allow it here",
        )
    elif verb == "RENAME" and rest[:1] != ["CONSTRAINT"]:
        yield _renaming(rest)
    elif verb == "VALIDATE":
        yield _validation(table, rest, schema)
    else:
        yield _of_table(verb, rest)


def _column(table: str, words: Sequence[str], schema: KnownSchema) -> Iterator[Verdict]:
    """Review ADD COLUMN."""
    verdicts = list(_column_trouble(words, schema))
    yield from verdicts or [safe(FULL, "adds a column, in a moment once it has the lock")]


def _column_trouble(words: Sequence[str], schema: KnownSchema) -> Iterator[Verdict]:
    default = _default(words)
    fills = bool(SERIAL & set(words[:3])) or has(words, "AS", "IDENTITY")
    virtual = schema.major >= 18 and "STORED" not in words
    calls = _calls(default)
    if has(words, "NOT", "NULL") and not default and not fills and "GENERATED" not in words:
        yield unsafe(
            "adding-required-field",
            FULL,
            "fails as soon as the table has one row, and so do inserts of the release that serves",
            "give it a DEFAULT, or add it without NOT NULL and fill it first",
        )
    if fills or calls & VOLATILE or ("GENERATED" in words and not fills and not virtual):
        why = "rewrites every row while nobody can read the table"
        yield unsafe("adding-field-with-default", FULL, why, BACKFILL)
    elif unknown := calls - STEADY:
        why = f"rewrites every row if {min(unknown).lower()} is volatile"
        yield careful("adding-field-with-default", FULL, why, BACKFILL)
    if "UNIQUE" in words or has(words, "PRIMARY", "KEY"):
        yield _unique("disallowed-unique-constraint")
    if "CHECK" in outer(words):
        yield _check()
    if "REFERENCES" in words:
        lock = f"{FULL} on it, SHARE ROW EXCLUSIVE on what it references"
        why = "holds up writes to both tables for a moment"
        instead = "add the column first, the foreign key NOT VALID in a later file"
        verdict = unsafe if default else careful
        yield verdict("adding-foreign-key-constraint", lock, why, instead)


def _default(words: Sequence[str]) -> list[str]:
    if "DEFAULT" not in words:
        return []
    default: list[str] = []
    for word in words[list(words).index("DEFAULT") + 1 :]:
        if word in {"NOT", "NULL", "UNIQUE", "PRIMARY", "REFERENCES", "CHECK"} and default:
            break
        default.append(word)
    return default


def _calls(words: Sequence[str]) -> set[str]:
    """Name the functions that are called; what follows a cast is a type."""
    return {
        word
        for at, word in enumerate(words)
        if words[at + 1 : at + 2] == ["("] and word[0].isalpha() and words[at - 1 : at] != [":"]
    }


def _constraint(table: str, words: Sequence[str], schema: KnownSchema) -> Iterator[Verdict]:
    """Review ADD of a table's constraint."""
    name = named(words[1:])[0] if words[0] == "CONSTRAINT" else ""
    if words[-3:] == ["IS", "NOT", "NULL"] or has(words, "IS", "NOT", "NULL", ")"):
        column = plain(words[list(words).index("IS") - 1])
        schema.checks[table, column] = name
    if has(words, "NOT", "VALID"):
        schema.not_valid.add(table)
        lock = BOTH if "FOREIGN" in words else FULL
        yield safe(lock, "adds a constraint for new rows only, in a moment once it has the lock")
    elif "FOREIGN" in words:
        yield unsafe(
            "adding-foreign-key-constraint",
            BOTH,
            "holds up every write to both tables while it reads all rows",
            "add it NOT VALID here, and VALIDATE CONSTRAINT in a later file",
        )
    elif "USING" in words and "INDEX" in words:
        yield safe(FULL, "takes an index that is there for the constraint")
    elif "EXCLUDE" in words or "UNIQUE" in words:
        yield _unique("disallowed-unique-constraint")
    elif "PRIMARY" in words:
        yield _unique("adding-serial-primary-key-field")
    else:
        yield _check()


def _check() -> Verdict:
    return unsafe(
        "constraint-missing-not-valid",
        FULL,
        "reads all rows while nobody can use the table",
        "add it NOT VALID here, and VALIDATE CONSTRAINT in a later file",
    )


def _unique(rule: str) -> Verdict:
    return unsafe(
        rule,
        FULL,
        "builds an index while nobody can use the table",
        "CREATE UNIQUE INDEX CONCURRENTLY first, then ADD CONSTRAINT … USING INDEX",
    )


def _of_column(table: str, column: str, words: list[str], schema: KnownSchema) -> Verdict:
    """Review ALTER COLUMN."""
    if "TYPE" in words[:3]:
        if words[-2:] in (["TYPE", "TEXT"], ["TYPE", "VARCHAR"]):
            why = "rewrites every row unless it was a varchar"
            instead = "check the type it has now, then allow it here"
            return careful("changing-column-type", FULL, why, instead)
        return unsafe(
            "changing-column-type",
            FULL,
            "rewrites every row while nobody can use the table",
            "add a column of that type, let the application fill it, fill old rows in batches",
        )
    if has(words, "SET", "NOT", "NULL"):
        if (table, schema.checks.get((table, column), "")) in schema.validated:
            return safe(FULL, "a validated check spares it the reading of all rows")
        not_null = f"NOT NULL {column}" if schema.major >= 18 else f"CHECK ({column} IS NOT NULL)"
        return unsafe(
            "adding-not-nullable-field",
            FULL,
            "reads all rows while nobody can use the table",
            f"ADD CONSTRAINT … {not_null} NOT VALID, and VALIDATE CONSTRAINT in a later file",
        )
    return safe(MILD if "STATISTICS" in words else FULL, SHORT)


def _renaming(words: Sequence[str]) -> Verdict:
    rule, kind = (
        ("renaming-table", "table") if words[:1] == ["TO"] else ("renaming-column", "column")
    )
    return unsafe(
        rule,
        FULL,
        f"the release that serves knows the {kind} by its old name only",
        f"add the new {kind} beside the old, keep both in step, drop the old one later",
    )


def _validation(table: str, words: Sequence[str], schema: KnownSchema) -> Verdict:
    schema.validated.add((table, named(words[-1:])[0]))
    if schema.in_transaction and table in schema.not_valid:
        return unsafe(
            "constraint-missing-not-valid",
            FULL,
            "reads all rows while the transaction still holds the lock of ADD CONSTRAINT",
            "validate it in a later file",
        )
    return safe(MILD, "reads all rows while the table stays in use")


def _of_table(verb: str, words: Sequence[str]) -> Verdict:
    if verb == "DETACH" and "CONCURRENTLY" not in words:
        instead = "DETACH PARTITION … CONCURRENTLY in a file with transaction:false"
        why = "holds up everything on the whole table for a moment"
        return careful("require-concurrent-partition-detach", FULL, why, instead)
    if verb == "ATTACH":
        why = "reads the partition unless a check proves that its rows fit"
        return careful("attaching-partition", MILD, why, "add that check NOT VALID and validate it")
    if verb == "SET" and words[:1] == ["SCHEMA"]:
        return _renaming(["TO"])
    if verb == "SET" and words[:1] and words[0] in {"TABLESPACE", "LOGGED", "UNLOGGED", "ACCESS"}:
        why = "copies the whole table while nobody can use it"
        return unsafe("rewriting-table", FULL, why, "do it in a maintenance window")
    if verb in {"ENABLE", "DISABLE"} and "TRIGGER" in words:
        return safe("SHARE ROW EXCLUSIVE", SHORT)
    is_setting = words[:1] == ["("] or verb == "CLUSTER"
    return safe(MILD if is_setting else FULL, SHORT)
