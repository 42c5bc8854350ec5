"""Migration files: dbmate's format, read, split at its marks, and checked before any SQL runs.

What dbmate takes, this takes and runs alike, but for what would surprise: several sections in one
file, a mark that is nearly one, an option that is misspelt, a byte order mark, versions whose
order depends on who sorts them. A file without a way down is taken (dbmate wants the empty mark);
so is one whose way up is empty: it is recorded and does nothing.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from slipway.errors import ConfigError
from slipway.migrations.lexer import Kind, tokens
from slipway.migrations.marks import find_marks, find_near_marks
from slipway.migrations.splitter import split
from slipway.text_file import read_utf8

NAME = re.compile(r"(?P<version>\d+)(?P<name>.*)\.sql", re.ASCII)
CONFLICT = re.compile(r"^(?:<{7}|>{7}) ", re.MULTILINE)
BLANK_OR_COMMENT = re.compile(r"\s*(--.*)?")
SURELY_SQL = re.compile(r"(?:\s*--.*\n)*\s*[A-Za-z]")
BLANK_LINES = re.compile(r"(?:[^\S\n]*\n)*")
OPTIONS = {"transaction:true", "transaction:false"}


@dataclass(frozen=True)
class Script:
    """One direction of a file; `first_line` is where its text begins there, counted from 1."""

    text: str
    in_transaction: bool = True
    first_line: int = 1


@dataclass(frozen=True)
class Migration:
    """One file: what brings the schema forward, and what takes that back."""

    version: str
    name: str
    filename: str
    up: Script
    down: Script | None

    @property
    def sha256(self) -> str:
        """Sum up the way forward: line ends and blank edges do not count, comments do."""
        return hashlib.sha256(self.up.text.encode()).hexdigest()


class _Wrong(Exception):
    """One file is wrong; the text says how."""


def read(folder: Path) -> list[Migration]:
    """Read all files, oldest first. Raises one ConfigError that names all that is wrong."""
    texts: dict[str, str] = {}
    problems = []
    for path in paths(folder):
        try:
            texts[path.name] = read_utf8(path)
        except ConfigError as error:
            problems.append((path.name, str(error).removeprefix(f"{path.name}: ")))
    return _migrations(texts, problems)


def from_texts(texts: Mapping[str, str]) -> list[Migration]:
    """Read what came over the wire, by file name; the same checks as for a folder."""
    return _migrations(texts, [])


def parse(filename: str, text: str) -> Migration:
    """Read one file. Raises ConfigError."""
    return from_texts({filename: text})[0]


def head(folder: Path) -> str:
    """Return the version of the newest file, or nothing where there is none."""
    names = [match for path in paths(folder) if (match := NAME.fullmatch(path.name))]
    return max(names, key=lambda match: int(match["version"]))["version"] if names else ""


def paths(folder: Path) -> list[Path]:
    """List the files of a folder that are migrations, or mean to be."""
    entries = folder.iterdir() if folder.is_dir() else ()
    return sorted(
        path
        for path in entries
        # A hidden file is an editor's or a Mac's; dbmate passes it over too.
        if path.suffix.lower() == ".sql" and not path.name.startswith(".") and not path.is_dir()
    )


def _migrations(texts: Mapping[str, str], problems: list[tuple[str, str]]) -> list[Migration]:
    migrations = []
    for filename in sorted(texts):
        try:
            migrations.append(_parse(filename, texts[filename]))
        except _Wrong as wrong:
            problems.append((filename, str(wrong)))
    problems += _ambiguous(migrations)
    if problems:
        raise ConfigError("\n".join(f"migrations/{name}: {text}" for name, text in problems))
    return migrations


def _ambiguous(migrations: Sequence[Migration]) -> Iterator[tuple[str, str]]:
    """Find versions that are there twice, or that numbers and names put in different order."""
    first: dict[int, str] = {}
    largest = -1
    for migration in migrations:
        number = int(migration.version)
        if number in first:
            yield (
                migration.filename,
                f"version {migration.version} is there twice, see {first[number]}",
            )
        elif number < largest:
            other = first[largest]
            yield (
                migration.filename,
                f"sorts after {other}, but its number is smaller; pad with zeros",
            )
        largest = max(largest, number)
        first.setdefault(number, migration.filename)


def _parse(filename: str, text: str) -> Migration:
    match = NAME.fullmatch(filename)
    if match is None:
        raise _Wrong("expected a name like 20260131120000_words.sql")
    # One file, checked out on Windows or elsewhere, must run and sum up alike.
    text = text.replace("\r\n", "\n")
    _check(text)
    marks = find_marks(text)
    _check_marks(text, marks)
    up, down = marks[0], marks[1] if len(marks) == 2 else None
    return Migration(
        version=match["version"],
        name=match["name"].lstrip("_"),
        filename=filename,
        up=_script(text, up, down.start() if down else len(text)),
        down=_way_down(_script(text, down, len(text))) if down else None,
    )


def _check(text: str) -> None:
    if text.startswith("\ufeff"):
        raise _Wrong("begins with a byte order mark; save it as UTF-8 without one")
    if "\0" in text:
        raise _Wrong(f"line {_line(text, text.index(chr(0)))} has a NUL byte; is it a text?")
    if "\r" in text and (lone := _lone_return(text)) is not None:
        raise _Wrong(
            f"line {_line(text, lone)} has a carriage return without a line feed, and what follows "
            "it would count as the same line; save the file with LF as its line end"
        )
    if conflict := CONFLICT.search(text):
        raise _Wrong(f"line {_line(text, conflict.start())} is left from a merge conflict")


def _lone_return(text: str) -> int | None:
    """Find a carriage return that is no part of a string or a quoted name."""
    for token in tokens(text):
        if token.kind not in (Kind.STRING, Kind.QUOTED) and "\r" in token.text:
            return token.start + token.text.index("\r")
    return None


def _check_marks(text: str, marks: Sequence[re.Match[str]]) -> None:
    for position, line, mark in find_near_marks(text):
        where = _line(text, position)
        raise _Wrong(
            f"line {where} is nearly a mark: `{line[:80]}`; expected a line `{mark}`, "
            "or other words"
        )
    order = [mark[1] for mark in marks]
    if order.count("up") > 1 or order.count("down") > 1:
        again = next(mark for mark in marks[1:] if mark[1] in order[: marks.index(mark)])
        where = _line(text, again.start())
        raise _Wrong(f"line {where}: expected one up and one down; put the rest in its own file")
    if order not in (["up"], ["up", "down"]):
        raise _Wrong("expected -- migrate:up, then -- migrate:down")
    for number, line in enumerate(text[: marks[0].start()].splitlines(), 1):
        if not BLANK_OR_COMMENT.fullmatch(line):
            raise _Wrong(f"line {number}: expected only comments before -- migrate:up")


def _script(text: str, mark: re.Match[str], end: int) -> Script:
    words = (mark[2] or "").split()
    options = [word for word in words if word in OPTIONS]
    # dbmate passes over what it does not know; of a transaction that would be a surprise.
    if any("trans" in word.lower() for word in words if word not in OPTIONS) or len(options) > 1:
        where = _line(text, mark.start())
        raise _Wrong(f"line {where}: expected `transaction:false`, got `{mark[2].strip()}`")
    begin = min(mark.end() + 1, end)
    blank = BLANK_LINES.match(text, begin, end)
    begin = blank.end() if blank else begin
    body = text[begin:end].strip()
    return Script(body, options != ["transaction:false"], _line(text, begin))


def _way_down(script: Script) -> Script | None:
    """Take comments alone for no way down: running them would forget the version, not its work."""
    plain = SURELY_SQL.match(script.text)  # spares thousands of files the splitter
    return script if plain or split(script.text) else None


def _line(text: str, position: int) -> int:
    return text.count("\n", 0, position) + 1
