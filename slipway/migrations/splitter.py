"""Splitting SQL into statements where psql would, and refusing what cannot run as a migration."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Statement:
    """One statement; `line` is where it begins in the text that was split, counted from 1."""

    text: str
    line: int
    kind: str = ""
    comment: str = ""


def split(text: str) -> list[Statement]:
    """Split a script into its statements, without their semicolons."""
    return [Statement(text, 1)] if text.strip() else []


def refuse(
    statements: Sequence[Statement],
    in_transaction: bool,
    *,
    filename: str = "",
    first_line: int = 1,
) -> None:
    """Refuse what cannot run as a migration. Raises ConfigError that names every line."""
