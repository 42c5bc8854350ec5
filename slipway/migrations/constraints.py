"""What it does to a table in use to add a constraint to it, to validate one or to drop one."""

from collections.abc import Iterator, Sequence

from slipway.migrations.columns import building_index, reading_rows
from slipway.migrations.known_schema import ForeignKey, KnownSchema
from slipway.migrations.names import named, plain
from slipway.migrations.query import inner
from slipway.migrations.verdict import BOTH, FULL, MILD, Verdict, careful, has, safe, unsafe

NO_KEY = ""  # what a constraint refers to that is no foreign key


def learn(table: str, words: Sequence[str], schema: KnownSchema) -> None:
    """Remember what a constraint proves, once it is validated, and what it refers to."""
    facts = schema.facts.tables[table]
    is_named = words[0] == "CONSTRAINT"
    name = named(words[1:])[0].plain if is_named else ""
    body = list(words[2 * is_named :])
    if body[:1] == ["CHECK"]:
        facts.tie(name, words[2:])
    if body[:2] == ["PRIMARY", "KEY"]:
        facts.primary = _columns(body[2:])
    if body[:2] == ["FOREIGN", "KEY"]:
        learn_key(table, _columns(body[2:]), body, schema, name)
    if not is_named:
        return
    refers = words.index("REFERENCES") if "REFERENCES" in words else 0
    target = schema.resolve(named(words[refers + 1 :])[0]) if refers else NO_KEY
    if has(words, "NOT", "VALID"):
        facts.unproven.add(name)
    facts.constraints[name] = target
    if column := _proven(list(words[2:])):
        facts.not_null[name] = column
        if not has(words, "NOT", "VALID"):
            facts.validated.add(name)


def learn_key(
    table: str, columns: tuple[str, ...], words: Sequence[str], schema: KnownSchema, name: str = ""
) -> None:
    """Remember a foreign key, whose words have REFERENCES."""
    other, rest = named(words[list(words).index("REFERENCES") + 1 :])
    key = ForeignKey(columns, schema.resolve(other), _columns(rest), name)
    schema.facts.tables[table].keys.append(key)


def _columns(words: Sequence[str]) -> tuple[str, ...]:
    """Read the columns in the parentheses that the words begin with; none where there are none."""
    listed = inner(words) if words[:1] in (["("], ("(",)) else ()
    return tuple(plain(word) for word in listed if word != ",")


def _proven(words: list[str]) -> str:
    """Name the column that a constraint keeps from being NULL, where it says just that."""
    if words[:2] == ["NOT", "NULL"]:
        return plain(words[2]) if words[2:] else ""
    bare = [word for word in words if word not in ("(", ")")]
    is_check = bare[:1] == ["CHECK"] and bare[2:5] == ["IS", "NOT", "NULL"]
    return plain(bare[1]) if is_check and bare[5:] in ([], ["NOT", "VALID"]) else ""


def added(table: str, words: Sequence[str], schema: KnownSchema) -> Iterator[Verdict]:
    """Review ADD of a table's constraint."""
    learn(table, words, schema)
    if has(words, "NOT", "VALID") or has(words, "NOT", "ENFORCED"):
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
    elif has(words, "PRIMARY", "KEY", "USING", "INDEX"):
        yield careful(
            "adding-serial-primary-key-field",
            FULL,
            "reads all rows while nobody can use the table, where a column of it may be NULL",
            "first make its columns NOT NULL, by a check that was validated in an earlier file",
        )
    elif "USING" in words and "INDEX" in words:
        yield safe(FULL, "takes an index that is there for the constraint")
    elif "EXCLUDE" in words or "UNIQUE" in words:
        yield building_index("disallowed-unique-constraint")
    elif "PRIMARY" in words:
        yield building_index("adding-serial-primary-key-field")
    else:
        yield reading_rows()


def validated(table: str, words: Sequence[str], schema: KnownSchema) -> Verdict:
    """Review VALIDATE CONSTRAINT."""
    facts, name = schema.facts.tables[table], named(words[-1:])[0].plain
    facts.validated.add(name)
    facts.unproven.discard(name)
    if schema.in_transaction and table in schema.not_valid:
        return unsafe(
            "constraint-missing-not-valid",
            FULL,
            "reads all rows while the transaction still holds the lock of ADD CONSTRAINT",
            "validate it in a later file",
        )
    return safe(MILD, "reads all rows while the table stays in use")


def dropped(table: str, words: Sequence[str], schema: KnownSchema) -> Verdict:
    """Review DROP CONSTRAINT."""
    constraint = named(words)[0].plain
    target = schema.facts.tables[table].constraints.get(constraint)
    schema.facts.tables[table].forget_constraint(constraint)
    if target == NO_KEY:
        return safe(FULL, "drops a constraint, in a moment once it has the lock")
    other = target or "what it references, if it is a foreign key"
    return careful(
        "dropping-constraint",
        f"{FULL} on it and on {other}",
        f"holds up everything on {table} for a moment, and on {other}",
        "a file of its own, so that neither lock is held for longer",
    )
