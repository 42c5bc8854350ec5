"""What statements do to what is no table: views, sequences, functions, schemas, extensions."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from slipway.migrations import user_types
from slipway.migrations.alter_table import COPYING, foreign_alterations, renaming
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
_NAMED |= {"DATABASE", "ROLE", "USER", "GROUP", "COLLATION", "OPERATOR", "TEXT SEARCH"}


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
        user_types.made(statement, schema)


def altered(statement: Statement, schema: KnownSchema) -> Iterator[Verdict]:
    """Review ALTER of anything but a table and an index."""
    what = statement.kind.removeprefix("ALTER ")
    words = statement.words[len(statement.kind.split()) :]
    name, rest = named(words)
    new = _new(what, schema)
    full = name.plain if what == "SCHEMA" else schema.resolve(name, new)
    of_domain = user_types.domain_altered(full, rest, schema) if what == "DOMAIN" else None
    if full in new:
        _rename(what, full, rest, schema)
        yield safe(NO_LOCK, "changes what nobody uses yet")
    elif of_domain and not _renames(rest):
        yield of_domain
    elif what in _NAMED and _renames(rest):
        verdict = renaming(what.lower())
        lock = FULL if what in _RELATIONS else user_types.lock_of_tables(rest)
        yield replace(verdict, lock=lock)
    elif what == "TYPE":
        yield from user_types.type_altered(full, rest, schema)
    elif what == "EXTENSION":
        yield _extension(rest)
    elif what == "FOREIGN TABLE":
        yield from foreign_alterations(rest)
    elif what == "SEQUENCE":
        yield safe("SHARE ROW EXCLUSIVE", "holds up whoever takes a number, for a moment")
    elif _is_copied(what, rest):
        why = "copies all rows while nobody can read the view"
        yield unsafe("rewriting-table", FULL, why, "do it in a maintenance window")
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
    renames = "RENAME" in words and not {"CONSTRAINT", "VALUE"} & set(words[1:2])
    return has(words, "SET", "SCHEMA") or renames


def _extension(words: Sequence[str]) -> Verdict:
    if has(words, "SET", "SCHEMA"):
        return unsafe(
            "renaming-extension",
            f"{FULL} on the extension's tables and views",
            "the release that serves finds its functions, types and operators in the old schema",
            "first put the new schema on the search path of every session (ALTER ROLE … SET "
            "search_path), then allow it here",
        )
    if "UPDATE" in words:
        why = "runs the extension's own script, which was not reviewed"
        return careful("opaque-code", "whatever its script takes", why, "review it, then allow it")
    return safe(NO_LOCK, "changes the definition only")


def _is_copied(what: str, words: Sequence[str]) -> bool:
    """Whether a view's rows are written anew, elsewhere or in another form."""
    is_moved = any(has(words, "SET", each) for each in COPYING)
    return what == "MATERIALIZED VIEW" and is_moved


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
