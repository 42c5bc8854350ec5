"""pg_attver, a mark of PostgreSQL's own on a column, taken out of SQL that pg_dump wrote.

Servers from 17.12 on (and 15.20, of the same day) keep it among a column's options. It counts the
shapes of a row, is made anew by each server, and nobody can set it. A pg_dump that does not know it
writes it out like an option of the user's, and a server that does not know it refuses all of the
table for it.
"""

import re
from collections.abc import Iterator

from slipway.migrations.lexer import Kind, tokens

NAME = "pg_attver"
# One table of the user's that has it, as SQL writes its name.
MARKED = f"""
    select format('%I.%I', n.nspname, c.relname)
    from pg_catalog.pg_attribute a
      join pg_catalog.pg_class c on c.oid = a.attrelid
      join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where c.oid >= 16384 and c.relkind in ('r', 'p') and c.relpersistence <> 't'
      and n.nspname <> 'information_schema' and n.nspname !~ '^pg_'
      and a.attoptions::text like '%{NAME}=%'
    limit 1
"""  # noqa: S608 - a constant

_IDENTIFIER = r'(?:[a-z_][a-z0-9_]*|"(?:[^"]|"")+")'
# The one form pg_dump writes: it quotes whatever is more than small letters.
_STATEMENT = re.compile(
    rf"^(?P<head>ALTER (?:FOREIGN )?TABLE ONLY {_IDENTIFIER}\.{_IDENTIFIER} "
    rf"ALTER COLUMN {_IDENTIFIER} SET \()(?P<options>[a-z0-9_=.,\- ]+)\);\n",
    re.MULTILINE,
)
_MARK = re.compile(rf"{NAME}=[0-9]+")


def without(sql: str) -> tuple[str, int]:
    """Take the mark out of each column's options; return the rest as it was, and how many."""
    parts, position, count = [], 0, 0
    for match in _statements(sql):
        options = match["options"].split(", ")
        rest = [each for each in options if not _MARK.fullmatch(each)]
        if len(rest) == len(options):
            continue
        parts.append(sql[position : match.start()])
        if rest:
            parts.append(f"{match['head']}{', '.join(rest)});\n")
        position, count = match.end(), count + 1
    return "".join([*parts, sql[position:]]), count


def _statements(sql: str) -> Iterator[re.Match[str]]:
    """Find the statements that may have it: never what only reads so in a string or a body."""
    matches = {
        match.start(): match for match in _STATEMENT.finditer(sql) if NAME in match["options"]
    }
    if not matches:
        return
    is_first = True
    for token in tokens(sql):
        if is_first and token.kind is Kind.WORD and token.start in matches:
            yield matches[token.start]
        if token.kind not in (Kind.SPACE, Kind.COMMENT):
            is_first = token.text == ";"
