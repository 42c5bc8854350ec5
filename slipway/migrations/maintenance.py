"""What statements do that build, rebuild, tidy up or lock: indexes, VACUUM, LOCK, REFRESH."""

from collections.abc import Iterator

from slipway.migrations.alter_table import renaming
from slipway.migrations.known_schema import KnownSchema, TableFacts
from slipway.migrations.names import Name, all_named, named, plain
from slipway.migrations.statement import Statement, after, is_on
from slipway.migrations.verdict import FULL, MILD, Verdict, careful, has, safe, unsafe, unused

_OF_TABLE = "CREATE INDEX CONCURRENTLY in a file with transaction:false"
_OF_PARTITIONS = (
    "CREATE INDEX … ON ONLY here, CREATE INDEX CONCURRENTLY for each partition in a file with "
    "transaction:false, then ALTER INDEX … ATTACH PARTITION"
)
_HARMLESS_MODES = {"ACCESS SHARE", "ROW SHARE", "ROW EXCLUSIVE", MILD}


def index_created(statement: Statement, schema: KnownSchema) -> Iterator[Verdict]:
    """Review CREATE INDEX."""
    name = named(after(statement, "ON"))[0]
    rest = after(statement, "ON")
    facts = schema.facts.tables[schema.resolve(name)]
    _tie(statement, facts)
    if schema.is_new(name):
        yield unused("SHARE", "builds an index on a table")
    elif rest[:1] == ("ONLY",) and facts.is_partitioned:
        yield safe("SHARE", "makes an index that its partitions' are attached to, in a moment")
    elif "CONCURRENTLY" in statement.words:
        yield safe(MILD, f"builds an index while {schema.resolve(name)} stays in use")
    else:
        yield unsafe(
            "require-concurrent-index-creation",
            "SHARE",
            f"holds up every write to {schema.resolve(name)} while it builds the index",
            _OF_PARTITIONS if facts.is_partitioned else _OF_TABLE,
        )


def _tie(statement: Statement, facts: TableFacts) -> None:
    """Remember an index with a condition or an expression: it is built again with its columns."""
    words = after(statement, "ON")
    begin = words.index("(") if "(" in words else len(words)
    if "WHERE" in words or "(" in words[begin + 1 :]:
        before = statement.words[: len(statement.words) - len(words) - 1]
        name = before[-1] if before[-1:] not in (("INDEX",), ("CONCURRENTLY",)) else ""
        facts.tie(plain(name), words[begin:])


def index_altered(statement: Statement, schema: KnownSchema) -> Iterator[Verdict]:
    """Review ALTER INDEX, which renames a table too."""
    name, rest = named(statement.words[2:])
    table = schema.resolve(name)
    if has(rest, "SET", "TABLESPACE"):
        yield unsafe(
            "require-concurrent-reindex",
            f"{FULL} on the index",
            "copies the index while nobody can read or write its table",
            "REINDEX (CONCURRENTLY, TABLESPACE …) INDEX … in a file with transaction:false",
        )
    elif rest[:2] == ("RENAME", "TO") and table in schema.tables:
        schema.rename(table, Name("", named(rest[2:])[0].plain))
        yield unused(FULL, "renames a table")
    elif rest[:2] == ("RENAME", "TO") and table in schema.facts.tables:
        yield renaming("table")
    elif rest[:1] == ("ATTACH",):
        lock = f"{FULL} on the partition's index, {MILD} on it"
        yield safe(lock, "holds up everything on the partition for a moment")
    else:
        yield safe(MILD, "changes the definition only")  # no query names an index


def index_dropped(statement: Statement, schema: KnownSchema) -> Iterator[Verdict]:
    """Review DROP INDEX."""
    for index in all_named(statement.words[2:]):
        for facts in schema.facts.tables.values():
            facts.untie(index.plain)
    if "CONCURRENTLY" in statement.words:
        yield safe(MILD, "drops an index while its table stays in use")
    else:
        yield careful(
            "require-concurrent-index-deletion",
            FULL,
            "holds up everything on its table for a moment",
            "DROP INDEX CONCURRENTLY in a file with transaction:false",
        )


def index_rebuilt(statement: Statement, schema: KnownSchema) -> Iterator[Verdict]:
    """Review REINDEX."""
    if is_on(statement.words[1:], "CONCURRENTLY"):
        yield safe(MILD, "rebuilds indexes while their tables stay in use")
    else:
        lock = f"{FULL} on its indexes, SHARE on it"
        why = "holds up reads and writes while it rebuilds indexes"
        instead = "REINDEX … CONCURRENTLY in a file with transaction:false"
        yield unsafe("require-concurrent-reindex", lock, why, instead)


def rewritten(statement: Statement, schema: KnownSchema) -> Iterator[Verdict]:
    """Review CLUSTER."""
    why = "copies the whole table while nobody can use it"
    yield unsafe("rewriting-table", FULL, why, "plain VACUUM, or pg_repack")


def vacuumed(statement: Statement, schema: KnownSchema) -> Iterator[Verdict]:
    """Review VACUUM."""
    if is_on(statement.words[1:], "FULL"):
        yield from rewritten(statement, schema)
    else:
        yield safe(MILD, "tidies up while the table stays in use")


def locked(statement: Statement, schema: KnownSchema) -> Iterator[Verdict]:
    """Review LOCK."""
    mode = " ".join(after(statement, "IN")).partition(" MODE")[0] or FULL
    if schema.are_new(all_named(statement.words[1:])):
        yield unused(mode, "locks a table")
    elif mode in _HARMLESS_MODES:
        yield safe(mode, "holds up neither reads nor writes")
    else:
        why = "holds the lock until the whole file is done"
        yield unsafe("locking-table", mode, why, "leave it out; each statement locks what it needs")


def refreshed(statement: Statement, schema: KnownSchema) -> Iterator[Verdict]:
    """Review REFRESH MATERIALIZED VIEW."""
    words = statement.words
    if schema.is_new(named(after(statement, "VIEW"))[0]):
        yield unused(FULL, "fills a view")
    elif "CONCURRENTLY" in words:
        yield safe("EXCLUSIVE", "fills the view while it can be read")
    else:
        why = "nobody can read the view while it is filled"
        instead = "REFRESH MATERIALIZED VIEW CONCURRENTLY, which needs a unique index"
        yield careful("refreshing-view", FULL, why, instead)
