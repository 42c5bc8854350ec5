"""What the review reads of a statement, against PostgreSQL's own grammar.

`python -m tests.peers.parser CHECKOUT`: a clone of github.com/pganalyze/libpg_query (or of
postgres itself), whose copy of PostgreSQL's regression tests is read; with `pgparse` installed,
which none of our lists has.
"""

import importlib
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from slipway.migrations import upsert
from slipway.migrations.alter_table import split_at_commas
from slipway.migrations.column_types import read_casts
from slipway.migrations.names import all_named, named
from slipway.migrations.query import condition, writes
from slipway.migrations.splitter import split
from slipway.migrations.statement import Statement, after, is_on
from slipway.migrations.verdict import has

Reading = tuple[object, ...]
_ALTERS = {"AlterTableStmt", "RenameStmt", "AlterObjectSchemaStmt"}
_WRITES = {"InsertStmt", "UpdateStmt", "DeleteStmt", "MergeStmt"}
PERSISTENCE = {"TEMP": "t", "TEMPORARY": "t", "UNLOGGED": "u"}


def ours(statement: Statement) -> Reading | None:
    """What the review reads of a statement; nothing where it reads nothing."""
    words, kind = statement.words, statement.kind
    if kind == "CREATE TABLE":
        rest = after(statement, "TABLE")
        name = named(rest)[0]
        persistence = next((PERSISTENCE[w] for w in words[:4] if w in PERSISTENCE), "p")
        sure, ends = rest[:3] == ("IF", "NOT", "EXISTS"), has(rest, "ON", "COMMIT", "DROP")
        return (kind, name.schema, name.plain, sure, persistence, ends)
    if kind == "ALTER TABLE":
        name, rest = named(words[2:])
        casts = tuple(_casts(rest))
        return (kind, name.schema, name.plain, casts) if words[2:4] != ("ALL", "IN") else None
    if kind in ("DROP TABLE", "TRUNCATE"):
        names = all_named(words[2 if kind == "DROP TABLE" else 1 :])
        return (kind, *sorted((name.schema, name.plain) for name in names), "CASCADE" in words)
    if kind == "CREATE INDEX":
        name = named(after(statement, "ON"))[0]
        return (kind, name.schema, name.plain, "CONCURRENTLY" in words[:4])
    if kind == "VACUUM":
        return (kind, is_on(words[1:], "FULL"))
    if kind in ("UPDATE", "DELETE", "INSERT", "MERGE", "WITH"):
        return ("writes", *sorted(_written(words)))
    return None


def _casts(words: Sequence[str]) -> Iterator[int | None]:
    """How often each new type's USING casts the column itself; nothing where it does more."""
    for action in split_at_commas(words):
        if action[0] == "ALTER" and "TYPE" in action[2:6] and "USING" in action:
            name = named([word for word in action[1:] if word != "COLUMN"])[0]
            casts = read_casts(action[action.index("USING") + 1 :], name.plain)
            yield None if casts is None else len(casts)


def _written(words: tuple[str, ...]) -> Iterator[tuple[str, str, str, bool]]:
    for part in writes(words):
        name = named(part[1:])[0]
        has_where = part[0] in ("UPDATE", "DELETE") and bool(condition(part))
        is_upsert = part[0] == "INSERT" and bool(upsert.update(part))
        yield part[0], name.schema, name.plain, has_where or is_upsert


