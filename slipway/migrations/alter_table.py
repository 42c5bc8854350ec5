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


def alterations(table: str, said: Sequence[str], known: KnownSchema) -> Iterator[Verdict]:
    """Review each action of one ALTER TABLE on a table that was there before."""
    for action in actions(said):
        yield from _alteration(table, action, known)
    if known.in_transaction and known.altered - {table}:
        others = ", ".join(sorted(known.altered - {table}))
        yield careful(
            "several-tables",
            FULL,
            f"keeps {others} locked while it waits for {table}, and can deadlock with the "
            "application",
            "alter one table in each file",
        )
    known.altered.add(table)


def actions(said: Sequence[str]) -> list[list[str]]:
    """Cut the words of an ALTER TABLE at its commas."""
    found: list[list[str]] = [[]]
    depth = 0
    for word in said:
        depth += {"(": 1, "[": 1, ")": -1, "]": -1}.get(word, 0)
        if word == "," and depth == 0:
            found.append([])
        else:
            found[-1].append(word)
    return [each for each in found if each]


def _alteration(table: str, action: list[str], known: KnownSchema) -> Iterator[Verdict]:
    verb, rest = action[0], [word for word in action[1:] if word != "COLUMN"]
    if rest[:3] == ["IF", "NOT", "EXISTS"]:
        del rest[:3]
    if verb == "ADD":
        is_constraint = rest[:1] and rest[0] in {
            *("CONSTRAINT", "CHECK", "FOREIGN", "UNIQUE", "PRIMARY", "EXCLUDE")
        }
        given = _constraint if is_constraint or rest[:2] == ["NOT", "NULL"] else _column
        yield from given(table, rest, known)
    elif verb == "ALTER" and rest[:1] != ["CONSTRAINT"]:
        yield _of_column(table, named(rest)[0], rest[1:], known)
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
        yield _validation(table, rest, known)
    else:
        yield _of_table(verb, rest)


def _column(table: str, said: Sequence[str], known: KnownSchema) -> Iterator[Verdict]:
    """Review ADD COLUMN."""
    found = list(_column_trouble(said, known))
    yield from found or [safe(FULL, "adds a column, in a moment once it has the lock")]


def _column_trouble(said: Sequence[str], known: KnownSchema) -> Iterator[Verdict]:
    default = _default(said)
    fills = bool(SERIAL & set(said[:3])) or has(said, "AS", "IDENTITY")
    virtual = known.major >= 18 and "STORED" not in said
    calls = _calls(default)
    if has(said, "NOT", "NULL") and not default and not fills and "GENERATED" not in said:
        yield unsafe(
            "adding-required-field",
            FULL,
            "fails as soon as the table has one row, and so do inserts of the release that serves",
            "give it a DEFAULT, or add it without NOT NULL and fill it first",
        )
    if fills or calls & VOLATILE or ("GENERATED" in said and not fills and not virtual):
        why = "writes every row anew while nobody can read the table"
        yield unsafe("adding-field-with-default", FULL, why, BACKFILL)
    elif unknown := calls - STEADY:
        why = f"writes every row anew if {min(unknown).lower()} is volatile"
        yield careful("adding-field-with-default", FULL, why, BACKFILL)
    if "UNIQUE" in said or has(said, "PRIMARY", "KEY"):
        yield _unique("disallowed-unique-constraint")
    if "CHECK" in outer(said):
        yield _check()
    if "REFERENCES" in said:
        lock = f"{FULL} on it, SHARE ROW EXCLUSIVE on what it references"
        why = "holds up writes to both tables for a moment"
        instead = "add the column first, the foreign key NOT VALID in a later file"
        made = unsafe if default else careful
        yield made("adding-foreign-key-constraint", lock, why, instead)


def _default(said: Sequence[str]) -> list[str]:
    if "DEFAULT" not in said:
        return []
    found: list[str] = []
    for word in said[list(said).index("DEFAULT") + 1 :]:
        if word in {"NOT", "NULL", "UNIQUE", "PRIMARY", "REFERENCES", "CHECK"} and found:
            break
        found.append(word)
    return found


def _calls(said: Sequence[str]) -> set[str]:
    """Name the functions that are called; what follows a cast is a type."""
    return {
        word
        for at, word in enumerate(said)
        if said[at + 1 : at + 2] == ["("] and word[0].isalpha() and said[at - 1 : at] != [":"]
    }


