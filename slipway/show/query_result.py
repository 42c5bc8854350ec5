"""The answer to a question to a database: a table for people, JSON for programs."""

import json
import sys

from slipway.agent.messages.data import QueryReply
from slipway.show import table


def show(reply: QueryReply, *, limit: int, as_json: bool) -> None:
    """Print rows; that there were more is said beside them."""
    columns = list(reply.columns)
    rows = [dict(zip(columns, row, strict=True)) for row in reply.rows]
    if as_json:
        table.document(rows)
    elif rows:
        table.rows(columns, [{key: _cell(value) for key, value in row.items()} for row in rows])
    else:
        sys.stderr.write("no rows\n")
    if reply.more:
        sys.stderr.write(f"there are more than {limit} rows; --limit shows more of them\n")


def _cell(value: object) -> object:
    """Write a nested value on one line, as JSON does."""
    if isinstance(value, list | dict):
        return quiet(json.dumps(value, ensure_ascii=False))
    return quiet(value) if isinstance(value, str) else value


def quiet(text: str) -> str:
    """Show what is no letter as an escape: rows are other people's, the terminal is ours."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