def theirs(statement: Any) -> Reading | None:
    """The same from a parse tree."""
    ((kind, node),) = statement.items()
    if kind in ("CreateStmt", "CreateTableAsStmt"):
        if kind == "CreateTableAsStmt" and node.get("objtype") != "OBJECT_TABLE":
            return None
        relation = node["relation"] if kind == "CreateStmt" else node["into"]["rel"]
        persistence = relation["relpersistence"]
        sure = bool(node.get("if_not_exists"))
        on_commit = node.get("oncommit") or node.get("into", {}).get("onCommit")
        ends = on_commit == "ONCOMMIT_DROP"
        return ("CREATE TABLE", *_relation(relation), sure, persistence, ends)
    if kind in _ALTERS and "relation" in node:
        names = ("objtype", "renameType", "relationType", "objectType")
        is_table = {"OBJECT_TABLE", "OBJECT_TABCONSTRAINT"} & {node.get(name) for name in names}
        casts = tuple(_their_casts(node.get("cmds", [])))
        return ("ALTER TABLE", *_relation(node["relation"]), casts) if is_table else None
    if kind == "DropStmt" and node["removeType"] == "OBJECT_TABLE":
        lists = [each["List"]["items"] for each in node["objects"]]
        pairs = sorted(("", *(part["String"]["sval"] for part in each))[-2:] for each in lists)
        return ("DROP TABLE", *map(tuple, pairs), node["behavior"] == "DROP_CASCADE")
    if kind == "TruncateStmt":
        pairs = sorted(_relation(each["RangeVar"]) for each in node["relations"])
        return ("TRUNCATE", *pairs, node["behavior"] == "DROP_CASCADE")
    if kind == "IndexStmt":
        return ("CREATE INDEX", *_relation(node["relation"]), bool(node.get("concurrent")))
    if kind == "VacuumStmt" and node.get("is_vacuumcmd"):
        options = [each["DefElem"] for each in node.get("options", [])]
        return ("VACUUM", any(each["defname"] == "full" and _is_on(each) for each in options))
    if kind in _WRITES or (kind == "SelectStmt" and "withClause" in node):
        return ("writes", *sorted(_their_writes(statement)))
    return None


def _their_casts(commands: Any) -> Iterator[int | None]:
    for command in (each["AlterTableCmd"] for each in commands):
        if command["subtype"] == "AT_AlterColumnType":
            count, expression = 0, command["def"]["ColumnDef"].get("raw_default")
            while expression and "TypeCast" in expression:
                count, expression = count + 1, expression["TypeCast"]["arg"]
            fields = expression.get("ColumnRef", {}).get("fields", [{}]) if expression else []
            is_column = fields and fields[-1].get("String", {}).get("sval") == command["name"]
            if expression:
                yield count if is_column else None


def _relation(node: Any) -> tuple[str, str]:
    return node.get("schemaname", ""), node["relname"]


def _is_on(option: Any) -> bool:
    value = option.get("arg", {})
    text = value.get("String", {}).get("sval", "true")
    number = value.get("Integer", {"ival": 1}).get("ival", 0)
    return text.lower() not in ("false", "off") and number != 0


def _their_writes(node: Any) -> Iterator[tuple[str, str, str, bool]]:
    if isinstance(node, list):
        for each in node:
            yield from _their_writes(each)
    elif isinstance(node, dict):
        for kind, value in node.items():
            verb = kind.removesuffix("Stmt").upper()
            if kind in _WRITES:
                has_where = verb in ("UPDATE", "DELETE") and "whereClause" in value
                on_conflict = value.get("onConflictClause", {}).get("action")
                is_upsert = on_conflict == "ONCONFLICT_UPDATE"
                yield (verb, *_relation(value["relation"]), has_where or is_upsert)
            yield from _their_writes(value)


def main() -> int:
    """Print what differs and how much agrees; 1 where something differs."""
    pgparse = importlib.import_module("pgparse")
    counts: Counter[str] = Counter()
    for path in sorted(Path(sys.argv[1]).glob("**/*regress*/**/*.sql")):
        for statement in split(path.read_text(encoding="utf-8", errors="replace")):
            try:
                trees = pgparse.parse(statement.text)
            except (pgparse.PGQueryError, UnicodeError):
                counts["no SQL of 17"] += 1
                continue
            expected = theirs(trees[0]["stmt"]) if len(trees) == 1 else None
            reading = ours(statement)
            counts["agree" if reading == expected else "differ"] += 1
            if reading != expected:
                text = " ".join(statement.text.split())[:120]
                sys.stdout.write(f"{path.name}: {text}\n  ours {reading}\n  theirs {expected}\n")
    sys.stdout.write(", ".join(f"{count} {what}" for what, count in counts.items()) + "\n")
    return 1 if counts["differ"] else 0


if __name__ == "__main__":
    sys.exit(main())
