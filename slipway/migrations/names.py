"""Names of tables and types as SQL writes them, and the search path that says which are meant."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from slipway.migrations.statement import Statement

TEMPORARY = "pg_temp"
DEFAULT_PATH = ("public",)
_SKIPPED = {"IF", "NOT", "EXISTS", "ONLY", "TABLE", "CONCURRENTLY"}


@dataclass(frozen=True, order=True)
class Name:
    """A name as it is written; without a schema, the search path decides."""

    schema: str
    plain: str

    def __str__(self) -> str:
        plain = f'"{self.plain}"' if "." in self.plain else self.plain
        return plain if self.schema in ("", "public") else f"{self.schema}.{plain}"


@dataclass
class SearchPath:
    """Where a session looks for names without a schema, as far as a file tells.

    What a role or a database sets for all its sessions no file knows: then it is `public`.
    """

    schemas: tuple[str, ...] = DEFAULT_PATH
    first: tuple[str, ...] = DEFAULT_PATH  # what RESET goes back to

    def follow(self, statement: Statement, in_transaction: bool) -> None:
        """Take over what a statement sets for those behind it."""
        words = statement.words
        if statement.kind == "SET" and (in_transaction or words[1:2] != ("LOCAL",)):
            self.follow_words([word for word in words[1:] if word not in ("SESSION", "LOCAL")])
        elif statement.kind in ("RESET", "DISCARD") and words[1:] in (("SEARCH_PATH",), ("ALL",)):
            self.schemas = self.first
        elif statement.kind == "SELECT" and "SET_CONFIG" in words:
            at = words.index("SET_CONFIG")
            setting, comma, value, _, is_local, *_ = (*words[at + 2 : at + 7], *[""] * 5)
            is_lasting = in_transaction or is_local == "FALSE"
            if (setting, comma) == ("'search_path'", ",") and is_lasting:
                self.schemas = _schemas(re.split(r"\s*,\s*", value.strip("'").strip()))

    def follow_words(self, words: Sequence[str]) -> None:
        """Take over what stands behind SET: `search_path = a, b` or `schema 'a'`."""
        if words[:1] and words[0] == "SEARCH_PATH":
            listed = [word for word in words[2:] if word != ","]
            self.schemas = self.first if listed == ["DEFAULT"] else _schemas(listed)
        elif words[:1] and words[0] == "SCHEMA":
            self.schemas = _schemas(words[1:])

    def may_mean(self, name: Name, schema: str, plain: str) -> bool:
        """Whether a name is or could be that of a table in a schema."""
        return (
            name.plain == plain
            and (name.schema or schema) == schema
            and (bool(name.schema) or schema in self.schemas)
        )


def named(words: Sequence[str]) -> tuple[Name, Sequence[str]]:
    """Read a table's or type's name where the words begin with it; return what follows too."""
    at = 0
    while at < len(words) and words[at] in _SKIPPED:
        at += 1
    parts = [plain(word) for word in words[at : at + 1]]
    at += 1
    while at + 1 < len(words) and words[at] == ".":
        parts.append(plain(words[at + 1]))
        at += 2
    schema, name = ("", *parts)[-2:] if parts else ("", "")
    return Name(schema, name), words[at + 1 if words[at : at + 1] == ("*",) else at :]


def all_named(words: Sequence[str]) -> Iterator[Name]:
    """Read names with commas between them."""
    name, rest = named(words)
    yield name
    while rest[:1] == (",",):
        name, rest = named(rest[1:])
        yield name


def plain(word: str) -> str:
    """Read a name as PostgreSQL does: small letters, unless it is quoted."""
    return word[1:-1].replace('""', '"') if word.startswith('"') else word.lower()


def _schemas(words: Sequence[str]) -> tuple[str, ...]:
    """Read the schemas of a search path; the one of the session's own role is seldom there."""
    names = (word.strip("'") if word.startswith("'") else plain(word) for word in words)
    return tuple(name for name in names if name and name != "$user")
