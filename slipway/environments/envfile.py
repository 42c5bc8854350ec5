"""Env files: the plain settings, read strictly so that a typing error is never a silent default."""

import io
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from slipway.errors import ConfigError, listing

if TYPE_CHECKING:
    from dotenv.parser import Binding

OCTAL = re.compile(r"(?<!\\)(?:\\\\)*\\0")
COMMENT = re.compile(r"[^\S ]#")  # after a space it is one to Compose too
QUOTED = re.compile(r"""=[ \t]*(?:'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*")""", re.DOTALL)
LONE_RETURN = re.compile(r"\r(?!\n)")


def read(path: Path) -> dict[str, str]:
    """Read `KEY=value` lines. Raises ConfigError with file and line for all that is unclear."""
    values, problems = examine(path)
    if problems:
        raise ConfigError(listing(problems))
    return values


def examine(path: Path) -> tuple[dict[str, str], list[str]]:
    """Read what is clear, and say with file and line what is not.

    Raises ConfigError for a file that cannot be read at all.
    """
    values: dict[str, str] = {}
    lines: dict[str, int] = {}
    problems: list[str] = []
    for binding in _bindings(path):
        where = f"{_short(path)}:{binding.original.line}"
        if problem := _problem(binding, lines):
            problems.append(f"{where}: {problem}")
        elif binding.key is not None and binding.value is not None:
            values[binding.key] = binding.value
            lines[binding.key] = binding.original.line
    return values, problems


def comments_behind_values(path: Path) -> list[str]:
    """Say where a comment follows a value, which could as well be the end of that."""
    return [
        f"{_short(path)}:{binding.original.line}: {binding.key}: a comment behind a value could be "
        "a part of it; put the value into single quotes, or the comment on a line of its own"
        for binding in _bindings(path)
        if binding.key is not None and binding.value is not None
        if re.search(r"\s#", QUOTED.sub("=''", binding.original.string, count=1).partition("=")[2])
    ]


def _problem(binding: "Binding", lines: Mapping[str, int]) -> str:
    """Say what is unclear of one entry; `lines` are where the ones before it stand."""
    plain = QUOTED.sub("=''", binding.original.string, count=1)
    if LONE_RETURN.search(plain):
        return (
            "a carriage return without a line feed, after which Compose reads the same line; save "
            "the file with LF as its line end"
        )
    if binding.error or (binding.key is not None and binding.value is None):
        return "expected KEY=value"
    if binding.key is None or binding.value is None:
        return ""
    if binding.key in lines:
        return f"{binding.key} was already set in line {lines[binding.key]}"
    written = binding.original.string.partition("=")[2]
    doubt = _doubt(written, binding.value) or _strange_space(plain.partition("=")[2])
    return f"{binding.key}: {doubt}" if doubt else ""


def _bindings(path: Path) -> "list[Binding]":
    from dotenv.parser import parse_stream

    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise ConfigError(f"{_short(path)} is missing") from None
    except OSError as error:
        raise ConfigError(f"{_short(path)} cannot be read: {error.strerror}") from None
    try:
        return list(parse_stream(io.StringIO(data.decode(), newline="")))
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{_short(path)}:{line}: byte {error.start} is not UTF-8") from None


def _doubt(written: str, value: str) -> str:
    """Say what Compose, which reads the same file for the services, would take in another way."""
    start = written.lstrip()[:1]
    if "$" in value and start != "'":
        return "Compose would fill in what follows the $; put the value into single quotes"
    if (start == "'" and r"\\" in written) or (start == '"' and r"\'" in written):
        return "Compose reads a backslash in quotes in another way; leave the quotes out"
    if start == '"' and OCTAL.search(written):
        return (
            r"Compose takes \0 in double quotes for a character; put the value into single quotes"
        )
    if (start == "#" and not value) or (start not in ("'", '"') and COMMENT.search(written)):
        return "a comment needs a line of its own"
    return ""


def _strange_space(plain: str) -> str:
    """Say what is white space around a value to us alone; what was in quotes is left out."""
    value = re.split(r"\s#", plain.strip(" \t\r\n"), maxsplit=1)[0].strip(" \t")
    behind_quotes = re.match(r"''(\s*)", plain.strip(" \t"))
    for letter in (value[:1], value[-1:], *(behind_quotes[1] if behind_quotes else "")):
        if letter.isspace() and letter not in " \t\r\n":
            return f"Compose keeps the U+{ord(letter):04X} around the value; take it out"
    return ""


def _short(path: Path) -> str:
    return f"{path.parent.name}/{path.name}"
