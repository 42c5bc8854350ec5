"""Splitting SQL into statements where psql would, and refusing what cannot run as a migration.

A semicolon ends a statement unless it is in a string, a quoted name, a comment, parentheses (as
in CREATE RULE) or the BEGIN ATOMIC body of a function. Where psql is mistaken about what the
server reads (a function named begin, an E'' string that goes on in the next line), the server
is right. A line with a psql command is a statement whose kind begins with a backslash.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from slipway.errors import ConfigError
from slipway.migrations import record_guard
from slipway.migrations.lexer import Kind, Token, tokens
from slipway.migrations.names import SearchPath
from slipway.migrations.statement import BLANK, Statement, is_on, kind, words

__all__ = ["Statement", "problems", "refuse", "split"]

_COPY_END = re.compile(r"^\\\.\s*$", re.MULTILINE)
_QUOTE = re.compile(r"/\*|\$[^$]*\$|[A-Za-z&]*['\"]")


def split(text: str) -> list[Statement]:
    """Split a script into its statements, without their semicolons; empty ones are left out."""
    return _Splitter(text).run()


class _Splitter:
    """One pass over a text; what is held is the statement being read."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.statements: list[Statement] = []
        self.line, self.counted = 1, 0
        self.begin_next(0)

    def begin_next(self, position: int) -> None:
        self.begin = position
        self.held: list[Token] = []
        self.parentheses: list[int] = []
        self.blocks: list[int] = []

    def run(self) -> list[Statement]:
        position = 0
        while position < len(self.text):
            position = self.read_from(position)
        self.end_statement(len(self.text))
        return self.statements

    def read_from(self, position: int) -> int:
        """Read on; return where to begin again after what is not SQL, or the end."""
        for token in tokens(self.text, position):
            if token.text == "\\":
                return self.read_command(token.start)
            if token.text == ";" and not self.parentheses and not self.blocks:
                copies = _copies_from_stdin(words(self.held))
                self.end_statement(token.start)
                self.begin_next(self.after_data(token.end) if copies else token.end)
                if copies:
                    return self.begin
            elif token.kind not in BLANK:
                self.held.append(token)
                self.nest(token)
        return len(self.text)

    def nest(self, token: Token) -> None:
        """Keep count of what keeps a semicolon from ending the statement."""
        if token.text == "(":
            self.parentheses.append(token.start)
        elif token.text == ")" and self.parentheses:
            self.parentheses.pop()
        elif token.kind is Kind.WORD and not self.parentheses:
            word = token.text.upper()
            if word == "ATOMIC" and not self.blocks and _opens_body(self.held):
                self.blocks.append(self.held[-2].start)
            elif self.blocks and word in ("BEGIN", "CASE"):
                self.blocks.append(token.start)
            elif self.blocks and word == "END":
                self.blocks.pop()

    def read_command(self, position: int) -> int:
        """Take a psql command to the end of its line, and what it would have sent before it."""
        self.end_statement(position)
        end = self.text.find("\n", position)
        end = len(self.text) if end < 0 else end
        line = self.text[position:end].strip()
        name = re.match(r"\\(?:\w+|\S?)", line)
        self.statements.append(Statement(line, self.line_of(position), name[0] if name else line))
        self.begin_next(end)
        return end

    def after_data(self, position: int) -> int:
        end = _COPY_END.search(self.text, position)
        return end.end() if end else len(self.text)

    def end_statement(self, position: int) -> None:
        if not self.held:
            return
        first = self.held[0].start
        self.statements.append(
            Statement(
                text=self.text[first:position].rstrip(),
                line=self.line_of(first),
                kind=kind(words(self.held[:8])),
                comment=self.comment(first),
                unclosed=self.unclosed(),
            )
        )

    def comment(self, first: int) -> str:
        """Take what is said before a statement; behind the last one, in its line, is not."""
        text = self.text[self.begin : first]
        return (text.partition("\n")[2] if self.begin else text).strip()

    def unclosed(self) -> str:
        """Say what is open at the end of a statement."""
        last = self.held[-1]
        if last.kind is Kind.OPEN:
            quote = _QUOTE.match(last.text)
            return quote[0] if quote else last.text
        return "(" if self.parentheses else "BEGIN ATOMIC" if self.blocks else ""

    def line_of(self, position: int) -> int:
        # Counting goes on from the last place: a long script is counted once.
        self.line += self.text.count("\n", self.counted, position)
        self.counted = position
        return self.line


def _opens_body(held: Sequence[Token]) -> bool:
    first, last = words(held[:4]), words(held[-2:])
    routine = first[3:] if first[1:3] == ("OR", "REPLACE") else first[1:2]
    return (
        first[0] == "CREATE"
        and routine in {("FUNCTION",), ("PROCEDURE",)}
        and last == ("BEGIN", "ATOMIC")
    )


def _copies_from_stdin(keywords: Sequence[str]) -> bool:
    pairs = set(pairwise(keywords))
    return keywords[:1] == ("COPY",) and bool(pairs & {("FROM", "STDIN"), ("FROM", "STDOUT")})


