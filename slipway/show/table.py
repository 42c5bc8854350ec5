"""Rows of results on stdout: a table for people, JSON for programs, from the same rows."""

import json
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence

from slipway.show.writer import say, visible_line

Row = Mapping[str, object]


def rows(
    columns: Sequence[str],
    values: Sequence[Row],
    *,
    as_json: bool = False,
    write: Callable[[str], None] = say,
) -> None:
    """Print rows; a table is cut to the width of the terminal, JSON is complete."""
    if as_json:
        document(list(values))
        return
    if not values:
        return
    texts = [[_text(row.get(column, "")) for column in columns] for row in values]
    heads = [_text(column).replace("_", " ").upper() for column in columns]
    widths = [max(len(line[i]) for line in [heads, *texts]) for i in range(len(columns))]
    room = shutil.get_terminal_size((120, 24)).columns if sys.stdout.isatty() else 10_000
    for line in [heads, *texts]:
        text = "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        write(text.rstrip()[:room])


def document(value: object) -> None:
    """Print a value as JSON."""
    say(json.dumps(value, indent=2, default=str))


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else visible_line(str(value))