def _constraint(table: str, said: Sequence[str], known: KnownSchema) -> Iterator[Verdict]:
    """Review ADD of a table's constraint."""
    name = named(said[1:])[0] if said[0] == "CONSTRAINT" else ""
    if said[-3:] == ["IS", "NOT", "NULL"] or has(said, "IS", "NOT", "NULL", ")"):
        column = plain(said[list(said).index("IS") - 1])
        known.checks[table, column] = name
    if has(said, "NOT", "VALID"):
        known.not_valid.add(table)
        lock = BOTH if "FOREIGN" in said else FULL
        yield safe(lock, "adds a constraint for new rows only, in a moment once it has the lock")
    elif "FOREIGN" in said:
        yield unsafe(
            "adding-foreign-key-constraint",
            BOTH,
            "holds up every write to both tables while it reads all rows",
            "add it NOT VALID here, and VALIDATE CONSTRAINT in a later file",
        )
    elif "USING" in said and "INDEX" in said:
        yield safe(FULL, "takes an index that is there for the constraint")
    elif "EXCLUDE" in said or "UNIQUE" in said:
        yield _unique("disallowed-unique-constraint")
    elif "PRIMARY" in said:
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


def _of_column(table: str, column: str, said: list[str], known: KnownSchema) -> Verdict:
    """Review ALTER COLUMN."""
    if "TYPE" in said[:3]:
        if said[-2:] in (["TYPE", "TEXT"], ["TYPE", "VARCHAR"]):
            why = "writes every row anew unless it was a varchar"
            instead = "look at the type it has now, then allow it here"
            return careful("changing-column-type", FULL, why, instead)
        return unsafe(
            "changing-column-type",
            FULL,
            "writes every row anew while nobody can use the table",
            "add a column of that type, let the application fill it, fill old rows in batches",
        )
    if has(said, "SET", "NOT", "NULL"):
        if (table, known.checks.get((table, column), "")) in known.validated:
            return safe(FULL, "a validated check spares it the reading of all rows")
        not_null = f"NOT NULL {column}" if known.major >= 18 else f"CHECK ({column} IS NOT NULL)"
        return unsafe(
            "adding-not-nullable-field",
            FULL,
            "reads all rows while nobody can use the table",
            f"ADD CONSTRAINT … {not_null} NOT VALID, and VALIDATE CONSTRAINT in a later file",
        )
    return safe(MILD if "STATISTICS" in said else FULL, SHORT)


def _renaming(said: Sequence[str]) -> Verdict:
    rule, what = (
        ("renaming-table", "table") if said[:1] == ["TO"] else ("renaming-column", "column")
    )
    return unsafe(
        rule,
        FULL,
        f"the release that serves knows the {what} by its old name only",
        f"add the new {what} beside the old, keep both in step, drop the old one later",
    )


def _validation(table: str, said: Sequence[str], known: KnownSchema) -> Verdict:
    known.validated.add((table, named(said[-1:])[0]))
    if known.in_transaction and table in known.not_valid:
        return unsafe(
            "constraint-missing-not-valid",
            FULL,
            "reads all rows while the transaction still holds the lock of ADD CONSTRAINT",
            "validate it in a later file",
        )
    return safe(MILD, "reads all rows while the table stays in use")


def _of_table(verb: str, said: Sequence[str]) -> Verdict:
    if verb == "DETACH" and "CONCURRENTLY" not in said:
        instead = "DETACH PARTITION … CONCURRENTLY in a file with transaction:false"
        why = "holds up everything on the whole table for a moment"
        return careful("require-concurrent-partition-detach", FULL, why, instead)
    if verb == "ATTACH":
        why = "reads the partition unless a check proves that its rows fit"
        return careful("attaching-partition", MILD, why, "add that check NOT VALID and validate it")
    if verb == "SET" and said[:1] == ["SCHEMA"]:
        return _renaming(["TO"])
    if verb == "SET" and said[:1] and said[0] in {"TABLESPACE", "LOGGED", "UNLOGGED", "ACCESS"}:
        why = "copies the whole table while nobody can use it"
        return unsafe("rewriting-table", FULL, why, "do it in an hour when nobody works")
    if verb in {"ENABLE", "DISABLE"} and "TRIGGER" in said:
        return safe("SHARE ROW EXCLUSIVE", SHORT)
    is_setting = said[:1] == ["("] or verb == "CLUSTER"
    return safe(MILD if is_setting else FULL, SHORT)