def refuse(
    statements: Sequence[Statement],
    in_transaction: bool,
    *,
    filename: str = "",
    first_line: int = 1,
) -> None:
    """Refuse what cannot run as a migration. Raises ConfigError that names every line.

    `filename` and `first_line` say where the script that was split stands.
    """
    where = f"migrations/{filename}: " if filename else ""
    lines = [
        f"{where}line {first_line + statement.line - 1}: {problem}"
        for statement, problem in problems(statements, in_transaction)
    ]
    if lines:
        raise ConfigError("\n".join(lines))


def problems(
    statements: Sequence[Statement], in_transaction: bool
) -> Iterator[tuple[Statement, str]]:
    """Find what cannot run as a migration, and say why and what to write."""
    path = SearchPath()
    for statement in statements:
        for problem in _problems(statement, in_transaction):
            yield statement, problem
        if record := record_guard.find_change(statement, path, in_transaction):
            yield statement, _CHANGES_RECORD.format(statement.kind, record)
        path.follow(statement, in_transaction)


def _problems(statement: Statement, in_transaction: bool) -> Iterator[str]:
    if statement.kind.startswith("\\"):
        instead = _INSTEAD.get(statement.kind, "remove it")
        yield f"{statement.kind} is a command of psql, not SQL; {instead}"
    elif statement.unclosed:
        yield f"the {statement.unclosed} in this statement is never closed"
    elif statement.kind == "COPY" and any(
        statement.says(way, end)  # the server takes either name for either way
        for way in ("FROM", "TO")
        for end in ("STDIN", "STDOUT")
    ):
        yield "COPY with STDIN or STDOUT has no client here; write INSERT"
    elif _is_transaction_control(statement):
        yield (
            f"{statement.kind} is not for a migration: its file is one transaction; take it out"
            if in_transaction
            else f"{statement.kind} is not for a file with transaction:false, whose statements "
            "stand alone; put what belongs together in a file of its own"
        )
    elif statement.kind == "SET" and _sets_old_strings(statement.words):
        yield "strings are read in the standard way here; write E'…' where a backslash escapes"
    elif not in_transaction and (what := _needs_transaction(statement)):
        yield f"{what} means nothing in a file with transaction:false; take it out"
    elif in_transaction and (what := _needs_no_transaction(statement)):
        yield (
            f"{what} cannot run in a transaction; put it in a file of its own that says "
            "`transaction:false` after -- migrate:up or -- migrate:down"
        )


_CHANGES_RECORD = (
    "{} would change {}, and with it the record of migrations: all files would run again; "
    "take it out"
)
_INSTEAD = {
    "\\i": "put the SQL of that file here",
    "\\ir": "put the SQL of that file here",
    "\\copy": "write INSERT",
    "\\;": "write a plain semicolon",
    "\\g": "write a semicolon",
}


def _is_transaction_control(statement: Statement) -> bool:
    if statement.kind == "ROLLBACK" and "TO" in statement.words:
        return False  # to a savepoint
    kinds = ("BEGIN", "START TRANSACTION", "COMMIT", "END", "ROLLBACK", "ABORT")
    return statement.kind in (*kinds, "PREPARE TRANSACTION")


def _sets_old_strings(keywords: Sequence[str]) -> bool:
    off = {"OFF", "FALSE", "NO", "0", "'OFF'", "'FALSE'", "'NO'", "'0'", "'F'", "'N'"}
    return "STANDARD_CONFORMING_STRINGS" in keywords and keywords[-1].upper() in off


def _needs_transaction(statement: Statement) -> str:
    """Name what PostgreSQL refuses, or passes over, outside a transaction; or nothing."""
    if statement.kind in ("SAVEPOINT", "RELEASE", "LOCK"):
        return statement.kind
    if statement.kind == "ROLLBACK":
        return "ROLLBACK TO"
    return "SET LOCAL" if statement.words[:2] == ("SET", "LOCAL") else ""


def _needs_no_transaction(statement: Statement) -> str:
    """Name what PostgreSQL refuses to do inside a transaction, or nothing."""
    keywords = statement.words
    if statement.kind in _NEVER_INSIDE:
        return statement.kind
    if is_on(keywords[1:], "CONCURRENTLY") and statement.kind in _SOMETIMES_CONCURRENT:
        return f"{statement.kind} CONCURRENTLY"
    if statement.kind == "REINDEX" and {"DATABASE", "SYSTEM", "SCHEMA"} & set(keywords[:8]):
        return "REINDEX of more than one table"
    if statement.kind == "CLUSTER" and len(keywords) <= (2 if "VERBOSE" in keywords else 1):
        return "CLUSTER of every table"
    if statement.kind == "ALTER DATABASE" and statement.says("SET", "TABLESPACE"):
        return "ALTER DATABASE … SET TABLESPACE"
    if statement.kind == "CREATE SUBSCRIPTION" and not {"CREATE_SLOT", "CONNECT"} & set(keywords):
        return statement.kind
    return "DISCARD ALL" if keywords[:2] == ("DISCARD", "ALL") else ""


_NEVER_INSIDE = {"VACUUM", "CREATE DATABASE", "DROP DATABASE", "ALTER SYSTEM"}
_NEVER_INSIDE |= {"CREATE TABLESPACE", "DROP TABLESPACE"}
_SOMETIMES_CONCURRENT = {"CREATE INDEX", "DROP INDEX", "REINDEX", "ALTER TABLE"}
