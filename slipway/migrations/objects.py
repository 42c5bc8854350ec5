"""What statements do to what is no table: types, domains, views, functions, schemas."""

from collections.abc import Iterator, Sequence

from slipway.migrations.alter_table import renaming
from slipway.migrations.column_types import ColumnType, Domain, read_type
from slipway.migrations.known_schema import KnownSchema
from slipway.migrations.names import Name, all_named, named
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
    unused,
)

_RELATIONS = {"VIEW", "MATERIALIZED VIEW", "FOREIGN TABLE", "SEQUENCE"}
_TYPES = {"TYPE", "DOMAIN"}
_OF_TABLE = {*_RELATIONS, "TRIGGER", "POLICY", "RULE"}
# What a release names when it speaks to the database. A function has its name with others.
_NAMED = {*_RELATIONS, *_TYPES, "SCHEMA", "FUNCTION", "PROCEDURE", "ROUTINE", "AGGREGATE"}
_NAMED |= {"DATABASE", "ROLE", "USER"}


def created(statement: Statement, schema: KnownSchema) -> None:
    """Remember a new view, sequence, type or schema."""
    what, words = statement.kind.removeprefix("CREATE "), statement.words
    if what not in _NAMED or has(words, "OR", "REPLACE") or has(words, "IF", "NOT", "EXISTS"):
        return
    name = named(words[words.index(what.split()[-1]) + 1 :])[0]
    if what in _RELATIONS:
        is_temporary = bool({"TEMP", "TEMPORARY"} & set(words[:4]))
        schema.make(name, is_temporary=is_temporary)
    elif what == "SCHEMA":
        schema.schemas.add(name.plain)
    elif what in _TYPES:
        full = schema.resolve(name, ())
        schema.types.add(full)
        if what == "TYPE":
            schema.facts.types.add(full)
        if what == "DOMAIN":
            base = named(words[words.index(what) + 1 :])[1]
            demands = "CHECK" in words or has(words, "NOT", "NULL")
            schema.facts.domains[full] = Domain(read_type(base[base[:1] == ("AS",) :]), demands)


def altered(statement: Statement, schema: KnownSchema) -> Iterator[Verdict]:
    """Review ALTER of anything but a table and an index."""
    what = statement.kind.removeprefix("ALTER ")
    words = statement.words[len(statement.kind.split()) :]
    name, rest = named(words)
    new = _new(what, schema)
    full = name.plain if what == "SCHEMA" else schema.resolve(name, new)
    of_domain = _domain(full, rest, schema) if what == "DOMAIN" else None
    if full in new:
        _rename(what, full, rest, schema)
        yield safe(NO_LOCK, "changes what nobody uses yet")
    elif of_domain and not _renames(rest):
        yield of_domain
    elif what == "TYPE" and "VALUE" in rest:
        yield _value(rest)
        _remember_value(full, rest, schema)
    elif what in _NAMED and _renames(rest):
        verdict = renaming(what.lower())
        yield verdict if what in _RELATIONS else _without_lock(verdict)
    elif what == "TYPE" and "DROP" in rest:
        yield careful("ban-drop-attribute", NO_LOCK, GONE, LATER)
    elif what == "SEQUENCE":
        yield safe("SHARE ROW EXCLUSIVE", "holds up whoever takes a number, for a moment")
    elif what in _RELATIONS:
        yield safe(FULL, "changes the definition only, in a moment once it has the lock")
    else:
        yield safe(NO_LOCK, "changes the definition only")


def _rename(what: str, full: str, words: Sequence[str], schema: KnownSchema) -> None:
    """Remember the new name of something new; its old one may mean what is in use."""
    if words[:2] == ("RENAME", "TO"):
        new = named(words[2:])[0].plain
        if what == "SCHEMA":
            schema.rename_schema(full, new)
        else:
            schema.rename(full, Name("", new), _new(what, schema))
    elif words[:2] == ("SET", "SCHEMA"):
        plain = full.rpartition(".")[2]
        schema.rename(full, Name(named(words[2:])[0].plain, plain), _new(what, schema))


def _new(what: str, schema: KnownSchema) -> set[str]:
    """Return the new things of a kind."""
    if what in _RELATIONS:
        return schema.tables
    return schema.types if what in _TYPES else schema.schemas if what == "SCHEMA" else set()


def _renames(words: Sequence[str]) -> bool:
    """Whether another name is given, to it, to a column or to an attribute of it."""
    return has(words, "SET", "SCHEMA") or ("RENAME" in words and "CONSTRAINT" not in words)


def _without_lock(verdict: Verdict) -> Verdict:
    return unsafe(verdict.rule, NO_LOCK, verdict.why, verdict.instead)


def _domain(name: str, words: Sequence[str], schema: KnownSchema) -> Verdict:
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


def _value(words: Sequence[str]) -> Verdict:
    if "RENAME" in words:
        why = "the release that serves knows the value by its old name only"
        instead = "add the new value, drop the old use later"
        return unsafe("renaming-value", NO_LOCK, why, instead)
    return safe(NO_LOCK, "adds a value, for use after this file is done")


def _remember_value(name: str, words: Sequence[str], schema: KnownSchema) -> None:
    if schema.in_transaction and "ADD" in words and name not in schema.types:
        schema.values.add(next((word for word in words if word.startswith("'")), ""))


def dropped(statement: Statement, schema: KnownSchema) -> Iterator[Verdict]:
    """Review DROP of anything but a table and an index."""
    what = statement.kind.removeprefix("DROP ")
    is_new = _forget(what, statement, schema)
    kind = statement.words[1].lower()
    lock = FULL if what in _OF_TABLE else NO_LOCK
    if "CASCADE" in statement.words:
        schema.forget_temporary()
        why = "drops whatever depends on it too, and does not say what"
        yield unsafe("drop-cascade", FULL, why, "name what is to go, and leave CASCADE out")
    elif is_new:
        yield unused(lock, f"drops a {what.lower()}")
    elif what == "FOREIGN TABLE":
        yield unsafe("ban-drop-table", FULL, GONE, LATER)
    elif what in {"SCHEMA", "DATABASE", "OWNED"}:
        yield unsafe(f"ban-drop-{kind}", FULL, GONE, LATER)
    else:
        yield careful(f"ban-drop-{kind}", lock, GONE, LATER)


def _forget(what: str, statement: Statement, schema: KnownSchema) -> bool:
    """Forget what is dropped; say whether nobody can have been using any of it."""
    names = list(all_named(statement.words[len(statement.kind.split()) :]))
    if what == "OWNED":
        schema.forget_new()
    if what == "SCHEMA":
        are_new = {each.plain for each in names} <= schema.schemas
        for name in names:
            schema.rename_schema(name.plain)
        return are_new
    if what not in _RELATIONS | _TYPES:
        return False
    new = _new(what, schema)
    dropped_names = {schema.resolve(each, new) for each in names}
    for full in dropped_names if what in _TYPES else ():
        schema.facts.domains.pop(full, None)
        schema.facts.types.discard(full)
    are_new = dropped_names <= new
    new -= dropped_names
    return are_new
